//! The objects of one kind, found by name or by what they are linked to.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use foldhash::HashMap;

use crate::record::{Key, Link, Record};

/// The objects of one kind, in the order of their keys.
#[derive(Debug, Default)]
pub struct Objects {
    by_key: BTreeMap<Key, Arc<Record>>,
    by_link: HashMap<Link, Vec<Arc<Record>>>,
}

impl Objects {
    /// The object of that name.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Arc<Record>> {
        self.by_key.get(key)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Arc<Record>)> {
        self.by_key.iter()
    }

    /// Those with these keys, in their order.
    pub fn range(&self, keys: impl RangeBounds<Key>) -> impl Iterator<Item = (&Key, &Arc<Record>)> {
        self.by_key.range(keys)
    }

    /// Those that have that link.
    pub fn linked(&self, link: &Link) -> impl Iterator<Item = &Arc<Record>> {
        self.by_link.get(link).into_iter().flatten()
    }

    /// Puts an object in the place of its version before, which is told.
    pub(crate) fn insert(&mut self, record: Arc<Record>) -> Option<Arc<Record>> {
        let before = self.by_key.insert(record.key.clone(), Arc::clone(&record));
        match &before {
            // Most changes leave the links alone.
            Some(before) if before.links().eq(record.links()) => self.relink(before, &record),
            _ => {
                before.iter().for_each(|before| self.unlink(before));
                record.links().for_each(|link| self.link(link, &record));
            }
        }
        before
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Record>> {
        let removed = self.by_key.remove(key)?;
        self.unlink(&removed);
        Some(removed)
    }

    fn link(&mut self, link: Link, record: &Arc<Record>) {
        let records = self.by_link.entry(link).or_default();
        // Most links have few objects: no room for more than there are.
        if records.len() < 4 {
            records.reserve_exact(1);
        }
        records.push(Arc::clone(record));
    }

    fn relink(&mut self, before: &Arc<Record>, after: &Arc<Record>) {
        for link in after.links() {
            let mut linked = self.by_link.get_mut(&link).into_iter().flatten();
            if let Some(place) = linked.find(|record| Arc::ptr_eq(record, before)) {
                *place = Arc::clone(after);
            }
        }
    }

    fn unlink(&mut self, record: &Arc<Record>) {
        for link in record.links() {
            let Some(records) = self.by_link.get_mut(&link) else { continue };
            if let Some(place) = records.iter().position(|linked| Arc::ptr_eq(linked, record)) {
                records.swap_remove(place);
            }
            if records.is_empty() {
                self.by_link.remove(&link);
            }
        }
    }
}

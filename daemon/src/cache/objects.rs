//! The objects of one kind, found by name or by what they are linked to.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use foldhash::HashMap;

use crate::record::{Key, Link, Record};

/// The objects of one kind, in the order of their keys.
#[derive(Debug, Default)]
pub struct Objects {
    /// Whether anybody looks for objects by their links.
    is_linked: bool,
    by_key: BTreeMap<Key, Arc<Record>>,
    by_link: HashMap<Link, Vec<Key>>,
}

impl Objects {
    /// None yet, to be found by their links, too, if somebody looks for them so.
    #[must_use]
    pub fn new(is_linked: bool) -> Self {
        Self { is_linked, ..Self::default() }
    }

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
        self.by_link.get(link).into_iter().flatten().filter_map(|key| self.by_key.get(key))
    }

    /// Each of them, if nobody else holds it: what it is linked to stays.
    pub(super) fn unshared(&mut self) -> impl Iterator<Item = &mut Record> {
        self.by_key.values_mut().filter_map(Arc::get_mut)
    }

    /// Puts an object in the place of its version before, which is told.
    pub(crate) fn insert(&mut self, record: Arc<Record>) -> Option<Arc<Record>> {
        let before = self.by_key.insert(record.key.clone(), Arc::clone(&record));
        // Most changes leave the links alone.
        if self.is_linked && !before.as_ref().is_some_and(|before| before.links().eq(record.links())) {
            before.iter().for_each(|before| self.unlink(before));
            record.links().for_each(|link| self.link(link, &record.key));
        }
        before
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Record>> {
        let removed = self.by_key.remove(key)?;
        self.unlink(&removed);
        Some(removed)
    }

    fn link(&mut self, link: Link, key: &Key) {
        let keys = self.by_link.entry(link).or_default();
        // Most links have few objects: no room for more than there are.
        if keys.len() < 4 {
            keys.reserve_exact(1);
        }
        keys.push(key.clone());
    }

    fn unlink(&mut self, record: &Record) {
        for link in record.links() {
            let Some(keys) = self.by_link.get_mut(&link) else { continue };
            if let Some(place) = keys.iter().position(|key| *key == record.key) {
                keys.swap_remove(place);
            }
            if keys.is_empty() {
                self.by_link.remove(&link);
            }
        }
    }
}

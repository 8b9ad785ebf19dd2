//! Who reads a ring, by what they read of it: a change wakes those alone who
//! want it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::Revision;
use super::entry::Entry;
use crate::record::{Key, Record};

/// Which changes a reader may want, so that others need not be offered to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// All.
    Everything,
    /// Those of objects in these namespaces.
    Namespaces(Vec<Arc<str>>),
    /// Those of these objects.
    Objects(Vec<Key>),
    /// Those of objects that have, or had, a label.
    Label(Arc<str>, Arc<str>),
}

/// Tells whether a reader wants an entry that its topic offers.
pub trait Wants: Send + Sync {
    /// Whether it does. Called while the log is held: it must be quick.
    fn wants(&self, entry: &Entry) -> bool;
}

/// Where a reader is told that there is something for it.
#[derive(Debug, Default)]
pub(super) struct Signal {
    /// The first wanted entry that was not read; 0 for none. Set while the log
    /// is held for writing, taken while it is held for reading.
    unread: AtomicU64,
    pub(super) news: Notify,
}

impl Signal {
    /// Notes an entry; says whether it is the first.
    fn note(&self, revision: Revision) -> bool {
        self.unread.compare_exchange(0, revision, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The first wanted entry that was not read, if any: from now on there is none.
    pub(super) fn take(&self) -> Option<Revision> {
        Some(self.unread.swap(0, Ordering::AcqRel)).filter(|revision| *revision > 0)
    }

    /// Not everything was read: there is more from `revision` on.
    pub(super) fn put_back(&self, revision: Revision) {
        self.unread.store(revision, Ordering::Release);
    }
}

/// A reader as rings know it.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) id: u64,
    pub(super) signal: Arc<Signal>,
    pub(super) wants: Arc<dyn Wants>,
}

/// The readers of one ring.
#[derive(Default)]
pub(super) struct Readers {
    everything: Vec<Reader>,
    by_namespace: HashMap<Arc<str>, Vec<Reader>>,
    by_key: HashMap<Key, Vec<Reader>>,
    by_label: HashMap<(Arc<str>, Arc<str>), Vec<Reader>>,
    count: usize,
}

impl Readers {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn add(&mut self, topic: &Topic, reader: &Reader) {
        self.count += 1;
        match topic {
            Topic::Everything => self.everything.push(reader.clone()),
            Topic::Namespaces(namespaces) => {
                for namespace in namespaces {
                    self.by_namespace.entry(Arc::clone(namespace)).or_default().push(reader.clone());
                }
            }
            Topic::Objects(keys) => {
                for key in keys {
                    self.by_key.entry(key.clone()).or_default().push(reader.clone());
                }
            }
            Topic::Label(key, value) => {
                self.by_label.entry((Arc::clone(key), Arc::clone(value))).or_default().push(reader.clone());
            }
        }
    }

    pub(super) fn remove(&mut self, topic: &Topic, id: u64) {
        self.count -= 1;
        match topic {
            Topic::Everything => leave(&mut self.everything, id),
            Topic::Namespaces(namespaces) => {
                namespaces.iter().for_each(|namespace| leave_at(&mut self.by_namespace, namespace, id));
            }
            Topic::Objects(keys) => keys.iter().for_each(|key| leave_at(&mut self.by_key, key, id)),
            Topic::Label(key, value) => leave_at(&mut self.by_label, &(Arc::clone(key), Arc::clone(value)), id),
        }
    }

    /// Notes an entry for those who want it, and adds whom to wake.
    pub(super) fn note(&self, entry: &Entry, wake: &mut Vec<Arc<Signal>>) {
        let Some(record) = entry.change.record() else { return };
        let mut offer = |readers: &[Reader]| {
            for reader in readers {
                if reader.wants.wants(entry) && reader.signal.note(entry.revision) {
                    wake.push(Arc::clone(&reader.signal));
                }
            }
        };
        offer(&self.everything);
        if let Some(readers) = self.by_namespace.get(&record.key.namespace) {
            offer(readers);
        }
        if let Some(readers) = self.by_key.get(&record.key) {
            offer(readers);
        }
        if !self.by_label.is_empty() {
            let records = [&entry.change.before, &entry.change.after];
            for label in records.into_iter().flatten().flat_map(|record: &Arc<Record>| record.labels.iter()) {
                if let Some(readers) = self.by_label.get(label) {
                    offer(readers);
                }
            }
        }
    }

    /// Notes for everybody that something happened at `revision`.
    pub(super) fn note_all(&self, revision: Revision, wake: &mut Vec<Arc<Signal>>) {
        let named = self.by_namespace.values().chain(self.by_key.values()).chain(self.by_label.values()).flatten();
        for reader in self.everything.iter().chain(named) {
            if reader.signal.note(revision) {
                wake.push(Arc::clone(&reader.signal));
            }
        }
    }
}

/// Readers stand in the order of their ids.
fn leave(readers: &mut Vec<Reader>, id: u64) {
    if let Ok(place) = readers.binary_search_by_key(&id, |reader| reader.id) {
        readers.remove(place);
    }
}

fn leave_at<K: std::hash::Hash + Eq>(readers: &mut HashMap<K, Vec<Reader>>, key: &K, id: u64) {
    if let Some(at) = readers.get_mut(key) {
        leave(at, id);
        if at.is_empty() {
            readers.remove(key);
        }
    }
}

//! Who reads a ring, by what they read of it: a change wakes those alone who
//! want it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Revision;
use super::entry::Entry;
use super::news::News;
use crate::record::Key;

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
    /// Those of pods that are, or were, on a node.
    Node(Arc<str>),
}

/// Tells whether a reader wants an entry that its topic offers.
pub trait Wants: Send + Sync {
    /// Whether it does. Called while the log is held: it must be quick.
    fn wants(&self, entry: &Entry) -> bool;
}

/// A reader as rings know it.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) id: u64,
    pub(super) news: Arc<News>,
    pub(super) wants: Arc<dyn Wants>,
}

/// The readers of one ring.
#[derive(Default)]
pub(super) struct Readers {
    all: BTreeMap<u64, Arc<News>>,
    everything: Vec<Reader>,
    by_namespace: HashMap<Arc<str>, Vec<Reader>>,
    by_key: HashMap<Key, Vec<Reader>>,
    by_label: HashMap<(Arc<str>, Arc<str>), Vec<Reader>>,
    by_node: HashMap<Arc<str>, Vec<Reader>>,
}

impl Readers {
    /// How many streams read, of all readers together.
    pub(super) fn streams(&self) -> usize {
        self.all.values().map(|news| news.listeners()).sum()
    }

    pub(super) fn add(&mut self, topic: &Topic, reader: &Reader) {
        self.all.insert(reader.id, Arc::clone(&reader.news));
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
            Topic::Node(node) => self.by_node.entry(Arc::clone(node)).or_default().push(reader.clone()),
        }
    }

    pub(super) fn remove(&mut self, topic: &Topic, id: u64) {
        self.all.remove(&id);
        match topic {
            Topic::Everything => leave(&mut self.everything, id),
            Topic::Namespaces(namespaces) => {
                namespaces.iter().for_each(|namespace| leave_at(&mut self.by_namespace, namespace, id));
            }
            Topic::Objects(keys) => keys.iter().for_each(|key| leave_at(&mut self.by_key, key, id)),
            Topic::Label(key, value) => leave_at(&mut self.by_label, &(Arc::clone(key), Arc::clone(value)), id),
            Topic::Node(node) => leave_at(&mut self.by_node, node, id),
        }
    }

    /// Notes an entry for those who want it, and adds whom to wake.
    pub(super) fn note(&self, entry: &Entry, wake: &mut Vec<Arc<News>>) {
        let Some(record) = entry.change.record() else { return };
        let mut offer = |readers: &[Reader]| {
            for reader in readers {
                if reader.wants.wants(entry) && reader.news.note(entry.revision) {
                    wake.push(Arc::clone(&reader.news));
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
        for record in [&entry.change.before, &entry.change.after].into_iter().flatten() {
            if !self.by_label.is_empty() {
                record.labels.iter().filter_map(|label| self.by_label.get(label)).for_each(|readers| offer(readers));
            }
            if let Some(readers) = record.node().and_then(|node| self.by_node.get(node)) {
                offer(readers);
            }
        }
    }

    /// Notes for everybody that something happened at `revision`.
    pub(super) fn note_all(&self, revision: Revision, wake: &mut Vec<Arc<News>>) {
        wake.extend(self.all.values().filter(|news| news.note(revision)).cloned());
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

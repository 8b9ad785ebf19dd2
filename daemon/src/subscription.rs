//! One client's share of the event log.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::cache::{Cache, Snapshot};
use crate::event_log::{CacheId, Entry, EventLog, Expired, Revision};
use crate::object::{Key, Record};

/// Entries that are read from the log at a time.
const BATCH: usize = 256;

/// Which objects a subscriber wants.
#[derive(Debug)]
pub struct Selection {
    /// The caches that hold them, each once.
    pub caches: Vec<Arc<Cache>>,
    /// Which of their objects.
    pub scope: Scope,
}

/// Which objects of some caches.
#[derive(Debug)]
pub enum Scope {
    /// All.
    All,
    /// Those in these namespaces.
    Namespaces(HashSet<Box<str>>),
    /// Those that are named.
    Named(Vec<Named>),
}

/// One object by name.
#[derive(Debug)]
pub struct Named {
    /// The place of its cache in [`Selection::caches`].
    pub cache: usize,
    /// Its namespace and name.
    pub key: Key,
    /// Its UID, if only that object is meant.
    pub uid: Option<Box<str>>,
    /// Set when it is proven that there was no such object.
    pub absence: OnceLock<Absence>,
}

/// There was no object of a name as of a resourceVersion. What the log tells
/// later of such a one is history, and not meant.
#[derive(Clone, Copy, Debug)]
pub struct Absence {
    /// As of when.
    pub version: u64,
    /// The log up to here was read without knowing that.
    pub since: Revision,
}

impl Named {
    /// Whether `record`, which has that name at that place of the log, is meant.
    #[must_use]
    pub fn means(&self, record: &Record, at: Revision) -> bool {
        let metadata = &record.object.metadata;
        self.uid.as_ref().is_none_or(|uid| *uid == metadata.uid)
            && self.absence.get().is_none_or(|a| at <= a.since || metadata.resource_version > a.version)
    }
}

impl Selection {
    /// Whether an object of the cache with that id is wanted, at that place of
    /// the log.
    #[must_use]
    pub fn selects(&self, cache: CacheId, record: &Record, at: Revision) -> bool {
        let metadata = &record.object.metadata;
        match &self.scope {
            Scope::All => true,
            Scope::Namespaces(namespaces) => namespaces.contains(&metadata.namespace),
            Scope::Named(named) => named.iter().any(|n| {
                n.key.name == metadata.name
                    && n.key.namespace == metadata.namespace
                    && self.caches[n.cache].id() == cache
                    && n.means(record, at)
            }),
        }
    }

    /// All caches, held still.
    #[must_use]
    pub fn snapshot<'a>(&'a self, log: &EventLog) -> Snapshot<'a> {
        Snapshot::take(self.caches.iter().map(|cache| &**cache), log)
    }
}

/// What a change is to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The object appeared, or began to be wanted.
    Entered,
    /// It changed.
    Changed,
    /// It exists, but is wanted no longer.
    Left,
    /// It was deleted.
    Deleted,
}

/// A subscriber's place in the log.
pub struct Feed {
    log: Arc<EventLog>,
    selection: Arc<Selection>,
    caches: Vec<CacheId>,
    /// Whether every version is wanted, not transitions only.
    every_version: bool,
    read_to: Revision,
    head: watch::Receiver<Revision>,
    ready: VecDeque<(Arc<Entry>, Relation)>,
}

impl Feed {
    /// The wanted entries after `after`.
    #[must_use]
    pub fn new(log: Arc<EventLog>, selection: Arc<Selection>, every_version: bool, after: Revision) -> Self {
        let caches = selection.caches.iter().map(|cache| cache.id()).collect();
        let head = log.follow();
        Self { log, selection, caches, every_version, read_to: after, head, ready: VecDeque::new() }
    }

    /// The next wanted entry, when there is one. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// If the log has dropped entries that were not read yet.
    pub async fn next(&mut self) -> Result<(Arc<Entry>, Relation), Expired> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Ok(next);
            }
            self.head.mark_unchanged();
            if !self.read()? && self.head.changed().await.is_err() {
                // The log is gone with the daemon: what holds this feed ends, too.
                std::future::pending().await
            }
        }
    }

    /// Up to where every wanted entry was handed out; `None` while some that
    /// were read are still to be.
    #[must_use]
    pub fn handed_out_to(&self) -> Option<Revision> {
        self.ready.is_empty().then_some(self.read_to)
    }

    /// Whether everything up to `revision` was handed out; reads on if not.
    ///
    /// # Errors
    /// If the log has dropped entries that were not read yet.
    pub fn reaches(&mut self, revision: Revision) -> Result<bool, Expired> {
        while self.ready.is_empty() && self.read_to < revision {
            self.read()?;
        }
        Ok(self.ready.is_empty())
    }

    /// Goes on after a snapshot.
    pub fn skip_to(&mut self, revision: Revision) {
        self.ready.clear();
        self.read_to = revision;
    }

    /// Reads a batch; says whether there was one.
    fn read(&mut self) -> Result<bool, Expired> {
        let (entries, complete_to) = self.log.read(&self.caches, self.read_to, BATCH)?;
        let advanced = complete_to > self.read_to;
        for entry in entries {
            if let Some(relation) = self.relation(&entry) {
                self.ready.push_back((entry, relation));
            }
        }
        self.read_to = complete_to;
        Ok(advanced)
    }

    fn relation(&self, entry: &Entry) -> Option<Relation> {
        let wanted = |record: &Option<Arc<Record>>| {
            record.as_ref().is_some_and(|record| self.selection.selects(entry.cache, record, entry.revision))
        };
        match (wanted(&entry.change.before), wanted(&entry.change.after)) {
            (false, false) => None,
            (false, true) => Some(Relation::Entered),
            (true, true) => (self.every_version || entry.change.state_changed).then_some(Relation::Changed),
            (true, false) if entry.change.after.is_some() => Some(Relation::Left),
            (true, false) => Some(Relation::Deleted),
        }
    }
}

//! Which objects a subscriber wants.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use super::feed::Relation;
use super::fields::FieldSelector;
use super::labels::LabelSelector;
use crate::cache::{Cache, Snapshot};
use crate::caches::Lease;
use crate::event_log::{CacheId, Entry, EventLog, Revision, Topic, Wants};
use crate::record::{Key, Record, Uid};
use crate::state::State;

/// Which objects a subscriber wants.
#[derive(Debug)]
pub struct Selection {
    /// The caches that hold them, each once.
    pub caches: Vec<Lease>,
    /// Which of their objects.
    pub scope: Scope,
    /// Of these, those with such labels.
    pub labels: LabelSelector,
    /// Of these, those with such fields.
    pub fields: FieldSelector,
    /// Of these, those in one of these states; in any, if there are none.
    pub states: Vec<State>,
    /// Whether every version is wanted, not transitions only.
    pub every_version: bool,
    /// For each cache, set when it is proven what there was.
    pub gaps: Vec<OnceLock<Gap>>,
}

/// A list as of some version held no object newer than another: what the log
/// tells later of versions in between came and went before the list, and is
/// history.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// No object of the list was newer.
    pub after: u64,
    /// The list was as of then.
    pub up_to: u64,
    /// The log up to here was read without knowing that.
    pub since: Revision,
}

impl Gap {
    fn hides(&self, record: &Record, at: Revision) -> bool {
        at > self.since && (self.after + 1..=self.up_to).contains(&record.resource_version)
    }
}

/// Which objects of some caches.
#[derive(Debug)]
pub enum Scope {
    /// All.
    All,
    /// Those in these namespaces.
    Namespaces(HashSet<Arc<str>>),
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
    pub uid: Option<Uid>,
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
        self.uid.as_ref().is_none_or(|uid| *uid == record.uid)
            && self.absence.get().is_none_or(|a| at <= a.since || record.resource_version > a.version)
    }
}

impl Selection {
    /// Everything in some caches.
    #[must_use]
    pub fn of(caches: Vec<Lease>, scope: Scope) -> Self {
        let (labels, fields) = (LabelSelector::default(), FieldSelector::default());
        let gaps = caches.iter().map(|_| OnceLock::new()).collect();
        Self { caches, scope, labels, fields, states: Vec::new(), every_version: false, gaps }
    }

    /// Whether an object of the cache with that id is wanted, at that place of
    /// the log.
    #[must_use]
    pub fn selects(&self, cache: CacheId, record: &Record, at: Revision) -> bool {
        let in_scope = match &self.scope {
            Scope::All | Scope::Namespaces(_) => self.may_list(record) && !self.is_history(cache, record, at),
            Scope::Named(named) => {
                named.iter().any(|n| n.key == record.key && self.caches[n.cache].id() == cache && n.means(record, at))
            }
        };
        in_scope
            && (self.states.is_empty() || self.states.contains(&record.judgement.state))
            && self.fields.matches(record)
    }

    /// Whether a list with the scope and labels of this selection holds an object.
    #[must_use]
    pub fn may_list(&self, record: &Record) -> bool {
        let in_scope = match &self.scope {
            Scope::Namespaces(namespaces) => namespaces.contains(&record.key.namespace),
            Scope::All | Scope::Named(_) => true,
        };
        in_scope && self.labels.matches(record)
    }

    fn is_history(&self, cache: CacheId, record: &Record, at: Revision) -> bool {
        let gap = self.caches.iter().position(|known| known.id() == cache).and_then(|place| self.gaps[place].get());
        gap.is_some_and(|gap| gap.hides(record, at))
    }

    /// What an entry is to the subscriber, if anything.
    #[must_use]
    pub fn relation(&self, entry: &Entry) -> Option<Relation> {
        let change = &entry.change;
        let wanted = |record: &Option<Arc<Record>>| {
            record.as_ref().is_some_and(|record| self.selects(entry.cache, record, entry.revision))
        };
        match (wanted(&change.before), wanted(&change.after)) {
            (false, false) => None,
            (false, true) => Some(Relation::Entered),
            (true, true) => (self.every_version || change.state_changed).then_some(Relation::Changed),
            (true, false) if change.after.is_some() => Some(Relation::Left),
            (true, false) => Some(Relation::Deleted),
        }
    }

    /// All caches, held still.
    #[must_use]
    pub fn snapshot<'a>(&'a self, log: &EventLog) -> Snapshot<'a> {
        Snapshot::take(self.caches.iter().map(|cache| -> &Cache { cache }), log)
    }

    /// By what to look for the subscriber when something happens: the narrowest
    /// of what it asks for.
    pub(super) fn topics(&self) -> Vec<(CacheId, Topic)> {
        let topic = |(place, cache): (usize, &Lease)| {
            let topic = match (&self.scope, self.labels.label()) {
                (Scope::Named(named), _) => {
                    let mut keys: Vec<_> = named.iter().filter(|n| n.cache == place).map(|n| n.key.clone()).collect();
                    keys.sort_unstable();
                    keys.dedup();
                    Topic::Objects(keys)
                }
                (_, Some((key, value))) => Topic::Label(key.into(), value.into()),
                (Scope::Namespaces(namespaces), None) => Topic::Namespaces(namespaces.iter().cloned().collect()),
                (Scope::All, None) => Topic::Everything,
            };
            (cache.id(), topic)
        };
        self.caches.iter().enumerate().map(topic).collect()
    }
}

impl Wants for Selection {
    /// What depends on a body is found out by the subscriber itself: here it is
    /// offered.
    fn wants(&self, entry: &Entry) -> bool {
        self.fields.needs_body() || self.relation(entry).is_some()
    }
}

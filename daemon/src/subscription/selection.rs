//! Which objects a subscriber wants.

mod identity;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

pub(super) use self::identity::Identity;
use super::fields::FieldSelector;
use super::labels::LabelSelector;
use super::predicate::Predicate;
use super::visible::Visible;
use super::{Delivery, Relation};
use crate::cache::{Cache, Snapshot};
use crate::caches::Lease;
use crate::event_log::{CacheId, Entry, EventLog, Revision, Topic, Wants};
use crate::predicate::PredicateError;
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
    /// Of these, those of which an expression is true.
    pub predicate: Option<Predicate>,
    /// Whether every version is wanted, not transitions only.
    pub every_version: bool,
    /// Whether objects are wanted whole.
    pub with_bodies: bool,
    /// Whether nothing is to be skipped, and gaps are to be told.
    pub history: bool,
    /// For each cache, what was proven last of what there was.
    pub gaps: Vec<Found<Gap>>,
    /// For each cache, which of its objects may be seen at all; nothing, if that is
    /// every object.
    pub visible: Vec<Visible>,
}

/// What a proof has found out, the newest one.
#[derive(Debug)]
pub struct Found<T>(Mutex<Option<T>>);

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Copy> Found<T> {
    /// What was found out last, if anything.
    #[must_use]
    pub fn get(&self) -> Option<T> {
        *self.0.lock()
    }

    /// It was found out so.
    pub fn set(&self, found: T) {
        *self.0.lock() = Some(found);
    }
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
    Namespaces(BTreeSet<Arc<str>>),
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
    /// What was proven last, if there was no such object.
    pub absence: Found<Absence>,
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
    fn anew(&self) -> Self {
        Self { cache: self.cache, key: self.key.clone(), uid: self.uid.clone(), absence: Found::default() }
    }

    /// Whether `record`, which has that name at that place of the log, is meant.
    #[must_use]
    pub fn means(&self, record: &Record, at: Revision) -> bool {
        self.uid.as_ref().is_none_or(|uid| *uid == record.uid)
            && self.absence.get().is_none_or(|a| at <= a.since || record.resource_version > a.version)
    }
}

impl Selection {
    /// So many objects are gathered to be sifted together: while they are, their
    /// cache may be held.
    pub const SIFTED: usize = 256;

    /// Everything in some caches.
    #[must_use]
    pub fn of(caches: Vec<Lease>, scope: Scope) -> Self {
        let (labels, fields) = (LabelSelector::default(), FieldSelector::default());
        let gaps = caches.iter().map(|_| Found::default()).collect();
        Self {
            caches,
            scope,
            labels,
            fields,
            states: Vec::new(),
            predicate: None,
            every_version: false,
            with_bodies: false,
            history: false,
            gaps,
            visible: Vec::new(),
        }
    }

    /// The same with other objects that may be seen. What proofs have found is not taken
    /// over.
    #[must_use]
    pub fn seeing(&self, visible: Vec<Visible>) -> Self {
        let scope = match &self.scope {
            Scope::All => Scope::All,
            Scope::Namespaces(namespaces) => Scope::Namespaces(namespaces.clone()),
            Scope::Named(named) => Scope::Named(named.iter().map(Named::anew).collect()),
        };
        let (labels, fields) = (self.labels.clone(), self.fields.clone());
        let (states, predicate) = (self.states.clone(), self.predicate.clone());
        let Self { every_version, with_bodies, history, .. } = *self;
        let all = Self::of(self.caches.clone(), scope);
        Self { labels, fields, states, predicate, every_version, with_bodies, history, visible, ..all }
    }

    /// Whether an object of the cache with that id may be wanted, at that place
    /// of the log: all but what its body tells, for which see [`Selection::sift`].
    #[must_use]
    pub fn may_select(&self, cache: CacheId, record: &Record, at: Revision) -> bool {
        let in_scope = match &self.scope {
            Scope::All | Scope::Namespaces(_) => {
                self.may_list(record) && self.may_see(cache, record) && !self.is_history(cache, record, at)
            }
            Scope::Named(named) => {
                named.iter().any(|n| n.key == record.key && self.caches[n.cache].id() == cache && n.means(record, at))
            }
        };
        in_scope
            && (self.states.is_empty() || self.states.contains(&record.judgement.state))
            && self.fields.may_match(record)
    }

    /// Which of these objects, of which each may be wanted, are. Unpacks their
    /// bodies, if that is what it depends on.
    ///
    /// # Errors
    /// If the predicate cannot be evaluated.
    pub async fn sift(&self, records: &[&Arc<Record>]) -> Result<Vec<bool>, PredicateError> {
        let mut wanted: Vec<_> = records.iter().map(|record| self.fields.matches(record)).collect();
        if let Some(predicate) = &self.predicate {
            let places: Vec<_> = (0..records.len()).filter(|place| wanted[*place]).collect();
            let asked = places.iter().map(|place| Arc::clone(records[*place])).collect();
            for (place, is) in places.into_iter().zip(predicate.of(asked).await?) {
                wanted[place] = is;
            }
        }
        Ok(wanted)
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

    fn may_see(&self, cache: CacheId, record: &Record) -> bool {
        if self.visible.is_empty() {
            return true;
        }
        let place = self.caches.iter().position(|known| known.id() == cache);
        place.and_then(|place| self.visible.get(place)).is_some_and(|visible| visible.has(&record.key.namespace))
    }

    fn is_history(&self, cache: CacheId, record: &Record, at: Revision) -> bool {
        let gap = self.caches.iter().position(|known| known.id() == cache).and_then(|place| self.gaps[place].get());
        gap.is_some_and(|gap| gap.hides(record, at))
    }

    /// What these entries are to the subscriber.
    ///
    /// # Errors
    /// If the predicate cannot be evaluated.
    pub(super) async fn deliveries(&self, entries: Vec<Arc<Entry>>) -> Result<Vec<Delivery>, PredicateError> {
        let may = |entry: &Entry, record: &Option<Arc<Record>>| {
            record.as_ref().is_some_and(|record| self.may_select(entry.cache, record, entry.revision))
        };
        let mut offered: Vec<_> = entries
            .into_iter()
            .map(|entry| (may(&entry, &entry.change.before), may(&entry, &entry.change.after), entry))
            .filter(|(before, after, entry)| *before || *after || self.is_gap(entry))
            .collect();
        if self.reads_bodies() {
            self.sift_entries(&mut offered).await?;
        }
        let delivery = |(before, after, entry): (bool, bool, Arc<Entry>)| {
            let relation = self.relation(&entry, before, after)?;
            Some((entry, relation))
        };
        Ok(offered.into_iter().filter_map(delivery).collect())
    }

    /// Whether it depends on bodies what is wanted.
    #[must_use]
    pub fn reads_bodies(&self) -> bool {
        self.predicate.is_some() || self.caches.iter().any(|cache| self.fields.needs_body(cache.kind()))
    }

    /// Takes back what the bodies do not bear out. Each version is looked at
    /// once, though it is after one entry what it is before the next.
    async fn sift_entries(&self, offered: &mut [(bool, bool, Arc<Entry>)]) -> Result<(), PredicateError> {
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut records = Vec::new();
        for (before, after, entry) in offered.iter() {
            let sides = [(*before, &entry.change.before), (*after, &entry.change.after)];
            for record in sides.into_iter().filter(|(may, _)| *may).filter_map(|(_, record)| record.as_ref()) {
                places.entry(Arc::as_ptr(record).addr()).or_insert_with(|| {
                    records.push(record);
                    records.len() - 1
                });
            }
        }
        let sifted = self.sift(&records).await?;
        let mut verdicts = Vec::with_capacity(offered.len());
        for (before, after, entry) in offered.iter() {
            let verdict = |may: bool, record: &Option<Arc<Record>>| {
                may && record
                    .as_ref()
                    .and_then(|record| places.get(&Arc::as_ptr(record).addr()))
                    .is_some_and(|at| sifted[*at])
            };
            verdicts.push((verdict(*before, &entry.change.before), verdict(*after, &entry.change.after)));
        }
        for (offer, (before, after)) in offered.iter_mut().zip(verdicts) {
            (offer.0, offer.1) = (before, after);
        }
        Ok(())
    }

    /// What an entry is to a subscriber who wants, or does not, what was before
    /// it and what is after it.
    fn relation(&self, entry: &Entry, before: bool, after: bool) -> Option<Relation> {
        let change = &entry.change;
        match (before, after) {
            (false, false) => self.is_gap(entry).then_some(Relation::Gap),
            (false, true) => Some(Relation::Entered),
            (true, true) => (self.every_version || change.state_changed).then_some(Relation::Changed),
            (true, false) if change.after.is_some() => Some(Relation::Left),
            (true, false) => Some(Relation::Deleted),
        }
    }

    /// Whether a subscriber is to be told that changes may be missing.
    fn is_gap(&self, entry: &Entry) -> bool {
        self.history && entry.change.record().is_none()
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
            let node = self.fields.node().filter(|_| cache.kind().is_pods());
            let topic = match (&self.scope, node, self.labels.label()) {
                (Scope::Named(named), ..) => {
                    let mut keys: Vec<_> = named.iter().filter(|n| n.cache == place).map(|n| n.key.clone()).collect();
                    keys.sort_unstable();
                    keys.dedup();
                    Topic::Objects(keys)
                }
                (_, Some(node), _) => Topic::Node(node.into()),
                (_, None, Some((key, value))) => Topic::Label(key.into(), value.into()),
                (scope, None, None) => match (self.visible.get(place), scope) {
                    // No more than what it asks for.
                    (Some(Visible::In(namespaces)), _) | (_, Scope::Namespaces(namespaces)) => {
                        Topic::Namespaces(namespaces.iter().cloned().collect())
                    }
                    _ => Topic::Everything,
                },
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
        let may = |record: &Option<Arc<Record>>| {
            record.as_ref().is_some_and(|record| self.may_select(entry.cache, record, entry.revision))
        };
        let (before, after) = (may(&entry.change.before), may(&entry.change.after));
        if self.reads_bodies() { before || after } else { self.relation(entry, before, after).is_some() }
    }
}

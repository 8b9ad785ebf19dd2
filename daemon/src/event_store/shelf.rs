//! The events, by what they are looked for by.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use foldhash::HashMap as FoldMap;
use jiff::Timestamp;

use super::filter::{EventFilter, Namespaces};
use super::lineage::Lineage;
use super::subjects::Subjects;
use super::{Bounds, Kept, Place};
use crate::record::{Happening, Record, Uid};

/// A place in the order in which things were told. Greater is later. It is none of the log's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(u64);

impl Step {
    /// Before everything.
    pub const START: Self = Self(0);
    /// Behind everything.
    pub const MAX: Self = Self(u64::MAX);

    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl From<u64> for Step {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<Step> for u64 {
    fn from(step: Step) -> Self {
        step.0
    }
}

/// Some of what follows a step was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped;

/// In which order events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That in which they have happened.
    OldestFirst,
    /// The other one.
    NewestFirst,
}

/// What was told at a step.
#[derive(Debug)]
enum News {
    /// That event.
    Event(Uid),
    /// Who owns the object of that UID.
    Lineage(Uid),
}

/// The events, by what they are looked for by.
#[derive(Debug)]
pub(super) struct Shelf {
    bounds: Bounds,
    events: FoldMap<Uid, Kept>,
    by_time: BTreeMap<Place, Kept>,
    by_age: BTreeMap<Age, Uid>,
    steps: BTreeMap<Step, News>,
    shares: HashMap<Arc<str>, Share>,
    subjects: Subjects,
    bytes: usize,
    newest: Step,
    /// The newest step of what was dropped of namespaces that have no share any more.
    dropped: Step,
    followed_since: Option<Timestamp>,
}

/// By when an event is old; of several, by which was told first.
type Age = (Timestamp, Step);

/// What a namespace has of it.
#[derive(Debug, Default)]
struct Share {
    by_age: BTreeMap<Age, Uid>,
    bytes: usize,
    /// When the newest event has happened that was dropped to make room.
    dropped: Option<Timestamp>,
    /// The newest step of what was dropped: who has read less has missed it.
    dropped_step: Step,
}

impl Shelf {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            events: FoldMap::default(),
            by_time: BTreeMap::new(),
            by_age: BTreeMap::new(),
            steps: BTreeMap::new(),
            shares: HashMap::new(),
            subjects: Subjects::default(),
            bytes: 0,
            newest: Step::START,
            dropped: Step::START,
            followed_since: None,
        }
    }

    pub(super) fn newest(&self) -> Step {
        self.newest
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.events.len(), self.bytes)
    }

    pub(super) fn is_followed(&mut self, since: Option<Timestamp>) {
        self.followed_since = since;
    }

    pub(super) fn lineage(&self, subject: &Uid) -> Option<Lineage> {
        self.subjects.lineage(subject).map(|(lineage, _)| lineage.clone())
    }

    pub(super) fn without_lineage(&self) -> Vec<Arc<Happening>> {
        let events = self.subjects.without_lineage().filter_map(|event| self.events.get(event));
        events.map(|kept| Arc::clone(&kept.happening)).collect()
    }

    pub(super) fn put(&mut self, record: &Arc<Record>, lineage: Option<Lineage>, now: Timestamp) {
        let Some(mut kept) = Kept::new(record, now) else { return };
        let known = self.events.get(&record.uid);
        let is_outdated = known.is_some_and(|known| known.record.resource_version >= record.resource_version);
        if is_outdated || kept.dated() <= self.cutoff(now) {
            return;
        }
        let before = known.cloned();
        let is_news = before.as_ref().is_none_or(|before| kept.is_news_to(before));
        kept.step = before.as_ref().filter(|_| !is_news).map_or(self.newest.next(), |before| before.step);
        kept.born = before.as_ref().map_or(kept.step, |before| before.born);
        self.newest = self.newest.max(kept.step);
        let is_unheard = before.is_none();
        if let Some(before) = &before {
            self.take_off(before);
        }
        let subject = kept.happening.subject.clone();
        let is_new = !self.subjects.has(&subject);
        self.subjects.add(&subject, &record.uid);
        if let Some(before) = before.filter(|before| before.happening.subject != subject) {
            self.forget(&before.happening.subject, &record.uid);
        }
        self.put_on(kept);
        match lineage {
            Some(lineage) if is_new => drop(self.subjects.learn(&subject, lineage, Step::START)),
            Some(lineage) => self.learn(&subject, lineage),
            None => {}
        }
        self.make_room(is_unheard.then_some(&record.uid));
    }

    pub(super) fn learn(&mut self, subject: &Uid, lineage: Lineage) {
        let known = self.subjects.lineage(subject);
        if !self.subjects.has(subject) || known.is_some_and(|(known, _)| *known == lineage) {
            return;
        }
        if lineage.is_empty() && known.is_none() {
            self.subjects.learn(subject, lineage, Step::START);
            return;
        }
        self.newest = self.newest.next();
        if let Some(before) = self.subjects.learn(subject, lineage, self.newest) {
            self.steps.remove(&before);
        }
        self.steps.insert(self.newest, News::Lineage(subject.clone()));
    }

    /// Puts an event into its places, but for that of its subject.
    fn put_on(&mut self, kept: Kept) {
        let (uid, age) = (kept.record.uid.clone(), (kept.dated(), kept.born));
        self.steps.insert(kept.step, News::Event(uid.clone()));
        self.by_age.insert(age, uid.clone());
        let share = self.shares.entry(Arc::clone(&kept.record.key.namespace)).or_default();
        share.by_age.insert(age, uid.clone());
        share.bytes += kept.size();
        self.bytes += kept.size();
        self.by_time.insert(kept.place(), kept.clone());
        self.events.insert(uid, kept);
    }

    /// Takes an event out of these places.
    fn take_off(&mut self, kept: &Kept) {
        let age = (kept.dated(), kept.born);
        self.steps.remove(&kept.step);
        self.by_age.remove(&age);
        if let Some(share) = self.shares.get_mut(&kept.record.key.namespace) {
            share.by_age.remove(&age);
            share.bytes -= kept.size();
        }
        self.bytes -= kept.size();
        self.by_time.remove(&kept.place());
        self.events.remove(&kept.record.uid);
    }

    fn forget(&mut self, subject: &Uid, event: &Uid) {
        if let Some(step) = self.subjects.remove(subject, event) {
            self.steps.remove(&step);
        }
    }

    fn drop_event(&mut self, uid: &Uid, is_missed: bool) -> Option<Kept> {
        let kept = self.events.get(uid).cloned()?;
        let owned_since = self.subjects.lineage(&kept.happening.subject).map_or(Step::START, |(_, since)| *since);
        if is_missed && let Some(share) = self.shares.get_mut(&kept.record.key.namespace) {
            share.dropped_step = share.dropped_step.max(kept.step).max(owned_since);
        }
        self.take_off(&kept);
        self.forget(&kept.happening.subject, uid);
        Some(kept)
    }

    /// Who has most makes room, with its oldest event: a namespace that has no more than
    /// its part loses none to others.
    /// `unheard` was never told: nobody misses it.
    fn make_room(&mut self, unheard: Option<&Uid>) {
        while self.events.len() > self.bounds.events || self.bytes > self.bounds.bytes {
            let too_many = self.events.len() > self.bounds.events;
            let has = |share: &Share| if too_many { share.by_age.len() } else { share.bytes };
            let most = self.shares.iter().max_by_key(|(_, share)| has(share));
            let Some((namespace, oldest)) = most.and_then(|(namespace, share)| {
                Some((Arc::clone(namespace), share.by_age.first_key_value()?.1.clone()))
            }) else {
                return;
            };
            let dropped = self.drop_event(&oldest, Some(&oldest) != unheard).map(|kept| kept.last());
            if let Some(share) = self.shares.get_mut(&namespace) {
                share.dropped = share.dropped.max(dropped);
            }
        }
    }

    /// What is as old or older is dropped.
    fn cutoff(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.bounds.age).unwrap_or(Timestamp::MIN)
    }

    pub(super) fn expire(&mut self, now: Timestamp) -> Option<Timestamp> {
        let cutoff = self.cutoff(now);
        while let Some((_, uid)) = self.by_age.first_key_value().filter(|((dated, _), _)| *dated <= cutoff) {
            let uid = uid.clone();
            self.drop_event(&uid, true);
        }
        self.shares.retain(|_, share| {
            let stays = !share.by_age.is_empty() || share.dropped > Some(cutoff);
            if !stays {
                self.dropped = self.dropped.max(share.dropped_step);
            }
            stays
        });
        let (oldest, _) = self.by_age.first_key_value()?.0;
        Some(oldest.checked_add(self.bounds.age).unwrap_or(Timestamp::MAX))
    }

    pub(super) fn complete_since(&self, namespaces: &Namespaces, now: Timestamp) -> Option<Timestamp> {
        let dropped = self.shares.iter().filter(|(namespace, _)| namespaces.have(namespace));
        let dropped = dropped.filter_map(|(_, share)| share.dropped).max();
        Some(self.followed_since?.max(self.cutoff(now)).max(dropped.unwrap_or(Timestamp::MIN)))
    }

    pub(super) fn holds(&self, namespaces: &Namespaces, after: Step) -> bool {
        let dropped = self.shares.iter().filter(|(namespace, _)| namespaces.have(namespace));
        dropped.map(|(_, share)| share.dropped_step).all(|dropped| dropped <= after) && self.dropped <= after
    }

    pub(super) fn of(&self, uids: &[Uid]) -> Vec<Kept> {
        let events = uids.iter().flat_map(|uid| self.subjects.events(uid));
        self.in_order(events, |_| true)
    }

    pub(super) fn page(
        &self,
        filter: &EventFilter,
        order: Order,
        after: Option<Place>,
        until: Step,
        most: usize,
    ) -> Vec<Kept> {
        let wanted = |kept: &&Kept| kept.step <= until && self.wants(filter, kept, until);
        let bound = after.map_or(Bound::Unbounded, Bound::Excluded);
        match order {
            Order::OldestFirst => {
                let all = self.by_time.range((bound, Bound::Unbounded)).map(|(_, kept)| kept);
                all.filter(wanted).take(most).cloned().collect()
            }
            Order::NewestFirst => {
                let all = self.by_time.range((Bound::Unbounded, bound)).rev().map(|(_, kept)| kept);
                all.filter(wanted).take(most).cloned().collect()
            }
        }
    }

    pub(super) fn since(&self, filter: &EventFilter, after: Step, most: usize) -> Result<(Vec<Kept>, Step), Dropped> {
        if !self.holds(&filter.namespaces, after) {
            return Err(Dropped);
        }
        let (mut found, mut at) = (Vec::new(), after);
        for (step, news) in self.steps.range((Bound::Excluded(after), Bound::Unbounded)) {
            if found.len() >= most {
                return Ok((found, at));
            }
            at = *step;
            match news {
                News::Event(uid) => {
                    let kept = self.events.get(uid);
                    found.extend(kept.filter(|kept| self.wants(filter, kept, *step)).cloned());
                }
                News::Lineage(subject) => found.extend(self.turned_out(filter, subject, *step)),
            }
        }
        Ok((found, self.newest))
    }

    /// Events from before that turn out to be wanted now that it is known who owns what
    /// they are about.
    fn turned_out(&self, filter: &EventFilter, subject: &Uid, step: Step) -> Vec<Kept> {
        let turned_out = |kept: &Kept| kept.step < step && !filter.is_about(kept) && self.wants(filter, kept, step);
        self.in_order(self.subjects.events(subject), turned_out)
    }

    fn in_order<'a>(&self, uids: impl Iterator<Item = &'a Uid>, wanted: impl Fn(&Kept) -> bool) -> Vec<Kept> {
        let mut found: Vec<_> =
            uids.filter_map(|uid| self.events.get(uid)).filter(|kept| wanted(kept)).cloned().collect();
        found.sort_by_key(Kept::place);
        found.dedup_by_key(|kept| kept.place());
        found
    }

    /// Whether an event is wanted, by what was known by `step`.
    fn wants(&self, filter: &EventFilter, kept: &Kept, step: Step) -> bool {
        let is_owned = || {
            let lineage = self.subjects.lineage(&kept.happening.subject);
            lineage.is_some_and(|(lineage, since)| *since <= step && filter.owns(kept, lineage))
        };
        filter.selects(kept) && (filter.is_about(kept) || is_owned())
    }
}

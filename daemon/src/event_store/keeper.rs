//! Takes what is told of events into the store.

mod unseen;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use self::unseen::Unseen;
use super::EventStore;
use super::lineage::{self, Found};
use crate::cache::{Cache, Snapshot};
use crate::caches::{Caches, Lease, first_closed};
use crate::clock::{Clock, reaches};
use crate::event_log::{Entry, EventLog, Expired, Next, Revision, Subscription, Topic, Wants};
use crate::kind::Kind;
use crate::record::{Detail, Record};

/// Entries of the log that are taken before others may run.
const AT_ONCE: usize = 256;
/// Revisions that are read together.
const STRETCH: Revision = 1024;
/// How long the first list of events waits for those of what events are about.
const PATIENCE: Duration = Duration::from_secs(10);

/// An Event's groups: objects of both are the same ones.
const GROUPS: [&str; 2] = ["", "events.k8s.io"];

/// Follows events, and keeps them.
pub struct Keeper {
    store: Arc<EventStore>,
    caches: Arc<Caches>,
    log: Arc<EventLog>,
    clock: Clock,
    unseen: Unseen,
}

/// Every change is wanted.
struct All;

impl Wants for All {
    fn wants(&self, _entry: &Entry) -> bool {
        true
    }
}

/// The kind of events, if the cluster serves it.
#[must_use]
pub fn kind(caches: &Caches) -> Option<Arc<Kind>> {
    GROUPS.iter().find_map(|group| caches.catalog().find_exactly((group, "Event")))
}

impl Keeper {
    /// Keeps events there.
    #[must_use]
    pub fn new(store: Arc<EventStore>, caches: Arc<Caches>, log: Arc<EventLog>, clock: Clock) -> Self {
        Self { store, caches, log, clock, unseen: Unseen::default() }
    }

    /// Keeps events until the daemon ends.
    pub async fn run(mut self) {
        let mut kinds = self.caches.catalog().changed(&[].into()).await;
        loop {
            let Some(kind) = kind(&self.caches) else {
                kinds = self.caches.catalog().changed(&kinds).await;
                continue;
            };
            let Ok(leases) = self.caches.lease(&kind).await else { return };
            self.follow(&leases).await;
        }
    }

    /// Keeps what these caches tell, until one of them is closed.
    async fn follow(&mut self, leases: &[Lease]) {
        let topics = leases.iter().map(|cache| (cache.id(), Topic::Everything)).collect();
        let subscription = self.log.subscribe(topics, Arc::new(All));
        let mut news = subscription.listen();
        let Ok(subjects) = self.caches.lease_warm().await else { return };
        // To know whose events they are; but not for long.
        let mut listed = join_all(subjects.iter().map(|cache| cache.announced()));
        let mut is_late = tokio::time::timeout(PATIENCE, &mut listed).await.is_err();
        let mut at = self.take_all(leases).await;
        loop {
            news.mark_unchanged();
            at = self.catch_up(&subscription, leases, at).await;
            let next_age = self.store.expire(self.clock.now());
            let next_look = self.unseen.next();
            tokio::select! {
                _closed = first_closed(leases) => return,
                changed = news.changed() => if changed.is_err() { return },
                _ = &mut listed, if is_late => {
                    is_late = false;
                    self.look_for_all().await;
                }
                () = self.clock.reaches(next_age) => {}
                () = reaches(next_look) => self.look_again(),
            }
        }
    }

    /// Where it is in the log once everything is taken that is there.
    async fn catch_up(&mut self, subscription: &Subscription, leases: &[Lease], mut at: Revision) -> Revision {
        loop {
            let after = match subscription.next(at) {
                Next::Nothing(head) => {
                    self.store.is_at(head);
                    return head;
                }
                Next::After(after) => after,
            };
            at = match subscription.read(after, after.saturating_add(STRETCH)) {
                Ok((entries, until)) => {
                    // A list in between says what there is, not what there was.
                    if let Some(gap) = entries.iter().rfind(|entry| entry.change.record().is_none()) {
                        self.store.is_followed(Some(gap.change.at));
                    }
                    let records = entries.iter().filter_map(|entry| entry.change.after.as_ref());
                    // That an event is deleted is no news: they expire.
                    self.take(records).await;
                    until
                }
                // The log has moved on, or there is a list for the first time.
                Err(Expired) => self.take_all(leases).await,
            };
            self.store.is_at(at);
            if leases.iter().any(|cache| cache.closed().is_cancelled()) {
                return at;
            }
        }
    }

    /// Takes all that the caches hold, as of the revision that is returned.
    async fn take_all(&mut self, leases: &[Lease]) -> Revision {
        let now = self.clock.now();
        let (records, revision) = {
            let snapshot = Snapshot::take(leases.iter().map(|cache| -> &Cache { cache }), &self.log);
            let of = |cache| snapshot.objects(cache, None).map(|(_, record)| Arc::clone(record));
            let records: Vec<_> = (0..leases.len()).flat_map(of).collect();
            (records, snapshot.revision)
        };
        self.take(records.iter()).await;
        let is_listed = leases.iter().all(|cache| cache.freshness().listed);
        self.store.is_followed(is_listed.then_some(now));
        revision
    }

    async fn take(&mut self, records: impl Iterator<Item = &Arc<Record>>) {
        for (number, record) in records.enumerate() {
            self.take_one(record);
            if number % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn take_one(&mut self, record: &Arc<Record>) {
        let Detail::Event(happening) = &record.detail else { return };
        let known = |subject: &_| self.store.lineage(subject);
        let lineage = match known(&happening.subject) {
            Some(_) => None,
            None => match lineage::find(&self.caches, happening, known) {
                Found::All(lineage) => Some(lineage),
                Found::Some(_) => {
                    self.unseen.add(happening);
                    None
                }
                Found::NotFollowed => None,
            },
        };
        self.store.put(record, lineage, self.clock.now());
    }

    /// Looks again for what was not there when an event told of it: caches are filled
    /// each at its own speed.
    fn look_again(&mut self) {
        for mut waiting in self.unseen.due() {
            let subject = &waiting.happening.subject;
            let known = |subject: &_| self.store.lineage(subject);
            if known(subject).is_some() {
                continue;
            }
            match lineage::find(&self.caches, &waiting.happening, known) {
                Found::All(lineage) => self.store.learn(subject, lineage),
                Found::Some(lineage) if waiting.is_last_look() => {
                    // Better than nothing, where there is something.
                    if !lineage.is_empty() {
                        self.store.learn(subject, lineage);
                    }
                }
                Found::Some(_) => {
                    waiting.looks += 1;
                    self.unseen.again(waiting);
                }
                Found::NotFollowed => {}
            }
        }
    }

    /// Looks for all whose owners are not known, now that there are lists of them.
    async fn look_for_all(&self) {
        for (number, happening) in self.store.without_lineage().iter().enumerate() {
            let found = lineage::find(&self.caches, happening, |subject| self.store.lineage(subject));
            match found {
                Found::All(lineage) | Found::Some(lineage) => self.store.learn(&happening.subject, lineage),
                Found::NotFollowed => {}
            }
            if number % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
    }
}

//! The one task that changes a cache.

mod judging;
mod rechecks;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashSet;
use jiff::{SignedDuration, Timestamp};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use self::rechecks::Rechecks;
use super::Cache;
use super::bodies::Bodies;
use crate::body::Body;
use crate::body::codec::Codec;
use crate::caches::neighbours::Neighbours;
use crate::clock::{Clock, reaches};
use crate::decode::Identity;
use crate::decode::arrival::{Arrival, Version};
use crate::event_log::{Change, EventLog};
use crate::object::Object;
use crate::record::{Key, Link, Packer, Record, Uid};
use crate::rule;
use crate::source::{Arrivals, ProblemReason};

/// After how long a kind that is not served is taken to be gone.
const NOT_SERVED: SignedDuration = SignedDuration::from_secs(5);

/// What others have changed is judged together: no more often than that.
const BETWEEN: Duration = Duration::from_millis(20);
/// Of so many siblings one will do.
const SIBLINGS: usize = 4;

type Learning = JoinHandle<io::Result<Arc<Codec>>>;

/// Takes a source's events into a cache, judges what they change, and logs it.
pub struct Writer {
    cache: Arc<Cache>,
    log: Arc<EventLog>,
    clock: Clock,
    neighbours: Arc<Neighbours>,
    packer: Packer,
    bodies: Bodies,
    /// A dictionary that is being made for them.
    learning: Option<Learning>,
    /// What a list that is under way has named so far.
    listing: Option<HashSet<Key>>,
    /// The newest version of which the API server has said that everything up to it was told; and
    /// that when the list began which is under way.
    told_up_to: u64,
    told_before: u64,
    /// Since when the API server says that it does not serve the kind.
    not_served_since: Option<Timestamp>,
    /// Objects whose state depends on their age, by when to judge them again.
    rechecks: Rechecks,
}

impl Writer {
    /// The writer of `cache`; there is one.
    #[must_use]
    pub fn new(cache: Arc<Cache>, log: Arc<EventLog>, clock: Clock, neighbours: Arc<Neighbours>) -> Self {
        let bodies = Bodies::default();
        Self {
            cache,
            log,
            clock,
            neighbours,
            packer: Packer::default(),
            bodies,
            learning: None,
            listing: None,
            told_up_to: 0,
            told_before: 0,
            not_served_since: None,
            rechecks: Rechecks::default(),
        }
    }

    /// What it writes.
    #[must_use]
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// Takes events, each with its time, until there are no more.
    pub async fn run(mut self, mut events: Arrivals) {
        let mut judged = Instant::now();
        let mut judge_at: Option<Instant> = None;
        loop {
            self.begin_to_learn();
            let next_recheck = self.rechecks.next();
            tokio::select! {
                biased;
                // First, so that it comes about however much arrives.
                () = reaches(judge_at) => {
                    self.judge_touched().await;
                    (judged, judge_at) = (Instant::now(), None);
                }
                () = self.cache.touched().news(), if judge_at.is_none() => judge_at = Some(judged + BETWEEN),
                learnt = end_of(&mut self.learning) => self.bodies.learn(learnt),
                event = events.recv() => match event {
                    Some(batch) => batch.into_iter().for_each(|(at, arrival)| self.take(arrival, at)),
                    None => return,
                },
                () = self.clock.reaches(next_recheck) => self.recheck(),
            }
        }
    }

    /// Makes a dictionary, if it is time to: on a thread of its own, as it takes longer than a change
    /// may wait.
    fn begin_to_learn(&mut self) {
        if self.learning.is_none()
            && let Some(samples) = self.bodies.samples_to_learn_from(self.is_listed())
        {
            self.learning = Some(spawn_blocking(move || Codec::learn(&samples)));
        }
    }

    /// Takes one event, which came at `now`.
    pub fn take(&mut self, arrival: Arrival, now: Timestamp) {
        match arrival {
            Arrival::ListBegins => {
                self.listing = Some(HashSet::default());
                self.told_before = self.told_up_to;
                self.cache.freshness.send_modify(|f| f.synced = false);
            }
            Arrival::Listed(version) => {
                self.change(version, now);
                self.cache.freshness.send_modify(|f| f.hear(now, None));
            }
            Arrival::ListEnds(version) if version < self.told_before => self.close(version),
            Arrival::ListEnds(version) => {
                self.told_up_to = self.told_up_to.max(version);
                self.list_ends(version, now);
            }
            Arrival::Changed(version) => {
                let version = self.change(version, now);
                self.hear(now, version);
            }
            Arrival::Deleted(identity) => {
                let version = self.delete(identity, now);
                self.hear(now, version);
            }
            Arrival::Bookmark(version) => {
                self.told_up_to = self.told_up_to.max(version);
                self.hear(now, Some(version));
            }
            Arrival::Restored => self.hear(now, None),
            Arrival::Lost(problem) => {
                match problem.reason {
                    ProblemReason::NotServed => self.not_served(now),
                    _ => self.not_served_since = None,
                }
                self.cache.freshness.send_modify(|f| {
                    f.synced = false;
                    f.problem = Some(problem);
                });
            }
        }
    }

    fn list_ends(&mut self, version: u64, now: Timestamp) {
        self.not_served_since = None;
        self.sweep(now);
        let first = !self.is_listed();
        self.cache.freshness.send_modify(|f| {
            f.hear(now, Some(version));
            // Synced it is when its watch is open.
            f.listed = true;
            f.lists += 1;
        });
        if first {
            // Nobody could read what the list brought; who waits for it begins anew,
            // by when it counts as listed.
            self.log.begin_anew(self.cache.id);
            self.neighbours.appeared(&self.cache);
            self.cache.freshness.send_modify(|f| f.announced = true);
        } else {
            // A list says what there is, not what there was.
            self.log.note_gap(self.cache.id, now);
        }
    }

    /// A list is no older than what was told before it began, unless the API server's storage has gone
    /// back, as to a backup: then versions do not say any more what is newer, here and with whoever
    /// reads the cache. It is closed, and another one begins anew.
    fn close(&self, version: u64) {
        let (kind, before) = (self.cache.collection(), self.told_before);
        tracing::warn!(%kind, version, before, "the API server's storage has gone back: what is known is forgotten");
        self.cache.closed().cancel();
        self.neighbours.remove(&self.cache);
        self.log.close_ring(self.cache.id);
    }

    /// A kind that is not served has no objects. It is believed when the API
    /// server has said so for a while: one that has just begun may be wrong, and a
    /// kind that is served in another version is followed by another cache by then.
    fn not_served(&mut self, now: Timestamp) {
        let since = *self.not_served_since.get_or_insert(now);
        if now.duration_since(since) >= NOT_SERVED {
            self.listing = Some(HashSet::default());
            self.sweep(now);
        }
    }

    /// Whether the cache has ever held a whole list: before, it is not read.
    fn is_listed(&self) -> bool {
        self.cache.freshness().listed
    }

    fn hear(&self, now: Timestamp, version: Option<u64>) {
        // What a list has not named yet may be gone.
        let listing = self.listing.is_some();
        self.cache.freshness.send_modify(|f| {
            f.hear(now, version);
            f.synced = f.listed && !listing;
        });
    }

    /// Takes a version of an object and returns its resourceVersion.
    ///
    /// One that does not decode is counted and reported, and exists all the same:
    /// its version before must not be taken for the newest, and a list that names
    /// it does not delete it.
    fn change(&mut self, version: Version, now: Timestamp) -> Option<u64> {
        let (object, body) = match version {
            Version::Good { object, body } => (object, body),
            Version::Bad { object, body, key, error } => {
                self.reject(&error, key.as_ref().map_or("", |key| &key.name));
                if let (Some(named), Some(key)) = (&mut self.listing, key) {
                    named.insert(key);
                }
                (object?, body)
            }
        };
        let key = object.key();
        let version = object.metadata.resource_version;
        if let Some(named) = &mut self.listing {
            named.insert(key.clone());
        }
        match self.cache.get(&key) {
            // A list or a resumed watch repeats what is known, or lags behind it.
            Some(cached) if cached.resource_version >= version => return Some(version),
            Some(cached) if !cached.uid.is(&object.metadata.uid) => self.remove(&key, now),
            _ => {}
        }
        let record = self.record(*object, body, now);
        self.put(record, now);
        Some(version)
    }

    /// Judges an object, and packs it.
    fn record(&mut self, object: Object, body: Option<Vec<u8>>, now: Timestamp) -> Record {
        // In a list they stand together. Elsewhere one's text would have to be unpacked first, and all
        // who follow the object would wait for that.
        let siblings = if body.is_some() && self.listing.is_some() { self.siblings(&object) } else { Vec::new() };
        let body = body.map(|body| self.bodies.make(body, &siblings)).transpose().unwrap_or_else(|problem| {
            self.reject(&problem, &object.metadata.name);
            None
        });
        let ruling = rule::judge(&object, &*self.neighbours, now);
        let recheck_at = ruling.recheck_at;
        let record = self.packer.pack(object, ruling, body);
        self.rechecks.set(&record.key, recheck_at);
        record
    }

    /// The bodies of some that have the same owner.
    fn siblings(&self, object: &Object) -> Vec<Body> {
        let Some(owner) = object.metadata.owner_references.first() else { return Vec::new() };
        let owner = Link::Owner(Uid::from(&*owner.uid));
        let objects = self.cache.objects.read();
        let owned = objects.linked(&owner);
        // Itself, as it was, would be left alone with its past.
        let others = owned.filter(|record| *record.key.name != *object.metadata.name).take(SIBLINGS);
        others.filter_map(|record| record.body.clone()).collect()
    }

    fn delete(&mut self, identity: Option<Identity>, now: Timestamp) -> Option<u64> {
        let Some(identity) = identity else {
            self.reject(&"it was deleted, but which?", "");
            return None;
        };
        if self.cache.get(&identity.key).is_some_and(|cached| cached.uid.is(&identity.uid)) {
            self.remove(&identity.key, now);
        }
        identity.resource_version
    }

    /// Removes what the list that ends did not name.
    fn sweep(&mut self, now: Timestamp) {
        let named = self.listing.take().unwrap_or_default();
        let objects = self.cache.objects.read();
        let gone: Vec<Key> = objects.iter().map(|(key, _)| key).filter(|key| !named.contains(key)).cloned().collect();
        drop(objects);
        for key in gone {
            self.remove(&key, now);
        }
    }

    fn put(&self, record: Record, now: Timestamp) {
        let after = Arc::new(record);
        let logged = self.is_listed();
        let mut objects = self.cache.objects.write();
        let before = objects.insert(Arc::clone(&after));
        if logged {
            let state_changed = before.as_ref().is_none_or(|before| after.differs(before));
            let (old, new) = (before.clone(), Some(Arc::clone(&after)));
            self.log.append(self.cache.id, Change { before: old, after: new, state_changed, at: now });
            drop(objects);
            // Before the first list nobody looks here.
            self.tell(before.as_deref(), &after);
        }
    }

    /// Tells those who look at an object that it is another one by now.
    fn tell(&self, before: Option<&Record>, after: &Record) {
        // Of most kinds nobody looks at objects.
        if self.cache.related().is_none() {
            return;
        }
        // Who has looked at it may do so no longer.
        let gone = before.filter(|before| !after.links().eq(before.links()));
        if gone.is_none() && before.is_some_and(|before| after.is_alike(before)) {
            return;
        }
        gone.into_iter().chain([after]).for_each(|record| self.neighbours.changed(&self.cache, record));
    }

    fn remove(&mut self, key: &Key, now: Timestamp) {
        self.rechecks.remove(key);
        let logged = self.is_listed();
        let mut objects = self.cache.objects.write();
        if let Some(gone) = objects.remove(key)
            && logged
        {
            let before = Some(Arc::clone(&gone));
            self.log.append(self.cache.id, Change { before, after: None, state_changed: true, at: now });
            drop(objects);
            self.neighbours.changed(&self.cache, &gone);
        }
    }

    fn reject(&self, problem: &dyn std::fmt::Display, name: &str) {
        tracing::warn!(kind = %self.cache.kind(), name, "an object cannot be decoded: {problem}");
        self.cache.freshness.send_modify(|f| f.decode_errors += 1);
    }
}

/// What a thread comes to, when it has.
async fn end_of(learning: &mut Option<Learning>) -> io::Result<Arc<Codec>> {
    let Some(thread) = learning else { return std::future::pending().await };
    let learnt = thread.await;
    *learning = None;
    learnt.unwrap_or_else(|error| Err(error.into()))
}

#[cfg(test)]
mod tests;

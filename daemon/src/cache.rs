//! The daemon's copy of one kind: written by one task, read by everyone.

mod bodies;
pub mod freshness;
mod frozen;
mod objects;
pub mod touched;
pub mod writer;

use std::ops::Bound;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::freshness::Freshness;
pub use self::frozen::Frozen;
pub use self::objects::Objects;
use self::touched::Touched;
use crate::event_log::{CacheId, EventLog, Revision};
use crate::kind::Kind;
use crate::record::{Key, Link, Record};
use crate::rule::view::Related;
use crate::source::{Collection, Problem, ProblemReason};

/// How long a refusal may last that an API server means for a while.
const PATIENCE: Duration = Duration::from_secs(10);

/// The daemon's copy of one kind, everywhere or in one namespace.
#[derive(Debug)]
pub struct Cache {
    id: CacheId,
    collection: Collection,
    /// What it is to rules for other kinds, if it is anything.
    related: Option<Related>,
    keeps_bodies: bool,
    objects: RwLock<Objects>,
    freshness: watch::Sender<Freshness>,
    frozen: Mutex<Weak<Frozen>>,
    touched: Touched,
    closed: CancellationToken,
}

/// Nothing feeds the cache any more: what is waited for does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kind is followed otherwise by now")]
pub struct Closed;

/// What a cache takes up, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    /// Objects.
    pub objects: usize,
    /// All of them, with their bodies.
    pub bytes: usize,
    /// The bodies.
    pub body_bytes: usize,
}

impl Cache {
    /// An empty cache whose changes go to the log's ring `id`.
    #[must_use]
    pub fn new(id: CacheId, collection: Collection, keeps_bodies: bool, freshness: Freshness) -> Self {
        let kind = &collection.kind;
        let related = Related::find(&kind.group, &kind.kind, collection.field_selector);
        let (objects, freshness) = (RwLock::new(Objects::default()), watch::Sender::new(freshness));
        let (frozen, touched, closed) = (Mutex::default(), Touched::default(), CancellationToken::new());
        Self { id, collection, related, keeps_bodies, objects, freshness, frozen, touched, closed }
    }

    /// Whether objects can be had whole.
    #[must_use]
    pub fn keeps_bodies(&self) -> bool {
        self.keeps_bodies
    }

    /// Cancelled when nothing feeds it any more.
    #[must_use]
    pub fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// What it takes up: looks at every object.
    #[must_use]
    pub fn size(&self) -> Size {
        self.objects.read().iter().fold(Size::default(), |size, (_, record)| {
            let body = record.body.as_ref().map_or(0, crate::body::Body::size);
            Size {
                objects: size.objects + 1,
                bytes: size.bytes + record.size() + body,
                body_bytes: size.body_bytes + body,
            }
        })
    }

    /// Its ring in the event log.
    #[must_use]
    pub fn id(&self) -> CacheId {
        self.id
    }

    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.collection.kind
    }

    /// Where what it holds comes from.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// What it is to rules for other kinds, if it is anything.
    #[must_use]
    pub fn related(&self) -> Option<Related> {
        self.related
    }

    /// What of it is to be judged again.
    #[must_use]
    pub fn touched(&self) -> &Touched {
        &self.touched
    }

    /// The objects that have that link.
    #[must_use]
    pub fn linked(&self, link: &Link) -> Vec<Arc<Record>> {
        self.objects.read().linked(link).cloned().collect()
    }

    /// How new it is.
    ///
    /// It must not be held for long: the writer waits for it.
    #[must_use]
    pub fn freshness(&self) -> watch::Ref<'_, Freshness> {
        self.freshness.borrow()
    }

    /// The object of that name.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Record>> {
        self.objects.read().get(key).cloned()
    }

    /// Returns once the cache has held a whole list.
    ///
    /// # Errors
    /// If it has never, and something keeps it from it that does not pass by
    /// itself soon; or if nothing feeds it any more.
    pub async fn listed(&self) -> Result<(), Problem> {
        let listed = self.closed.run_until_cancelled(self.listed_or_not()).await;
        listed.unwrap_or_else(|| Err(Problem::new(ProblemReason::NotServed, "it is served otherwise by now")))
    }

    async fn listed_or_not(&self) -> Result<(), Problem> {
        let mut freshness = self.freshness.subscribe();
        let passing = |p: &Problem| p.reason == ProblemReason::Refused;
        let settled = |f: &Freshness| f.listed || f.problem.as_ref().is_some_and(|p| !passing(p));
        // An API server that is busy, or has just taken a kind up, says so.
        let _passed =
            tokio::time::timeout(PATIENCE, freshness.wait_for(settled)).await.map(|settled| settled.map(drop));
        let settled = freshness.wait_for(|f| f.listed || f.problem.is_some()).await;
        match settled {
            Ok(f) if f.listed => Ok(()),
            Ok(f) => Err(f.problem.clone().unwrap_or_else(Problem::stopped)),
            Err(_) => Err(Problem::stopped()),
        }
    }

    /// Returns once the cache has held a whole list, however long that takes, or nothing feeds it
    /// any more.
    pub async fn holds_a_list(&self) {
        let mut freshness = self.freshness.subscribe();
        let _closed = self.closed.run_until_cancelled(freshness.wait_for(|f| f.listed)).await.map(|it| it.map(drop));
    }

    /// Returns once the cache has held a whole list, or the API server does not
    /// give it one, or nothing feeds it any more; then, why it is not served.
    pub async fn settled(&self) -> Option<Problem> {
        let of_the_kind = |p: &Problem| p.reason.is_of_the_kind();
        let mut freshness = self.freshness.subscribe();
        let settled = freshness.wait_for(|f| f.listed || f.problem.as_ref().is_some_and(of_the_kind));
        match self.closed.run_until_cancelled(settled).await {
            Some(Ok(f)) if f.listed => None,
            Some(Ok(f)) => f.problem.clone(),
            Some(Err(_)) | None => Some(Problem::stopped()),
        }
    }

    /// Returns once those who look at it were told that it holds a whole list, or
    /// the API server does not give it one, or nothing feeds it any more. What only
    /// rules look at is not waited for while it cannot be read.
    pub async fn announced(&self) {
        let is_for_rules = self.collection.field_selector.is_some();
        let gives_up = |p: &Problem| is_for_rules || p.reason.is_of_the_kind();
        let settled = |f: &Freshness| f.announced || f.problem.as_ref().is_some_and(gives_up);
        let mut freshness = self.freshness.subscribe();
        let _settled =
            self.closed.run_until_cancelled(freshness.wait_for(settled)).await.map(|settled| settled.map(drop));
    }

    /// Returns once the cache holds everything up to that resourceVersion, which
    /// an object of its kind has had.
    ///
    /// # Errors
    /// If nothing feeds it any more.
    pub async fn reaches(&self, version: u64) -> Result<(), Closed> {
        let mut freshness = self.freshness.subscribe();
        let reached = freshness.wait_for(|f| f.listed && f.resource_version >= version);
        match self.closed.run_until_cancelled(reached).await {
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) | None => Err(Closed),
        }
    }

    /// Returns once the cache holds no object of that name that is as old as
    /// `version` or older, and since which revision of the log.
    ///
    /// Where a list as of `version` saw no such object, what the cache may still
    /// hear of from before is history.
    ///
    /// # Errors
    /// If nothing feeds it any more.
    pub async fn outlives(&self, key: &Key, version: u64, log: &EventLog) -> Result<Revision, Closed> {
        self.comes_to(|| self.outlived(key, version, log)).await
    }

    /// Returns once the cache holds no object for which `outdated`, and since
    /// which revision of the log.
    ///
    /// # Errors
    /// If nothing feeds it any more.
    pub async fn sheds(&self, log: &EventLog, outdated: impl Fn(&Record) -> bool) -> Result<Revision, Closed> {
        self.comes_to(move || {
            let snapshot = Snapshot::take([self], log);
            let has_none = !snapshot.objects(0, None).any(|(_, record)| outdated(record));
            has_none.then_some(snapshot.revision)
        })
        .await
    }

    /// Returns what is looked for, as soon as it is there.
    async fn comes_to<T>(&self, look: impl Fn() -> Option<T>) -> Result<T, Closed> {
        let mut freshness = self.freshness.subscribe();
        loop {
            freshness.mark_unchanged();
            if let Some(found) = look() {
                return Ok(found);
            }
            match self.closed.run_until_cancelled(freshness.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return Err(Closed),
            }
        }
    }

    fn outlived(&self, key: &Key, version: u64, log: &EventLog) -> Option<Revision> {
        let snapshot = Snapshot::take([self], log);
        let old = snapshot.get(0, key).is_some_and(|record| record.resource_version <= version);
        (!old).then_some(snapshot.revision)
    }
}

/// Several caches at one revision of the log.
pub struct Snapshot<'a> {
    /// Everything up to here is in [`Snapshot::objects`], nothing later is.
    pub revision: Revision,
    objects: Vec<RwLockReadGuard<'a, Objects>>,
}

impl<'a> Snapshot<'a> {
    /// Holds the caches still for as long as it lives. No change is lost or
    /// told twice between it and the log, because a writer appends to the log
    /// while it holds its cache.
    #[must_use]
    pub fn take(caches: impl IntoIterator<Item = &'a Cache>, log: &EventLog) -> Self {
        let mut caches: Vec<_> = caches.into_iter().enumerate().collect();
        // In one order, whatever the caller's: where a writer waits for each of
        // two caches, readers that hold one and want the other would wait for
        // ever.
        caches.sort_unstable_by_key(|(_, cache)| cache.id);
        let mut objects: Vec<_> = caches.into_iter().map(|(place, cache)| (place, cache.objects.read())).collect();
        let revision = log.head();
        objects.sort_unstable_by_key(|(place, _)| *place);
        Self { revision, objects: objects.into_iter().map(|(_, objects)| objects).collect() }
    }

    /// The objects of the cache at that place, from behind `after` on.
    pub fn objects(&self, cache: usize, after: Option<&Key>) -> impl Iterator<Item = (&Key, &Arc<Record>)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.objects[cache].range((from.cloned(), Bound::Unbounded))
    }

    /// The namespaces of the objects in the cache at that place, in their order.
    pub fn namespaces(&self, cache: usize) -> impl Iterator<Item = Arc<str>> {
        let next = move |from: Key| self.objects[cache].range(from..).next().map(|(key, _)| Arc::clone(&key.namespace));
        // No namespace has a NUL: the first key behind all of this one's.
        let behind = move |namespace: &Arc<str>| next(Key::new(format!("{namespace}\0"), ""));
        std::iter::successors(next(Key::new("", "")), behind)
    }

    /// The objects of a namespace in the cache at that place.
    pub fn in_namespace(&self, cache: usize, namespace: &Arc<str>) -> impl Iterator<Item = &Arc<Record>> {
        self.beginning(cache, namespace, "")
    }

    /// Those of them whose names begin with `prefix`: no others are looked at.
    pub fn beginning(&self, cache: usize, namespace: &Arc<str>, prefix: &str) -> impl Iterator<Item = &Arc<Record>> {
        // No name is empty.
        let from = Key { namespace: Arc::clone(namespace), name: prefix.into() };
        let all = self.objects[cache].range(from..);
        let begins = move |key: &Key| key.namespace == *namespace && key.name.starts_with(prefix);
        all.take_while(move |(key, _)| begins(key)).map(|(_, record)| record)
    }

    /// The object of that name in the cache at that place.
    #[must_use]
    pub fn get(&self, cache: usize, key: &Key) -> Option<&Arc<Record>> {
        self.objects[cache].get(key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A snapshot that waits for one cache holds those before it, not those
    /// behind, in whatever order they are asked for.
    #[test]
    fn snapshots_hold_caches_in_one_order() {
        let log = EventLog::new(crate::caches::Policy::default().changes);
        let unheard = || Freshness::unheard(jiff::Timestamp::UNIX_EPOCH);
        let cache = |kind| Cache::new(log.open_ring(), Collection::of(Arc::new(kind), None), true, unheard());
        let caches: Vec<_> = crate::kind::samples().into_iter().take(2).map(cache).collect();
        std::thread::scope(|scope| {
            let writing = caches[1].objects.write();
            scope.spawn(|| Snapshot::take([&caches[1], &caches[0]], &log).revision);
            let deadline = Instant::now() + Duration::from_secs(60);
            while !caches[0].objects.is_locked() && Instant::now() < deadline {
                std::thread::yield_now();
            }
            let held = caches[0].objects.is_locked();
            drop(writing);
            assert!(held, "the snapshot waits for the second cache without holding the first");
        });
    }
}

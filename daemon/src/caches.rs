//! The caches that are open, by what they hold: opened when they are needed,
//! closed when they were not for long.

pub mod first;
mod holding;
pub mod neighbours;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

pub use self::first::first_closed;
use self::neighbours::Neighbours;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::cache::freshness::Freshness;
use crate::cache::writer::Writer;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::decode::arrival::Decoder;
use crate::event_log::{Capacity, EventLog};
use crate::kind::Kind;
use crate::recording::recorder::Recorder;
use crate::rule::relations;
use crate::rule::view::Related;
use crate::rulebook::Rulebook;
use crate::source::{Arrivals, Collection, Problem, Sink};

/// Batches that may wait between a source and its cache; then the source waits.
const ARRIVALS: usize = 2;
/// Caches that wait to be fed; then who needs one more waits.
const OPENINGS: usize = 16;
/// Looks for caches that nobody needs come so many times as often as these are
/// closed.
const LOOKS: u32 = 4;
/// And no more often than that.
const SHORTEST_LOOK: Duration = Duration::from_millis(50);

/// What of a cluster is cached, and for how long.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The only namespaces; empty for the whole cluster.
    pub namespaces: Vec<String>,
    /// Kinds that are cached all the time, if they are served; in any form that
    /// kubectl takes.
    pub warm: Vec<String>,
    /// Kinds of which no bodies are kept.
    pub without_bodies: Vec<String>,
    /// After how long a cache that nobody reads is closed.
    pub idle: Duration,
    /// What is kept of each cache's changes.
    pub changes: Capacity,
}

/// A recording that is being made.
#[derive(Debug)]
pub struct Recording {
    /// Takes what comes.
    pub recorder: Arc<Recorder>,
    /// Of these kinds, which it knows by their places.
    pub kinds: Vec<Kind>,
}

/// What feeds one cache: to be followed until the cache is closed.
pub struct Feeding {
    /// Writes what comes.
    pub writer: Writer,
    /// What comes.
    pub arrivals: Arrivals,
    /// Where the source puts it.
    pub sink: Sink,
}

/// A cache that is open for as long as this is held.
#[derive(Clone, Debug)]
pub struct Lease {
    cache: Arc<Cache>,
    _held: Arc<()>,
}

impl Lease {
    /// A cache that nobody closes.
    #[must_use]
    pub fn of(cache: Arc<Cache>) -> Self {
        Self { cache, _held: Arc::default() }
    }

    /// The cache, open or not.
    #[must_use]
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }
}

impl Deref for Lease {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        &self.cache
    }
}

#[derive(Debug)]
struct Open {
    cache: Arc<Cache>,
    /// Held by the leases.
    held: Arc<()>,
    idle_since: Option<Instant>,
    /// What its rule looks at.
    looks_at: Vec<Lease>,
}

impl Open {
    /// Whether it holds that kind's objects, and something feeds it.
    fn is_of(&self, kind: &Kind) -> bool {
        self.cache.kind().is_served_as(kind) && !self.cache.closed().is_cancelled()
    }

    fn lease(&self) -> Lease {
        Lease { cache: Arc::clone(&self.cache), _held: Arc::clone(&self.held) }
    }
}

/// A kind, as `pods` or `deployments.apps`, a namespace, and a field selector.
type Place = (String, Option<Box<str>>, Option<&'static str>);

/// The caches of a cluster.
#[derive(Debug)]
pub struct Caches {
    catalog: Arc<Catalog>,
    neighbours: Arc<Neighbours>,
    policy: Policy,
    log: Arc<EventLog>,
    clock: Clock,
    rules: watch::Sender<Arc<Rulebook>>,
    /// What is recorded, for as long as the daemon does not end.
    recorder: Mutex<Option<Recording>>,
    open: Mutex<HashMap<Place, Open>>,
    openings: mpsc::Sender<Feeding>,
}

impl Caches {
    /// No caches yet; those that are opened come out of the receiver, to be fed.
    #[must_use]
    pub fn new(
        catalog: Catalog,
        policy: Policy,
        log: Arc<EventLog>,
        clock: Clock,
        rules: Rulebook,
        recorder: Option<Recording>,
    ) -> (Self, mpsc::Receiver<Feeding>) {
        let (openings, opened) = mpsc::channel(OPENINGS);
        let recorder = Mutex::new(recorder);
        let rules = watch::Sender::new(Arc::new(rules));
        let catalog = Arc::new(catalog);
        let neighbours = Arc::new(Neighbours::new(Arc::clone(&catalog)));
        (Self { catalog, neighbours, policy, log, clock, rules, recorder, open: Mutex::default(), openings }, opened)
    }

    /// The kinds that the cluster serves.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What rules see of the caches.
    #[must_use]
    pub fn neighbours(&self) -> &Arc<Neighbours> {
        &self.neighbours
    }

    /// What is cached.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The caches that hold the objects of a kind, opened if they are not.
    ///
    /// # Errors
    /// If the daemon ends.
    pub async fn lease(&self, kind: &Arc<Kind>) -> Result<Vec<Lease>, Problem> {
        self.lease_some(kind, None).await
    }

    async fn lease_some(&self, kind: &Arc<Kind>, field_selector: Option<&'static str>) -> Result<Vec<Lease>, Problem> {
        if !kind.namespaced || self.policy.namespaces.is_empty() {
            return Ok(vec![self.lease_one(kind, None, field_selector).await?]);
        }
        let mut leases = Vec::new();
        for namespace in &self.policy.namespaces {
            leases.push(self.lease_one(kind, Some(namespace.as_str().into()), field_selector).await?);
        }
        Ok(leases)
    }

    async fn lease_one(
        &self,
        kind: &Arc<Kind>,
        namespace: Option<Box<str>>,
        field_selector: Option<&'static str>,
    ) -> Result<Lease, Problem> {
        let place = (kind.to_string(), namespace, field_selector);
        if let Some(lease) = self.find(kind, &place) {
            return Ok(lease);
        }
        let looks_at = Box::pin(self.lease_what_is_looked_at(kind, field_selector)).await?;
        // First a place in the queue: a cache that is open is fed, whoever goes away.
        let opening = self.openings.reserve().await.map_err(|_| Problem::stopped())?;
        let mut open = self.open.lock();
        match open.get(&place) {
            Some(known) if known.is_of(kind) => return Ok(known.lease()),
            // The kind has changed its version or scope, or its versions have gone back: another watch.
            Some(known) => self.close(&known.cache),
            None => {}
        }
        let cache = self.new_cache(kind, place.1.clone(), field_selector);
        self.neighbours.add(&cache);
        let opened = Open { cache: Arc::clone(&cache), held: Arc::default(), idle_since: None, looks_at };
        let lease = opened.lease();
        open.insert(place, opened);
        opening.send(self.feeding(cache));
        Ok(lease)
    }

    /// What the rule for a kind looks at, as far as it is served.
    async fn lease_what_is_looked_at(
        &self,
        kind: &Kind,
        field_selector: Option<&'static str>,
    ) -> Result<Vec<Lease>, Problem> {
        let mut leases = Vec::new();
        let set = Related::find(&kind.group, &kind.kind, field_selector);
        for other in set.map(relations::looks_at).unwrap_or_default() {
            // A recording has whole kinds only.
            let is_there = other.field_selector().is_none() || !self.catalog.is_fixed();
            if let Some(kind) = self.catalog.find_exactly(other.group_kind()).filter(|_| is_there) {
                leases.extend(self.lease_some(&kind, other.field_selector()).await?);
            }
        }
        Ok(leases)
    }

    /// Looks again what is served of that which rules look at: kinds come and go.
    ///
    /// # Errors
    /// If the daemon ends.
    pub async fn renew_looked_at(&self) -> Result<(), Problem> {
        let open = self.open();
        for cache in &open {
            let field_selector = cache.collection().field_selector;
            let looks_at = self.lease_what_is_looked_at(cache.kind(), field_selector).await?;
            let mut open = self.open.lock();
            if let Some(open) = open.values_mut().find(|open| open.cache.id() == cache.id()) {
                open.looks_at = looks_at;
            }
        }
        Ok(())
    }

    fn find(&self, kind: &Kind, place: &Place) -> Option<Lease> {
        self.open.lock().get(place).filter(|known| known.is_of(kind)).map(Open::lease)
    }

    fn new_cache(
        &self,
        kind: &Arc<Kind>,
        namespace: Option<Box<str>>,
        field_selector: Option<&'static str>,
    ) -> Arc<Cache> {
        // Of a cache that only rules look at nobody can ask for more.
        let keeps_bodies =
            field_selector.is_none() && !self.policy.without_bodies.iter().any(|name| kind.answers_to(name));
        let collection = Collection { field_selector, ..Collection::of(Arc::clone(kind), namespace) };
        Arc::new(Cache::new(self.log.open_ring(), collection, keeps_bodies, Freshness::unheard(self.clock.now())))
    }

    fn feeding(&self, cache: Arc<Cache>) -> Feeding {
        let recorder = self.recorder.lock().as_ref().and_then(|recording| {
            let whole = cache.collection().field_selector.is_none();
            let place = recording.kinds.iter().position(|kind| whole && kind == cache.kind())?;
            Some((Arc::clone(&recording.recorder), place))
        });
        let (sender, arrivals) = mpsc::channel(ARRIVALS);
        let rule = self.rules.borrow().rule(cache.kind());
        let decoder = Decoder::new(Arc::clone(&cache.collection().kind), cache.keeps_bodies(), rule);
        let sink = Sink::new(sender, decoder, recorder, self.clock.clone());
        let (log, neighbours) = (Arc::clone(&self.log), Arc::clone(&self.neighbours));
        Feeding { writer: Writer::new(cache, log, self.clock.clone(), neighbours), arrivals, sink }
    }

    fn close(&self, cache: &Cache) {
        cache.closed().cancel();
        self.neighbours.remove(cache);
        self.log.close_ring(cache.id());
    }

    /// Nothing more is recorded of caches that are opened from now on.
    pub fn stop_recording(&self) {
        self.recorder.lock().take();
    }

    /// The caches that are open, in the order of what they hold.
    #[must_use]
    pub fn open(&self) -> Vec<Arc<Cache>> {
        let mut caches: Vec<_> = self.open.lock().values().map(|open| Arc::clone(&open.cache)).collect();
        caches.sort_by_cached_key(|cache| cache.collection().to_string());
        caches
    }

    /// Whether a kind is cached all the time.
    #[must_use]
    pub fn is_warm(&self, kind: &Kind) -> bool {
        self.policy.warm.iter().any(|name| kind.answers_to(name))
    }

    /// Leases every kind that is to be cached all the time and is served.
    ///
    /// # Errors
    /// If the daemon ends.
    pub async fn lease_warm(&self) -> Result<Vec<Lease>, Problem> {
        let mut leases = Vec::new();
        for name in &self.policy.warm {
            if let Some(kind) = self.catalog.find(name) {
                leases.extend(self.lease(&kind).await?);
            }
        }
        Ok(leases)
    }

    /// Closes caches of kinds that are served otherwise by now: in another
    /// version, or scope. Who reads them is told, and comes again.
    pub fn close_changed(&self) {
        self.open.lock().retain(|(name, ..), open| {
            let changed = self.catalog.find(name).is_some_and(|kind| !kind.is_served_as(open.cache.kind()));
            if changed {
                self.close(&open.cache);
            }
            !changed
        });
    }

    /// The rules in CEL, and when they change.
    #[must_use]
    pub fn rules(&self) -> watch::Receiver<Arc<Rulebook>> {
        self.rules.subscribe()
    }

    /// Judges by these rules from now on. Caches of kinds that are judged
    /// otherwise by them are closed: who reads them is told, and comes again.
    pub fn judge_by(&self, rules: Rulebook) {
        let mut open = self.open.lock();
        let before = self.rules.send_replace(Arc::new(rules));
        let now = self.rules.borrow();
        open.retain(|_, open| {
            let agree = now.agrees(&before, open.cache.kind());
            if !agree {
                self.close(&open.cache);
            }
            agree
        });
    }

    /// Closes caches that nobody has needed for long, for ever.
    pub async fn close_idle(&self) {
        loop {
            tokio::time::sleep((self.policy.idle / LOOKS).max(SHORTEST_LOOK)).await;
            self.look_for_idle(Instant::now());
        }
    }

    fn look_for_idle(&self, now: Instant) {
        self.open.lock().retain(|_, open| {
            // Who leases does so under this lock.
            if Arc::strong_count(&open.held) > 1 {
                open.idle_since = None;
                return true;
            }
            let since = *open.idle_since.get_or_insert(now);
            let close = now.duration_since(since) >= self.policy.idle;
            if close {
                tracing::info!(kind = %open.cache.collection(), "nobody has read it for a while: it is no longer watched");
                self.close(&open.cache);
            }
            !close
        });
    }
}

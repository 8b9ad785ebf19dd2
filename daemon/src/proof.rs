//! Proof that a view is no older than a question.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, TryStreamExt as _};

use crate::cache::{Cache, Snapshot};
use crate::caches::Caches;
use crate::event_log::{CacheId, EventLog};
use crate::kind::Kind;
use crate::record::{Key, Record, SERVICE};
use crate::rule::DRAINED;
use crate::rule::relations;
use crate::rule::view::Related;
use crate::source::shared::SharedReads;
use crate::source::{Collection, Problem, ProblemReason, Selectors, Set, Source, Truth};
use crate::state::State;
use crate::subscription::{Absence, Gap, Named, Scope, Selection};

/// Live reads that one proof makes at a time.
const READS_AT_ONCE: usize = 16;
/// Before a live read that failed is tried again.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// The longest that an API server's `Retry-After` is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Proves views. Those who wait for the same live read share it.
#[derive(Debug)]
pub struct Prover {
    caches: Arc<Caches>,
    log: Arc<EventLog>,
    source: Source,
    names: SharedReads<(CacheId, Key), Result<Truth, Problem>>,
    sets: SharedReads<ListOf, Result<Option<Arc<Set>>, Problem>>,
}

/// A view that cannot be proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// What it is of may not be read, or is not served.
    #[error("{kind} cannot be read: {}", problem.message)]
    Refused {
        /// What.
        kind: Arc<Kind>,
        /// Why.
        problem: Problem,
    },
    /// What it is of is followed otherwise by now.
    #[error("{0} are now watched in a different way")]
    Closed(Arc<Kind>),
}

/// What becomes of what a proof finds out of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finds {
    /// The selection hides from now on what is history.
    History,
    /// Nothing: who looks at the newest version only will see it go by.
    Nothing,
}

/// Whose objects a list is of, in which namespace, and with which labels and fields.
type ListOf = (CacheId, Option<Box<str>>, Selectors);

impl Prover {
    /// A prover of what these caches hold, which that source feeds.
    #[must_use]
    pub fn new(caches: Arc<Caches>, log: Arc<EventLog>, source: Source) -> Self {
        Self { caches, log, source, names: SharedReads::default(), sets: SharedReads::default() }
    }

    /// Resolves when the caches hold what live reads, begun after now, have seen
    /// of every selected object.
    ///
    /// # Errors
    /// If they may not be read.
    pub async fn prove(self: Arc<Self>, selection: Arc<Selection>, finds: Finds) -> Result<(), Unproven> {
        match &selection.scope {
            Scope::Named(named) => {
                let each = |named| prove_one(&self, &selection, named, finds);
                stream::iter(named.iter().map(Ok)).try_for_each_concurrent(READS_AT_ONCE, each).await
            }
            Scope::All | Scope::Namespaces(_) => {
                let each = |place| prove_set(&self, &selection, place, finds);
                stream::iter((0..selection.caches.len()).map(Ok)).try_for_each_concurrent(READS_AT_ONCE, each).await
            }
        }
    }
}

/// Resolves when the cache at that place has reached every object that a live
/// list of the selection's has seen, and explains every one that it has not.
async fn prove_set(prover: &Prover, selection: &Selection, place: usize, finds: Finds) -> Result<(), Unproven> {
    let cache = &selection.caches[place];
    let collection = match &selection.scope {
        // One namespace is a shorter list.
        Scope::Namespaces(namespaces) if namespaces.len() == 1 && cache.kind().namespaced => Collection {
            namespace: namespaces.iter().next().map(|namespace| (**namespace).into()),
            ..cache.collection().clone()
        },
        _ => cache.collection().clone(),
    };
    let namespace = collection.namespace.clone();
    let Some(set) = read_set(prover, cache, collection, Selectors::labels(selection.labels.to_string())).await? else {
        return Ok(());
    };
    let closed = |_| Unproven::Closed(Arc::clone(&cache.collection().kind));
    cache.reaches(set.newest).await.map_err(closed)?;
    let outdated = |record: &Record| {
        record.resource_version <= set.version && selection.may_list(record) && !set.uids.contains(&record.uid)
    };
    let since = cache.sheds(&prover.log, outdated).await.map_err(closed)?;
    if finds == Finds::History {
        selection.gaps[place].set(Gap { after: set.newest, up_to: set.version, since });
    }
    prove_neighbours(prover, cache, namespace.as_deref(), None).await
}

/// What a live list sees, of those that are selected.
async fn read_set(
    prover: &Prover,
    cache: &Cache,
    collection: Collection,
    selectors: Selectors,
) -> Result<Option<Arc<Set>>, Unproven> {
    let thing = (cache.id(), collection.namespace.clone(), selectors.clone());
    let read = || {
        let (source, collection, selectors) = (prover.source.clone(), collection.clone(), selectors.clone());
        let read = async move { Ok(source.read_set(&collection, &selectors).await?.map(Arc::new)) };
        prover.sets.read(&thing, read)
    };
    read_on(cache, "*", read).await
}

/// Resolves when what the rule for a cache's kind needs, to say that something
/// is ready, or that it has failed, is no older than now, and has been
/// looked at: for objects in one namespace, or for that of one name.
async fn prove_neighbours(
    prover: &Prover,
    cache: &Cache,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Result<(), Unproven> {
    let related = cache.related();
    let mut needs = related.map(relations::readiness_needs).unwrap_or_default().to_vec();
    let of_failures = related.map(relations::failure_needs).unwrap_or_default();
    if !of_failures.is_empty() && has_failed(prover, cache, namespace, name) {
        needs.extend(of_failures);
    }
    // Of what has no namespace it may be in any.
    let namespace = namespace.filter(|_| cache.kind().namespaced);
    let of_service = name.filter(|_| related == Some(Related::Services));
    for needed in &needs {
        for other in prover.caches.neighbours().caches(*needed, namespace) {
            let proven = prove_neighbour(prover, &other, namespace, of_service);
            match other.closed().run_until_cancelled(proven).await {
                Some(proven) => proven?,
                None => return Err(Unproven::Closed(Arc::clone(&other.collection().kind))),
            }
        }
    }
    if !needs.is_empty() {
        cache.touched().settled().await;
    }
    if related == Some(Related::Nodes) {
        prove_drained(prover, cache, name).await?;
    }
    Ok(())
}

/// Whether one has failed, of objects in one namespace, or that of one name.
fn has_failed(prover: &Prover, cache: &Cache, namespace: Option<&str>, name: Option<&str>) -> bool {
    let has_failed = |record: &Record| record.judgement.state == State::Failed;
    match name {
        Some(name) => {
            cache.get(&Key::new(namespace.unwrap_or_default(), name)).is_some_and(|record| has_failed(&record))
        }
        None => {
            let is_there = |key: &Key| namespace.is_none_or(|namespace| *key.namespace == *namespace);
            let snapshot = Snapshot::take([cache], &prover.log);
            snapshot.objects(0, None).any(|(key, record)| is_there(key) && has_failed(record))
        }
    }
}

/// Resolves when what is known of the pods of nodes that are said to be drained is no older
/// than now, and has been looked at.
async fn prove_drained(prover: &Prover, nodes: &Cache, name: Option<&str>) -> Result<(), Unproven> {
    let drained: Vec<_> = {
        let snapshot = Snapshot::take([nodes], &prover.log);
        let all = snapshot
            .objects(0, None)
            .filter(|(key, record)| name.is_none_or(|name| *key.name == *name) && &*record.judgement.reason == DRAINED);
        all.map(|(key, _)| Arc::clone(&key.name)).collect()
    };
    for pods in prover.caches.neighbours().caches(Related::Pods, None) {
        for node in &drained {
            let selectors = Selectors::fields(format!("spec.nodeName={node}"));
            let is_meant = |pod: &Record| pod.node() == Some(node);
            prove_others(prover, &pods, pods.collection().clone(), selectors, is_meant).await?;
        }
    }
    if !drained.is_empty() {
        nodes.touched().settled().await;
    }
    Ok(())
}

async fn prove_neighbour(
    prover: &Prover,
    cache: &Arc<Cache>,
    namespace: Option<&str>,
    of_service: Option<&str>,
) -> Result<(), Unproven> {
    cache.announced().await;
    if !cache.freshness().listed {
        // What is not visible makes nothing ready.
        return Ok(());
    }
    let namespace = namespace.filter(|_| cache.kind().namespaced);
    let mut collection = cache.collection().clone();
    collection.namespace = collection.namespace.or(namespace.map(Into::into));
    let labels = of_service.map(|name| format!("{SERVICE}={name}")).unwrap_or_default();
    let is_meant = |record: &Record| {
        namespace.is_none_or(|namespace| *record.key.namespace == *namespace)
            && of_service.is_none_or(|name| record.label(SERVICE) == Some(name))
    };
    prove_others(prover, cache, collection, Selectors::labels(labels), is_meant).await
}

/// Resolves when the cache holds what a live list sees of those that are selected, which are those that are meant.
async fn prove_others(
    prover: &Prover,
    cache: &Cache,
    collection: Collection,
    selectors: Selectors,
    is_meant: impl Fn(&Record) -> bool,
) -> Result<(), Unproven> {
    let Some(set) = read_set(prover, cache, collection, selectors).await? else { return Ok(()) };
    let closed = |_| Unproven::Closed(Arc::clone(&cache.collection().kind));
    cache.reaches(set.newest).await.map_err(closed)?;
    let outdated =
        |record: &Record| record.resource_version <= set.version && is_meant(record) && !set.uids.contains(&record.uid);
    cache.sheds(&prover.log, outdated).await.map_err(closed)?;
    Ok(())
}

/// Reads until that succeeds, or may not be.
async fn read_on<T, F>(cache: &Cache, name: &str, read: impl Fn() -> F) -> Result<T, Unproven>
where
    F: Future<Output = Result<T, Problem>>,
{
    let mut told = false;
    loop {
        match read().await {
            Ok(read) => return Ok(read),
            // What is not understood now never will be.
            Err(problem) if problem.reason.is_of_the_kind() || problem.reason == ProblemReason::Invalid => {
                return Err(Unproven::Refused { kind: Arc::clone(&cache.collection().kind), problem });
            }
            Err(problem) => {
                if !std::mem::replace(&mut told, true) {
                    let kind = cache.kind();
                    tracing::warn!(%kind, name, "a stream waits for a live read, which failed: {}", problem.message);
                }
                tokio::time::sleep(problem.retry_after.unwrap_or_default().clamp(READ_AGAIN, LONGEST_WAIT)).await;
            }
        }
    }
}

async fn prove_one(prover: &Prover, selection: &Selection, named: &Named, finds: Finds) -> Result<(), Unproven> {
    let cache = &selection.caches[named.cache];
    let thing = (cache.id(), named.key.clone());
    let read = || {
        let (source, kind, key) = (prover.source.clone(), Arc::clone(&cache.collection().kind), named.key.clone());
        prover.names.read(&thing, async move { source.read(&kind, &key).await })
    };
    let truth = read_on(cache, &named.key.name, read).await?;
    let closed = |_| Unproven::Closed(Arc::clone(&cache.collection().kind));
    match truth {
        Truth::Cached => {}
        Truth::Seen(version) => cache.reaches(version).await.map_err(closed)?,
        Truth::Absent(version) => {
            let since = cache.outlives(&named.key, version, &prover.log).await.map_err(closed)?;
            if finds == Finds::History {
                named.absence.set(Absence { version, since });
            }
        }
    }
    prove_neighbours(prover, cache, Some(&named.key.namespace), Some(&named.key.name)).await
}

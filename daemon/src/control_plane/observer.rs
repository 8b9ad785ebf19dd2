//! Looks at a control plane, for all who ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::checks::Endpoint;
use super::leader::Leader;
use super::observation::{Kubelets, Latency, Measured, Observation, Recent, Subject};
use crate::cache::Snapshot;
use crate::caches::Caches;
use crate::clock::Clock;
use crate::event_log::EventLog;
use crate::record::{Detail, Record};
use crate::source::apiserver::{ApiServer, Timed};
use crate::source::{Problem, ProblemReason};

/// For how long what was seen is told to whoever asks.
const FRESH: Duration = Duration::from_secs(1);
/// The same of metrics, which cost the API server more.
const METRICS_FRESH: Duration = Duration::from_secs(15);
/// How long nodes may take to be listed.
const PATIENCE: Duration = Duration::from_secs(3);

/// Looks at a control plane.
#[derive(Debug)]
pub struct Observer {
    server: ApiServer,
    caches: Arc<Caches>,
    log: Arc<EventLog>,
    clock: Clock,
    observed: Kept<Arc<Observation>>,
    measured: Kept<Result<Arc<Measured>, Problem>>,
}

/// What is found out by one at a time, and kept for a while.
#[derive(Debug)]
struct Kept<T> {
    turn: Semaphore,
    last: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Kept<T> {
    fn new() -> Self {
        Self { turn: Semaphore::new(1), last: Mutex::default() }
    }

    /// What is known and fresh enough, or else what is found out.
    async fn get(&self, fresh: Duration, find_out: impl Future<Output = T>) -> T {
        // The semaphore is never closed.
        let _turn = self.turn.acquire().await;
        if let Some((_, known)) = self.last().filter(|(at, _)| at.elapsed() < fresh) {
            return known;
        }
        let found = find_out.await;
        *self.last.lock() = Some((Instant::now(), found.clone()));
        found
    }

    /// What was found out last, and when.
    fn last(&self) -> Option<(Instant, T)> {
        self.last.lock().clone()
    }
}

impl Observer {
    /// Asks that API server, and looks for nodes in those caches.
    #[must_use]
    pub fn new(server: ApiServer, caches: Arc<Caches>, log: Arc<EventLog>, clock: Clock) -> Self {
        Self { server, caches, log, clock, observed: Kept::new(), measured: Kept::new() }
    }

    /// How it is, but for metrics.
    pub async fn observe(&self) -> Arc<Observation> {
        self.observed.get(FRESH, async { Arc::new(self.look().await) }).await
    }

    /// What the API server's metrics tell.
    ///
    /// # Errors
    /// If it does not give them.
    pub async fn measure(&self) -> Result<Arc<Measured>, Problem> {
        let measure = async {
            let metrics = self.server.read_metrics().await?;
            let recent = self.measured.last().and_then(|(at, before)| {
                let operations = metrics.since(&before.ok()?.metrics)?;
                Some(Recent { over: at.elapsed(), operations })
            });
            Ok(Arc::new(Measured { metrics, recent }))
        };
        self.measured.get(METRICS_FRESH, measure).await
    }

    /// The checks one after the other, so that none waits for the other's answer.
    async fn look(&self) -> Observation {
        let at = self.clock.now();
        // It takes nothing but the API server itself, and opens the connection if there is none.
        let version = self.server.timed_version().await;
        if let Err(problem) = &version.answer
            && problem.reason == ProblemReason::Unreachable
        {
            return Observation::nothing(at, problem.clone());
        }
        let mut latencies = Vec::new();
        note(&mut latencies, Subject::VERSION, &version);
        let mut endpoints = Vec::new();
        for subject in Subject::ENDPOINTS {
            let answered = self.server.read_checks(subject.object()).await;
            note(&mut latencies, subject, &answered);
            endpoints.push((subject, answered.answer.or_else(silent)));
        }
        let mut leases = Vec::new();
        for (subject, answered) in join_all(Subject::LEASES.map(|lease| self.leader(lease))).await {
            note(&mut latencies, subject, &answered);
            leases.push((subject, answered.answer));
        }
        let kubelets = timeout(PATIENCE, self.kubelets()).await;
        let kubelets = kubelets.unwrap_or_else(|_| Err(problem(ProblemReason::Unreachable, "not read in time")));
        Observation { at, unreachable: None, version: version.answer, endpoints, leases, kubelets, latencies }
    }

    async fn leader(&self, lease: Subject) -> (Subject, Timed<Result<Option<Leader>, Problem>>) {
        (lease, self.server.read_leader(lease.namespace(), lease.object()).await)
    }

    async fn kubelets(&self) -> Result<Vec<Kubelets>, Problem> {
        let catalog = self.caches.catalog();
        catalog.loaded().await?;
        let kind = catalog.find_exactly(("", "Node"));
        let kind = kind.ok_or_else(|| problem(ProblemReason::NotServed, "the API server serves no nodes"))?;
        let mut nodes = Vec::new();
        for lease in self.caches.lease(&kind).await? {
            lease.listed().await?;
            let snapshot = Snapshot::take([&*lease], &self.log);
            nodes.extend(snapshot.objects(0, None).filter_map(|(_, record)| kubelet(record)));
        }
        Ok(Kubelets::group(nodes.into_iter()))
    }
}

/// A node's name and its kubelet's version.
fn kubelet(record: &Record) -> Option<(Arc<str>, Arc<str>)> {
    match &record.detail {
        Detail::Node { kubelet, .. } => Some((Arc::clone(&record.key.name), Arc::clone(kubelet))),
        _ => None,
    }
}

/// What answered took so long.
fn note<T>(latencies: &mut Vec<Latency>, subject: Subject, timed: &Timed<Result<T, Problem>>) {
    if timed.answer.is_ok() {
        latencies.push(Latency { subject, took: timed.took });
    }
}

/// An API server that answers elsewhere, and does not say in time that it is well, is not.
fn silent(problem: Problem) -> Result<Endpoint, Problem> {
    match problem.reason {
        ProblemReason::Unreachable => Ok(Endpoint::failed(problem.message)),
        _ => Err(problem),
    }
}

fn problem(reason: ProblemReason, message: &str) -> Problem {
    Problem::new(reason, message)
}

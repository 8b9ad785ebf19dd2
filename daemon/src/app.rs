//! The composition root: puts the daemon together and owns its tasks.

mod events;
mod gates;
mod serving;
mod supply;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::gates::{Lasting, keep};
use self::serving::{Entrance, Kept, Open, serve};
use self::supply::{Supply, supply};
use crate::access::TokenError;
use crate::access::authorizer::Authorizer;
use crate::access::oidc::ConfigurationError;
use crate::access::own_rights::say_what_is_off;
use crate::access::shares::Shares;
use crate::act::operation::{Operations, Work};
use crate::act::tunnels::{Carrying, Tunnels};
use crate::args::{ArgsError, Config};
use crate::caches::{Caches, Feeding, Lease, Recording};
use crate::cause::{BadPattern, Investigator, Redaction};
use crate::event_log::EventLog;
use crate::event_log::cursor::Incarnation;
use crate::event_store::EventStore;
use crate::gate::register::Gates;
use crate::gate::run::{Run, Tools};
use crate::gate::store::StoreError;
use crate::lifecycle;
use crate::logs;
use crate::predicate::Predicates;
use crate::proof::Prover;
use crate::recording::recorder::{RecordError, Writing};
use crate::rpc::listener::{Address, ListenError, Listener};
use crate::rpc::tls::TlsError;
use crate::rpc::{MOST_DUMPS, Rpc, Served, Streams};
use crate::rule::relations::Dependent;
use crate::rule::view::Related;
use crate::rulebook::RuleError;
use crate::rulebook::files::RuleFiles;
use crate::source::Source;
use crate::source::connect::ConnectError;
use crate::source::replay::ReplayError;
use crate::subscription::predicate::Answering;
use crate::subscription::{Evaluator, Groups};

/// A daemon that cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The arguments contradict each other.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// `--log` is not a filter.
    #[error("--log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    /// There is no cluster to talk to.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The cluster cannot be recorded.
    #[error("the cluster cannot be recorded: {0}")]
    Unrecordable(String),
    /// The recording cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The recording, or the dump, cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The operator's rules cannot be read.
    #[error("--rules: {0}")]
    Rules(#[from] RuleError),
    /// A pattern of what is to be redacted.
    #[error("--redact: {0}")]
    Redact(#[from] BadPattern),
    /// Gates cannot be kept.
    #[error("--gates: {0}")]
    Gates(#[from] StoreError),
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// TLS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The issuers of tokens cannot be read.
    #[error("--authentication-config: {0}")]
    Authentication(#[from] ConfigurationError),
    /// Tokens cannot be reviewed: there is no cluster.
    #[error("--token-review: a recording knows no tokens")]
    NothingReviews,
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A fault in the daemon itself.
    #[error("internal fault: {0}")]
    Fault(String),
}

impl AppError {
    /// The process's exit code: 2 for what the user can mend by giving other
    /// arguments or files, 4 for a cluster that does not answer, 70 for a fault.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Fault(_) => 70,
            Self::Unrecordable(_) => 4,
            _ => 2,
        }
    }
}

/// A daemon that listens, but does not serve yet.
pub struct Bound {
    listeners: Vec<Listener>,
    addresses: Vec<Address>,
    rpc: Rpc,
    served: Arc<Served>,
    parts: Parts,
    ingest: Handle,
    drain_timeout: Duration,
}

/// What becomes tasks of its own.
struct Parts {
    openings: mpsc::Receiver<Feeding>,
    opened_gates: mpsc::Receiver<Run>,
    started: mpsc::Receiver<Work>,
    carryings: mpsc::Receiver<Carrying>,
    lasting_gates: Lasting,
    answering: Answering,
    rule_files: RuleFiles,
    writing: Option<Writing>,
    kept: Kept,
}

/// Puts a daemon together. Sources run on `ingest`.
///
/// # Errors
/// If the configuration cannot be carried out.
pub async fn bind(config: Config, ingest: Handle) -> Result<Bound, AppError> {
    let entrance = Entrance::read(config.serving, config.token_file.as_deref()).await?;
    // Listening first: a busy socket should not leave a recording behind.
    let (listeners, addresses) = entrance.listen(&config.listen).await?;

    let mut policy = config.policy;
    let supply = supply(config.origin, &mut policy).await?;
    let Supply { cluster, default_namespace, source, clock, catalog, record } = supply;
    let log = Arc::new(EventLog::new(policy.changes));
    let (recorder, writing) =
        record.map(|(recorder, kinds, writing)| (Recording { recorder: Arc::new(recorder), kinds }, writing)).unzip();
    let (rule_files, rules) = RuleFiles::open(config.rules).await?;
    let (caches, openings) = Caches::new(catalog, policy, Arc::clone(&log), clock.clone(), rules, recorder);
    let caches = Arc::new(caches);
    let prover = Arc::new(Prover::new(Arc::clone(&caches), Arc::clone(&log), source.clone()));
    let authorizer = Arc::new(Authorizer::new(source.api_server(), config.authorization_ttl));
    let shares = Arc::new(Shares::new(config.shares));
    let (evaluator, answering) = Evaluator::new(Predicates::new(config.worker, config.predicates));
    let open = entrance.open(&source)?;
    let redaction = Arc::new(Redaction::new(&config.redact)?);
    let investigator = Investigator::new(
        Arc::clone(caches.neighbours()),
        source.clone(),
        Arc::clone(&authorizer),
        Arc::clone(&redaction),
    );
    let (keeper, keeping, loaded) = keep(config.gates, &clock).await?;
    let tools = Tools {
        keeper,
        log: Arc::clone(&log),
        prover: Arc::clone(&prover),
        investigator: Arc::new(investigator),
        looks: Arc::default(),
        clock: clock.going_on(),
    };
    let (gates, opened_gates) = Gates::new(tools);
    let (operations, started) = Operations::new(clock.going_on());
    let (tunnels, carryings) = Tunnels::new();
    let served = Arc::new(Served {
        cluster,
        default_namespace,
        caches,
        log,
        groups: Groups::default(),
        incarnation: Incarnation::random(),
        source,
        clock,
        gates,
        events: Arc::new(EventStore::new(config.events)),
        authorizer,
        operations,
        remote_acts: config.remote_acts,
        tunnels,
        status_only: config.status_only,
        redaction,
        prover,
        evaluator,
        streams: Streams::new(config.max_streams, Arc::clone(&shares)),
        shares,
        log_places: Arc::new(Semaphore::new(logs::session::MOST)),
        dump_places: Arc::new(Semaphore::new(MOST_DUMPS)),
        drain: CancellationToken::new(),
    });
    let Open { access, tls, door } = open;
    let rpc = Rpc::new(Arc::clone(&served), Arc::clone(&access), door).map_err(|e| AppError::Fault(e.to_string()))?;
    let drain_timeout = config.drain_timeout;
    let lasting_gates = Lasting { keeping, reopenings: served.know_again(loaded) };
    let kept = Kept { access, tls };
    let parts =
        Parts { openings, opened_gates, started, carryings, lasting_gates, answering, rule_files, writing, kept };
    Ok(Bound { listeners, addresses, rpc, served, parts, ingest, drain_timeout })
}

/// How a task of the daemon ended.
type Ended = Result<(), AppError>;

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Makes the daemon end as SIGTERM does.
    #[must_use]
    pub fn shutdown(&self) -> CancellationToken {
        self.served.drain.clone()
    }

    /// Serves until [`Bound::shutdown`] is cancelled and streams have ended, or
    /// until `abort` is.
    ///
    /// # Errors
    /// If a task of the daemon fails, or the recording is not whole.
    pub async fn run(self, abort: CancellationToken) -> Result<(), AppError> {
        let Self { listeners, addresses: _, rpc, served, parts, ingest, drain_timeout } = self;
        let Parts {
            mut openings,
            mut opened_gates,
            mut started,
            mut carryings,
            lasting_gates,
            answering,
            rule_files,
            writing,
            kept,
        } = parts;
        let rpc = Arc::new(rpc);
        let mut servers = serve(listeners, &rpc);
        let mut workers = look_after(&served, &rpc);
        workers.spawn(async move {
            answering.run().await;
            Ok(())
        });
        let judged = Arc::clone(&served);
        workers.spawn(async move {
            rule_files.follow(&judged.caches).await;
            Ok(())
        });
        kept.keep(&mut workers);
        events::keep(&mut workers, &served);
        let keeping = lasting_gates.begin(&mut workers, &served);
        let ended = loop {
            tokio::select! {
                () = served.drain.cancelled() => break Ok(()),
                Some(feeding) = openings.recv() => follow(&mut workers, feeding, &served.source, &ingest),
                Some(work) = started.recv() => act(&mut workers, &served, work),
                Some(gate) = opened_gates.recv() => gates::judge(&mut workers, &served, gate),
                Some(carrying) = carryings.recv() => carry(&mut workers, carrying),
                Some(ended) = workers.join_next() => if let ended @ Err(_) = flatten(ended) { break ended },
                Some(ended) = servers.join_next() => break flatten(ended),
            }
        };
        served.drain.cancel();
        let drained = async { while servers.join_next().await.is_some() {} };
        tokio::select! {
            () = drained => tracing::info!("every stream has ended"),
            () = tokio::time::sleep(drain_timeout) => tracing::warn!("streams are cut off: they did not end within {drain_timeout:?}"),
            () = abort.cancelled() => tracing::warn!("streams are cut off"),
        }
        servers.shutdown().await;
        // With the sources goes the last sink, and with it the recorder.
        workers.shutdown().await;
        served.gates.stop_keeping().await;
        if let Some(keeping) = keeping {
            keeping.await.map_err(|e| AppError::Fault(e.to_string()))?;
        }
        openings.close();
        while openings.try_recv().is_ok() {}
        served.caches.stop_recording();
        if let Some(writing) = writing {
            writing.await.map_err(|e| AppError::Fault(e.to_string()))??;
        }
        ended
    }
}

/// Two tasks for a cache: its source, and its writer. They end with the cache.
fn follow(workers: &mut JoinSet<Ended>, feeding: Feeding, source: &Source, ingest: &Handle) {
    let Feeding { writer, arrivals, sink } = feeding;
    let (source, cache) = (source.clone(), Arc::clone(writer.cache()));
    let closed = cache.closed().clone();
    let follow = async move {
        // Whether it was closed or nobody reads the sink: it is over.
        let _over = closed.run_until_cancelled(source.follow(cache.collection(), sink)).await;
        Ok(())
    };
    workers.spawn_on(follow, ingest);
    // What comes ends with the source.
    workers.spawn(async move {
        writer.run(arrivals).await;
        Ok(())
    });
}

/// Does an operation's work, unless the daemon ends before that.
fn act(workers: &mut JoinSet<Ended>, served: &Arc<Served>, work: Work) {
    let drain = served.drain.clone();
    workers.spawn(async move {
        let _stopped = drain.run_until_cancelled_owned(work.run()).await;
        Ok(())
    });
}

/// A task for a connection; it ends with the daemon's streams.
fn carry(workers: &mut JoinSet<Ended>, carrying: Carrying) {
    workers.spawn(async move {
        carrying.await;
        Ok(())
    });
}

/// The tasks that go on for as long as the daemon.
fn look_after(served: &Arc<Served>, rpc: &Arc<Rpc>) -> JoinSet<Ended> {
    let mut workers = JoinSet::new();
    workers.spawn(keep_warm(Arc::clone(rpc), Arc::clone(served)));
    if let Some(server) = served.source.api_server() {
        let (needs, loading) = (rpc.needs(), Arc::clone(served));
        workers.spawn(async move {
            // Once the API server answers.
            loading.caches.catalog().changed(&[].into()).await;
            say_what_is_off(&server, needs).await;
            Ok(())
        });
    }
    let catalog = Arc::clone(served);
    workers.spawn(async move {
        catalog.source.keep_catalog(catalog.caches.catalog(), &catalog.clock).await;
        Err(AppError::Fault("the kinds of the cluster are no longer followed".into()))
    });
    let idle = Arc::clone(served);
    workers.spawn(async move {
        idle.caches.close_idle().await;
        Err(AppError::Fault("idle caches are no longer closed".into()))
    });
    workers
}

/// Keeps the caches open that are to be, tells health checks when they are
/// synced for the first time, and that the daemon ends.
async fn keep_warm(rpc: Arc<Rpc>, served: Arc<Served>) -> Ended {
    rpc.set_serving(false).await;
    let (catalog, mut rules) = (served.caches.catalog(), served.caches.rules());
    let mut kinds = catalog.changed(&[].into()).await;
    let mut warm = lease_warm(&served).await?;
    lifecycle::ready(&warm).await;
    rpc.set_serving(true).await;
    tracing::info!("ready");
    loop {
        tokio::select! {
            () = served.drain.cancelled() => break,
            changed = catalog.changed(&kinds) => kinds = changed,
            Ok(()) = rules.changed() => {}
        }
        served.caches.close_changed();
        served.caches.renew_looked_at().await.map_err(|problem| AppError::Fault(problem.message))?;
        // What is defined can be discovered now.
        served.caches.neighbours().touch(Dependent::Every(Related::CustomResourceDefinitions));
        // Those that are no longer served are let go.
        warm = lease_warm(&served).await?;
        tracing::debug!(caches = warm.len(), "the kinds have changed");
    }
    rpc.set_serving(false).await;
    Ok(())
}

async fn lease_warm(served: &Served) -> Result<Vec<Lease>, AppError> {
    served.caches.lease_warm().await.map_err(|problem| AppError::Fault(problem.message))
}

fn flatten(ended: Result<Ended, tokio::task::JoinError>) -> Ended {
    ended.map_err(|e| AppError::Fault(e.to_string())).and_then(|ended| ended)
}

//! The composition root: puts the daemon together and owns its tasks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access::{Access, Token, TokenError};
use crate::args::{ArgsError, Config, Origin};
use crate::cache::Cache;
use crate::cache::freshness::Freshness;
use crate::cache::writer::Writer;
use crate::clock::Clock;
use crate::event_log::EventLog;
use crate::event_log::cursor::Incarnation;
use crate::kind::{self, Kind};
use crate::lifecycle;
use crate::recording::recorder::{RecordError, Recorder, Writing};
use crate::recording::{self, reader};
use crate::rpc::listener::{Address, ListenError, Listener};
use crate::rpc::{Rpc, Served};
use crate::source::connect::{ConnectError, connect};
use crate::source::replay::Replay;
use crate::source::{Events, Sink, Source};

/// Events between a source and its cache; then the source waits.
const EVENTS: usize = 256;
/// Changes of one kind that the log keeps for cursors and slow readers.
const LOG_CAPACITY: usize = 16_384;
/// How long the API server may take to tell its version to a recording.
const VERSION_PATIENCE: Duration = Duration::from_secs(10);

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
    /// The recording cannot be replayed.
    #[error(transparent)]
    Replay(#[from] reader::ReadError),
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
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
    feeds: Vec<Feeding>,
    writing: Option<Writing>,
    drain_timeout: Duration,
}

/// What feeds one cache: its writer, the writer's queue, and the queue's other
/// end.
type Feeding = (Writer, Events, Sink);

/// Where objects come from, and how they are called.
struct Supply {
    cluster: String,
    default_namespace: String,
    source: Source,
    clock: Clock,
    kinds: Vec<Kind>,
    record: Option<(Recorder, Writing)>,
}

/// Puts a daemon together.
///
/// # Errors
/// If the configuration cannot be carried out.
pub async fn bind(config: Config) -> Result<Bound, AppError> {
    let token = config.token_file.as_deref().map(Token::read_or_create).transpose()?;
    // Listening first: a busy socket should not leave a recording behind.
    let mut listeners = Vec::new();
    for address in &config.listen {
        listeners.push(Listener::bind(address).await?);
    }
    let addresses = listeners.iter().map(Listener::address).collect::<Result<_, _>>();
    let addresses = addresses.map_err(|e| AppError::Fault(e.to_string()))?;

    let Supply { cluster, default_namespace, source, clock, kinds, record } = supply(config.origin).await?;
    let log = Arc::new(EventLog::new(kinds.len(), LOG_CAPACITY));
    let (recorder, writing) = record.map(|(recorder, writing)| (Arc::new(recorder), writing)).unzip();
    let mut caches = Vec::new();
    let mut feeds = Vec::new();
    for (id, kind) in kinds.into_iter().enumerate() {
        let cache = Arc::new(Cache::new(id, kind, Freshness::unheard(clock.now())));
        let (events, queue) = mpsc::channel(EVENTS);
        let writer = Writer::new(Arc::clone(&cache), Arc::clone(&log), clock.clone());
        feeds.push((writer, queue, Sink::new(events, recorder.clone(), id, clock.clone())));
        caches.push(cache);
    }
    let served = Arc::new(Served {
        cluster,
        default_namespace,
        caches,
        log,
        incarnation: Incarnation::random(),
        source,
        clock,
        drain: CancellationToken::new(),
    });
    let rpc = Rpc::new(Arc::clone(&served), Access::new(token)).map_err(|e| AppError::Fault(e.to_string()))?;
    Ok(Bound { listeners, addresses, rpc, served, feeds, writing, drain_timeout: config.drain_timeout })
}

async fn supply(origin: Origin) -> Result<Supply, AppError> {
    match origin {
        Origin::Recording { path, speed } => {
            let replay = Replay::open(&path, speed)?;
            let header = replay.header().clone();
            Ok(Supply {
                cluster: header.cluster,
                default_namespace: header.default_namespace,
                clock: replay.clock(),
                kinds: header.kinds,
                source: Source::Replay(replay),
                record: None,
            })
        }
        Origin::Cluster { name, target, record } => {
            let server = connect(&target).await?;
            let default_namespace = server.default_namespace().to_owned();
            let (source, clock, kinds) = (Source::ApiServer(server), Clock::System, kind::watched());
            let mut supply = Supply { cluster: name, default_namespace, source, clock, kinds, record: None };
            if let Some(path) = record {
                supply.record = Some(recorder(&path, &supply).await?);
            }
            Ok(supply)
        }
    }
}

/// Begins a recording of a cluster, which must answer.
async fn recorder(path: &Path, supply: &Supply) -> Result<(Recorder, Writing), AppError> {
    let version = tokio::time::timeout(VERSION_PATIENCE, supply.source.version()).await;
    let version = version.map_err(|_| AppError::Unrecordable("it does not answer".into()))?;
    let header = recording::Header {
        format: recording::FORMAT.into(),
        version: recording::VERSION,
        daymark: env!("CARGO_PKG_VERSION").into(),
        kubernetes: version.map_err(|problem| AppError::Unrecordable(problem.message))?,
        cluster: supply.cluster.clone(),
        default_namespace: supply.default_namespace.clone(),
        started_at: supply.clock.now(),
        kinds: supply.kinds.clone(),
    };
    Ok(Recorder::create(path, header, supply.clock.clone())?)
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
        let Self { listeners, addresses: _, rpc, served, feeds, writing, drain_timeout } = self;
        let rpc = Arc::new(rpc);
        let mut servers = serve(listeners, &rpc);
        let mut workers = follow(feeds, &served.source);
        workers.spawn(report_health(Arc::clone(&rpc), Arc::clone(&served)));

        let ended = tokio::select! {
            () = served.drain.cancelled() => Ok(()),
            Some(ended) = workers.join_next() => flatten(ended),
            Some(ended) = servers.join_next() => flatten(ended),
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
        if let Some(writing) = writing {
            writing.await.map_err(|e| AppError::Fault(e.to_string()))??;
        }
        ended
    }
}

/// One task for each listener.
fn serve(listeners: Vec<Listener>, rpc: &Arc<Rpc>) -> JoinSet<Ended> {
    let mut servers = JoinSet::new();
    for listener in listeners {
        let rpc = Arc::clone(rpc);
        servers.spawn(async move { rpc.serve(listener).await.map_err(|e| AppError::Fault(e.to_string())) });
    }
    servers
}

/// Two tasks for each kind: its source, and its cache's writer. They end only
/// with the daemon.
fn follow(feeds: Vec<Feeding>, source: &Source) -> JoinSet<Ended> {
    let mut workers = JoinSet::new();
    for (writer, queue, sink) in feeds {
        let (source, kind) = (source.clone(), writer.kind().clone());
        workers.spawn(async move {
            source.follow(&kind, sink).await;
            Err(AppError::Fault(format!("{kind} are no longer followed")))
        });
        workers.spawn(async move {
            writer.run(queue).await;
            Err(AppError::Fault("a cache is no longer written".into()))
        });
    }
    workers
}

/// Tells health checks when every cache is synced, and that the daemon ends.
async fn report_health(rpc: Arc<Rpc>, served: Arc<Served>) -> Ended {
    rpc.set_serving(false).await;
    lifecycle::ready(&served.caches).await;
    rpc.set_serving(true).await;
    tracing::info!("ready");
    served.drain.cancelled().await;
    rpc.set_serving(false).await;
    Ok(())
}

fn flatten(ended: Result<Ended, tokio::task::JoinError>) -> Ended {
    ended.map_err(|e| AppError::Fault(e.to_string())).and_then(|ended| ended)
}

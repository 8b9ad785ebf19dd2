//! The command line.

mod acts;
mod events;
pub mod serving;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use self::acts::ActArgs;
use self::events::EventArgs;
use self::serving::{Serving, ServingArgs, ServingError};
use crate::access::shares::Limits;
use crate::act::Acts;
use crate::caches::Policy;
use crate::event_log::Capacity;
use crate::event_store::Bounds;
use crate::gate::store::GateStore;
use crate::predicate;
use crate::rpc::listener::Address;
use crate::source::connect::Target;

/// Watch a Kubernetes cluster once, and serve the states of its objects over gRPC
#[derive(Debug, Parser)]
#[command(name = "daymarkd", version, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Kubeconfig file [default: $KUBECONFIG, else the pod's service account, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Kubeconfig context [default: its current context]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Name by which clients know the cluster; a DNS label
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = dns_label)]
    cluster: String,

    /// Address to listen on: unix:PATH or HOST:PORT; repeatable [default:
    /// unix:$XDG_RUNTIME_DIR/daymark.sock, else unix:/tmp/daymark-$UID/daymark.sock]
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Address>,

    /// Accept the bearer token in this file over TCP, with the daemon's own rights; created with
    /// mode 0600 if missing
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    #[command(flatten)]
    serving: ServingArgs,

    /// Record what the API server sends to this new file, for --replay
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replay", "namespaces"])]
    record: Option<PathBuf>,

    /// Serve a recording or the directory of a dump instead of a cluster
    #[arg(long, value_name = "PATH", conflicts_with_all = ["kubeconfig", "context", "cluster", "namespaces"])]
    replay: Option<PathBuf>,

    /// Replay at this multiple of the recorded speed
    #[arg(long, value_name = "X", default_value = "1", requires = "replay", value_parser = speed)]
    speed: f64,

    /// Seconds to let streams finish after SIGTERM
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    drain_timeout: Duration,

    /// Kinds to watch at all times, where the cluster serves them; others are watched on first
    /// request
    #[arg(long, value_name = "KINDS", value_delimiter = ',', default_value = WARM)]
    warm: Vec<String>,

    /// Watch only these namespaces, each with its own watch; for daemons that may not read the
    /// whole cluster
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    namespaces: Vec<String>,

    /// Kinds of which to cache only the state; whole objects are read from the API server on
    /// request
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    no_bodies: Vec<String>,

    /// Seconds after which to stop watching a kind that nobody reads
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    idle_timeout: Duration,

    /// Changes to keep per kind, for reconnecting clients and slow readers; those further behind
    /// start over
    #[arg(long, value_name = "NUMBER", default_value_t = CHANGES, value_parser = some)]
    changes: usize,

    /// Memory limit for the changes kept per kind
    #[arg(long, value_name = "MIB", default_value_t = CHANGES_MIB, value_parser = some)]
    changes_mib: usize,

    #[command(flatten)]
    events: EventArgs,

    #[command(flatten)]
    acts: ActArgs,

    /// CEL rules for kinds without a built-in rule, or to replace one: a file or a directory;
    /// reloaded on change
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,

    /// Keep gates in this file across restarts; created with mode 0600 if missing [default: in
    /// memory]
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    gates: Option<PathBuf>,

    /// Regular expression to redact from logs and messages, in addition to what looks like a
    /// secret; repeatable
    ///
    /// If it has a group named `secret`, that group is redacted, otherwise the whole match.
    #[arg(long, value_name = "REGEX")]
    redact: Vec<String>,

    /// Seconds to cache answers of the cluster's authorizer; a revoked right ends or narrows
    /// streams within that time
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = ttl)]
    authorization_ttl: Duration,

    /// Show states and reasons to callers that may `get` a kind's `status` but not list the kind
    #[arg(long)]
    status_only: bool,

    /// Maximum number of concurrent streams per user of the cluster
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().streams, value_parser = some)]
    max_streams_per_caller: usize,

    /// Maximum number of open gates per user of the cluster
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().gates, value_parser = some)]
    max_gates_per_caller: usize,

    /// Maximum rate of requests per second and user of the cluster; bursts may be five times as
    /// large
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().requests, value_parser = clap::value_parser!(u32).range(1..))]
    max_requests_per_caller: u32,

    /// Maximum number of concurrent streams; further ones are refused
    #[arg(long, value_name = "NUMBER", default_value = "10000")]
    max_streams: usize,

    /// Log format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    /// What to log: a level, or directives such as daymarkd=debug
    // kube's client logs every failed try as an error; the source tells them once.
    #[arg(long, value_name = "FILTER", env = "DAYMARK_LOG", default_value = "info,kube_client=off")]
    log: String,
}

/// Something else than to run a daemon.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the states that the rules give to objects; no cluster is needed
    Assess(AssessArgs),
}

/// What is to be assessed.
#[derive(Debug, Parser)]
pub struct AssessArgs {
    /// File, directory, or - for standard input; repeatable
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// CEL rules to add to the built-in ones: a file or a directory
    #[arg(long, value_name = "PATH")]
    pub rules: Option<PathBuf>,

    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: AssessFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable lines
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// How an assessment is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AssessFormat {
    /// One line per object
    Text,
    /// A JSON array
    Json,
}

/// What most requests are about: workloads, and what they are made of.
const WARM: &str = "pods,deployments.apps,replicasets.apps,statefulsets.apps,daemonsets.apps,jobs.batch";

/// Changes of each kind that are kept, and what they may take up.
const CHANGES: usize = 16_384;
const CHANGES_MIB: usize = 64;

/// What a daemon is to do.
#[derive(Debug)]
pub struct Config {
    /// Where objects come from.
    pub origin: Origin,
    /// Where to listen; at least one.
    pub listen: Vec<Address>,
    /// The daemon's own token.
    pub token_file: Option<PathBuf>,
    /// How it is reached otherwise, and whom it lets in.
    pub serving: Serving,
    /// How long streams may take to end.
    pub drain_timeout: Duration,
    /// Streams that are served at a time.
    pub max_streams: usize,
    /// What each user of the cluster may have.
    pub shares: Limits,
    /// For how long an answer of the cluster's authorizer counts.
    pub authorization_ttl: Duration,
    /// Whether who may `get` a kind's `status`, and no more, sees states.
    pub status_only: bool,
    /// What is cached.
    pub policy: Policy,
    /// What to log.
    pub log: String,
    /// How to log.
    pub log_format: LogFormat,
    /// The program whose processes evaluate callers' expressions: the daemon's.
    pub worker: PathBuf,
    /// What these may use.
    pub predicates: predicate::Limits,
    /// Where the operator's rules are.
    pub rules: Option<PathBuf>,
    /// What is taken out of the cluster's own text.
    pub redact: Vec<String>,
    /// Where gates are kept.
    pub gates: GatesKept,
    /// How many events are kept.
    pub events: Bounds,
    /// What others than the daemon's owner may have done.
    pub remote_acts: Acts,
}

/// Where gates are kept.
#[derive(Debug)]
pub enum GatesKept {
    /// In memory: they end with the daemon.
    InMemory,
    /// In that file.
    InFile(PathBuf),
    /// There.
    In(Box<dyn GateStore>),
}

/// Where objects come from.
#[derive(Debug)]
pub enum Origin {
    /// A cluster.
    Cluster {
        /// Its name.
        name: String,
        /// Its API server.
        target: Target,
        /// Where to record it.
        record: Option<PathBuf>,
    },
    /// A recording.
    Recording {
        /// Its file.
        path: PathBuf,
        /// How many times as fast as it was recorded.
        speed: f64,
    },
}

/// Arguments that contradict each other.
#[derive(Debug, thiserror::Error)]
pub enum ArgsError {
    /// An address is not to be served like that.
    #[error(transparent)]
    Serving(#[from] ServingError),
}

impl Default for Policy {
    fn default() -> Self {
        let warm = WARM.split(',').map(str::to_owned).collect();
        let changes = Capacity { entries: CHANGES, bytes: CHANGES_MIB << 20 };
        Self { namespaces: Vec::new(), warm, without_bodies: Vec::new(), idle: Duration::from_secs(600), changes }
    }
}

impl Args {
    /// What is to be done instead of running a daemon.
    #[must_use]
    pub fn command(&self) -> Option<&Command> {
        self.command.as_ref()
    }

    /// The configuration that they mean.
    ///
    /// # Errors
    /// If they contradict each other.
    pub fn into_config(self) -> Result<Config, ArgsError> {
        let policy = self.policy();
        let Self { kubeconfig, context, cluster, mut listen, token_file, record, replay, speed, .. } = self;
        if listen.is_empty() {
            listen.push(Address::default_socket());
        }
        let serving = Serving::from(self.serving);
        serving.check(&listen, token_file.as_deref())?;
        let origin = match replay {
            Some(path) => Origin::Recording { path, speed },
            None => Origin::Cluster { name: cluster, target: Target { kubeconfig, context }, record },
        };
        Ok(Config {
            origin,
            listen,
            token_file,
            serving,
            drain_timeout: self.drain_timeout,
            max_streams: self.max_streams,
            shares: Limits {
                streams: self.max_streams_per_caller,
                gates: self.max_gates_per_caller,
                requests: self.max_requests_per_caller,
            },
            authorization_ttl: self.authorization_ttl,
            status_only: self.status_only,
            policy,
            log: self.log,
            log_format: self.log_format,
            // The program that runs, also when its file was replaced meanwhile.
            worker: PathBuf::from("/proc/self/exe"),
            predicates: predicate::Limits::default(),
            rules: self.rules,
            redact: self.redact,
            gates: self.gates.map_or(GatesKept::InMemory, GatesKept::InFile),
            events: self.events.into(),
            remote_acts: self.acts.into(),
        })
    }

    /// What is cached.
    fn policy(&self) -> Policy {
        let named = |names: &[String]| names.iter().filter(|name| !name.is_empty()).cloned().collect();
        let mut namespaces: Vec<_> = named(&self.namespaces);
        // Lists go through the namespaces in their order.
        namespaces.sort_unstable();
        namespaces.dedup();
        let (warm, without_bodies) = (named(&self.warm), named(&self.no_bodies));
        let changes = Capacity { entries: self.changes, bytes: self.changes_mib << 20 };
        Policy { namespaces, warm, without_bodies, idle: self.idle_timeout, changes }
    }
}

fn dns_label(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let label =
        (1..=63).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-') && !text.ends_with('-');
    if label { Ok(text.to_owned()) } else { Err("not a DNS label (a-z, 0-9 and -, at most 63)".into()) }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.001..=1_000_000.0).contains(&speed) => Ok(speed),
        _ => Err("not a number from 0.001 to 1000000".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|e| e.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

fn ttl(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        ttl if (Duration::from_secs(1)..=Duration::from_hours(1)).contains(&ttl) => Ok(ttl),
        _ => Err("not from 1 second to an hour".into()),
    }
}

fn some(text: &str) -> Result<usize, String> {
    match text.parse::<u32>() {
        Ok(number) if number > 0 => Ok(number as usize),
        _ => Err(format!("not a number from 1 to {}", u32::MAX)),
    }
}

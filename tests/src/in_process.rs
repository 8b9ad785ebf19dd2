//! A daemon in the test's own process, and clients that read its streams under
//! the [`Contract`](crate::contract::Contract).

#![expect(clippy::expect_used, reason = "a test that cannot start its daemon has failed")]

mod follower;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use daymark_proto::v1::completion_service_client::CompletionServiceClient;
use daymark_proto::v1::event_service_client::EventServiceClient;
use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::status_service_client::StatusServiceClient;
use daymark_proto::v1::{Filter, ObjectRef, WatchStatusesRequest};
use daymarkd::access::shares;
use daymarkd::act::Acts;
use daymarkd::app::{self, AppError};
use daymarkd::args::serving::Serving;
use daymarkd::args::{Config, GatesKept, LogFormat, Origin};
use daymarkd::caches::Policy;
use daymarkd::predicate::Limits;
use daymarkd::rpc::listener::Address;
use daymarkd::source::connect::Target;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

pub use self::follower::{Follower, first_of, said, with_token};
use crate::fake_apiserver::objects::NAMESPACE;
use crate::fake_apiserver::{Collection, FakeApiServer};
use crate::process::PATIENCE;

/// How much a client takes in that it has not read: HTTP/2's default, where
/// hyper's would be megabytes.
const WINDOW: u32 = 65_535;
/// The same of a whole connection. hyper takes a peer that sends many small
/// frames for an attacker, the sooner the smaller this is.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// Streams that a daemon in a test's process serves.
pub const MOST_STREAMS: usize = 200;

/// A generated client.
pub type Client = StatusServiceClient<Channel>;

/// A running daemon on a unix socket of its own.
#[derive(Debug)]
pub struct InProcess {
    folder: TempDir,
    tcp: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), AppError>>,
}

impl InProcess {
    /// Starts a daemon of `cluster`.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(cluster: &FakeApiServer) -> Self {
        Self::start_with(cluster, Policy::default()).await
    }

    /// Starts a daemon of `cluster` that caches what `policy` says.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_with(cluster: &FakeApiServer, policy: Policy) -> Self {
        Self::start_keeping(cluster, policy, GatesKept::InMemory).await
    }

    /// The same of one that keeps its gates there.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_keeping(cluster: &FakeApiServer, policy: Policy, gates: GatesKept) -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let config = Self::config(&folder, cluster, policy, gates);
        Self::run(folder, config).await
    }

    /// The same of one that users of the cluster share: by TCP, with tokens that the cluster
    /// knows.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_shared(cluster: &FakeApiServer, sharing: Sharing) -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let Sharing { status_only, authorization_ttl, limits, gates, acts } = sharing;
        let config = Self::config(&folder, cluster, Policy::default(), gates);
        let serving = Serving { review_audiences: vec!["daymark".into()], ..Serving::default() };
        let listen = config.listen.iter().cloned().chain([Address::Tcp(([127, 0, 0, 1], 0).into())]).collect();
        let config = Config { serving, listen, status_only, authorization_ttl, shares: limits, ..config };
        Self::run(folder, Config { remote_acts: acts, ..config }).await
    }

    /// The same of one that also listens by TCP, on loopback, as `serving` says.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_serving(cluster: &FakeApiServer, serving: Serving) -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let mut config = Self::config(&folder, cluster, Policy::default(), GatesKept::InMemory);
        config.listen.push(Address::Tcp(([127, 0, 0, 1], 0).into()));
        if !serving.socket_users.is_empty() {
            let enterable = fs::Permissions::from_mode(0o711);
            fs::set_permissions(folder.path(), enterable).expect("a folder's mode can be set");
        }
        config.serving = serving;
        Self::run(folder, config).await
    }

    /// The same of one that also serves metrics.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_measured(cluster: &FakeApiServer) -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let mut config = Self::config(&folder, cluster, Policy::default(), GatesKept::InMemory);
        config.serving.metrics = Some(([127, 0, 0, 1], 0).into());
        Self::run(folder, config).await
    }

    fn config(folder: &TempDir, cluster: &FakeApiServer, policy: Policy, gates: GatesKept) -> Config {
        let kubeconfig = folder.path().join("kubeconfig");
        fs::write(&kubeconfig, cluster.kubeconfig()).expect("a file can be written");
        Config {
            origin: Origin::Cluster {
                name: "default".into(),
                target: Target { kubeconfig: Some(kubeconfig), context: None },
                record: None,
            },
            listen: vec![Address::Unix(folder.path().join("daymark.sock"))],
            token_file: None,
            serving: Serving::default(),
            drain_timeout: PATIENCE,
            max_streams: MOST_STREAMS,
            authorization_ttl: Duration::from_secs(1),
            status_only: false,
            remote_acts: Acts::default(),
            shares: Default::default(),
            policy,
            log: String::new(),
            log_format: LogFormat::Text,
            // Long enough for others to be seen at work beside one that takes all of it.
            predicates: Limits { time: Duration::from_secs(5), ..Limits::default() },
            rules: None,
            redact: Vec::new(),
            gates,
            events: Default::default(),
            worker: crate::binaries::build().expect("the binaries build").daymarkd.clone(),
        }
    }

    async fn run(folder: TempDir, config: Config) -> Self {
        let daemon = app::bind(config, tokio::runtime::Handle::current()).await.expect("the daemon starts");
        let shutdown = daemon.shutdown();
        let tcp = daemon.addresses().iter().find_map(|address| match address {
            Address::Tcp(tcp) => Some(*tcp),
            Address::Unix(_) => None,
        });
        let metrics = daemon.metrics();
        let running = tokio::spawn(daemon.run(CancellationToken::new()));
        Self { folder, tcp, metrics, shutdown, running }
    }

    /// Where it listens by TCP.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn tcp(&self) -> SocketAddr {
        self.tcp.expect("it listens by TCP")
    }

    /// Where it serves metrics.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn metrics(&self) -> SocketAddr {
        self.metrics.expect("it serves metrics")
    }

    /// Its unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("daymark.sock")
    }

    /// A client with a connection of its own.
    ///
    /// # Panics
    /// If it cannot connect.
    pub async fn client(&self) -> Client {
        StatusServiceClient::new(self.connect().await)
    }

    /// A client of its gates with a connection of its own.
    ///
    /// # Panics
    /// If it cannot connect.
    pub async fn gates(&self) -> GateServiceClient<Channel> {
        GateServiceClient::new(self.connect().await)
    }

    /// A client that completes words, with a connection of its own.
    ///
    /// # Panics
    /// If it cannot connect.
    pub async fn completions(&self) -> CompletionServiceClient<Channel> {
        CompletionServiceClient::new(self.connect().await)
    }

    /// A client of the events that it keeps, with a connection of its own.
    ///
    /// # Panics
    /// If it cannot connect.
    pub async fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.connect().await)
    }

    /// A connection of its own.
    ///
    /// # Panics
    /// If it cannot connect.
    pub async fn channel(&self) -> Channel {
        self.connect().await
    }

    async fn connect(&self) -> Channel {
        let endpoint =
            Endpoint::from_shared(format!("unix://{}", self.socket().display())).expect("a path is an address");
        let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        endpoint.connect().await.expect("the daemon listens")
    }

    /// A client's stream that answers `request`.
    pub async fn follow(&self, request: WatchStatusesRequest) -> Follower {
        Follower::open(self.client().await, request).await
    }

    /// Makes it end as SIGTERM does.
    pub fn shut_down(&self) {
        self.shutdown.cancel();
    }

    /// Makes it end, and waits until it has: a task of it that panicked is seen
    /// here.
    ///
    /// # Panics
    /// If it does not end, or has failed.
    pub async fn stop(self) {
        self.shutdown.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.running).await.expect("the daemon ends");
        ended.expect("the daemon does not panic").expect("the daemon does not fail");
    }
}

/// How a daemon is shared.
#[derive(Debug)]
pub struct Sharing {
    /// Whether who may `get` a kind's `status`, and no more, sees states.
    pub status_only: bool,
    /// For how long what a user may do is taken for granted.
    pub authorization_ttl: Duration,
    /// What each user may have.
    pub limits: shares::Limits,
    /// Where gates are kept.
    pub gates: GatesKept,
    /// What users may have done.
    pub acts: Acts,
}

impl Default for Sharing {
    fn default() -> Self {
        let authorization_ttl = Duration::from_secs(1);
        let (limits, gates, acts) = (shares::Limits::default(), GatesKept::InMemory, Acts::default());
        Self { status_only: false, authorization_ttl, limits, gates, acts }
    }
}

/// A request for all objects of these kinds.
#[must_use]
pub fn kinds(collections: &[Collection]) -> WatchStatusesRequest {
    let kinds = collections.iter().map(|collection| collection.resource().to_owned()).collect();
    let filter = Filter { kinds, all_namespaces: true, ..Default::default() };
    WatchStatusesRequest { filter: Some(filter), ..Default::default() }
}

/// A request for objects by name.
#[must_use]
pub fn named(objects: &[(Collection, &str)]) -> WatchStatusesRequest {
    let refs = objects.iter().map(|(collection, name)| ObjectRef {
        resource: collection.resource().to_owned(),
        namespace: NAMESPACE.to_owned(),
        name: (*name).to_owned(),
        ..Default::default()
    });
    let filter = Filter { refs: refs.collect(), ..Default::default() };
    WatchStatusesRequest { filter: Some(filter), ..Default::default() }
}

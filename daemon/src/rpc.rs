//! The gRPC server.

mod accept;
mod acting;
mod auth;
mod completion_service;
mod connection;
mod control_plane_convert;
mod control_plane_service;
mod convert;
pub mod crowd;
mod diagnosis_convert;
mod diagnosis_evidence;
mod diagnosis_gather;
mod diagnosis_manifests;
mod diagnosis_observe;
mod diagnosis_service;
mod drain;
mod drain_convert;
mod error;
mod event_convert;
mod event_filter;
mod event_service;
mod event_watch;
mod filter;
mod gate_convert;
mod gate_lasting;
mod gate_open;
mod gate_owned;
mod gate_policy;
mod gate_service;
mod gate_watch;
mod listed;
pub mod listener;
mod log_service;
mod log_stream;
mod node_convert;
mod node_look;
mod node_question;
mod node_readiness_service;
mod node_service;
mod operation_convert;
mod operation_service;
mod parting;
mod pod_service;
mod proxy_service;
mod quarantine;
mod quarantine_convert;
mod retold;
mod rights;
mod rules;
mod server_service;
mod snapshot_convert;
mod snapshot_service;
mod status_service;
mod streams;
mod table_service;
pub mod tls;
mod tree_service;
mod trusting;
mod tunnel_service;
mod tunnel_target;
mod watch;
mod workshop;

use std::sync::Arc;

use daymark_proto::FILE_DESCRIPTOR_SET;
use daymark_proto::v1::completion_service_server::CompletionServiceServer;
use daymark_proto::v1::control_plane_service_server::ControlPlaneServiceServer;
use daymark_proto::v1::diagnosis_service_server::DiagnosisServiceServer;
use daymark_proto::v1::event_service_server::EventServiceServer;
use daymark_proto::v1::gate_service_server::GateServiceServer;
use daymark_proto::v1::log_service_server::LogServiceServer;
use daymark_proto::v1::node_readiness_service_server::NodeReadinessServiceServer;
use daymark_proto::v1::node_service_server::NodeServiceServer;
use daymark_proto::v1::operation_service_server::OperationServiceServer;
use daymark_proto::v1::pod_service_server::PodServiceServer;
use daymark_proto::v1::proxy_service_server::ProxyServiceServer;
use daymark_proto::v1::server_service_server::ServerServiceServer;
use daymark_proto::v1::snapshot_service_server::SnapshotServiceServer;
use daymark_proto::v1::status_service_server::StatusServiceServer;
use daymark_proto::v1::table_service_server::TableServiceServer;
use daymark_proto::v1::tree_service_server::TreeServiceServer;
use daymark_proto::v1::tunnel_service_server::TunnelServiceServer;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

pub use self::accept::Door;
use self::auth::Authentication;
use self::listener::Listener;
use self::parting::Parting;
pub use self::streams::Streams;
use crate::access::authorizer::Authorizer;
use crate::access::own_rights::Need;
use crate::access::shares::Shares;
use crate::access::{Access, LONGEST_TOKEN};
use crate::act::Acts;
use crate::act::operation::Operations;
use crate::act::tunnels::Tunnels;
use crate::caches::Caches;
use crate::cause::Redaction;
use crate::clock::Clock;
use crate::errands::Errands;
use crate::event_log::EventLog;
use crate::event_log::cursor::Incarnation;
use crate::event_store::EventStore;
use crate::gate::register::Gates;
use crate::lifecycle::Readiness;
use crate::proof::Prover;
use crate::source::Source;
use crate::subscription::{Evaluator, Groups};

/// Dumps that are made at a time.
pub const MOST_DUMPS: usize = snapshot_service::MOST;
/// Calls that one connection may have open; clients wait with further ones.
const STREAMS_PER_CONNECTION: u32 = 1024;
/// Bytes under way to the daemon of one call, and of all of a connection: a tunnel whose pod does not read
/// must not hold up the others.
const WINDOWS: (u32, u32) = (256 << 10, 16 << 20);
/// The headers of a request, in bytes: the longest token, and what else there is.
const HEADERS: u32 = (LONGEST_TOKEN as u32) + (4 << 10);
/// Requests that were taken back before they were looked at, and those that were answered by a
/// reset: a connection with more is closed (CVE-2023-44487).
const RESETS: (usize, usize) = (20, 256);
/// The largest request for health, in bytes: anybody may send one, it names a service, and room
/// is made for it as soon as it says how long it is.
const HEALTH_REQUEST: usize = 1 << 10;

/// What the handlers answer from.
#[derive(Debug)]
pub struct Served {
    /// The cluster's name.
    pub cluster: String,
    /// The namespace of requests that name none.
    pub default_namespace: String,
    /// What is cached, and can be.
    pub caches: Arc<Caches>,
    /// Their log.
    pub log: Arc<EventLog>,
    /// The streams that follow it, by what they want.
    pub groups: Groups,
    /// This run of the daemon.
    pub incarnation: Incarnation,
    /// For live reads.
    pub source: Source,
    /// The time.
    pub clock: Clock,
    /// The gates that there are.
    pub gates: Gates,
    /// The events that are kept.
    pub events: Arc<EventStore>,
    /// Knows what callers may do.
    pub authorizer: Arc<Authorizer>,
    /// What each caller may have.
    pub shares: Arc<Shares>,
    /// What is being done to the cluster.
    pub operations: Operations,
    /// What others than the daemon's owner may have done.
    pub remote_acts: Acts,
    /// Who carries connections.
    pub tunnels: Tunnels,
    /// Whether who may `get` a kind's `status`, and no more, sees states.
    pub status_only: bool,
    /// Takes secrets out of the cluster's own text.
    pub redaction: Arc<Redaction>,
    /// Proves views.
    pub prover: Arc<Prover>,
    /// Who does what goes on whoever waits for it.
    pub errands: Errands,
    /// Who evaluates callers' expressions.
    pub evaluator: Evaluator,
    /// The streams that are open.
    pub streams: Streams,
    /// Places of logs that may be open.
    pub log_places: Arc<Semaphore>,
    /// Places of dumps that may be made.
    pub dump_places: Arc<Semaphore>,
    /// Whether the daemon is ready.
    pub readiness: Arc<Readiness>,
    /// Cancelled when streams must end.
    pub drain: CancellationToken,
}

/// The server's services, to be served by any number of listeners.
pub struct Rpc {
    routes: Routes,
    authentication: Authentication,
    door: Arc<Door>,
    drain: CancellationToken,
    readiness: Arc<Readiness>,
    health: HealthReporter,
    /// Ends the streams that look at nothing else.
    parting: CancellationToken,
}

impl Rpc {
    /// Puts the services together.
    ///
    /// # Errors
    /// If the API's descriptors are not what reflection expects.
    pub fn new(served: Arc<Served>, access: Arc<Access>, door: Door) -> Result<Self, tonic_reflection::server::Error> {
        let (parting, (health, health_service)) = (CancellationToken::new(), health_reporter());
        let health_service = health_service.max_decoding_message_size(HEALTH_REQUEST);
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let routes = Routes::new(StatusServiceServer::new(status_service::Handler::new(Arc::clone(&served))))
            .add_service(CompletionServiceServer::new(completion_service::Handler::new(Arc::clone(&served))))
            .add_service(ControlPlaneServiceServer::new(control_plane_service::Handler::new(Arc::clone(&served))))
            .add_service(GateServiceServer::new(gate_service::Handler::new(Arc::clone(&served))))
            .add_service(EventServiceServer::new(event_service::Handler::new(Arc::clone(&served))))
            .add_service(LogServiceServer::new(log_service::Handler::new(Arc::clone(&served))))
            .add_service(NodeServiceServer::new(node_service::Handler::new(Arc::clone(&served))))
            .add_service(OperationServiceServer::new(operation_service::Handler::new(Arc::clone(&served))))
            .add_service(PodServiceServer::new(pod_service::Handler::new(Arc::clone(&served))))
            .add_service(DiagnosisServiceServer::new(diagnosis_service::Handler::new(Arc::clone(&served))))
            .add_service(NodeReadinessServiceServer::new(node_readiness_service::Handler::new(Arc::clone(&served))))
            .add_service(ServerServiceServer::new(server_service::Handler::new(Arc::clone(&served))))
            .add_service(SnapshotServiceServer::new(snapshot_service::Handler::new(Arc::clone(&served))))
            .add_service(TableServiceServer::new(table_service::Handler::new(Arc::clone(&served))))
            .add_service(TreeServiceServer::new(tree_service::Handler::new(Arc::clone(&served))))
            .add_service(ProxyServiceServer::new(proxy_service::Handler::new(Arc::clone(&served))))
            .add_service(TunnelServiceServer::new(tunnel_service::Handler::new(Arc::clone(&served))))
            .add_service(Parting::new(health_service, &parting))
            .add_service(Parting::new(reflection().build_v1()?, &parting))
            // grpcio's and older grpcurl's.
            .add_service(Parting::new(reflection().build_v1alpha()?, &parting));
        let authentication = Authentication { access, shares: Arc::clone(&served.shares) };
        let (drain, readiness) = (served.drain.clone(), Arc::clone(&served.readiness));
        Ok(Self { routes, authentication, door: Arc::new(door), drain, readiness, health, parting })
    }

    /// What the daemon needs rights for, to serve those whom it lets in.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        self.authentication.access.needs()
    }

    /// Tells health checks whether the daemon is ready; one that stops is not.
    pub async fn set_serving(&self, serving: bool) {
        self.readiness.set(serving);
        let status = if self.readiness.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.health.set_service_status("", status).await;
    }

    /// Tells health checks that the daemon stops, and ends their streams, and those of reflection.
    pub async fn part(&self) {
        self.set_serving(false).await;
        self.parting.cancel();
    }

    /// Serves on `listener` until streams must end and have ended.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn serve(&self, listener: Listener) -> Result<(), tonic::transport::Error> {
        let limits = self.door.limits;
        let router = Server::builder()
            .layer(self.authentication.clone())
            .http2_keepalive_interval(Some(limits.ping))
            .http2_keepalive_timeout(Some(limits.pong))
            .max_concurrent_streams(Some(STREAMS_PER_CONNECTION))
            .initial_stream_window_size(Some(WINDOWS.0))
            .initial_connection_window_size(Some(WINDOWS.1))
            .http2_max_header_list_size(Some(HEADERS))
            .http2_max_pending_accept_reset_streams(Some(RESETS.0))
            .http2_max_local_error_reset_streams(Some(RESETS.1))
            .add_routes(self.routes.clone());
        let incoming = accept::incoming(listener, Arc::clone(&self.door));
        router.serve_with_incoming_shutdown(incoming, self.drain.clone().cancelled_owned()).await
    }
}

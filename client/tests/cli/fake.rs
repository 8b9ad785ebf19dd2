//! A daemon that plays a script on a unix socket.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use daymark_proto::Encoded;
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
use daymark_proto::v1::server_service_server::{ServerService, ServerServiceServer};
use daymark_proto::v1::snapshot_service_server::SnapshotServiceServer;
use daymark_proto::v1::status_service_server::{StatusService, StatusServiceServer};
use daymark_proto::v1::table_service_server::TableServiceServer;
use daymark_proto::v1::tree_service_server::TreeServiceServer;
use daymark_proto::v1::tunnel_service_server::TunnelServiceServer;
use daymark_proto::v1::{
    CompleteRequest, DrainOptions, DumpRequest, Filter, GetServerInfoRequest, GetServerInfoResponse, GetStatusRequest,
    GetStatusResponse, ListCachesRequest, ListCachesResponse, ListStatusesRequest, ListStatusesResponse,
    StreamLogsRequest, WatchControlPlaneRequest, WatchStatusesRequest, WatchStatusesResponse,
};
use futures::{Stream, StreamExt};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status};

use crate::fake_completions::{self, Completions, Words};
use crate::fake_control_plane::{self, ControlPlaneScript, ControlPlanes};
use crate::fake_diagnoses::{self, Diagnoses, DiagnosisScript};
use crate::fake_drains::{self, DrainScript};
use crate::fake_dumps::{self, DumpSteps, FakeDumps};
use crate::fake_events::{self, EventScript, Events, SeenEvents};
use crate::fake_gates::{self, GateScript, Gates, SeenGates};
use crate::fake_logs::{self, FakeLogs, LogStep};
use crate::fake_nodes::{self, NodeScript, Nodes, SeenNodes};
use crate::fake_operations::{self, OperationScript, Operations};
use crate::fake_pods::{self, PodScript, Pods, SeenPods};
use crate::fake_tunnels::{self, TunnelScript, Tunnels};
use crate::fake_views::{self, SeenViews, ViewScript, Views};

/// One step of a watch.
#[derive(Clone)]
pub enum Step {
    Send(WatchStatusesResponse),
    Fail(Status),
    /// The stream ends without an error, which no daemon does.
    End,
}

/// What the daemon does.
#[derive(Default)]
pub struct Script {
    pub info: Option<GetServerInfoResponse>,
    pub caches: Option<ListCachesResponse>,
    /// The answers to single objects, in the order of the calls.
    pub objects: VecDeque<Result<GetStatusResponse, Status>>,
    pub pages: VecDeque<Result<ListStatusesResponse, Status>>,
    /// The watches, in the order of the calls. Behind its steps, a watch plays
    /// what is pushed.
    pub watches: VecDeque<Vec<Step>>,
    /// What every watch plays that comes after those; without it they wait.
    pub later_watches: Option<Vec<Step>>,
    pub gates: GateScript,
    pub views: ViewScript,
    pub words: Words,
    pub events: EventScript,
    /// The streams of logs, in the order of the calls.
    pub logs: VecDeque<Vec<LogStep>>,
    pub diagnoses: DiagnosisScript,
    pub nodes: NodeScript,
    pub control_plane: ControlPlaneScript,
    /// The dumps, in the order of the calls.
    pub dumps: VecDeque<DumpSteps>,
    pub tunnels: TunnelScript,
    pub drains: DrainScript,
    pub operations: OperationScript,
    pub pods: PodScript,
    /// No answer to a single call, ever.
    pub silent: bool,
}

/// What the daemon was asked.
#[derive(Default)]
pub struct Seen {
    pub gets: Vec<GetStatusRequest>,
    pub lists: Vec<ListStatusesRequest>,
    pub watches: Vec<WatchStatusesRequest>,
    pub tokens: Vec<Option<String>>,
}

struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Seen>,
    gates: Arc<Gates>,
    views: Arc<Views>,
    completions: Arc<Completions>,
    events: Arc<Events>,
    logs: Arc<FakeLogs>,
    diagnoses: Arc<Diagnoses>,
    nodes: Arc<Nodes>,
    control_planes: Arc<ControlPlanes>,
    dumps: Arc<FakeDumps>,
    tunnels: Arc<Tunnels>,
    drains: Arc<Mutex<DrainScript>>,
    operations: Arc<Operations>,
    pods: Arc<Pods>,
    pushed: Arc<tokio::sync::Mutex<UnboundedReceiver<Step>>>,
}

/// The daemon. It ends when it is dropped.
pub struct Fake {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    push: UnboundedSender<Step>,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    runtime: Option<Runtime>,
}

impl Fake {
    pub fn new(mut script: Script) -> Self {
        let gates = Gates { script: Mutex::new(std::mem::take(&mut script.gates)), ..Gates::default() };
        let views = Views { script: Mutex::new(std::mem::take(&mut script.views)), ..Views::default() };
        let (words, is_silent) = (std::mem::take(&mut script.words), script.silent);
        let completions = Arc::new(Completions { words, is_silent, ..Completions::default() });
        let events = Events::playing(std::mem::take(&mut script.events));
        let logs = FakeLogs { streams: Mutex::new(std::mem::take(&mut script.logs)), ..FakeLogs::default() };
        let diagnoses = Diagnoses { script: Mutex::new(std::mem::take(&mut script.diagnoses)), ..Diagnoses::default() };
        let nodes = Nodes { script: Mutex::new(std::mem::take(&mut script.nodes)), ..Nodes::default() };
        let told = Mutex::new(std::mem::take(&mut script.control_plane));
        let control_planes = Arc::new(ControlPlanes { script: told, ..ControlPlanes::default() });
        let dumps = FakeDumps { streams: Mutex::new(std::mem::take(&mut script.dumps)), ..FakeDumps::default() };
        let tunnels = Tunnels { script: std::mem::take(&mut script.tunnels), ..Tunnels::default() };
        let operations =
            Operations { script: Mutex::new(std::mem::take(&mut script.operations)), ..Operations::default() };
        let pods = Pods { script: Mutex::new(std::mem::take(&mut script.pods)), ..Pods::default() };
        let drains = Arc::new(Mutex::new(std::mem::take(&mut script.drains)));
        let (push, pushed) = unbounded_channel();
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            seen: Mutex::default(),
            gates: Arc::new(gates),
            views: Arc::new(views),
            completions,
            events: Arc::new(events),
            logs: Arc::new(logs),
            diagnoses: Arc::new(diagnoses),
            nodes: Arc::new(nodes),
            control_planes,
            dumps: Arc::new(dumps),
            tunnels: Arc::new(tunnels),
            drains,
            operations: Arc::new(operations),
            pods: Arc::new(pods),
            pushed: Arc::new(tokio::sync::Mutex::new(pushed)),
        });
        let folder = tempfile::tempdir().unwrap();
        let mut fake = Self { folder, shared, push, connections: Arc::default(), runtime: None };
        fake.start();
        fake
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("daymark.sock")
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn address(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen.lock().unwrap()
    }

    pub fn seen_gates(&self) -> MutexGuard<'_, SeenGates> {
        self.shared.gates.seen.lock().unwrap()
    }

    pub fn seen_views(&self) -> MutexGuard<'_, SeenViews> {
        self.shared.views.seen.lock().unwrap()
    }

    pub fn seen_completions(&self) -> MutexGuard<'_, Vec<CompleteRequest>> {
        self.shared.completions.seen.lock().unwrap()
    }

    pub fn seen_events(&self) -> MutexGuard<'_, SeenEvents> {
        self.shared.events.seen.lock().unwrap()
    }

    pub fn seen_logs(&self) -> MutexGuard<'_, Vec<StreamLogsRequest>> {
        self.shared.logs.seen.lock().unwrap()
    }

    pub fn seen_dumps(&self) -> MutexGuard<'_, Vec<DumpRequest>> {
        self.shared.dumps.seen.lock().unwrap()
    }

    /// What diagnoses were asked of.
    pub fn seen_diagnoses(&self) -> MutexGuard<'_, Vec<Filter>> {
        self.shared.diagnoses.seen.lock().unwrap()
    }

    /// The manifests that came with them, each as `PLACE KIND NAMESPACE/NAME`.
    pub fn seen_manifests(&self) -> Vec<String> {
        self.shared.diagnoses.manifests.lock().unwrap().clone()
    }

    /// What was asked of nodes.
    pub fn seen_nodes(&self) -> MutexGuard<'_, SeenNodes> {
        self.shared.nodes.seen.lock().unwrap()
    }

    /// How control planes were followed.
    pub fn seen_control_planes(&self) -> MutexGuard<'_, Vec<WatchControlPlaneRequest>> {
        self.shared.control_planes.seen.lock().unwrap()
    }

    /// Its tunnels, and what was asked of them.
    pub fn tunnels(&self) -> &Tunnels {
        &self.shared.tunnels
    }

    /// How nodes were to be drained.
    pub fn seen_drains(&self) -> Vec<DrainOptions> {
        self.shared.drains.lock().unwrap().seen.clone()
    }

    /// Operations that were cancelled, by their ids.
    pub fn cancelled(&self) -> MutexGuard<'_, Vec<String>> {
        self.shared.operations.cancelled.lock().unwrap()
    }

    pub fn seen_pods(&self) -> MutexGuard<'_, SeenPods> {
        self.shared.pods.seen.lock().unwrap()
    }

    /// Adds a step to the watch that is open.
    pub fn push(&self, step: Step) {
        self.push.send(step).unwrap();
    }

    /// Breaks every connection. New ones are taken.
    pub fn cut(&self) {
        self.connections.lock().unwrap().drain(..).for_each(|connection| connection.abort());
    }

    /// Ends the daemon as a crash would.
    pub fn stop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
        let _ = std::fs::remove_file(self.socket());
    }

    pub fn start(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = {
            let _entered = runtime.enter();
            UnixListener::bind(self.socket()).unwrap()
        };
        let (connected, incoming) = unbounded_channel();
        let connections = Arc::clone(&self.connections);
        runtime.spawn(async move {
            while let Ok((mut outer, _)) = listener.accept().await {
                let (mut inner, served) = tokio::io::duplex(1 << 16);
                let copy = tokio::spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                });
                connections.lock().unwrap().push(copy.abort_handle());
                let _ = connected.send(Ok::<_, std::io::Error>(served));
            }
        });
        let server = tonic::transport::Server::builder()
            .add_service(StatusServiceServer::new(Service(Arc::clone(&self.shared))))
            .add_service(CompletionServiceServer::new(fake_completions::Service(Arc::clone(&self.shared.completions))))
            .add_service(GateServiceServer::new(fake_gates::Service(Arc::clone(&self.shared.gates))))
            .add_service(TableServiceServer::new(fake_views::Service(Arc::clone(&self.shared.views))))
            .add_service(TreeServiceServer::new(fake_views::Service(Arc::clone(&self.shared.views))))
            .add_service(EventServiceServer::new(fake_events::Service(Arc::clone(&self.shared.events))))
            .add_service(LogServiceServer::new(fake_logs::Service(Arc::clone(&self.shared.logs))))
            .add_service(ControlPlaneServiceServer::new(fake_control_plane::Service(Arc::clone(
                &self.shared.control_planes,
            ))))
            .add_service(SnapshotServiceServer::new(fake_dumps::Service(Arc::clone(&self.shared.dumps))))
            .add_service(TunnelServiceServer::new(fake_tunnels::Service(Arc::clone(&self.shared.tunnels))))
            .add_service(ProxyServiceServer::new(fake_tunnels::Service(Arc::clone(&self.shared.tunnels))))
            .add_service(DiagnosisServiceServer::new(fake_diagnoses::Service(Arc::clone(&self.shared.diagnoses))))
            .add_service(NodeReadinessServiceServer::new(fake_nodes::Service(Arc::clone(&self.shared.nodes))))
            .add_service(NodeServiceServer::new(fake_drains::Service(Arc::clone(&self.shared.drains))))
            .add_service(OperationServiceServer::new(fake_operations::Service(Arc::clone(&self.shared.operations))))
            .add_service(PodServiceServer::new(fake_pods::Service(Arc::clone(&self.shared.pods))))
            .add_service(ServerServiceServer::new(Service(Arc::clone(&self.shared))));
        runtime.spawn(server.serve_with_incoming(UnboundedReceiverStream::new(incoming)));
        self.runtime = Some(runtime);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Service(Arc<Shared>);

impl Service {
    fn saw<T>(&self, request: &Request<T>, note: impl FnOnce(&mut Seen)) {
        let token = request.metadata().get("authorization").map(|token| token.to_str().unwrap().to_owned());
        let mut seen = self.0.seen.lock().unwrap();
        seen.tokens.push(token);
        note(&mut seen);
    }

    async fn answer<T>(
        &self,
        take: impl FnOnce(&mut Script) -> Option<Result<T, Status>>,
    ) -> Result<Response<T>, Status> {
        let (silent, answer) = {
            let mut script = self.0.script.lock().unwrap();
            (script.silent, take(&mut script))
        };
        if silent {
            std::future::pending::<()>().await;
        }
        answer.unwrap_or_else(|| Err(Status::internal("not in the script"))).map(Response::new)
    }
}

#[tonic::async_trait]
impl StatusService for Service {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        self.saw(&request, |seen| seen.gets.push(request.get_ref().clone()));
        self.answer(|script| script.objects.pop_front()).await
    }

    async fn list_statuses(
        &self,
        request: Request<ListStatusesRequest>,
    ) -> Result<Response<ListStatusesResponse>, Status> {
        self.saw(&request, |seen| seen.lists.push(request.get_ref().clone()));
        self.answer(|script| script.pages.pop_front()).await
    }

    type WatchStatusesStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchStatusesResponse>, Status>> + Send>>;

    async fn watch_statuses(
        &self,
        request: Request<WatchStatusesRequest>,
    ) -> Result<Response<Self::WatchStatusesStream>, Status> {
        self.saw(&request, |seen| seen.watches.push(request.get_ref().clone()));
        let steps = {
            let mut script = self.0.script.lock().unwrap();
            script.watches.pop_front().or_else(|| script.later_watches.clone()).unwrap_or_default()
        };
        let pushed = Arc::clone(&self.0.pushed);
        let pushed = futures::stream::unfold(pushed, async |pushed| {
            let step = pushed.lock().await.recv().await?;
            Some((step, pushed))
        });
        let steps = futures::stream::iter(steps).chain(pushed);
        let messages = steps.take_while(|step| std::future::ready(!matches!(step, Step::End))).map(|step| match step {
            Step::Send(message) => Ok(Encoded::new(&message)),
            Step::Fail(status) => Err(status),
            Step::End => Err(Status::internal("taken above")),
        });
        Ok(Response::new(Box::pin(messages)))
    }
}

#[tonic::async_trait]
impl ServerService for Service {
    async fn list_caches(&self, request: Request<ListCachesRequest>) -> Result<Response<ListCachesResponse>, Status> {
        self.saw(&request, |_| ());
        self.answer(|script| script.caches.clone().map(Ok)).await
    }

    async fn get_server_info(
        &self,
        request: Request<GetServerInfoRequest>,
    ) -> Result<Response<GetServerInfoResponse>, Status> {
        self.saw(&request, |_| ());
        self.answer(|script| script.info.clone().map(Ok)).await
    }
}

//! A request to each rpc.

use daymark_proto::v1::completion_service_client::CompletionServiceClient;
use daymark_proto::v1::control_plane_service_client::ControlPlaneServiceClient;
use daymark_proto::v1::diagnosis_service_client::DiagnosisServiceClient;
use daymark_proto::v1::event_service_client::EventServiceClient;
use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::log_service_client::LogServiceClient;
use daymark_proto::v1::node_readiness_service_client::NodeReadinessServiceClient;
use daymark_proto::v1::node_service_client::NodeServiceClient;
use daymark_proto::v1::operation_service_client::OperationServiceClient;
use daymark_proto::v1::pod_service_client::PodServiceClient;
use daymark_proto::v1::proxy_service_client::ProxyServiceClient;
use daymark_proto::v1::server_service_client::ServerServiceClient;
use daymark_proto::v1::snapshot_service_client::SnapshotServiceClient;
use daymark_proto::v1::status_service_client::StatusServiceClient;
use daymark_proto::v1::table_service_client::TableServiceClient;
use daymark_proto::v1::tree_service_client::TreeServiceClient;
use daymark_proto::v1::tunnel_service_client::TunnelServiceClient;
use daymark_proto::v1::{
    ArmGateRequest, CancelGateRequest, CancelOperationRequest, CompleteRequest, CordonRequest, DiagnoseRequest,
    DrainOptions, DumpRequest, EventFilter, FetchRequest, Filter, ForwardRequest, ForwardTarget, GatePolicy,
    GetControlPlaneRequest, GetGateRequest, GetOperationRequest, GetServerInfoRequest, GetStatusRequest,
    ListCachesRequest, ListEventsRequest, ListNodesRequest, ListOperationsRequest, ListQuarantinedRequest,
    ListStatusesRequest, ListTablesRequest, ObjectRef, OpenGateRequest, PlanDrainRequest, ReleaseRequest,
    ResolveRequest, StartDrainRequest, StartQuarantineRequest, StreamLogsRequest, Subject, UncordonRequest,
    WatchControlPlaneRequest, WatchDiagnosisRequest, WatchEventsRequest, WatchGateRequest, WatchNodesRequest,
    WatchOperationRequest, WatchStatusesRequest, WatchTreeRequest, fetch_response, forward_request,
};
use daymark_tests::in_process::with_token;
use tonic::Status;
use tonic::transport::Channel;

use super::{Of, Sample};

/// How a request with that token is answered.
pub(super) async fn ask(channel: Channel, sample: &Sample, token: &str, gate: &str) -> Result<(), Status> {
    let (service, _) = sample.rpc.split_once('/').expect("a service and a method");
    match service {
        "StatusService" => ask_states(channel, sample, token).await,
        "GateService" => ask_gates(channel, sample, token, gate).await,
        "ServerService" => ask_server(channel, sample, token).await,
        "PodService" => ask_pods(channel, sample, token).await,
        "NodeService" => ask_nodes(channel, sample, token).await,
        "OperationService" => ask_operations(channel, sample, token).await,
        "ControlPlaneService" => ask_control_plane(channel, sample, token).await,
        "TunnelService" => ask_tunnel(channel, sample, token).await,
        "ProxyService" => ask_proxy(channel, sample, token).await,
        _ => ask_others(channel, sample, token).await,
    }
}

impl Sample {
    /// The objects, as most rpcs are asked for them.
    fn filter(&self) -> Option<Filter> {
        match &self.of {
            Of::Nothing | Of::Events(_) => None,
            Of::Kind(filter) => Some(filter.clone()),
            Of::Object(it) => Some(Filter { refs: vec![it.clone()], ..Default::default() }),
        }
    }

    /// The one object.
    fn object(&self) -> Option<ObjectRef> {
        match &self.of {
            Of::Object(it) => Some(it.clone()),
            _ => None,
        }
    }

    /// The events.
    fn events(&self) -> Option<EventFilter> {
        match &self.of {
            Of::Events(filter) => Some(filter.clone()),
            _ => None,
        }
    }
}

async fn ask_states(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let mut status = StatusServiceClient::new(channel);
    let (filter, token) = (sample.filter(), Some(token));
    match sample.rpc.as_str() {
        "StatusService/GetStatus" => {
            let request = GetStatusRequest { r#ref: sample.object(), ..Default::default() };
            status.get_status(with_token(request, token)).await.map(drop)
        }
        "StatusService/ListStatuses" => {
            let request = ListStatusesRequest { filter, ..Default::default() };
            status.list_statuses(with_token(request, token)).await.map(drop)
        }
        "StatusService/WatchStatuses" => {
            let request = WatchStatusesRequest { filter, ..Default::default() };
            status.watch_statuses(with_token(request, token)).await.map(drop)
        }
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

async fn ask_gates(channel: Channel, sample: &Sample, token: &str, gate: &str) -> Result<(), Status> {
    let mut gates = GateServiceClient::new(channel);
    let (gate, token) = (gate.to_owned(), Some(token));
    match sample.rpc.as_str() {
        "GateService/OpenGate" => {
            let policy = Some(GatePolicy { once: true, min_objects: Some(0), ..Default::default() });
            let request = OpenGateRequest { filter: sample.filter(), policy, ..Default::default() };
            gates.open_gate(with_token(request, token)).await.map(drop)
        }
        "GateService/ArmGate" => {
            gates.arm_gate(with_token(ArmGateRequest { token: gate, ..Default::default() }, token)).await.map(drop)
        }
        "GateService/CancelGate" => {
            gates.cancel_gate(with_token(CancelGateRequest { token: gate }, token)).await.map(drop)
        }
        "GateService/GetGate" => gates.get_gate(with_token(GetGateRequest { token: gate }, token)).await.map(drop),
        "GateService/WatchGate" => {
            gates.watch_gate(with_token(WatchGateRequest { token: gate }, token)).await.map(drop)
        }
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

async fn ask_server(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let (mut server, token) = (ServerServiceClient::new(channel), Some(token));
    match sample.rpc.as_str() {
        "ServerService/GetServerInfo" => {
            server.get_server_info(with_token(GetServerInfoRequest {}, token)).await.map(drop)
        }
        "ServerService/ListCaches" => server.list_caches(with_token(ListCachesRequest {}, token)).await.map(drop),
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

/// Nothing is changed, and no pod is meant.
async fn ask_nodes(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let (mut nodes, token, r#ref) = (NodeServiceClient::new(channel), Some(token), sample.object());
    let options = Some(DrainOptions { pod_selector: "no=pods".into(), dry_run: true, ..Default::default() });
    match sample.rpc.as_str() {
        "NodeService/Cordon" => nodes.cordon(with_token(CordonRequest { r#ref, dry_run: true }, token)).await.map(drop),
        "NodeService/Uncordon" => {
            nodes.uncordon(with_token(UncordonRequest { r#ref, dry_run: true }, token)).await.map(drop)
        }
        "NodeService/PlanDrain" => {
            nodes.plan_drain(with_token(PlanDrainRequest { r#ref, options }, token)).await.map(drop)
        }
        "NodeService/StartDrain" => {
            let request = StartDrainRequest { r#ref, options, ..Default::default() };
            nodes.start_drain(with_token(request, token)).await.map(drop)
        }
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

async fn ask_tunnel(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let (mut tunnels, token, port) = (TunnelServiceClient::new(channel), Some(token), "80".to_owned());
    match sample.rpc.as_str() {
        "TunnelService/Resolve" => {
            let request = ResolveRequest { r#ref: sample.object(), ports: vec![port] };
            tunnels.resolve(with_token(request, token)).await.map(drop)
        }
        "TunnelService/Forward" => {
            let target = ForwardTarget { r#ref: sample.object(), port, max_duration: None };
            let first = ForwardRequest { message: Some(forward_request::Message::Target(target)) };
            tunnels.forward(with_token(tokio_stream::iter([first]), token)).await.map(drop)
        }
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

async fn ask_operations(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let (mut operations, token) = (OperationServiceClient::new(channel), Some(token));
    let id = "drain-none".to_owned();
    match sample.rpc.as_str() {
        "OperationService/ListOperations" => {
            operations.list_operations(with_token(ListOperationsRequest::default(), token)).await.map(drop)
        }
        "OperationService/GetOperation" => {
            operations.get_operation(with_token(GetOperationRequest { id }, token)).await.map(drop)
        }
        "OperationService/WatchOperation" => {
            operations.watch_operation(with_token(WatchOperationRequest { id }, token)).await.map(drop)
        }
        "OperationService/CancelOperation" => {
            operations.cancel_operation(with_token(CancelOperationRequest { id }, token)).await.map(drop)
        }
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

async fn ask_control_plane(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let (mut control_plane, token) = (ControlPlaneServiceClient::new(channel), Some(token));
    match sample.rpc.as_str() {
        "ControlPlaneService/GetControlPlane" => {
            let request = with_token(GetControlPlaneRequest::default(), token);
            control_plane.get_control_plane(request).await.map(drop)
        }
        "ControlPlaneService/WatchControlPlane" => {
            let request = with_token(WatchControlPlaneRequest::default(), token);
            control_plane.watch_control_plane(request).await.map(drop)
        }
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

/// Nothing is changed.
async fn ask_pods(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let (mut pods, token, r#ref) = (PodServiceClient::new(channel), Some(token), sample.object());
    match sample.rpc.as_str() {
        "PodService/ListQuarantined" => {
            let Filter { namespaces, all_namespaces, .. } = sample.filter().unwrap_or_default();
            let request = ListQuarantinedRequest { namespaces, all_namespaces, ..Default::default() };
            pods.list_quarantined(with_token(request, token)).await.map(drop)
        }
        "PodService/StartQuarantine" => {
            let set = [("a".to_owned(), "b".to_owned())].into();
            let request = StartQuarantineRequest { r#ref, set, dry_run: true, ..Default::default() };
            pods.start_quarantine(with_token(request, token)).await.map(drop)
        }
        "PodService/Release" => {
            pods.release(with_token(ReleaseRequest { r#ref, dry_run: true }, token)).await.map(drop)
        }
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

/// Of what the API server answers, a refusal is one.
async fn ask_proxy(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let object = sample.object().expect("it is about an object");
    let path = format!("/api/v1/namespaces/{}/{}/{}", object.namespace, object.resource, object.name);
    let request = with_token(FetchRequest { path, ..Default::default() }, Some(token));
    let mut answers = ProxyServiceClient::new(channel).fetch(request).await?.into_inner();
    match answers.message().await?.and_then(|answer| answer.message) {
        Some(fetch_response::Message::Head(head)) if head.status == 403 => Err(Status::permission_denied("refused")),
        Some(fetch_response::Message::Head(head)) => {
            assert_eq!(head.status, 200, "{:?}", sample.of);
            Ok(())
        }
        other => panic!("no head, but {other:?}"),
    }
}

/// Services of an rpc or two.
async fn ask_others(channel: Channel, sample: &Sample, token: &str) -> Result<(), Status> {
    let (filter, token) = (sample.filter(), Some(token));
    match sample.rpc.as_str() {
        "CompletionService/Complete" => {
            let request = CompleteRequest { subject: Subject::Name.into(), filter, ..Default::default() };
            CompletionServiceClient::new(channel).complete(with_token(request, token)).await.map(drop)
        }
        "DiagnosisService/Diagnose" => {
            let request = with_token(DiagnoseRequest { filter, ..Default::default() }, token);
            DiagnosisServiceClient::new(channel).diagnose(request).await.map(drop)
        }
        "DiagnosisService/WatchDiagnosis" => {
            let request = with_token(WatchDiagnosisRequest { filter }, token);
            DiagnosisServiceClient::new(channel).watch_diagnosis(request).await.map(drop)
        }
        "EventService/ListEvents" => {
            let request = ListEventsRequest { filter: sample.events(), ..Default::default() };
            EventServiceClient::new(channel).list_events(with_token(request, token)).await.map(drop)
        }
        "EventService/WatchEvents" => {
            let request = WatchEventsRequest { filter: sample.events(), ..Default::default() };
            EventServiceClient::new(channel).watch_events(with_token(request, token)).await.map(drop)
        }
        "LogService/StreamLogs" => {
            let request = StreamLogsRequest { filter, ..Default::default() };
            LogServiceClient::new(channel).stream_logs(with_token(request, token)).await.map(drop)
        }
        "NodeReadinessService/ListNodes" => {
            let request = with_token(ListNodesRequest::default(), token);
            NodeReadinessServiceClient::new(channel).list_nodes(request).await.map(drop)
        }
        "NodeReadinessService/WatchNodes" => {
            let request = with_token(WatchNodesRequest::default(), token);
            NodeReadinessServiceClient::new(channel).watch_nodes(request).await.map(drop)
        }
        "SnapshotService/Dump" => {
            let request = DumpRequest { all_namespaces: true, ..Default::default() };
            SnapshotServiceClient::new(channel).dump(with_token(request, token)).await.map(drop)
        }
        "TableService/ListTables" => {
            let request = ListTablesRequest { filter, ..Default::default() };
            TableServiceClient::new(channel).list_tables(with_token(request, token)).await.map(drop)
        }
        "TreeService/WatchTree" => {
            let request = WatchTreeRequest { r#ref: sample.object(), ..Default::default() };
            TreeServiceClient::new(channel).watch_tree(with_token(request, token)).await.map(drop)
        }
        other => panic!("{other}: how is it asked? Say it here"),
    }
}

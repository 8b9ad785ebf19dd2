//! How a control plane is told that is not well, or of which not all are visible.

use daymark_proto::v1::control_plane_service_client::ControlPlaneServiceClient;
use daymark_proto::v1::{
    ControlPlane, ControlPlaneHealth, GetControlPlaneRequest, HealthEndpoint, WatchControlPlaneRequest,
};
use daymark_tests::fake_apiserver::FakeApiServer;
use daymark_tests::in_process::{InProcess, with_token};
use daymarkd::caches::Policy;
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::rights::Shared;
use crate::{Setup, code_and_reason};

const WELL: &str = "[+]ping ok\n[+]etcd ok\nlivez check passed\n";
const UNWELL: &str = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]informer-sync ok\nreadyz check failed\n";
const METRICS: &str = r#"process_start_time_seconds 1.76e+09
etcd_request_duration_seconds_bucket{operation="get",resource="pods",le="0.01"} 50
etcd_request_duration_seconds_bucket{operation="get",resource="pods",le="0.1"} 100
etcd_request_duration_seconds_bucket{operation="get",resource="pods",le="+Inf"} 100
apiserver_storage_size_bytes{storage_cluster_id="etcd-0"} 4096
apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="podsecuritypolicies",subresource="",version="v1beta1"} 1
"#;

fn lease_path(name: &str) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{name}")
}

/// A control plane that is well.
async fn cluster() -> FakeApiServer {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.serve_text("/livez", 200, WELL);
    cluster.serve_text("/readyz", 200, WELL);
    cluster.serve_text("/metrics", 200, METRICS);
    let renewed = json!({"holderIdentity": "a", "renewTime": "2999-01-01T00:00:00Z", "leaseDurationSeconds": 15});
    cluster.serve_text(&lease_path("kube-scheduler"), 200, json!({"spec": renewed}).to_string());
    cluster
}

/// A daemon that follows nothing of its own.
async fn daemon(cluster: &FakeApiServer) -> InProcess {
    InProcess::start_with(cluster, Policy { warm: Vec::new(), ..Policy::default() }).await
}

async fn ask(channel: Channel, user: Option<&str>) -> Result<ControlPlane, Status> {
    let mut client = ControlPlaneServiceClient::new(channel);
    let request = with_token(GetControlPlaneRequest::default(), user);
    Ok(client.get_control_plane(request).await?.into_inner().control_plane.unwrap())
}

fn failing(endpoint: &HealthEndpoint) -> Vec<&str> {
    endpoint.checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect()
}

fn hidden(told: &ControlPlane) -> Vec<(&str, &str)> {
    told.not_visible.iter().map(|it| (it.kind.as_str(), it.reason.as_str())).collect()
}

#[tokio::test]
async fn a_check_that_fails_is_told_by_name() {
    let cluster = cluster().await;
    cluster.serve_text("/readyz", 500, UNWELL);
    let daemon = daemon(&cluster).await;
    let told = ask(daemon.channel().await, None).await.unwrap();
    assert_eq!(told.health(), ControlPlaneHealth::Unhealthy);
    let endpoints: Vec<_> = told.endpoints.iter().map(|it| (it.name.as_str(), it.passed, failing(it))).collect();
    assert_eq!(endpoints, [("livez", true, vec![]), ("readyz", false, vec!["etcd"])]);
    assert_eq!(told.endpoints[1].checks[1].message, "reason withheld");
    daemon.stop().await;
}

#[tokio::test]
async fn what_metrics_tell_is_told_and_what_there_is_not_is_said() {
    let cluster = cluster().await;
    let daemon = daemon(&cluster).await;
    let told = ask(daemon.channel().await, None).await.unwrap();
    assert_eq!((told.health(), told.version.as_str()), (ControlPlaneHealth::Healthy, "v1.36.0"));
    let etcd = told.etcd.clone().unwrap();
    assert_eq!((etcd.sizes[0].server.as_str(), etcd.sizes[0].bytes), ("etcd-0", 4096));
    let gets = etcd.operations[0].since_start.unwrap();
    assert_eq!((etcd.operations[0].operation.as_str(), gets.count), ("get", 100));
    assert_eq!(gets.p50.unwrap().nanos, 10_000_000);
    assert_eq!(told.deprecated_apis[0].resource, "podsecuritypolicies");
    assert_eq!(told.metrics_since.unwrap().seconds, 1_760_000_000);
    let leases: Vec<_> = told.leases.iter().map(|it| (it.name.as_str(), it.found, it.expired)).collect();
    assert_eq!(leases, [("kube-scheduler", true, false), ("kube-controller-manager", false, false)]);
    let requests: Vec<_> = told.latencies.iter().map(|it| it.request.as_str()).collect();
    let all =
        ["GET /version", "GET /livez", "GET /readyz", "GET lease kube-scheduler", "GET lease kube-controller-manager"];
    assert_eq!(requests, all);
    // This API server serves no nodes.
    assert_eq!(hidden(&told), [("nodes", "NotServed")]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_leader_that_does_not_renew_its_lease_is_no_leader() {
    let cluster = cluster().await;
    let outdated = json!({"holderIdentity": "a", "renewTime": "2020-01-01T00:00:00Z", "leaseDurationSeconds": 15});
    cluster.serve_text(&lease_path("kube-scheduler"), 200, json!({"spec": outdated}).to_string());
    let daemon = daemon(&cluster).await;
    let told = ask(daemon.channel().await, None).await.unwrap();
    assert_eq!((told.health(), told.leases[0].expired), (ControlPlaneHealth::Unhealthy, true));
    daemon.stop().await;
}

#[tokio::test]
async fn who_may_not_see_is_told_what_and_sees_the_rest() {
    let shared = Shared::new().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        shared.cluster.serve_text(path, 200, if path == "/metrics" { METRICS } else { WELL });
    }
    shared.rbac.grant("jane", "get", "/livez", "-");
    let told = ask(shared.channel().await, Some("jane")).await.unwrap();
    let names: Vec<_> = told.endpoints.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((told.health(), names), (ControlPlaneHealth::Healthy, vec!["livez"]));
    let lease = |name| (name, "PermissionDenied");
    let expected = [
        ("/version", "PermissionDenied"),
        ("/readyz", "PermissionDenied"),
        lease("leases.coordination.k8s.io/kube-scheduler"),
        lease("leases.coordination.k8s.io/kube-controller-manager"),
        ("nodes", "PermissionDenied"),
        ("/metrics", "PermissionDenied"),
    ];
    assert_eq!(hidden(&told), expected);
    assert!(told.version.is_empty() && told.etcd.is_none() && told.deprecated_apis.is_empty(), "{told:?}");
    let requests: Vec<_> = told.latencies.iter().map(|it| it.request.as_str()).collect();
    assert_eq!(requests, ["GET /livez"]);
    assert_eq!(told.not_visible[1].message, r#"user "jane" may not get path "/readyz""#);
    assert_eq!(shared.cluster.texts_asked("/metrics"), 0, "they are read for nobody");

    let told = ask(shared.channel().await, Some("joe")).await.unwrap();
    assert_eq!((told.health(), told.endpoints.len()), (ControlPlaneHealth::Unspecified, 0));
    shared.daemon.stop().await;
}

#[tokio::test]
async fn what_the_daemon_may_not_read_is_told_as_that() {
    let cluster = cluster().await;
    cluster.serve_text("/metrics", 403, r#"{"message": "forbidden: no"}"#);
    cluster.serve_text(&lease_path("kube-scheduler"), 403, r#"{"message": "forbidden: no"}"#);
    let daemon = daemon(&cluster).await;
    let told = ask(daemon.channel().await, None).await.unwrap();
    assert_eq!(told.health(), ControlPlaneHealth::Healthy);
    let (scheduler, metrics) = ("leases.coordination.k8s.io/kube-scheduler", "/metrics");
    assert_eq!(hidden(&told), [(scheduler, "Forbidden"), ("nodes", "NotServed"), (metrics, "Forbidden")]);
    assert_eq!(told.not_visible[2].message, r#"the daemon may not get path "/metrics""#);
    daemon.stop().await;
}

/// How it goes on.
async fn next(stream: &mut Streaming<daymark_proto::v1::WatchControlPlaneResponse>) -> ControlPlane {
    stream.message().await.unwrap().unwrap().control_plane.unwrap()
}

#[tokio::test]
async fn a_watch_goes_on_whatever_the_api_server_does_and_ends_with_the_daemon() {
    let cluster = cluster().await;
    let setup = Setup { daemon: daemon(&cluster).await, cluster };
    let mut client = ControlPlaneServiceClient::new(setup.daemon.channel().await);
    let watch = |nanos: i32| WatchControlPlaneRequest {
        interval: Some(prost_types::Duration { seconds: 0, nanos }),
        ..Default::default()
    };
    let refused = client.watch_control_plane(watch(999_000_000)).await.map(drop).unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_INTERVAL".to_owned()));
    let elsewhere = GetControlPlaneRequest { cluster: "elsewhere".into() };
    let refused = client.get_control_plane(elsewhere).await.map(drop).unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_FILTER".to_owned()));

    let interval = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let request = WatchControlPlaneRequest { interval, ..Default::default() };
    let mut stream = client.watch_control_plane(request).await.unwrap().into_inner();
    assert_eq!(next(&mut stream).await.health(), ControlPlaneHealth::Healthy);
    setup.cluster.serve_text("/readyz", 500, UNWELL);
    while next(&mut stream).await.health() != ControlPlaneHealth::Unhealthy {}
    // The API server itself answers no more, then not even that.
    setup.cluster.stall_text("/version");
    let mut told = next(&mut stream).await;
    while told.health() != ControlPlaneHealth::Unreachable {
        told = next(&mut stream).await;
    }
    assert!(!told.unreachable.is_empty() && told.endpoints.is_empty(), "{told:?}");
    setup.daemon.shut_down();
    let ended = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            ended => break ended,
        }
    };
    assert_eq!(code_and_reason(&ended.unwrap_err()), (Code::Unavailable, "DRAINING".to_owned()));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn many_who_ask_at_once_look_together() {
    let cluster = cluster().await;
    let daemon = daemon(&cluster).await;
    let channel = daemon.channel().await;
    let asked: Vec<_> = (0..20).map(|_| ask(channel.clone(), None)).collect();
    for told in futures::future::join_all(asked).await {
        assert_eq!(told.unwrap().health(), ControlPlaneHealth::Healthy);
    }
    assert_eq!(cluster.texts_asked("/metrics"), 1);
    assert!(cluster.texts_asked("/readyz") < 20, "each has looked for itself");
    daemon.stop().await;
}

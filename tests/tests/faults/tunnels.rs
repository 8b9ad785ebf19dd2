//! Connections that are carried to pods, whatever these, the API server and the callers do.

#[path = "tunnels/rights.rs"]
mod rights;
#[path = "tunnels/ways.rs"]
mod ways;

use bytes::Bytes;
use daymark_proto::v1::forward_request::Message as Sent;
use daymark_proto::v1::forward_response::Message as Told;
use daymark_proto::v1::tunnel_service_client::TunnelServiceClient;
use daymark_proto::v1::{ForwardRequest, ForwardTarget, ObjectRef, ResolveRequest, State, TunnelPort};
use daymark_tests::fake_apiserver::objects::{NAMESPACE, object};
use daymark_tests::fake_apiserver::{Collection, FakeApiServer, Port};
use daymark_tests::in_process::{kinds, with_token};
use daymark_tests::process::PATIENCE;
use futures::FutureExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::{Deployments, EndpointSlices, Pods, ReplicaSets, Services, Setup, code_and_reason, proven};

/// More than what all the buffers hold.
const MUCH: usize = 64 << 20;
const CHUNK: usize = 32 << 10;

/// A connection that is carried.
struct Tunnel {
    sender: mpsc::Sender<ForwardRequest>,
    answers: Streaming<daymark_proto::v1::ForwardResponse>,
}

/// Where a connection goes, and why not to where it went before.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint {
    pod: String,
    port: i32,
    because: String,
}

impl Tunnel {
    async fn open(channel: Channel, target: ForwardTarget, token: Option<&str>) -> Result<Self, Status> {
        let (sender, requests) = mpsc::channel(2);
        sender.send(ForwardRequest { message: Some(Sent::Target(target)) }).await.unwrap();
        let request = with_token(ReceiverStream::new(requests), token);
        let answers = TunnelServiceClient::new(channel).forward(request).await?.into_inner();
        Ok(Self { sender, answers })
    }

    async fn next(&mut self) -> Result<Option<Told>, Status> {
        let answer = timeout(PATIENCE, self.answers.message()).await.expect("something comes")?;
        Ok(answer.map(|answer| answer.message.expect("an answer holds something")))
    }

    async fn endpoint(&mut self) -> Endpoint {
        match self.next().await.unwrap() {
            Some(Told::Endpoint(it)) => Endpoint { pod: it.pod.unwrap().name, port: it.port, because: it.because },
            other => panic!("no endpoint, but {other:?}"),
        }
    }

    async fn send(&self, data: &'static [u8]) {
        let data = Bytes::from_static(data);
        timeout(PATIENCE, self.sender.send(ForwardRequest { message: Some(Sent::Data(data)) })).await.unwrap().unwrap();
    }

    /// All that comes, to the end.
    async fn rest(&mut self) -> Result<Vec<u8>, Status> {
        let mut all = Vec::new();
        while let Some(told) = self.next().await? {
            match told {
                Told::Data(data) => all.extend_from_slice(&data),
                Told::Endpoint(endpoint) => panic!("another endpoint: {endpoint:?}"),
            }
        }
        Ok(all)
    }

    /// So many bytes.
    async fn some(&mut self, many: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < many {
            match self.next().await.unwrap() {
                Some(Told::Data(data)) => all.extend_from_slice(&data),
                other => panic!("{other:?} after {} bytes", all.len()),
            }
        }
        all
    }

    /// The error that ends it.
    async fn error(&mut self) -> Status {
        loop {
            match self.next().await {
                Err(error) => return error,
                Ok(None) => panic!("it ended without an error"),
                Ok(Some(_)) => {}
            }
        }
    }
}

fn to(collection: Collection, name: &str, port: &str) -> ForwardTarget {
    let (resource, namespace, name) = (collection.resource().to_owned(), NAMESPACE.to_owned(), name.to_owned());
    let object = ObjectRef { resource, namespace, name, ..ObjectRef::default() };
    ForwardTarget { r#ref: Some(object), port: port.to_owned(), max_duration: None }
}

fn pod(name: &str) -> Value {
    let mut pod = object(Pods, name, State::Ready);
    pod["spec"]["containers"] = json!([{"name": "c", "ports": [{"name": "web", "containerPort": 8080}]}]);
    pod
}

/// A Service `web`, whose endpoints are those pods, ready or not.
fn serve(cluster: &FakeApiServer, pods: &[(&str, bool)]) {
    let mut service = object(Services, "web", State::Ready);
    service["spec"]["ports"] = json!([{"name": "http", "port": 80, "targetPort": "web"}]);
    cluster.put(Services, service);
    let mut slice = object(EndpointSlices, "web", State::Ready);
    slice["ports"] = json!([{"name": "http", "port": 8080}]);
    let endpoint = |(name, ready): &(&str, bool)| json!({"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": name}});
    slice["endpoints"] = pods.iter().map(endpoint).collect();
    cluster.put(EndpointSlices, slice);
    for (name, _) in pods {
        cluster.put(Pods, pod(name));
    }
}

impl Setup {
    /// A daemon of a cluster with a Service `web` of these pods, which are ready.
    async fn serving(pods: &[&str]) -> Self {
        let setup = Self::new(&[]).await;
        serve(&setup.cluster, &pods.iter().map(|pod| (*pod, true)).collect::<Vec<_>>());
        setup.knows().await;
        setup
    }

    /// What was put last is known.
    async fn knows(&self) {
        drop(self.live(proven(kinds(&[Pods, Services, EndpointSlices, Deployments, ReplicaSets]))).await);
    }

    async fn tunnel(&self, target: ForwardTarget) -> Result<Tunnel, Status> {
        Tunnel::open(self.daemon.channel().await, target, None).await
    }

    async fn refused(&self, target: ForwardTarget) -> (Code, String) {
        code_and_reason(&self.tunnel(target).await.map(drop).unwrap_err())
    }
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

#[tokio::test]
async fn bytes_come_back_as_they_were_sent() {
    let setup = Setup::serving(&["a"]).await;
    let mut tunnel = setup.tunnel(to(Services, "web", "http")).await.unwrap();
    assert_eq!(tunnel.endpoint().await, Endpoint { pod: "a".into(), port: 8080, because: String::new() });
    let bytes: Bytes = (0..=255).cycle().take(8 << 20).collect::<Vec<u8>>().into();
    let (sender, mut rest) = (tunnel.sender.clone(), bytes.clone());
    let sending = tokio::spawn(async move {
        while !rest.is_empty() {
            let data = rest.split_to(rest.len().min(CHUNK));
            sender.send(ForwardRequest { message: Some(Sent::Data(data)) }).await.unwrap();
        }
    });
    assert!(tunnel.some(bytes.len()).await == bytes);
    sending.await.unwrap();
    let asked = setup.cluster.forwarded();
    assert_eq!((asked.len(), &*asked[0].port, &asked[0].user), (1, "8080", &None));
    drop(tunnel);
    setup.cluster.until_forwarding(0).await;
}

#[tokio::test]
async fn endpoints_that_are_ready_take_turns() {
    let setup = Setup::new(&[]).await;
    serve(&setup.cluster, &[("a", true), ("b", false), ("c", true)]);
    setup.knows().await;
    let mut pods = Vec::new();
    for _ in 0..4 {
        pods.push(setup.tunnel(to(Services, "web", "80")).await.unwrap().endpoint().await.pod);
    }
    assert_eq!(pods, ["a", "c", "a", "c"]);
}

#[tokio::test]
async fn an_endpoint_that_does_not_take_a_connection_is_followed_by_another() {
    let setup = Setup::serving(&["a", "b", "c"]).await;
    setup.cluster.forward("a", Port::Refuses);
    setup.cluster.forward("b", Port::Status(404));
    setup.cluster.forward("c", Port::Answers("hello"));
    let mut tunnel = setup.tunnel(to(Services, "web", "80")).await.unwrap();
    // It may be too early for the refusal, and too late: what is sent is not lost.
    tunnel.send(b"GET").await;
    assert_eq!(tunnel.endpoint().await.pod, "a");
    let next = tunnel.endpoint().await;
    assert_eq!(next.pod, "c");
    assert!(next.because.contains("\"b\"") && next.because.contains("404"), "{next:?}");
    assert_eq!(tunnel.rest().await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_connection_that_nobody_takes_says_why() {
    let setup = Setup::serving(&["a", "b"]).await;
    for pod in ["a", "b"] {
        setup.cluster.forward(pod, Port::Refuses);
    }
    let mut tunnel = setup.tunnel(to(Services, "web", "80")).await.unwrap();
    let error = tunnel.error().await;
    assert_eq!(code_and_reason(&error), is(Code::Unavailable, "ENDPOINT_LOST"));
    assert!(error.message().contains("connection refused"), "{error:?}");
    for pod in ["a", "b"] {
        setup.cluster.forward(pod, Port::Status(500));
    }
    assert_eq!(setup.refused(to(Services, "web", "80")).await, is(Code::Unavailable, "ENDPOINT_LOST"));
    // Another pod would not do better.
    for pod in ["a", "b"] {
        setup.cluster.forward(pod, Port::Status(403));
    }
    assert_eq!(setup.refused(to(Services, "web", "80")).await, is(Code::PermissionDenied, "PERMISSION_DENIED"));
}

#[tokio::test]
async fn the_end_of_what_is_sent_is_not_the_end() {
    let setup = Setup::serving(&["a"]).await;
    setup.cluster.forward("a", Port::Answers("hello"));
    let Tunnel { sender, answers } = setup.tunnel(to(Services, "web", "80")).await.unwrap();
    sender.send(ForwardRequest { message: Some(Sent::Data(Bytes::from_static(b"GET"))) }).await.unwrap();
    drop(sender);
    let (sender, _requests) = mpsc::channel(1);
    let mut tunnel = Tunnel { sender, answers };
    tunnel.endpoint().await;
    assert_eq!(tunnel.rest().await.unwrap(), b"hello");
}

#[tokio::test]
async fn who_does_not_read_is_waited_for_and_holds_up_nobody() {
    let setup = Setup::serving(&["a", "b"]).await;
    setup.cluster.forward("a", Port::Endless);
    let channel = setup.daemon.channel().await;
    let open = |name: &str| Tunnel::open(channel.clone(), to(Pods, name, "8080"), None);
    let mut unread = open("a").await.unwrap();
    unread.endpoint().await;
    let mut echo = open("b").await.unwrap();
    echo.endpoint().await;
    for _ in 0..200 {
        echo.send(&[b'x'; CHUNK]).await;
        echo.some(CHUNK).await;
    }
    let sent = setup.cluster.sent_by_ports();
    assert!(sent > 0 && sent < MUCH, "{sent} bytes were taken that nobody reads");
    // It goes on where it was.
    assert!(unread.some(MUCH).await.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn a_pod_that_does_not_read_is_waited_for_and_holds_up_nobody() {
    let setup = Setup::serving(&["a", "b"]).await;
    setup.cluster.forward("a", Port::Deaf);
    let channel = setup.daemon.channel().await;
    let open = |name: &str| Tunnel::open(channel.clone(), to(Pods, name, "8080"), None);
    let (deaf, mut echo) = (open("a").await.unwrap(), open("b").await.unwrap());
    echo.endpoint().await;
    let mut all_sent = Box::pin(async {
        for _ in 0..MUCH / CHUNK {
            deaf.send(&[b'x'; CHUNK]).await;
        }
    });
    for _ in 0..200 {
        assert!((&mut all_sent).now_or_never().is_none(), "all was taken by a pod that reads nothing");
        echo.send(&[b'x'; CHUNK]).await;
        echo.some(CHUNK).await;
    }
}

#[tokio::test]
async fn what_nothing_can_be_forwarded_to_is_refused() {
    let setup = Setup::serving(&["a"]).await;
    let mut pending = pod("pending");
    pending["status"] = json!({"phase": "Pending"});
    setup.cluster.put(Pods, pending);
    setup.cluster.put(Deployments, object(Deployments, "idle", State::Ready));
    let mut bare = object(Services, "bare", State::Ready);
    bare["spec"] = json!({"clusterIP": "10.0.0.2", "ports": [{"port": 80}]});
    setup.cluster.put(Services, bare);
    let mut alone = object(Services, "alone", State::Ready);
    alone["spec"]["ports"] = json!([{"port": 80}]);
    setup.cluster.put(Services, alone);
    setup.knows().await;
    for (target, code, reason) in [
        (to(Services, "none", "80"), Code::NotFound, "OBJECT_NOT_FOUND"),
        (to(Services, "web", "81"), Code::NotFound, "PORT_NOT_FOUND"),
        (to(Pods, "a", "grpc"), Code::NotFound, "PORT_NOT_FOUND"),
        (to(Services, "web", "0"), Code::InvalidArgument, "INVALID_TUNNEL"),
        (to(Services, "bare", "80"), Code::FailedPrecondition, "NO_SELECTOR"),
        (to(Services, "alone", "80"), Code::FailedPrecondition, "NO_ENDPOINT"),
        (to(Deployments, "idle", "80"), Code::FailedPrecondition, "NO_ENDPOINT"),
        (to(Pods, "pending", "80"), Code::FailedPrecondition, "NO_ENDPOINT"),
    ] {
        assert_eq!(setup.refused(target.clone()).await, is(code, reason), "{target:?}");
        let request = ResolveRequest { r#ref: target.r#ref, ports: vec![target.port] };
        let mut service = TunnelServiceClient::new(setup.daemon.channel().await);
        assert_eq!(code_and_reason(&service.resolve(request).await.unwrap_err()), is(code, reason));
    }
    assert_eq!(setup.cluster.forwarded(), [], "nothing was asked of the API server");
}

#[tokio::test]
async fn ports_are_told_as_the_object_has_them() {
    let setup = Setup::serving(&["a", "b"]).await;
    let request = ResolveRequest { r#ref: to(Services, "web", "").r#ref, ports: vec!["80".into(), "http".into()] };
    let resolved = TunnelServiceClient::new(setup.daemon.channel().await).resolve(request).await.unwrap().into_inner();
    let object = resolved.r#ref.unwrap();
    assert_eq!((&*object.cluster, &*object.namespace, &*object.name), ("default", NAMESPACE, "web"));
    let told = |port: &TunnelPort| (port.port, port.name.clone(), port.target.clone(), port.ready);
    let told: Vec<_> = resolved.ports.iter().map(told).collect();
    assert_eq!(told, vec![(80, "http".to_owned(), "web".to_owned(), 2); 2]);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let setup = Setup::serving(&["a"]).await;
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    for max_duration in [seconds(0), seconds(-1), seconds(86401)] {
        let target = ForwardTarget { max_duration, ..to(Pods, "a", "80") };
        assert_eq!(setup.refused(target).await, is(Code::InvalidArgument, "INVALID_TUNNEL"));
    }
    let mut service = TunnelServiceClient::new(setup.daemon.channel().await);
    let first = ForwardRequest { message: Some(Sent::Data(Bytes::new())) };
    let error = service.forward(tokio_stream::iter([first])).await.map(drop).unwrap_err();
    assert_eq!(code_and_reason(&error), is(Code::InvalidArgument, "INVALID_TUNNEL"));
    let mut tunnel = setup.tunnel(to(Pods, "a", "80")).await.unwrap();
    let large = Bytes::from(vec![0; (64 << 10) + 1]);
    tunnel.sender.send(ForwardRequest { message: Some(Sent::Data(large)) }).await.unwrap();
    assert_eq!(code_and_reason(&tunnel.error().await), is(Code::InvalidArgument, "INVALID_TUNNEL"));
}

#[tokio::test]
async fn a_connection_ends_with_its_time_and_with_the_daemon() {
    let setup = Setup::serving(&["a"]).await;
    let max_duration = Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 });
    let mut short = setup.tunnel(ForwardTarget { max_duration, ..to(Pods, "a", "80") }).await.unwrap();
    assert_eq!(code_and_reason(&short.error().await), is(Code::DeadlineExceeded, "TUNNEL_EXPIRED"));
    setup.cluster.until_forwarding(0).await;
    let mut long = setup.tunnel(to(Pods, "a", "80")).await.unwrap();
    long.endpoint().await;
    setup.daemon.shut_down();
    assert_eq!(code_and_reason(&long.error().await), is(Code::Unavailable, "DRAINING"));
    setup.daemon.stop().await;
}

//! Dumps, whatever the API server, the nodes and the readers do.

use std::collections::BTreeMap;

use daymark_proto::v1::dump_response::Event;
use daymark_proto::v1::snapshot_service_client::SnapshotServiceClient;
use daymark_proto::v1::{DumpKind, DumpLogs, DumpRefused, DumpRequest, State};
use daymark_tests::fake_apiserver::objects::{NAMESPACE, object};
use daymark_tests::fake_apiserver::{Answer, Fault, Verb};
use daymark_tests::in_process::with_token;
use daymark_tests::process::PATIENCE;
use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::rights::Shared;
use crate::{Deployments, Jobs, Pods, Setup, code_and_reason, put};

/// A dump, as its reader has it in the end.
#[derive(Default)]
pub(crate) struct Dumped {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    kinds: Vec<DumpKind>,
    pub(crate) refused: Vec<DumpRefused>,
    restarted: Vec<String>,
    logs: DumpLogs,
}

async fn open(
    channel: Channel,
    request: DumpRequest,
    token: Option<&str>,
) -> Streaming<daymark_proto::v1::DumpResponse> {
    let request = with_token(request, token);
    SnapshotServiceClient::new(channel).dump(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<daymark_proto::v1::DumpResponse>) -> Result<Event, Status> {
    let message = timeout(PATIENCE, stream.message()).await.expect("something is told")?;
    Ok(message.expect("a dump ends by saying so").event.unwrap())
}

/// Reads a dump to its end.
pub(crate) async fn dumped(channel: Channel, request: DumpRequest, token: Option<&str>) -> Result<Dumped, Status> {
    let mut stream = open(channel, request, token).await;
    let (mut dumped, mut open, mut of_kind) = (Dumped::default(), BTreeMap::new(), Vec::new());
    loop {
        match next(&mut stream).await? {
            Event::Begun(begun) => assert_eq!(begun.kubernetes_version, "v1.36.0"),
            Event::Part(part) => {
                let (path, text) = open.entry(part.file).or_insert((part.path, Vec::new()));
                text.extend_from_slice(&part.data);
                if part.last {
                    of_kind.push(path.clone());
                    assert!(dumped.files.insert(path.clone(), std::mem::take(text)).is_none(), "{path} came twice");
                }
            }
            Event::Kind(kind) => {
                of_kind.clear();
                dumped.kinds.push(kind);
            }
            Event::Restarted(restarted) => {
                of_kind.drain(..).for_each(|path| drop(dumped.files.remove(&path)));
                dumped.restarted.push(restarted.kind);
            }
            Event::Refused(refused) => dumped.refused.push(refused),
            Event::Logs(logs) => dumped.logs = logs,
            Event::End(_) => return Ok(dumped),
        }
    }
}

impl Dumped {
    /// The names of the objects in a file, and as of which version they are.
    fn names(&self, path: &str) -> (Vec<String>, String) {
        let list: Value = serde_json::from_slice(&self.files[path]).unwrap();
        let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
        let version = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        (list["items"].as_array().unwrap().iter().map(name).collect(), version)
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.files[path].clone()).unwrap()
    }
}

pub(crate) fn everything() -> DumpRequest {
    DumpRequest { all_namespaces: true, ..DumpRequest::default() }
}

/// A pod whose container `c` runs, on that node, and was restarted so often.
fn pod(name: &str, node: &str, restarts: u32) -> Value {
    let mut pod = object(Pods, name, State::Ready);
    pod["spec"]["nodeName"] = node.into();
    pod["status"]["containerStatuses"] =
        json!([{"name": "c", "ready": true, "restartCount": restarts, "state": {"running": {}}}]);
    pod
}

#[tokio::test]
async fn a_list_that_is_forgotten_begins_anew_and_is_of_one_version() {
    let setup = Setup::new(&[(Pods, "a"), (Pods, "b"), (Pods, "c"), (Deployments, "web")]).await;
    setup.cluster.limit_pages(2);
    let mut elsewhere = object(Pods, "d", State::Ready);
    elsewhere["metadata"]["namespace"] = "m".into();
    setup.cluster.put(Pods, elsewhere);
    setup.cluster.fault(Fault::new(Answer::Status(410)).on(Verb::List).of(Pods).after(1).times(1));
    let dumped = dumped(setup.daemon.channel().await, everything(), None).await.unwrap();
    assert_eq!(dumped.restarted, ["pods"]);
    let kind = dumped.kinds.iter().find(|kind| kind.resource == "pods").unwrap();
    assert_eq!((kind.objects, kind.broken, &*kind.file, kind.parts), (4, 0, "pods.json", 1));
    let version = kind.resource_version.clone();
    assert_eq!(dumped.names("n/pods.json"), (["a", "b", "c"].map(str::to_owned).into(), version.clone()));
    assert_eq!(dumped.names("m/pods.json"), (vec!["d".to_owned()], version));
    assert_eq!(dumped.names("n/deployments.json").0, ["web"]);
    assert!(dumped.refused.is_empty(), "{:?}", dumped.refused);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_kind_that_cannot_be_listed_leaves_the_others() {
    let setup = Setup::new(&[(Pods, "a"), (Jobs, "b")]).await;
    setup.cluster.fault(Fault::new(Answer::Status(403)).on(Verb::List).of(Jobs));
    let broken = r#"{"metadata":{"resourceVersion":"7"},"items":[{"a":"#;
    setup.cluster.fault(Fault::new(Answer::Body("application/json", broken)).on(Verb::List).of(Deployments));
    let dumped = dumped(setup.daemon.channel().await, everything(), None).await.unwrap();
    let refused: Vec<_> = dumped.refused.iter().map(|it| (&*it.kind, &*it.reason)).collect();
    assert_eq!(refused, [("deployments.apps", "CLUSTER_UNREACHABLE"), ("jobs.batch", "KIND_FORBIDDEN")]);
    assert_eq!(dumped.files.keys().collect::<Vec<_>>(), ["n/pods.json"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn an_api_server_that_is_away_ends_the_dump_with_a_reason() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut request = everything();
    request.have = ["pods", "deployments.apps"].map(str::to_owned).into();
    let Setup { cluster, daemon } = setup;
    let channel = daemon.channel().await;
    drop(cluster);
    let error = dumped(channel, request, None).await.err().unwrap();
    assert_eq!(code_and_reason(&error), (Code::Unavailable, "CLUSTER_UNREACHABLE".to_owned()));
}

#[tokio::test]
async fn what_the_reader_has_does_not_come_again() {
    let setup = Setup::new(&[(Deployments, "web"), (Jobs, "once")]).await;
    let streams = setup.cluster.streams();
    for name in ["a", "b", "c"] {
        setup.cluster.put(Pods, pod(name, "node", 0));
        streams.write(name, "c", &[(1, name)]);
    }
    let have = ["pods", "jobs.batch"].map(str::to_owned).into();
    let request = DumpRequest { have, mark: format!("{NAMESPACE}/a"), ..everything() };
    let dumped = dumped(setup.daemon.channel().await, request, None).await.unwrap();
    assert_eq!(dumped.files.keys().collect::<Vec<_>>(), ["n/b/c.log", "n/c/c.log", "n/deployments.json"]);
    assert!(dumped.kinds.iter().all(|kind| kind.resource != "pods" && kind.resource != "jobs"));
    assert_eq!((&*dumped.logs.mark, dumped.logs.pods, dumped.logs.logs), ("n/c", 2, 2));
    let none = DumpRequest { without_logs: true, have: vec!["pods".into()], ..everything() };
    let none = self::dumped(setup.daemon.channel().await, none, None).await.unwrap();
    assert!(none.files.keys().all(|path| !path.ends_with(".log")));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn logs_are_of_each_run_bounded_and_without_secrets() {
    let setup = Setup::new(&[]).await;
    let streams = setup.cluster.streams();
    setup.cluster.put(Pods, pod("a", "node", 1));
    streams.write("a", "c", &[(1, "before"), (2, "DB_PASSWORD=hunter2")]);
    streams.end_run("a", "c", true);
    streams.write("a", "c", &[(3, "one"), (4, "two"), (5, "three")]);
    setup.cluster.put(Pods, pod("endless", "node", 0));
    streams.make_endless("endless");
    let mut waits = pod("waits", "node", 0);
    waits["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "X"}});
    setup.cluster.put(Pods, waits);
    let request = DumpRequest { log_lines: 2, log_bytes: 1000, ..everything() };
    let dumped = dumped(setup.daemon.channel().await, request, None).await.unwrap();
    assert_eq!(dumped.text("n/a/c.log"), "2026-01-01T00:00:04Z two\n2026-01-01T00:00:05Z three\n");
    let before = dumped.text("n/a/c.previous.log");
    assert_eq!(before, "2026-01-01T00:00:01Z before\n2026-01-01T00:00:02Z DB_PASSWORD=[redacted]\n");
    let endless = dumped.text("n/endless/c.log");
    assert!(endless.len() < 1100 && endless.ends_with("\n[cut: the log is longer]\n"), "{endless}");
    assert_eq!((dumped.logs.logs, dumped.logs.cut), (3, 1));
    assert!(!dumped.files.contains_key("n/waits/c.log"));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_node_that_gives_no_logs_is_not_asked_for_all_of_them() {
    let setup = Setup::new(&[]).await;
    let streams = setup.cluster.streams();
    for number in 0..30 {
        let name = format!("a{number:02}");
        setup.cluster.put(Pods, pod(&name, "dead", 0));
        streams.refuse(&name, 500);
    }
    setup.cluster.put(Pods, pod("b", "alive", 0));
    streams.write("b", "c", &[(1, "lives")]);
    let dumped = dumped(setup.daemon.channel().await, everything(), None).await.unwrap();
    assert_eq!(dumped.text("n/b/c.log"), "2026-01-01T00:00:01Z lives\n");
    assert_eq!(dumped.refused.len(), 30);
    let asked = setup.cluster.counts().logs();
    assert!(asked < 15, "{asked} logs were asked for");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_reader_that_stops_is_read_for_no_longer() {
    let setup = Setup::new(&[]).await;
    setup.cluster.put(Pods, pod("endless", "node", 0));
    setup.cluster.streams().make_endless("endless");
    let request = DumpRequest { log_bytes: 1 << 30, log_lines: 100_000_000, ..everything() };
    let mut stream = open(setup.daemon.channel().await, request, None).await;
    let is_log = |event: &Event| matches!(event, Event::Part(part) if part.path.ends_with(".log"));
    while !is_log(&next(&mut stream).await.unwrap()) {}
    let mut sent = setup.cluster.streams().sent();
    loop {
        tokio::task::yield_now().await;
        // Others go on: a whole dump fits in between.
        let others = DumpRequest { without_logs: true, ..everything() };
        dumped(setup.daemon.channel().await, others, None).await.unwrap();
        let now = setup.cluster.streams().sent();
        if now == sent {
            break;
        }
        sent = now;
        assert!(sent < 16 << 20, "{sent} bytes of a log that nobody reads");
    }
    drop(stream);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let setup = Setup::new(&[]).await;
    for request in [
        DumpRequest { namespaces: vec!["a".into()], ..everything() },
        DumpRequest { namespaces: vec!["../a".into()], ..DumpRequest::default() },
        DumpRequest { namespaces: vec![String::new()], ..DumpRequest::default() },
        DumpRequest { namespaces: vec!["a".into(); 1001], ..DumpRequest::default() },
        DumpRequest { have: vec!["a".into(); 10_001], ..everything() },
        DumpRequest { log_lines: -1, ..everything() },
        DumpRequest { log_bytes: i64::MAX, ..everything() },
    ] {
        let mut client = SnapshotServiceClient::new(setup.daemon.channel().await);
        let error = client.dump(request).await.err().unwrap();
        assert_eq!(code_and_reason(&error), (Code::InvalidArgument, "INVALID_DUMP".to_owned()));
    }
    setup.daemon.stop().await;
}

#[tokio::test]
async fn who_may_see_little_has_little() {
    let shared = Shared::new().await;
    shared.rbac.grant("jane", "list", "pods", "n");
    let named = DumpRequest { namespaces: vec!["n".into(), "m".into()], ..DumpRequest::default() };
    let jane = dumped(shared.channel().await, named, Some("jane")).await.unwrap();
    assert_eq!(jane.files.keys().collect::<Vec<_>>(), ["n/pods.json"]);
    assert_eq!(jane.names("n/pods.json").0, ["a"], "what is elsewhere is not told");
    let refused = |kind: &str, namespace: &str| {
        jane.refused.iter().any(|it| it.kind == kind && it.namespace == namespace && it.reason == "PERMISSION_DENIED")
    };
    assert!(refused("pods", "m") && refused("deployments.apps", "n") && !refused("pods", "n"), "{:?}", jane.refused);
    let nobody = dumped(shared.channel().await, everything(), Some("joe")).await.unwrap();
    assert!(nobody.files.is_empty() && nobody.kinds.is_empty() && !nobody.refused.is_empty());
    shared.daemon.stop().await;
}

#[tokio::test]
async fn a_caller_makes_two_dumps_at_a_time() {
    let shared = Shared::new().await;
    shared.rbac.grant("jane", "list", "pods", "*");
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(open(shared.channel().await, everything(), Some("jane")).await);
    }
    let third = |user: &'static str| {
        let channel = shared.channel();
        async move { SnapshotServiceClient::new(channel.await).dump(with_token(everything(), Some(user))).await.map(drop) }
    };
    let error = third("jane").await.unwrap_err();
    assert_eq!(code_and_reason(&error), (Code::ResourceExhausted, "TOO_MANY_STREAMS".to_owned()));
    assert!(third("joe").await.is_ok(), "others have theirs");
    drop(held);
    shared.daemon.stop().await;
}

#[tokio::test]
async fn a_dump_ends_with_the_daemon() {
    let setup = Setup::new(&[]).await;
    setup.cluster.put(Pods, pod("endless", "node", 0));
    setup.cluster.streams().make_endless("endless");
    put(&setup.cluster, Jobs, "once", State::Ready);
    let request = DumpRequest { log_bytes: 1 << 30, log_lines: 100_000_000, ..everything() };
    let mut stream = open(setup.daemon.channel().await, request, None).await;
    next(&mut stream).await.unwrap();
    setup.daemon.shut_down();
    let error = loop {
        if let Err(error) = next(&mut stream).await {
            break error;
        }
    };
    assert_eq!(code_and_reason(&error), (Code::Unavailable, "DRAINING".to_owned()));
    setup.daemon.stop().await;
}

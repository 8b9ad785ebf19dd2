//! Metrics and health over HTTP: that they are true, and bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use daymark_proto::v1::{GatePolicy, Outcome, State};
use daymark_tests::fake_apiserver::{Answer, FakeApiServer, Fault, Verb};
use daymark_tests::in_process::{InProcess, kinds, named};
use daymark_tests::process::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gates::{open, verdict};
use crate::{Deployments, Pods, Setup, put};

/// Sends a request as it is, and returns the answer's status, headers and body.
async fn send(to: SocketAddr, request: &str) -> (u16, String, String) {
    let answer = async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // What was sent too much makes the system reset the connection behind the answer.
        let _reset = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await.expect("the daemon answers");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

async fn get(to: SocketAddr, path: &str) -> (u16, String, String) {
    send(to, &format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n")).await
}

/// The samples of a text in the format of OpenMetrics, by name with labels.
type Samples = BTreeMap<String, f64>;

/// Reads such a text, and checks that it is one: each family is described once, before its samples,
/// which are together; counters and infos have their suffixes, and the end is marked.
fn parse(text: &str) -> Samples {
    let lines = text.strip_suffix("# EOF\n").expect("the end is marked").lines();
    let (mut samples, mut known) = (Samples::new(), BTreeSet::new());
    let (mut family, mut kind) = (String::new(), String::new());
    for line in lines {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<_> = comment.splitn(3, ' ').collect();
            match words[..] {
                ["HELP", name, help] => {
                    assert!(known.insert(name.to_owned()), "{name} is described twice");
                    assert!(name.starts_with("daymark_") && !help.is_empty(), "{line}");
                    family = name.to_owned();
                }
                ["TYPE", name, of] => {
                    assert_eq!(name, family, "{line}");
                    kind = of.to_owned();
                }
                ["UNIT", name, unit] => assert!(name == family && name.ends_with(&format!("_{unit}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect("a sample has a value");
        let name = sample.split('{').next().unwrap();
        let suffixes: &[&str] = match &*kind {
            "gauge" => &[""],
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_sum", "_count", "_bucket"],
            other => panic!("{family} is a {other}"),
        };
        assert!(suffixes.iter().any(|suffix| name == format!("{family}{suffix}")), "{line} in {family}");
        assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "{sample} is there twice");
    }
    samples
}

async fn metrics(daemon: &InProcess) -> Samples {
    let (status, head, body) = get(daemon.metrics(), "/metrics").await;
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    parse(&body)
}

/// Reads metrics until they are as expected.
async fn until(daemon: &InProcess, what: &str, fits: impl Fn(&Samples) -> bool) -> Samples {
    let mut last = Samples::new();
    let reached = async {
        loop {
            last = metrics(daemon).await;
            if fits(&last) {
                return;
            }
        }
    };
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    assert!(reached.is_ok(), "waited in vain for {what}: {last:#?}");
    last
}

/// A sample of the cache of all pods.
fn of_pods(metric: &str) -> String {
    format!("daymark_cache_{metric}{{group=\"\",resource=\"pods\",namespace=\"\",field_selector=\"\"}}")
}

async fn setup(objects: &[(crate::Collection, &str)]) -> Setup {
    let cluster = FakeApiServer::start().await.unwrap();
    for (collection, name) in objects {
        put(&cluster, *collection, name, State::Ready);
    }
    let daemon = InProcess::start_measured(&cluster).await;
    Setup { cluster, daemon }
}

#[tokio::test]
async fn metrics_tell_of_caches_and_gates() {
    let setup = setup(&[(Pods, "a"), (Pods, "b"), (Deployments, "d")]).await;
    let _stream = setup.live(kinds(&[Pods])).await;
    let mut gates = setup.daemon.gates().await;
    let token = open(&mut gates, named(&[(Deployments, "d")]).filter, GatePolicy::default(), false).await;
    assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed);

    let told = until(&setup.daemon, "readiness", |told| told["daymark_ready"] == 1.0).await;
    for (sample, value) in [
        (of_pods("objects"), 2.0),
        (of_pods("synced"), 1.0),
        (of_pods("problem"), 0.0),
        (of_pods("lists_total"), 1.0),
        (of_pods("decode_errors_total"), 0.0),
        ("daymark_gates_ended_total{outcome=\"passed\"}".to_owned(), 1.0),
        ("daymark_gates_ended_total{outcome=\"failed\"}".to_owned(), 0.0),
        ("daymark_gate_duration_seconds_count{outcome=\"passed\"}".to_owned(), 1.0),
        ("daymark_gate_duration_seconds_bucket{le=\"+Inf\",outcome=\"passed\"}".to_owned(), 1.0),
        ("daymark_gates_open".to_owned(), 0.0),
        ("daymark_operations_running".to_owned(), 0.0),
        (format!("daymark_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert_eq!(told.get(&sample), Some(&value), "{sample}: {told:#?}");
    }
    assert!(told[&of_pods("bytes")] > told[&of_pods("body_bytes")], "{told:#?}");
    assert!(told[&of_pods("age_seconds")] >= 0.0 && told[&of_pods("subscribers")] >= 1.0, "{told:#?}");
    assert!(told["daymark_streams"] >= 1.0 && told["daymark_start_time_seconds"] > 1.6e9, "{told:#?}");

    put(&setup.cluster, Pods, "c", State::Failed);
    until(&setup.daemon, "another pod", |told| told[&of_pods("objects")] == 3.0).await;
    setup.daemon.stop().await;
}

#[tokio::test]
async fn metrics_show_relists_and_what_keeps_a_cache_from_being_synced() {
    let setup = setup(&[(Pods, "a")]).await;
    setup.cluster.until_watched().await;
    let told = until(&setup.daemon, "a synced cache", |told| told.get(&of_pods("synced")) == Some(&1.0)).await;
    assert_eq!(told[&of_pods("lists_total")], 1.0);

    // What the daemon knows is too old to go on from.
    setup.cluster.hold_events(Pods);
    put(&setup.cluster, Pods, "a", State::InProgress);
    setup.cluster.compact(false);
    setup.cluster.close_watches(Pods);
    until(&setup.daemon, "another list", |told| told[&of_pods("lists_total")] == 2.0).await;

    setup.cluster.release_events(Pods);

    setup.cluster.fault(Fault::new(Answer::Status(403)).of(Pods));
    setup.cluster.close_watches(Pods);
    let told = until(&setup.daemon, "a problem", |told| told[&of_pods("problem")] == 1.0).await;
    assert_eq!(told[&of_pods("synced")], 0.0);
    assert_eq!(told[&of_pods("objects")], 1.0, "what was known is still there");

    setup.cluster.heal();
    until(&setup.daemon, "no problem", |told| told[&of_pods("problem")] == 0.0 && told[&of_pods("synced")] == 1.0)
        .await;
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_daemon_is_ready_when_what_it_always_watches_is_listed() {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.fault(Fault::new(Answer::Late).on(Verb::List).of(Pods));
    let daemon = InProcess::start_measured(&cluster).await;
    // Everything else is there.
    cluster.until("the other watches", |counts| counts.open_watches(Deployments) == 1).await;
    let address = daemon.metrics();
    assert_eq!(get(address, "/readyz").await.0, 503);
    assert_eq!(get(address, "/healthz").await.0, 200, "it lives, and waits");
    assert_eq!(metrics(&daemon).await["daymark_ready"], 0.0);
    cluster.heal();
    until(&daemon, "readiness", |told| told["daymark_ready"] == 1.0).await;
    assert_eq!(get(address, "/readyz").await.0, 200);
    daemon.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_is_no_request_for_metrics_is_refused() {
    let setup = setup(&[]).await;
    let address = setup.daemon.metrics();
    for path in ["/", "/metrics/", "/debug/pprof", "/healthz/x"] {
        assert_eq!(get(address, path).await.0, 404, "{path}");
    }
    for method in ["POST", "HEAD", "DELETE", "OPTIONS"] {
        let (status, head, _) = send(address, &format!("{method} /metrics HTTP/1.1\r\nHost: here\r\n\r\n")).await;
        assert_eq!(status, 405, "{method}");
        assert!(head.contains("\r\nallow: get"), "{head}");
    }
    let large = format!("GET /metrics HTTP/1.1\r\nHost: here\r\nX: {}\r\n\r\n", "x".repeat(20 << 10));
    assert_eq!(send(address, &large).await.0, 431);
    let many = format!("GET /metrics HTTP/1.1\r\nHost: here\r\n{}\r\n", "X: x\r\n".repeat(100));
    assert_eq!(send(address, &many).await.0, 431);
    assert_eq!(send(address, "nonsense\r\n\r\n").await.0, 400);
    // One answer for each connection, however much is asked.
    let twice = "GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n".repeat(2);
    let (status, head, body) = send(address, &twice).await;
    assert_eq!((status, &*body), (200, "ok\n"));
    assert!(head.contains("connection: close"), "{head}");
    setup.daemon.stop().await;
}

/// More connections than are served at a time, none of which asks for anything.
#[tokio::test]
async fn who_asks_nothing_keeps_others_waiting_for_a_while_only() {
    let setup = setup(&[]).await;
    let address = setup.daemon.metrics();
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(get(address, "/healthz").await.0, 200);
    setup.daemon.stop().await;
}

//! `daymark control-plane`

use daymark_proto::v1::{
    ControlPlane, ControlPlaneHealth, DeprecatedApi, EtcdMetrics, EtcdOperation, EtcdSize, HealthCheck, HealthEndpoint,
    KubeletVersion, LatencyQuantiles, LeaderLease, RequestLatency, Unreachable, VersionSkew,
};
use prost_types::{Duration, Timestamp};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::fake::{Fake, Script};
use crate::fake_control_plane::ControlPlaneScript;
use crate::objects::error;
use crate::process::{against, finish};

fn check(name: &str, passed: bool) -> HealthCheck {
    let message = if passed { "" } else { "reason withheld" };
    HealthCheck { name: name.into(), passed, message: message.into() }
}

fn endpoint(name: &str, checks: Vec<HealthCheck>) -> HealthEndpoint {
    let passed = checks.iter().all(|check| check.passed);
    HealthEndpoint { name: name.into(), passed, checks, message: String::new() }
}

fn millis(millis: i32) -> Option<Duration> {
    Some(Duration { seconds: 0, nanos: millis * 1_000_000 })
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn lease(name: &str) -> LeaderLease {
    LeaderLease {
        name: name.into(),
        namespace: "kube-system".into(),
        found: true,
        holder: "master-1_a\u{1b}[2J".into(),
        acquired_at: at(40),
        renewed_at: at(98),
        lasts: Some(Duration { seconds: 15, nanos: 0 }),
        transitions: 2,
        expired: false,
    }
}

fn kubelets(version: &str, nodes: i32, skew: VersionSkew) -> KubeletVersion {
    KubeletVersion { version: version.into(), nodes, examples: vec!["n1".into()], skew: skew.into() }
}

fn etcd() -> EtcdMetrics {
    let quantiles = |count| Some(LatencyQuantiles { count, p50: millis(2), p99: millis(24) });
    EtcdMetrics {
        sizes: vec![EtcdSize { server: "etcd-0".into(), bytes: 5 << 20 }],
        operations: vec![EtcdOperation { operation: "get".into(), since_start: quantiles(99), recent: quantiles(7) }],
        recent: Some(Duration { seconds: 15, nanos: 0 }),
    }
}

fn healthy() -> ControlPlane {
    let api = DeprecatedApi {
        group: "autoscaling".into(),
        version: "v2beta2".into(),
        resource: "horizontalpodautoscalers".into(),
        removed_release: "1.26".into(),
        ..DeprecatedApi::default()
    };
    let absent = LeaderLease { found: false, ..lease("kube-controller-manager") };
    ControlPlane {
        cluster: "default".into(),
        observed_at: at(100),
        health: ControlPlaneHealth::Healthy.into(),
        unreachable: String::new(),
        endpoints: vec![
            endpoint("livez", vec![check("ping", true), check("etcd", true)]),
            endpoint("readyz", vec![check("etcd", true), check("etcd-readiness", true)]),
        ],
        leases: vec![lease("kube-scheduler"), absent],
        version: "v1.36.3".into(),
        kubelets: vec![kubelets("v1.32.0", 1, VersionSkew::TooOld), kubelets("v1.36.3", 3, VersionSkew::Supported)],
        latencies: vec![RequestLatency { request: "GET /livez".into(), duration: millis(4) }],
        etcd: Some(etcd()),
        deprecated_apis: vec![api],
        metrics_since: at(50),
        not_visible: Vec::new(),
    }
}

fn unhealthy() -> ControlPlane {
    let mut it = healthy();
    it.health = ControlPlaneHealth::Unhealthy.into();
    it.endpoints[1] = endpoint("readyz", vec![check("etcd", false), check("ping", true), check("log", false)]);
    it.leases[0].expired = true;
    it
}

fn hidden(kind: &str, message: &str) -> Unreachable {
    Unreachable {
        kind: kind.into(),
        reason: "PermissionDenied".into(),
        message: message.into(),
        namespace: String::new(),
    }
}

fn unreachable() -> ControlPlane {
    ControlPlane {
        cluster: "default".into(),
        health: ControlPlaneHealth::Unreachable.into(),
        unreachable: "connection refused".into(),
        ..ControlPlane::default()
    }
}

fn answers(answers: impl IntoIterator<Item = Result<ControlPlane, Status>>) -> Fake {
    let control_plane = ControlPlaneScript { answers: answers.into_iter().collect(), ..ControlPlaneScript::default() };
    Fake::new(Script { control_plane, ..Script::default() })
}

/// `control-plane.text`
#[test]
fn each_thing_has_a_section() {
    let expected = "\
control plane of default: healthy

CHECKS
  livez    ok   2 checks
  readyz   ok   2 checks
  etcd     ok   livez/etcd ok, readyz/etcd ok, readyz/etcd-readiness ok

LEADERS
  kube-scheduler            held   by master-1_a\\x1b[2J, renewed 2s ago, for 15s, acquired 60s ago, 2 transitions
  kube-controller-manager   none   there is no such lease in kube-system: it elects nobody, or runs elsewhere

VERSIONS
  kube-apiserver   v1.36.3
  kubelet          v1.32.0   1 node: too old for the API server: n1
  kubelet          v1.36.3   3 nodes

LATENCY, as the daemon sees it
  GET /livez   4.0ms

ETCD, as the API server sees it
  size   5.0 MiB (etcd-0)
  get    p50 2.0ms, p99 24ms of 99 since the start; p50 2.0ms, p99 24ms of 7 in the last 15s

DEPRECATED APIS that were used since the API server started
  horizontalpodautoscalers   autoscaling/v2beta2   removed in 1.26
";
    finish(&mut against(&answers([Ok(healthy())]), &["control-plane"])).expect(0, expected, "");
}

/// `control-plane.unhealthy`
#[test]
fn what_fails_is_named() {
    let run = finish(&mut against(&answers([Ok(unhealthy())]), &["control-plane"]));
    assert_eq!(run.code, 1, "{run:?}");
    for line in [
        "control plane of default: not healthy: readyz, lease kube-scheduler",
        "  readyz   failed   2 of 3 checks: etcd, log",
        "  etcd     failed   livez/etcd ok, readyz/etcd failed",
    ] {
        assert!(run.out.lines().any(|it| it == line), "{line:?} in {}", run.out);
    }
    assert!(run.out.contains("expired   by master-1"), "{}", run.out);
}

/// `control-plane.not-visible`, `control-plane.unknown`
#[test]
fn what_may_not_be_seen_is_told_as_such() {
    let mut some = healthy();
    some.leases.remove(1);
    some.etcd = None;
    some.not_visible = vec![
        hidden("/metrics", "jane may not get path \"/metrics\""),
        hidden("leases.coordination.k8s.io/kube-controller-manager", "jane may not get it"),
    ];
    let nothing = ControlPlane {
        cluster: "default".into(),
        not_visible: vec![hidden("/livez", "jane may not"), hidden("/readyz", "jane may not")],
        ..ControlPlane::default()
    };
    let fake = answers([Ok(some), Ok(nothing)]);
    let run = finish(&mut against(&fake, &["control-plane"]));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        run.out.matches("  /metrics   not visible   jane may not get path \"/metrics\"").count(),
        2,
        "{}",
        run.out
    );
    assert!(run.out.contains("  kube-controller-manager   not visible   jane may not get it"), "{}", run.out);
    let run = finish(&mut against(&fake, &["control-plane"]));
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.out.starts_with("control plane of default: not known: neither"), "{}", run.out);
    assert!(run.out.contains("  livez    not visible   jane may not\n"), "{}", run.out);
}

/// `control-plane.unreachable`
#[test]
fn an_api_server_that_does_not_answer_is_unreachable() {
    let fake = answers([Ok(unreachable()), Ok(unreachable()), Err(Status::new(Code::Unavailable, "draining"))]);
    let text = finish(&mut against(&fake, &["control-plane"]));
    text.expect_problem(4, &["control plane of default: the API server does not answer: connection refused"]);
    assert_eq!(text.out, "");
    let json = finish(&mut against(&fake, &["control-plane", "-o", "json"]));
    assert_eq!(json.code, 4);
    let told: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&told["health"], &told["unreachable"]), (&json!("unreachable"), &json!("connection refused")));
    finish(&mut against(&fake, &["control-plane"])).expect_problem(4, &["draining"]);
}

/// `control-plane.recording`
#[test]
fn a_recording_has_no_control_plane() {
    let none = error(Code::FailedPrecondition, "NO_API_SERVER", "a recording has no control plane");
    let fake = answers([Err(none)]);
    finish(&mut against(&fake, &["control-plane"])).expect_problem(2, &["a recording has no control plane"]);
}

/// `control-plane.json`
#[test]
fn a_control_plane_is_a_document() {
    let mut it = unhealthy();
    it.not_visible = vec![hidden("nodes", "you may not")];
    let run = finish(&mut against(&answers([Ok(it)]), &["control-plane", "-o", "json"]));
    let quantiles = |count: i64| json!({"count": count, "p50": 0.002, "p99": 0.024});
    let expected = json!({
        "cluster": "default", "health": "unhealthy", "observedAt": "1970-01-01T00:01:40Z",
        "endpoints": [
            {"name": "livez", "passed": true, "checks": [{"name": "ping", "passed": true}, {"name": "etcd", "passed": true}]},
            {"name": "readyz", "passed": false, "checks": [
                {"name": "etcd", "passed": false, "message": "reason withheld"}, {"name": "ping", "passed": true},
                {"name": "log", "passed": false, "message": "reason withheld"},
            ]},
        ],
        "leases": [
            {"name": "kube-scheduler", "namespace": "kube-system", "found": true, "held": {
                "holder": "master-1_a\u{1b}[2J", "acquiredAt": "1970-01-01T00:00:40Z",
                "renewedAt": "1970-01-01T00:01:38Z", "seconds": 15, "transitions": 2, "expired": true}},
            {"name": "kube-controller-manager", "namespace": "kube-system", "found": false},
        ],
        "version": "v1.36.3",
        "kubelets": [
            {"version": "v1.32.0", "nodes": 1, "examples": ["n1"], "skew": "tooOld"},
            {"version": "v1.36.3", "nodes": 3, "examples": ["n1"], "skew": "supported"},
        ],
        "latencies": [{"request": "GET /livez", "seconds": 0.004}],
        "etcd": {
            "sizes": [{"server": "etcd-0", "bytes": 5 << 20}],
            "operations": [{"operation": "get", "sinceStart": quantiles(99), "recent": quantiles(7)}],
            "recentSeconds": 15,
        },
        "deprecatedApis": [{"group": "autoscaling", "version": "v2beta2", "resource": "horizontalpodautoscalers",
            "removedRelease": "1.26"}],
        "metricsSince": "1970-01-01T00:00:50Z",
        "notVisible": [{"kind": "nodes", "reason": "PermissionDenied", "message": "you may not"}],
    });
    assert_eq!((run.code, serde_json::from_str::<Value>(&run.out).unwrap()), (1, expected));
}

/// `control-plane.ci`
#[test]
fn what_the_cluster_says_is_no_command_of_a_ci_system() {
    let mut it = healthy();
    it.version = "##[error]x".into();
    let fake = answers([Ok(it.clone()), Ok(it)]);
    let text = finish(&mut against(&fake, &["control-plane", "--ci", "github"]));
    assert!(!text.out.contains("##[error]") && text.out.contains("error]x"), "{text:?}");
    let json = finish(&mut against(&fake, &["control-plane", "-o", "json", "--ci", "github"]));
    assert!(!json.out.contains("##[error]"), "{json:?}");
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["version"], "##[error]x");
}

/// `control-plane.usage`
#[test]
fn what_makes_no_sense_is_refused() {
    let fake = answers([]);
    for args in [&["--interval", "5s"][..], &["--timeout", "5s"], &["-w", "--interval", "10ms"], &["-o", "yaml"]] {
        assert_eq!(finish(&mut against(&fake, &[&["control-plane"], args].concat())).code, 2, "{args:?}");
    }
}

/// `control-plane.watch`, `control-plane.watch-json`, `control-plane.watch-lost`, `control-plane.timeout`
#[test]
fn a_watch_tells_what_differs_and_survives_a_break() {
    let script = || {
        let later = ControlPlane { observed_at: at(105), latencies: Vec::new(), ..healthy() };
        let streams = [
            vec![Ok(healthy()), Ok(later), Err(Status::unavailable("restarting"))],
            vec![Ok(unhealthy()), Ok(unreachable())],
        ];
        let control_plane = ControlPlaneScript { streams: streams.into(), ..ControlPlaneScript::default() };
        Script { control_plane, ..Script::default() }
    };
    let args = ["control-plane", "-w", "--interval", "2s", "--timeout", "3s"];
    let fake = Fake::new(script());
    let text = finish(&mut against(&fake, &args));
    let heads: Vec<_> = text.out.lines().filter(|line| line.starts_with("control plane of")).collect();
    let expected = [
        "control plane of default: healthy",
        "control plane of default: not healthy: readyz, lease kube-scheduler",
        "control plane of default: the API server does not answer: connection refused",
    ];
    assert_eq!((text.code, &heads[..]), (4, &expected[..]), "{text:?}");
    assert!(text.err.contains("restarting"), "{text:?}");
    let asked = fake.seen_control_planes()[0].interval;
    assert_eq!(asked, Some(Duration { seconds: 2, nanos: 0 }));
    let json = finish(&mut against(&Fake::new(script()), &[&args[..], &["-o", "json"]].concat()));
    let told: Vec<Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = told.iter().map(|it| it["health"].as_str().unwrap()).collect();
    assert_eq!((json.code, &told[..]), (4, &["healthy", "healthy", "unhealthy", "unreachable"][..]));
}

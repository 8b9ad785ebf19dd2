//! What judging costs: `cargo bench --package daymarkd --bench rules`.
//!
//! A pod's update beside its decoding, in one run; and a Deployment that is
//! judged again among few pods of others, and among many: what it looks at is
//! found by links, so that the ratio is near 1.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "this is a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daymarkd::cache::Cache;
use daymarkd::cache::freshness::Freshness;
use daymarkd::cache::writer::Writer;
use daymarkd::caches::Policy;
use daymarkd::caches::neighbours::Neighbours;
use daymarkd::catalog::Catalog;
use daymarkd::clock::Clock;
use daymarkd::decode::arrival::Decoder;
use daymarkd::decode::decode;
use daymarkd::event_log::EventLog;
use daymarkd::kind::Kind;
use daymarkd::object::Object;
use daymarkd::rule::judge;
use daymarkd::rule::view::Nothing;
use daymarkd::source::{Collection, Event};
use jiff::Timestamp;
use serde_json::{Value, json};

/// How long each figure is measured, and how often: the best counts.
const FOR: Duration = Duration::from_millis(300);
const TIMES: usize = 5;

fn main() {
    let (pods, now) = (kind("", "pods", "Pod"), Timestamp::UNIX_EPOCH);
    println!("a pod's update");
    for (what, status) in [("ready", running("{\"running\":{}}", true)), ("in a crash loop", running(CRASH, false))] {
        let json = pod("a", "o", status).to_string();
        let decoding = measure(|| drop(black_box(decode(&pods, json.as_bytes(), None).unwrap())));
        let object = decode(&pods, json.as_bytes(), None).unwrap().object;
        let judging = measure(|| drop(black_box(judge(&object, &Nothing, now))));
        let share = 100.0 * judging / decoding;
        println!("  {what:<16} rule {judging:.2} us, decoding {decoding:.2} us ({} bytes): {share:.0} %", json.len());
    }
    println!("a Deployment of 3 judged again, one pod of which is in a crash loop");
    let costs = [100, 20_000].map(|others| {
        let cluster = Cluster::with(others);
        let cost = measure(|| drop(black_box(judge(&cluster.deployment, &*cluster.neighbours, now))));
        println!("  among {others} pods of others: {cost:.2} us");
        cost
    });
    println!("  ratio: {:.2}", costs[1] / costs[0]);
    // It is judged again at most every 20 ms, however many of its pods change.
    println!("a ReplicaSet judged again, none of its pods ready");
    for pods in [10, 5_000] {
        let (neighbours, set) = replica_set_of(pods);
        let cost = measure(|| drop(black_box(judge(&set, &*neighbours, now))));
        println!("  of {pods} pods: {cost:.1} us, {:.2} us a pod", cost / pods as f64);
    }
}

fn replica_set_of(pods: usize) -> (Arc<Neighbours>, Object) {
    let kinds = [kind("", "pods", "Pod"), kind("apps", "replicasets", "ReplicaSet")];
    let neighbours = Arc::new(Neighbours::new(Arc::new(Catalog::of(kinds.to_vec()))));
    fill(&neighbours, &kinds[0], (0..pods).map(|n| pod(&format!("web-{n}"), "web-1", running(CRASH, false))));
    let set = json!({
        "metadata": {"name": "web-1", "namespace": "n", "uid": "web-1", "resourceVersion": "1"},
        "spec": {"replicas": pods}, "status": {"replicas": pods},
    });
    let set = decode(&kinds[1], set.to_string().as_bytes(), None).unwrap().object;
    (neighbours, set)
}

/// Microseconds.
fn measure(mut once: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..TIMES {
        let (begun, mut done) = (Instant::now(), 0_u32);
        while begun.elapsed() < FOR {
            (0..100).for_each(|_| once());
            done += 100;
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / f64::from(done));
    }
    best
}

const CRASH: &str =
    r#"{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 5m0s restarting failed container"}}"#;

fn running(state: &str, ready: bool) -> Value {
    let state: Value = state.parse().unwrap();
    let condition = if ready { "True" } else { "False" };
    json!({
        "phase": "Running",
        "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": condition, "reason": "ContainersNotReady"}],
        "containerStatuses": [{"name": "main", "ready": ready, "restartCount": 7, "state": state,
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
    })
}

fn pod(name: &str, owner: &str, status: Value) -> Value {
    let padding: Vec<_> =
        (0..60).map(|n| json!({"name": format!("VARIABLE_{n}"), "value": "a value of some length"})).collect();
    json!({
        "metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": "1", "labels": {"app": "web"},
            "ownerReferences": [{"uid": owner, "kind": "ReplicaSet", "name": owner, "controller": true}]},
        "spec": {"nodeName": "", "containers": [{"name": "main", "env": padding}]},
        "status": status,
    })
}

fn kind(group: &str, resource: &str, name: &str) -> Kind {
    Kind {
        group: group.into(),
        version: "v1".into(),
        resource: resource.into(),
        singular: name.to_lowercase(),
        kind: name.into(),
        short_names: Vec::new(),
        namespaced: true,
        has_status: true,
    }
}

/// A Deployment with its pods, and pods of others.
struct Cluster {
    neighbours: Arc<Neighbours>,
    deployment: Object,
}

impl Cluster {
    fn with(others: usize) -> Self {
        let kinds = [
            kind("", "pods", "Pod"),
            kind("apps", "replicasets", "ReplicaSet"),
            kind("apps", "deployments", "Deployment"),
        ];
        let neighbours = Arc::new(Neighbours::new(Arc::new(Catalog::of(kinds.to_vec()))));
        let own = (0..3).map(|n| pod(&format!("web-{n}"), "web-1", running(CRASH, false)));
        let others = (0..others).map(|n| pod(&format!("o-{n}"), &format!("o-{}", n / 10), running("{}", true)));
        fill(&neighbours, &kinds[0], own.chain(others));
        let set = json!({
            "metadata": {"name": "web-1", "namespace": "n", "uid": "web-1", "resourceVersion": "1",
                "annotations": {"deployment.kubernetes.io/revision": "1"},
                "ownerReferences": [{"uid": "web", "kind": "Deployment", "name": "web", "controller": true}]},
            "spec": {"replicas": 3}, "status": {"replicas": 3},
        });
        fill(&neighbours, &kinds[1], [set].into_iter());
        let deployment = json!({
            "metadata": {"name": "web", "namespace": "n", "uid": "web", "resourceVersion": "1",
                "annotations": {"deployment.kubernetes.io/revision": "1"}},
            "spec": {"replicas": 3}, "status": {"replicas": 3, "updatedReplicas": 3},
        });
        let deployment = decode(&kinds[2], deployment.to_string().as_bytes(), None).unwrap().object;
        Self { neighbours, deployment }
    }
}

fn fill(neighbours: &Arc<Neighbours>, kind: &Kind, objects: impl Iterator<Item = Value>) {
    let (log, now, kind) =
        (Arc::new(EventLog::new(Policy::default().changes)), Timestamp::UNIX_EPOCH, Arc::new(kind.clone()));
    let collection = Collection::of(Arc::clone(&kind), None);
    let cache = Arc::new(Cache::new(log.open_ring(), collection, false, Freshness::unheard(now)));
    neighbours.add(&cache);
    let mut writer = Writer::new(cache, log, Clock::System, Arc::clone(neighbours));
    let decoder = Decoder::new(kind, false, None);
    let listed = objects.map(|object| Event::Listed(object.to_string().into()));
    for event in [Event::ListBegins].into_iter().chain(listed).chain([Event::ListEnds(1)]) {
        writer.take(decoder.decode(event), now);
    }
}

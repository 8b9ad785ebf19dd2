//! Objects whose state depends on others: they are judged again when these
//! change, whatever comes first.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use daymarkd::cache::freshness::Freshness;
use daymarkd::cache::writer::Writer;
use daymarkd::cache::{Cache, Snapshot};
use daymarkd::caches::Policy;
use daymarkd::caches::neighbours::Neighbours;
use daymarkd::catalog::Catalog;
use daymarkd::clock::Clock;
use daymarkd::decode::arrival::Decoder;
use daymarkd::decode::decode;
use daymarkd::event_log::EventLog;
use daymarkd::kind::Kind;
use daymarkd::rule::judge;
use daymarkd::rule::view::Related;
use daymarkd::source::{Batch, Collection, Event};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::mpsc;

const KINDS: [(&str, &str, &str); 7] = [
    ("", "nodes", "Node"),
    ("", "pods", "Pod"),
    ("apps", "replicasets", "ReplicaSet"),
    ("", "services", "Service"),
    ("discovery.k8s.io", "endpointslices", "EndpointSlice"),
    ("", "events", "Event"),
    ("apps", "deployments", "Deployment"),
];
const NODES: usize = 0;
const PODS: usize = 1;
const SETS: usize = 2;
const SERVICES: usize = 3;
const SLICES: usize = 4;
const EVENTS: usize = 5;
const DEPLOYMENTS: usize = 6;

fn kinds() -> Vec<Kind> {
    let kind = |(group, resource, kind): (&str, &str, &str)| Kind {
        group: group.into(),
        version: "v1".into(),
        resource: resource.into(),
        singular: kind.to_lowercase(),
        kind: kind.into(),
        short_names: Vec::new(),
        namespaced: kind != "Node",
        has_status: true,
    };
    KINDS.map(kind).into()
}

/// A cache, and what feeds it.
struct Fed {
    cache: Arc<Cache>,
    sender: mpsc::Sender<Batch>,
    decoder: Decoder,
    version: u64,
    /// The newest version of each object, as its source would have it.
    truth: BTreeMap<String, Value>,
}

struct World {
    log: Arc<EventLog>,
    neighbours: Arc<Neighbours>,
    fed: Vec<Fed>,
}

impl World {
    fn new() -> Self {
        let log = Arc::new(EventLog::new(Policy::default().changes));
        let neighbours = Arc::new(Neighbours::new(Arc::new(Catalog::of(kinds()))));
        let feed = |kind: Kind| {
            let kind = Arc::new(kind);
            let field_selector = (kind.kind == "Event").then(|| Related::Starts.field_selector()).flatten();
            let collection = Collection { field_selector, ..Collection::of(Arc::clone(&kind), None) };
            let freshness = Freshness::unheard(Clock::System.now());
            let cache = Arc::new(Cache::new(log.open_ring(), collection, false, freshness));
            neighbours.add(&cache);
            let writer = Writer::new(Arc::clone(&cache), Arc::clone(&log), Clock::System, Arc::clone(&neighbours));
            let (sender, arrivals) = mpsc::channel(1);
            tokio::spawn(writer.run(arrivals));
            Fed { cache, sender, decoder: Decoder::new(kind, false, None), version: 1, truth: BTreeMap::new() }
        };
        let fed = kinds().into_iter().map(feed).collect();
        Self { log, neighbours, fed }
    }

    async fn send(&mut self, kind: usize, event: Event) {
        let fed = &self.fed[kind];
        fed.sender.send(vec![(Clock::System.now(), fed.decoder.decode(event))]).await.unwrap();
    }

    /// Lists what there is.
    async fn list(&mut self, kind: usize) {
        let objects: Vec<_> = self.fed[kind].truth.values().map(|object| object.to_string()).collect();
        let version = self.fed[kind].version;
        self.send(kind, Event::ListBegins).await;
        for object in objects {
            self.send(kind, Event::Listed(object.into())).await;
        }
        self.send(kind, Event::ListEnds(version)).await;
        // Or nobody would wait for what is still on its way.
        self.fed[kind].cache.listed().await.unwrap();
    }

    async fn put(&mut self, kind: usize, name: &str, mut object: Value) {
        let fed = &mut self.fed[kind];
        fed.version += 1;
        let metadata = &mut object["metadata"];
        metadata["name"] = name.into();
        metadata["uid"] = format!("{kind}-{name}").into();
        metadata["resourceVersion"] = fed.version.to_string().into();
        if kind != NODES {
            metadata["namespace"] = "n".into();
        }
        fed.truth.insert(name.to_owned(), object.clone());
        if fed.cache.freshness().listed {
            self.send(kind, Event::Changed(object.to_string().into())).await;
        }
    }

    async fn delete(&mut self, kind: usize, name: &str) {
        let Some(object) = self.fed[kind].truth.remove(name) else { return };
        if self.fed[kind].cache.freshness().listed {
            self.send(kind, Event::Deleted(object.to_string().into())).await;
        }
    }

    /// Returns once everything was taken in, and judged again.
    async fn settle(&mut self) {
        for kind in 0..self.fed.len() {
            if self.fed[kind].cache.freshness().listed {
                self.fed[kind].version += 1;
                let version = self.fed[kind].version;
                self.send(kind, Event::Bookmark(version)).await;
                self.fed[kind].cache.reaches(version).await.unwrap();
            }
        }
        // What one cache judges anew may touch another: there are no longer ways.
        for _ in 0..self.fed.len() {
            for fed in &self.fed {
                fed.cache.touched().settled().await;
            }
        }
    }

    fn reason(&self, kind: usize, name: &str) -> String {
        let snapshot = Snapshot::take([&*self.fed[kind].cache], &self.log);
        snapshot.objects(0, None).find(|(key, _)| *key.name == *name).unwrap().1.judgement.reason.to_string()
    }

    /// Every object is judged as it would be now.
    fn check(&self) {
        for fed in &self.fed {
            let snapshot = Snapshot::take([&*fed.cache], &self.log);
            let kept: Vec<_> = snapshot.objects(0, None).map(|(_, record)| Arc::clone(record)).collect();
            drop(snapshot);
            for record in kept {
                let json = fed.truth[&*record.key.name].to_string();
                let object = decode(fed.cache.kind(), json.as_bytes(), None).unwrap().object;
                let now = judge(&object, &*self.neighbours, Clock::System.now());
                assert_eq!(record.judgement, now.judgement, "{} {:?}", fed.cache.kind(), record.key);
            }
        }
    }
}

fn node(ready: bool) -> Value {
    cordonable(ready, false)
}

fn cordonable(ready: bool, cordoned: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({"metadata": {}, "spec": {"unschedulable": cordoned}, "status": {"conditions": [{"type": "Ready", "status": status}]}})
}

fn pod(node: &str, set: &str, crashes: bool) -> Value {
    let state = json!({"waiting": {"reason": if crashes { "CrashLoopBackOff" } else { "ContainerCreating" }}});
    json!({
        "metadata": {"ownerReferences": [{"uid": format!("{SETS}-{set}"), "kind": "ReplicaSet", "name": set, "controller": true}]},
        "spec": {"nodeName": node, "containers": [{"name": "c"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "c", "state": state}]},
    })
}

/// An event about the pod of that name, which happens now, and once.
fn event(pod: &str, reason: &str) -> Value {
    json!({
        "metadata": {},
        "involvedObject": {"kind": "Pod", "namespace": "n", "name": pod, "uid": format!("{PODS}-{pod}")},
        "reason": reason,
        "lastTimestamp": Clock::System.now().to_string(),
    })
}

fn set() -> Value {
    json!({"metadata": {}, "spec": {"replicas": 3}, "status": {"replicas": 3}})
}

fn deployment(replicas: u8, label: &str) -> Value {
    let template = json!({"metadata": {"labels": {"a": label}}});
    json!({"metadata": {}, "spec": {"replicas": replicas, "template": template}, "status": {}})
}

fn service() -> Value {
    json!({"metadata": {}, "spec": {"clusterIP": "10.0.0.1", "selector": {"a": "b"}}})
}

fn slice(service: &str, ready: bool) -> Value {
    let labels = json!({"kubernetes.io/service-name": service});
    json!({"metadata": {"labels": labels}, "endpoints": [{"conditions": {"ready": ready}}]})
}

#[tokio::test]
async fn a_node_that_has_no_pods_holds_nobody_up() {
    let mut world = World::new();
    for kind in 0..KINDS.len() {
        world.list(kind).await;
    }
    world.put(PODS, "p", pod("a", "s", true)).await;
    world.put(NODES, "empty", node(false)).await;
    world.settle().await;
    assert_eq!(world.reason(PODS, "p"), "CrashLoopBackOff");
    world.put(NODES, "a", node(false)).await;
    world.settle().await;
    assert_eq!(world.reason(PODS, "p"), "NodeNotReady");
}

#[tokio::test]
async fn a_pod_is_held_up_for_as_long_as_events_tell() {
    let mut world = World::new();
    for kind in 0..KINDS.len() {
        world.list(kind).await;
    }
    world.put(PODS, "p", pod("a", "s", false)).await;
    world.put(SETS, "s", set()).await;
    world.settle().await;
    assert_eq!(world.reason(PODS, "p"), "ContainerCreating");
    world.put(EVENTS, "e", event("p", "FailedMount")).await;
    world.settle().await;
    assert_eq!((&*world.reason(PODS, "p"), &*world.reason(SETS, "s")), ("FailedMount", "FailedMount"));
    // The API server keeps events for an hour.
    world.delete(EVENTS, "e").await;
    world.settle().await;
    assert_eq!(world.reason(PODS, "p"), "ContainerCreating");
    world.put(EVENTS, "e", event("p", "FailedCreatePodSandBox")).await;
    world.settle().await;
    assert_eq!(world.reason(PODS, "p"), "FailedCreatePodSandBox");
    world.put(EVENTS, "other", event("p", "Pulling")).await;
    world.settle().await;
    assert_eq!(world.reason(PODS, "p"), "ContainerCreating");
}

#[tokio::test]
async fn a_service_that_loses_its_slice_to_another_is_judged_again() {
    let mut world = World::new();
    for kind in 0..KINDS.len() {
        world.list(kind).await;
    }
    for name in ["a", "b"] {
        world.put(SERVICES, name, service()).await;
    }
    world.put(SLICES, "x", slice("a", true)).await;
    world.settle().await;
    assert_eq!((&*world.reason(SERVICES, "a"), &*world.reason(SERVICES, "b")), ("EndpointsReady", "NoEndpoints"));
    world.put(SLICES, "x", slice("b", true)).await;
    world.settle().await;
    assert_eq!((&*world.reason(SERVICES, "a"), &*world.reason(SERVICES, "b")), ("NoEndpoints", "EndpointsReady"));
}

#[tokio::test]
async fn a_service_whose_workload_is_scaled_to_zero_and_back_is_judged_again() {
    let mut world = World::new();
    for kind in 0..KINDS.len() {
        world.list(kind).await;
    }
    world.put(SERVICES, "a", service()).await;
    for (replicas, label, reason) in
        [(0, "c", "NoEndpoints"), (0, "b", "ScaledToZero"), (1, "b", "NoEndpoints"), (0, "b", "ScaledToZero")]
    {
        world.put(DEPLOYMENTS, "d", deployment(replicas, label)).await;
        world.settle().await;
        assert_eq!(world.reason(SERVICES, "a"), reason, "{replicas} of {label}");
    }
    world.delete(DEPLOYMENTS, "d").await;
    world.settle().await;
    assert_eq!(world.reason(SERVICES, "a"), "NoEndpoints");
}

#[tokio::test]
async fn what_can_be_seen_no_longer_is_not_relied_on() {
    let mut world = World::new();
    for kind in 0..KINDS.len() {
        world.list(kind).await;
    }
    world.put(SERVICES, "a", service()).await;
    world.put(SLICES, "x", slice("a", true)).await;
    world.settle().await;
    world.neighbours.remove(&world.fed[SLICES].cache);
    world.settle().await;
    assert_eq!(world.reason(SERVICES, "a"), "EndpointsNotVisible");
}

#[derive(Clone, Debug)]
enum Step {
    Node(u8, bool, bool),
    Pod(u8, u8, u8, bool),
    Set(u8),
    Service(u8),
    Slice(u8, u8, bool),
    Event(u8, u8),
    Deployment(u8, u8),
    Delete(usize, u8),
    List(usize),
    Settle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..3_u8, any::<bool>(), any::<bool>()).prop_map(|(n, ready, cordoned)| Step::Node(n, ready, cordoned)),
        (0..6_u8, 0..3_u8, 0..2_u8, any::<bool>()).prop_map(|(p, n, s, crashes)| Step::Pod(p, n, s, crashes)),
        (0..2_u8).prop_map(Step::Set),
        (0..2_u8).prop_map(Step::Service),
        (0..3_u8, 0..2_u8, any::<bool>()).prop_map(|(x, s, ready)| Step::Slice(x, s, ready)),
        (0..2_u8, 0..6_u8).prop_map(|(e, p)| Step::Event(e, p)),
        (0..2_u8, 0..2_u8).prop_map(|(d, replicas)| Step::Deployment(d, replicas)),
        (0..KINDS.len(), 0..6_u8).prop_map(|(kind, name)| Step::Delete(kind, name)),
        (0..KINDS.len()).prop_map(Step::List),
        Just(Step::Settle),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    /// Whatever happens in whatever order, each object is judged in the end as if
    /// it were judged anew.
    #[test]
    fn what_depends_is_as_if_judged_anew(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                match step {
                    Step::Node(n, ready, cordoned) => {
                        world.put(NODES, &n.to_string(), cordonable(ready, cordoned)).await;
                    }
                    Step::Pod(p, n, s, crashes) => {
                        world.put(PODS, &p.to_string(), pod(&n.to_string(), &s.to_string(), crashes)).await;
                    }
                    Step::Set(s) => world.put(SETS, &s.to_string(), set()).await,
                    Step::Service(s) => world.put(SERVICES, &s.to_string(), service()).await,
                    Step::Slice(x, s, ready) => world.put(SLICES, &x.to_string(), slice(&s.to_string(), ready)).await,
                    Step::Event(e, p) => world.put(EVENTS, &e.to_string(), event(&p.to_string(), "FailedMount")).await,
                    Step::Deployment(d, replicas) => {
                        world.put(DEPLOYMENTS, &d.to_string(), deployment(replicas, "b")).await;
                    }
                    Step::Delete(kind, name) => world.delete(kind, &name.to_string()).await,
                    Step::List(kind) => world.list(kind).await,
                    Step::Settle => world.settle().await,
                }
            }
            for kind in 0..KINDS.len() {
                world.list(kind).await;
            }
            world.settle().await;
            world.check();
        });
    }
}

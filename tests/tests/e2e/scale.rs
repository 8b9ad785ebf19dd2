//! Thousands of pods, a rollout among them, and an API server that dies in the
//! middle of it.

use std::collections::{BTreeMap, BTreeSet};

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::Process;
use serde_json::Value;

use crate::restarts::MARKER;
use crate::wait::deployment;
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[Test {
    name: "scale::a_view_of_5000_pods_is_kubectls_after_a_rollout_and_a_restart",
    needs: &[Need::Controllers, Need::Steering],
    run: Run::Alone(NODES, rollout),
}];

const NODES: usize = 100;
/// Pods of each that stand by.
const STANDING_BY: usize = 45;
/// Pods of the Deployment that rolls.
const ROLLING: usize = 500;
const PODS: usize = NODES * STANDING_BY + ROLLING;
/// New pods that are ready when the API server dies.
const READY: usize = 50;

/// What streams told, or kubectl lists, by UID.
type View = BTreeMap<String, Value>;

fn rollout(mut cluster: Cluster) {
    let daemon = Daemon::of_cluster(cluster.kubeconfig());
    populate(&cluster, &daemon);
    let mut objects = follow(&daemon, "ndjson");
    let mut states = follow(&daemon, "status-json");
    roll(&mut cluster, &daemon, &mut states);

    Namespace::of(&cluster, "default").apply(MARKER);
    let marked = |line: &str| line.contains("\"zz-marker\"");
    states.expect_stdout("the marker", |line| marked(line) && line.contains("\"READY\""));
    objects.expect_stdout("the marker", |line| marked(line) && is_ready(&parse(line)["object"]));
    let listed = list(&cluster);
    assert_eq!(listed.len(), PODS + 1);
    same_objects(&add_up(&objects, "object", "/metadata/uid", is_newer), &listed);
    same_states(&add_up(&states, "status", "/ref/uid", is_another_state), &listed);
}

/// Fills the cluster. ReplicaSets that name their nodes make the pods with the
/// fewest requests: the API server's work is what takes the time. The namespace's
/// name lets the one that has the marker come last in a snapshot.
fn populate(cluster: &Cluster, daemon: &Daemon) {
    cluster.kubectl(["create", "namespace", "crowd"]);
    let replica_sets: String = (0..NODES).map(replica_set).collect();
    Namespace::of(cluster, "crowd").apply(&replica_sets);
    Namespace::of(cluster, "default").apply(&deployment("web", ROLLING, "ready-after", "1s", ""));
    for number in 0..NODES {
        let waited = daemon.cli().run(&format!("wait -n crowd rs/node-{number} --timeout 110s"));
        assert_eq!(waited.code, Some(0), "{waited:?}");
    }
    rolled_out(daemon);
}

/// The pods that stand by on a node.
fn replica_set(node: usize) -> String {
    format!(
        r#"
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: node-{node}}}
spec:
  replicas: {STANDING_BY}
  selector: {{matchLabels: {{node: "{node}"}}}}
  template:
    metadata: {{labels: {{node: "{node}"}}}}
    spec:
      nodeName: kwok-node-{node}
      containers: [{{name: main, image: "nginx:1.27"}}]
"#
    )
}

fn rolled_out(daemon: &Daemon) {
    let waited = daemon.cli().run("wait deploy/web --timeout 110s");
    assert_eq!(waited.code, Some(0), "{waited:?}");
}

/// Follows all pods, from where all that there are were told.
fn follow(daemon: &Daemon, output: &str) -> Process {
    let mut following = daemon.cli().start(&format!("get pods -A -w -o {output}"));
    for _ in 0..PODS {
        following.expect_stdout("the pods that there are", |_| true);
    }
    following
}

/// Rolls a Deployment; in the middle, the API server dies and comes back.
fn roll(cluster: &mut Cluster, daemon: &Daemon, states: &mut Process) {
    let hash = "jsonpath={.items[0].metadata.labels.pod-template-hash}";
    let old = cluster.kubectl(["get", "replicasets", "-o", hash]);
    cluster.kubectl(["set", "image", "deploy/web", "main=nginx:1.28"]);
    let mut new_pods_are_ready = |number: usize| {
        let is_new = |line: &str| line.contains("\"READY\"") && !line.contains(&old);
        for _ in 0..number {
            states.expect_stdout("that a new pod is ready", is_new);
        }
    };
    new_pods_are_ready(READY);
    let control_plane = cluster.control_plane.as_mut().expect("this test has its own");
    control_plane.say("kill kube-apiserver");
    let got = daemon.cli().run("get deploy/web -o status-json");
    assert!(got.stdout.contains("\"IN_PROGRESS\""), "it died in the middle: {got:?}");
    control_plane.say("start kube-apiserver");
    // One after the other, because a machine may need longer for all of them
    // than is waited for one thing.
    new_pods_are_ready(ROLLING - READY);
    rolled_out(daemon);
    // A rollout is over before its old pods are gone.
    let old = format!("app=web,pod-template-hash={old}");
    cluster.kubectl(["wait", "pods", "--selector", &old, "--for=delete", "--timeout=300s"]);
}

/// Adds up what a stream told. An object enters once, what was deleted does not
/// come back, and a change is one in the sense of `is_change`.
fn add_up(stream: &Process, field: &str, uid: &str, is_change: fn(&Value, &Value) -> bool) -> View {
    let (mut view, mut known) = (View::new(), BTreeSet::new());
    for line in &stream.stdout_seen {
        let mut event = parse(line);
        let told = event[field].take();
        let uid = text(&told, uid).to_owned();
        match (event["event"].as_str(), view.get_mut(&uid)) {
            (Some("ENTERED"), None) => {
                assert!(known.insert(uid.clone()), "it was deleted: {line}");
                view.insert(uid, told);
            }
            (Some("CHANGED"), Some(before)) => {
                assert!(is_change(before, &told), "{line} comes after {before}");
                *before = told;
            }
            (Some("DELETED"), Some(_)) => drop(view.remove(&uid)),
            (_, before) => panic!("{line} comes after {before:?}"),
        }
    }
    view
}

/// Versions rise, so none is told twice.
fn is_newer(before: &Value, object: &Value) -> bool {
    let version = |object| text(object, "/metadata/resourceVersion").parse::<u64>().expect("a number");
    version(object) > version(before)
}

fn is_another_state(before: &Value, status: &Value) -> bool {
    ["state", "reason", "progress", "doom", "generation"].iter().any(|field| before[field] != status[field])
}

fn list(cluster: &Cluster) -> View {
    let mut list = parse(&cluster.kubectl(["get", "pods", "--all-namespaces", "-o", "json"]));
    let Value::Array(items) = list["items"].take() else { panic!("kubectl's list has no items") };
    items.into_iter().map(|pod| (text(&pod, "/metadata/uid").to_owned(), pod)).collect()
}

/// Field by field.
fn same_objects(told: &View, listed: &View) {
    same_uids(told, listed);
    for (uid, object) in told {
        assert_eq!(*object, listed[uid]);
    }
}

/// A version that changes no state is not told, so it is not compared.
fn same_states(told: &View, listed: &View) {
    same_uids(told, listed);
    for (uid, status) in told {
        let pod = &listed[uid];
        assert_eq!(text(status, "/ref/namespace"), text(pod, "/metadata/namespace"));
        assert_eq!(text(status, "/ref/name"), text(pod, "/metadata/name"));
        assert_eq!((&status["state"], is_ready(pod)), (&"READY".into(), true), "{status} is told of {pod}");
    }
}

fn same_uids(told: &View, listed: &View) {
    let lacks = |one: &View, other: &View| one.keys().filter(|uid| !other.contains_key(*uid)).cloned().collect();
    let differences: [Vec<String>; 2] = [lacks(listed, told), lacks(told, listed)];
    assert_eq!(differences, [[""; 0]; 2], "what was not told, and what does not exist");
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).expect("a text")
}

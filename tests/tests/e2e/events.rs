//! `daymark events` against a real API server and its controllers.

use std::collections::{BTreeMap, BTreeSet};

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Process, awaited};
use jiff::Timestamp;
use serde_json::Value;

use crate::rights::{SHARED, accounts, token, write_private};
use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "events::are_those_of_kubectl", needs: STEERED, run: Run::Shared(as_kubectl) },
    Test { name: "events::outlive_the_api_servers", needs: STEERED, run: Run::Shared(outlive) },
    Test { name: "events::are_followed_without_repeats", needs: &[], run: Run::Shared(followed) },
    Test { name: "events::need_not_be_kept", needs: &[], run: Run::Shared(not_kept) },
    Test { name: "events::narrow_and_end_with_rights", needs: &[], run: Run::Shared(withdrawn) },
];

/// An event about an object that was told by hand, as the older recorder of client-go tells it.
fn by_hand(name: &str, about: &str, count: u32) -> String {
    let now = second();
    format!(
        "{{apiVersion: v1, kind: Event, metadata: {{name: {name}}}, type: Warning, reason: ByHand, \
         message: 'by hand, <{name}>', source: {{component: test, host: here}}, count: {count}, \
         firstTimestamp: '{now}', lastTimestamp: '{now}', involvedObject: {about}}}"
    )
}

/// The same as the newer recorder tells it: several times.
fn series(name: &str, about: &str) -> String {
    let now = format!("{}.000007Z", second().trim_end_matches('Z'));
    format!(
        "{{apiVersion: v1, kind: Event, metadata: {{name: {name}}}, type: Normal, reason: Series, message: again, \
         action: Trying, reportingComponent: test, reportingInstance: here, eventTime: '{now}', \
         series: {{count: 4, lastObservedTime: '{now}'}}, involvedObject: {about}}}"
    )
}

/// Now, to the second.
fn second() -> String {
    Timestamp::from_second(Timestamp::now().as_second()).expect("now is a time").to_string()
}

fn reference(namespace: &Namespace<'_>, api_version: &str, kind: &str, name: &str) -> String {
    let uid = namespace.kubectl(["get", kind, name, "-o", "jsonpath={.metadata.uid}"]);
    format!("{{apiVersion: {api_version}, kind: {kind}, name: {name}, namespace: {}, uid: {uid}}}", namespace.name)
}

fn items(json: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(json).expect("a list in JSON");
    list["items"].as_array().cloned().unwrap_or_default()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Waits until events of that reason are told of so many objects: who tells them does so in their own time.
pub(crate) fn await_events(namespace: &Namespace<'_>, reason: &str, of: usize) {
    let selector = format!("reason={reason}");
    let names = "jsonpath={.items[*].involvedObject.name}";
    let told = || namespace.kubectl(["get", "events", "--field-selector", &selector, "-o", names]);
    let objects = |told: &String| told.split_whitespace().collect::<BTreeSet<_>>().len();
    awaited(&format!("{reason} of {of} objects"), told, |told| objects(told) == of);
}

/// Everything that was told before is known to the daemon when it knows this.
fn await_marker(namespace: &Namespace<'_>, daemon: &Daemon) {
    let about = format!("{{apiVersion: v1, kind: Pod, name: nobody, namespace: {}}}", namespace.name);
    namespace.apply(&by_hand("marker", &about, 1));
    let mut watch = daemon.cli().start(&format!("events -n {} -w -o name", namespace.name));
    watch.expect_stdout("the marker", |line| line == "event/marker");
}

/// The UIDs of what a Deployment owns, and what that owns, and its own.
fn family(namespace: &Namespace<'_>, deployment: &str) -> BTreeSet<String> {
    let all = items(&namespace.kubectl(["get", "deployments,replicasets,pods", "-o", "json"]));
    let mut family: BTreeSet<String> = BTreeSet::new();
    // Deployments come before ReplicaSets, these before pods.
    for object in &all {
        let owner = text(object, "/metadata/ownerReferences/0/uid");
        let is_it = text(object, "/kind") == "Deployment" && text(object, "/metadata/name") == deployment;
        if is_it || family.contains(owner) {
            family.insert(text(object, "/metadata/uid").to_owned());
        }
    }
    family
}

/// What a daemon keeps of an event.
fn as_kept(mut event: Value) -> Value {
    for (place, member) in
        [("/metadata", "managedFields"), ("/metadata", "annotations"), ("/involvedObject", "resourceVersion")]
    {
        if let Some(object) = event.pointer_mut(place).and_then(Value::as_object_mut) {
            object.remove(member);
        }
    }
    event
}

/// By which time `kubectl events` sorts.
fn when(event: &Value) -> Timestamp {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"].map(|path| text(event, path));
    let told = times.into_iter().find(|time| !time.is_empty()).unwrap_or_default();
    told.parse().unwrap_or_else(|error| panic!("{told:?}: {error}: {event}"))
}

/// `3s (x4 over 5s)` without the ages; the other cells as they are.
fn cells(line: &str) -> Vec<String> {
    let mut cells: Vec<_> =
        line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    let count = cells[0].split_once("(x").map(|(_, rest)| rest.split(' ').next().unwrap_or_default().to_owned());
    cells[0] = count.unwrap_or_else(|| "1".to_owned());
    cells
}

fn as_kubectl(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    for name in ["web", "other"] {
        namespace.apply(&deployment(name, 2, "ready", "0s", ""));
        let waited = daemon.cli().run(&format!("wait deploy/{name} -n {n} --timeout 2m"));
        assert_eq!(waited.code, Some(0), "{waited:?}");
    }
    await_events(&namespace, "Scheduled", 4);
    await_events(&namespace, "Started", 4);
    let about = reference(&namespace, "apps/v1", "Deployment", "web");
    namespace.apply(&by_hand("counted", &about, 3));
    namespace.apply(&series("series", &about));
    await_marker(&namespace, daemon);
    all_are_alike(&namespace, daemon);
    tree_is_alike(&namespace, daemon);
    let nobody = daemon.cli().run(&format!("events -n {n} deploy/nobody"));
    assert_eq!((nobody.code, nobody.stdout.as_str()), (Some(6), ""), "{nobody:?}");
    let warnings = daemon.cli().run(&format!("events -n {n} deploy/web --types warning -o name"));
    assert_eq!(warnings.stdout, "event/counted\n", "{warnings:?}");
}

/// The namespace's: the same set, with the same fields and counts, in the order of time; as they are told.
fn all_are_alike(namespace: &Namespace<'_>, daemon: &Daemon) {
    let n = &namespace.name;
    let by_name = |events: &[Value]| {
        let named = events.iter().map(|event| (text(event, "/metadata/name").to_owned(), event.clone()));
        named.collect::<BTreeMap<_, _>>()
    };
    let ask = || {
        let theirs = items(&namespace.kubectl(["get", "events", "-o", "json"]));
        let theirs: Vec<_> = theirs.into_iter().map(as_kept).collect();
        (items(&daemon.cli().run(&format!("events -n {n} -o json")).stdout), theirs)
    };
    // What is told in between is read again.
    let (ours, theirs) = awaited("the same events", ask, |(ours, theirs)| by_name(ours) == by_name(theirs));
    assert!(ours.len() > 8, "{ours:?}");
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.is_sorted_by_key(when), "{ours:?}");
    let sorted = |table: &str| {
        let mut rows: Vec<_> = table.lines().map(cells).collect();
        rows.sort();
        rows
    };
    let tables = || {
        let theirs = sorted(&namespace.kubectl(["events", "--no-headers"]));
        (sorted(&daemon.cli().run(&format!("events -n {n} --no-headers")).stdout), theirs)
    };
    awaited("the same rows", tables, |(ours, theirs)| ours == theirs);
}

/// Of these, the tree of one Deployment.
fn tree_is_alike(namespace: &Namespace<'_>, daemon: &Daemon) {
    let n = &namespace.name;
    let family = family(namespace, "web");
    assert_eq!(family.len(), 4, "{family:?}");
    let ask = |target: &str| items(&daemon.cli().run(&format!("events -n {n} {target} -o json")).stdout);
    let of_family = |event: &Value| family.contains(text(event, "/involvedObject/uid"));
    let both = || (ask("deploy/web"), ask("").into_iter().filter(of_family).collect::<Vec<_>>());
    let (of_web, _) = awaited("its events of all", both, |(of_web, expected)| of_web == expected);
    let reasons: BTreeSet<_> = of_web.iter().map(|event| text(event, "/reason").to_owned()).collect();
    for reason in ["ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "ByHand", "Series"] {
        assert!(reasons.contains(reason), "{reason}: {reasons:?}");
    }
}

/// A pod that is gone, with the API server's memory of it.
fn outlive(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    namespace.apply(&deployment("web", 1, "ready", "0s", ""));
    let waited = daemon.cli().run(&format!("wait deploy/web -n {n} --timeout 2m"));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    let pod = namespace.kubectl(["get", "pods", "-o", "jsonpath={.items[0].metadata.name}"]);
    await_marker(&namespace, daemon);
    let scheduled =
        |text: &str| text.lines().any(|line| line.contains("Scheduled") && line.contains(&format!("Pod/{pod} ")));
    let mut watch = daemon.cli().start(&format!("events -n {n} deploy/web -w"));
    watch.expect_stdout("the pod's", scheduled);
    namespace.kubectl(["delete", "pod", &pod]);
    namespace.kubectl(["delete", "events", "--all"]);
    namespace.kubectl(["wait", "deploy/web", "--for=condition=Available", "--timeout=60s"]);
    await_marker(&namespace, daemon);
    assert!(!scheduled(&namespace.kubectl(["events"])), "the API server has forgotten it");
    for target in ["deploy/web".to_owned(), format!("pod/{pod}"), String::new()] {
        let told = daemon.cli().run(&format!("events -n {n} {target}"));
        assert!(told.code == Some(0) && scheduled(&told.stdout), "{target}: {told:?}");
    }
    // A node's events are elsewhere than the node.
    let node = namespace.kubectl(["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    let of_node = daemon.cli().run(&format!("events -n {n} node/{node} -o json"));
    assert_eq!(of_node.code, Some(0), "{of_node:?}");
    for event in items(&of_node.stdout) {
        assert_eq!(text(&event, "/involvedObject/name"), node, "{event}");
    }
}

/// Each time is a row, once, whatever becomes of the daemon: `events.watch-resumed`.
fn followed(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    let mut daemon = Daemon::of_cluster(cluster.kubeconfig());
    let about = format!("{{apiVersion: v1, kind: Pod, name: a, namespace: {n}}}");
    namespace.apply(&by_hand("first", &about, 1));
    let mut table = daemon.cli().start(&format!("events -n {n} -w"));
    let mut objects = daemon.cli().start(&format!("events -n {n} pod/a -w -o ndjson"));
    table.expect_stdout("what there is", |line| line.contains("by hand, <first>"));
    objects.expect_stdout("what there is", |line| line.contains("\"first\""));
    let patch = format!(r#"{{"count":2,"lastTimestamp":"{}"}}"#, second());
    namespace.kubectl(["patch", "event", "first", "--type=merge", "--patch", &patch]);
    table.expect_stdout("the second time", |line| line.contains("(x2 over ") && line.contains("by hand, <first>"));
    objects.expect_stdout("the second time", |line| line.contains("\"count\":2"));

    daemon.kill();
    for watch in [&mut table, &mut objects] {
        watch.expect_stderr("that it is lost", |line| line.contains("reconnecting") || line.contains("trying again"));
    }
    namespace.apply(&by_hand("second", &about, 1));
    daemon.restart();
    table.expect_stdout("what came meanwhile", |line| line.contains("by hand, <second>"));
    objects.expect_stdout("what came meanwhile", |line| line.contains("\"second\""));
    once(&table, &["<first>", "<first>", "<second>"]);
    once(&objects, &["<first>", "<first>", "<second>"]);
}

fn once(watch: &Process, told: &[&str]) {
    let lines = watch.stdout_seen.iter().filter(|line| line.contains("by hand"));
    let names: Vec<_> = lines.filter_map(|line| line.get(line.find('<')?..=line.find('>')?)).collect();
    assert_eq!(names, told, "{:?}", watch.stdout_seen);
}

/// `events.not-kept`
fn not_kept(cluster: &Cluster, _: &Daemon) {
    let kubeconfig = cluster.kubeconfig().as_os_str();
    let daemon = Daemon::start(["--kubeconfig".as_ref(), kubeconfig, "--events-kept".as_ref(), "0".as_ref()]);
    let told = daemon.cli().run("events");
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""), "{told:?}");
    assert!(told.stderr.contains("--events-kept 0"), "{told:?}");
    // Nobody follows them, either.
    let caches = daemon.cli().run("daemon status");
    let is_followed = caches.stdout.lines().any(|line| line.starts_with("events  "));
    assert!(caches.code == Some(0) && !is_followed, "{caches:?}");
}

/// The events of one who may see two namespaces, then one, then none.
fn withdrawn(cluster: &Cluster, _: &Daemon) {
    let (here, there) = (cluster.namespace(), cluster.namespace());
    accounts(cluster, &here);
    let account = format!("--serviceaccount={}:local", here.name);
    there.kubectl(["create", "rolebinding", "local", "--clusterrole=view", &account]);
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    write_private(&file, &token(cluster, &here, "local"));
    let mut cli = daemon.cli();
    cli.address = daemon.tcp().to_owned();
    let mut watch = cli.start(&format!("--token-file {} events -A -w -o name", file.display()));
    watch.expect_stderr("that not all is shown", |line| line.contains("not all events are shown"));
    for (namespace, name) in [(&here, "one"), (&there, "two")] {
        namespace.apply(&plain(&namespace.name, name));
        watch.expect_stdout("an event", |line| line == format!("event/{name}"));
    }
    there.kubectl(["delete", "rolebinding", "local"]);
    watch.expect_stderr("that less is shown", |line| {
        line.contains("not all events are shown") && !line.contains(&there.name)
    });
    there.apply(&plain(&there.name, "hidden"));
    here.apply(&plain(&here.name, "shown"));
    watch.expect_stdout("the event that may be seen", |line| line == "event/shown");
    here.kubectl(["delete", "rolebinding", "local"]);
    let ended = watch.finish();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("may not list events") && !ended.stdout.contains("hidden"), "{ended:?}");
}

fn plain(namespace: &str, name: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Event, metadata: {{name: {name}}}, type: Normal, reason: ByHand, message: by hand, \
         involvedObject: {{apiVersion: v1, kind: Pod, name: {name}, namespace: {namespace}}}}}"
    )
}

//! Streams across the death of either side.

use std::collections::BTreeMap;

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Process, awaited};
use serde_json::Value;

use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "restarts::a_watch_outlives_the_api_server", needs: STEERED, run: Run::Own(api_server) },
    Test {
        name: "restarts::a_watch_outlives_the_api_server_and_its_history",
        needs: STEERED,
        run: Run::Own(compaction),
    },
    Test { name: "restarts::a_watch_outlives_the_daemon", needs: STEERED, run: Run::Shared(daemon_restart) },
    Test { name: "restarts::a_wait_outlives_the_daemon", needs: STEERED, run: Run::Shared(wait_outlives_daemon) },
];

fn api_server(cluster: Cluster) {
    disturb(cluster, &["kill kube-apiserver", "start kube-apiserver"]);
}

fn compaction(cluster: Cluster) {
    disturb(cluster, &["kill kube-apiserver", "compact", "start kube-apiserver"]);
}

/// A watch goes on while the API server dies; then things change.
fn disturb(mut cluster: Cluster, commands: &[&str]) {
    let daemon = Daemon::of_cluster(cluster.kubeconfig());
    cluster.kubectl(["create", "deployment", "web", "--image=nginx:1.27", "--replicas=4"]);
    assert_eq!(daemon.cli().run("wait deploy/web --timeout 60s").code, Some(0));
    let mut watching = daemon.cli().start("get pods -A -w -o status-json");
    for _ in 0..4 {
        watching.expect_stdout("the pods that there are", |_| true);
    }

    let control_plane = cluster.control_plane.as_mut().expect("this test has its own");
    commands.iter().for_each(|command| control_plane.say(command));
    cluster.kubectl(["scale", "deploy/web", "--replicas=6"]);
    assert_eq!(daemon.cli().run("wait deploy/web --timeout 60s").code, Some(0));
    let marker = Namespace::of(&cluster, "default");
    marker.apply(MARKER);
    converges(&mut watching, &marker);
}

fn daemon_restart(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let mut daemon = Daemon::of_cluster(cluster.kubeconfig());
    namespace.apply(&deployment("web", 3, "ready", "1s", ""));
    let cli = daemon.cli();
    assert_eq!(cli.run(&format!("wait -n {} deploy/web --timeout 60s", namespace.name)).code, Some(0));
    let mut watching = cli.start(&format!("get pods -n {} -w -o status-json", namespace.name));
    for _ in 0..3 {
        watching.expect_stdout("the pods that there are", |_| true);
    }

    daemon.kill();
    watching.expect_stderr("that the daemon is lost", |_| true);
    namespace.kubectl(["delete", "pods", "--all"]);
    // What a Deployment says of its pods may still be of those that have gone.
    let ready = r#"jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}"#;
    let pods = || namespace.kubectl(["get", "pods", "-o", ready]);
    awaited("three new pods", pods, |ready| ready == "True True True");
    daemon.restart();
    namespace.apply(MARKER);
    converges(&mut watching, &namespace);
}

fn wait_outlives_daemon(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let mut daemon = Daemon::of_cluster(cluster.kubeconfig());
    let mut waiting = daemon.cli().start(&format!("wait -n {} deploy/web --timeout 100s", namespace.name));
    waiting.expect_stderr("that it does not exist yet", |line| line.contains("does not exist"));
    daemon.kill();
    namespace.apply(&deployment("web", 1, "ready", "1s", ""));
    daemon.restart();
    let waited = waiting.finish();
    assert_eq!(waited.code, Some(0), "{waited:?}");
}

/// A pod that tells when a stream has come to what was done before it. Its name
/// makes it the last of a snapshot.
pub(crate) const MARKER: &str = "
apiVersion: v1
kind: Pod
metadata: {name: zz-marker}
spec: {containers: [{name: main, image: busybox}], terminationGracePeriodSeconds: 1}
";

/// The stream tells of the marker, has repeated nothing, and what it has told
/// adds up to what kubectl sees.
fn converges(watching: &mut Process, namespace: &Namespace<'_>) {
    watching.expect_stdout("the marker", |line| line.contains("\"zz-marker\"") && line.contains("\"READY\""));
    let mut told: BTreeMap<String, Value> = BTreeMap::new();
    for line in &watching.stdout_seen {
        let change: Value = serde_json::from_str(line).expect("a change");
        let status = &change["status"];
        let name = status["ref"]["name"].as_str().expect("a name").to_owned();
        let uid = &status["ref"]["uid"];
        if change["event"] == "DELETED" {
            let gone = told.remove(&name);
            assert!(
                gone.is_some_and(|gone| gone["ref"]["uid"] == *uid),
                "{name} was deleted without having been there"
            );
            continue;
        }
        if let Some(before) = told.insert(name.clone(), status.clone()) {
            let essence =
                |s: &Value| ["state", "reason", "progress", "doom", "generation", "ref"].map(|field| s[field].clone());
            assert_ne!(essence(&before), essence(status), "{name} was repeated");
        }
    }
    let listed = namespace.kubectl(["get", "pods", "-o", "name"]);
    let listed: Vec<_> = listed.lines().map(|line| line.trim_start_matches("pod/")).collect();
    assert_eq!(told.keys().map(String::as_str).collect::<Vec<_>>(), listed);
    for (name, status) in &told {
        assert_eq!(status["state"], "READY", "{name}: {status}");
    }
}

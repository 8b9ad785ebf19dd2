//! `daymark get` against a real API server.

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::awaited;
use serde_json::Value;

use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "get::what_does_not_exist_is_not_found", needs: &[], run: Run::Shared(not_found) },
    Test { name: "get::json_is_kubectls", needs: STEERED, run: Run::Shared(json_is_kubectls) },
    Test { name: "get::watch_follows_a_rollout_to_its_end", needs: STEERED, run: Run::Shared(watch_follows) },
];

fn not_found(_: &Cluster, daemon: &Daemon) {
    let got = daemon.cli().run("get deploy nope");
    assert_eq!(got.code, Some(6), "{got:?}");
    assert!(got.stderr.contains("\"nope\" not found"), "{got:?}");
    assert_eq!(got.stdout, "");
}

fn json_is_kubectls(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("web", 2, "ready", "1s", ""));
    // The cache has reached what kubectl is about to read.
    assert_eq!(daemon.cli().run(&format!("wait -n {} deploy/web --timeout 60s", namespace.name)).code, Some(0));
    let mut pods = daemon.cli().start(&format!("get pods -n {} --state ready -w -o status-json", namespace.name));
    for _ in 0..2 {
        pods.expect_stdout("a pod that is ready", |line| line.contains("\"ENTERED\""));
    }
    for what in ["deploy/web", "pods", "deploy,replicasets"] {
        let both = || {
            let ours = daemon.cli().run(&format!("get -n {} {what} -o json", namespace.name));
            (ours.stdout, namespace.kubectl(["get", what, "-o", "json"]))
        };
        // What changes in between is read again.
        awaited(&format!("the same of {what}"), both, |(ours, theirs)| ours == theirs);
    }
}

fn watch_follows(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let mut watching = daemon.cli().start(&format!("get deploy -n {} -w -o status-json", namespace.name));
    watching.expect_stderr("that the snapshot is complete", |line| line.contains("No objects found"));
    // It is not over before it is seen on its way.
    namespace.apply(&deployment("web", 3, "never-ready", "1s", ""));
    watching.expect_stdout("its beginning", |line| state(line) == "IN_PROGRESS");
    namespace.apply(&deployment("web", 3, "ready-after", "1s", ""));
    watching.expect_stdout("the end of the rollout", |line| state(line) == "READY");
    let states: Vec<_> = watching.stdout_seen.iter().map(|line| state(line)).collect();
    assert!(states.len() > 1, "transitions are told: {states:?}");
    assert!(states[..states.len() - 1].iter().all(|state| state == "IN_PROGRESS"), "{states:?}");
    namespace.kubectl(["delete", "deploy/web"]);
    watching.expect_stdout("its deletion", |line| line.contains("DELETED"));
}

fn state(line: &str) -> String {
    let change: Value = serde_json::from_str(line).expect("a change");
    change["status"]["state"].as_str().expect("a state").to_owned()
}

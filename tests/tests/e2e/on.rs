//! `daymark on` against real controllers.

use std::path::Path;

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::Process;
use serde_json::Value;

use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "on::a_rollout_runs_a_command_when_it_is_ready", needs: STEERED, run: Run::Shared(rollout) },
    Test { name: "on::it_goes_on_where_it_was", needs: STEERED, run: Run::Shared(goes_on) },
];

/// Runs a command once that keeps in `seen` what it reads.
fn keep(daemon: &Daemon, namespace: &Namespace<'_>, target: &str, more: &[&str], seen: &Path) -> Process {
    let script = format!("cat > {}", seen.display());
    let args = ["on", target, "-n", &namespace.name, "--when", "state == \"READY\"", "--once", "--timeout", "60s"];
    daemon.cli().start_words(&[&args, more, &["--", "sh", "-c", &script]].concat())
}

fn kept(seen: &Path) -> Value {
    let text = std::fs::read(seen).expect("the command has kept what it read");
    serde_json::from_slice(&text).expect("it is one document")
}

fn rollout(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let seen = folder.path().join("seen");
    let mut on = keep(daemon, &namespace, "deploy", &[], &seen);
    on.expect_stderr("that it follows", |line| line.contains("following"));
    namespace.apply(&deployment("web", 2, "ready-after", "1s", ""));
    let ended = on.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let kubectl = namespace.kubectl(["rollout", "status", "deploy/web", "--watch=false"]);
    assert!(kubectl.contains("successfully rolled out"), "run before kubectl would have: {kubectl}");
    let document = kept(&seen);
    assert_eq!((&document["event"], &document["status"]["state"]), (&"ENTERED".into(), &"READY".into()));
    assert_eq!(document["status"]["ref"]["name"], "web");
}

/// While nobody looks the Deployment is rolled out anew: with the daemon still
/// there, which tells of it, and with another one, which only sees what came of it.
fn goes_on(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let mut daemon = Daemon::of_cluster(cluster.kubeconfig());
    namespace.apply(&deployment("web", 2, "ready", "1s", ""));
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let [seen, state] = ["seen", "state"].map(|name| folder.path().join(name));
    let state = state.display().to_string();
    for (round, event) in ["CURRENT", "ENTERED", "CHANGED"].into_iter().enumerate() {
        if event == "CHANGED" {
            daemon.kill();
        }
        let image = format!("main=nginx:1.{round}");
        namespace.kubectl(["set", "image", "deploy/web", &image]);
        namespace.kubectl(["rollout", "status", "deploy/web"]);
        if event == "CHANGED" {
            daemon.restart();
        }
        if event == "CURRENT" {
            let waited = daemon.cli().run(&format!("wait -n {} deploy/web --timeout 60s", namespace.name));
            assert_eq!(waited.code, Some(0), "{waited:?}");
        }
        let ended = keep(&daemon, &namespace, "deploy/web", &["--initial", "--state-file", &state], &seen).finish();
        assert_eq!(ended.code, Some(0), "{event}: {ended:?}");
        assert_eq!(ended.stderr.contains("missing"), event == "CHANGED", "{event}: {ended:?}");
        let document = kept(&seen);
        assert_eq!(document["event"], event, "{document}");
        assert_eq!(document["status"]["generation"], round + 2, "{document}");
    }
}

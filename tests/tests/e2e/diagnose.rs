//! `daymark diagnose`: what is wrong on a real control plane.

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Finished, awaited};
use daymark_tests::situation;
use serde_json::Value;

use crate::events::await_events;
use crate::rights::{SHARED, accounts, token, write_private};
use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "diagnose::names_the_cause", needs: STEERED, run: Run::Shared(names_the_cause) },
    Test { name: "diagnose::finds_nothing_on_what_is_well", needs: STEERED, run: Run::Shared(nothing) },
    Test { name: "diagnose::leaves_out_what_may_not_be_seen", needs: STEERED, run: Run::Shared(not_visible) },
    Test { name: "diagnose::is_told_with_a_verdict", needs: STEERED, run: Run::Shared(with_a_verdict) },
    Test { name: "diagnose::tells_what_is_gone", needs: STEERED, run: Run::Shared(gone) },
];

fn document(text: &str) -> Value {
    serde_json::from_str(text).expect("a diagnosis is JSON")
}

fn reasons(diagnosis: &Value) -> Vec<&str> {
    let causes = diagnosis["causes"].as_array().expect("there are causes");
    causes.iter().filter_map(|cause| cause["reason"].as_str()).collect()
}

fn names_the_cause(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    namespace.apply(&deployment("web", 2, "image-pull-backoff", "0s", ""));
    let waited = daemon.cli().run(&format!("wait -n {n} deploy/web --fatal-after 0s --timeout 60s"));
    assert_eq!(waited.code, Some(1), "{waited:?}");
    // It is known of the second pod by now as well, and Events are told in their own time.
    let failing = "object.status.containerStatuses.exists(c, c.state.waiting.reason == 'ImagePullBackOff')";
    let words = ["get", "pods", "-n", n, "-w", "-o", "name", "--cel", failing];
    let mut pods = daemon.cli().start_words(&words);
    let first = pods.expect_stdout("a pod", |line| !line.is_empty());
    pods.expect_stdout("the other pod", |line| !line.is_empty() && line != first);
    await_events(&namespace, "Failed", 2);
    let told = daemon.cli().run_in_time(&format!("diagnose -n {n} deploy/web -o json --exit-code"));
    assert_eq!(told.code, Some(1), "{told:?}");
    let diagnosis = document(&told.stdout);
    assert_eq!(reasons(&diagnosis), ["ImageNotFound"], "{told:?}");
    let first = &diagnosis["causes"][0];
    let kinds: Vec<_> = first["evidence"].as_array().expect("evidence").iter().map(|it| it["kind"].clone()).collect();
    assert_eq!((&first["certainty"], &first["count"]), (&"certain".into(), &2.into()), "{told:?}");
    assert!(kinds.contains(&"event".into()) && kinds.contains(&"containerStatus".into()), "{told:?}");
    // Of the namespace it is the same, once.
    let told = daemon.cli().run_in_time(&format!("diagnose -n {n} -o json"));
    assert_eq!((told.code, reasons(&document(&told.stdout))), (Some(0), vec!["ImageNotFound"]), "{told:?}");
}

fn nothing(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    namespace.apply(&deployment("web", 2, "ready", "0s", ""));
    let waited = daemon.cli().run(&format!("wait -n {n} deploy/web --timeout 60s"));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    let told = daemon.cli().run_in_time(&format!("diagnose -n {n} deploy/web --exit-code"));
    assert!(told.code == Some(0) && told.stdout.contains("nothing is wrong"), "{told:?}");
    let missing = daemon.cli().run(&format!("diagnose -n {n} deploy/none"));
    assert_eq!(missing.code, Some(6), "{missing:?}");
}

/// Who may see one namespace, and no nodes, gets the rest.
fn not_visible(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    accounts(cluster, &namespace);
    namespace.apply(&deployment("web", 1, "image-pull-backoff", "0s", ""));
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let waited = daemon.cli().run(&format!("wait -n {n} deploy/web --fatal-after 0s --timeout 60s"));
    assert_eq!(waited.code, Some(1), "{waited:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    write_private(&file, &token(cluster, &namespace, "local"));
    let mut cli = daemon.cli();
    cli.address = daemon.tcp().to_owned();
    let told = cli.run_in_time(&format!("--token-file {} diagnose -n {n} deploy/web -o json", file.display()));
    let diagnosis = document(&told.stdout);
    assert_eq!((told.code, reasons(&diagnosis)), (Some(0), vec!["ImageNotFound"]), "{told:?}");
    let left_out = diagnosis["notVisible"].as_array().expect("a list");
    let is_left_out = |kind: &str| left_out.iter().any(|it| it["kind"] == kind);
    assert!(is_left_out("nodes") && !is_left_out("replicasets.apps") && !is_left_out("events"), "{told:?}");
    write_private(&file, &token(cluster, &namespace, "nobody"));
    let refused = cli.run(&format!("--token-file {} diagnose -n {n} deploy/web", file.display()));
    assert!(refused.code == Some(5) && refused.stderr.contains("may not get deployments.apps"), "{refused:?}");
}

/// `wait.root-cause`
///
/// The pod that the Deployment's state blames fits on no node: that is not why.
fn with_a_verdict(cluster: &Cluster, daemon: &Daemon) {
    let (namespace, cli) = (cluster.namespace(), daemon.cli());
    let situations = situation::in_folder("storage");
    let missing = situations.iter().find(|situation| situation.name == "storage-class-missing").expect("it is there");
    let _staged = missing.stage(&namespace, &cli);
    let wait = format!("wait -n {} {} --timeout 2s", namespace.name, missing.target);
    // It is left out of a verdict if the machine takes too long for it.
    let told = |waited: &Finished| waited.stdout.contains("\nroot cause: ");
    let waited = awaited("the root cause", || cli.run(&wait), told);
    let place = |begin: &str| waited.stdout.lines().position(|line| line.starts_with(begin));
    let (cause, root) =
        (place("cause: pod/db-"), place("root cause: storageclass.storage.k8s.io/fast: StorageClassMissing: "));
    assert!(cause.is_some() && cause < root, "{waited:?}");
    assert!(matches!(waited.code, Some(1 | 3)), "{waited:?}");
}

fn gone(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    namespace.apply(
        "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}",
    );
    let mut watch = daemon.cli().start(&format!("diagnose -n {n} svc/web -w"));
    watch.expect_stdout("the cause", |line| line.starts_with("cause: SelectorMatchesNothing"));
    namespace.kubectl(["patch", "svc", "web", "--type=merge", "--patch", r#"{"spec":{"selector":null}}"#]);
    watch.expect_stdout("that it is gone", |line| line.starts_with("gone: SelectorMatchesNothing"));
}

//! `daymark gate`: opened before an apply, and found again by its token.

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Finished, awaited};
use serde_json::Value;

use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "gates::one_that_was_opened_before_the_apply", needs: STEERED, run: Run::Shared(before_the_apply) },
    Test { name: "gates::a_job_that_is_gone_keeps_its_verdict", needs: STEERED, run: Run::Shared(job_is_gone) },
    Test { name: "gates::flapping_is_not_stable", needs: STEERED, run: Run::Shared(flapping) },
    Test { name: "gates::one_that_fails_or_is_cancelled", needs: STEERED, run: Run::Shared(ends_otherwise) },
    Test { name: "gates::one_whose_watcher_loses_the_daemon", needs: STEERED, run: Run::Shared(daemon_is_lost) },
    Test { name: "gates::one_that_outlives_the_daemon", needs: STEERED, run: Run::Shared(daemon_comes_back) },
    Test { name: "gates::what_is_no_gate", needs: &[], run: Run::Shared(no_gate) },
];

pub(crate) fn open(daemon: &Daemon, args: &str) -> String {
    let opened = daemon.cli().run(&format!("gate open {args}"));
    assert_eq!(opened.code, Some(0), "{opened:?}");
    opened.stdout.trim().to_owned()
}

/// What comes of a gate. Who waits gives a daemon no more than seconds beyond the deadline, but its verdict stays.
pub(crate) fn verdict(daemon: &Daemon, token: &str) -> Finished {
    awaited("a verdict", || daemon.cli().run(&format!("gate wait {token}")), |waited| waited.code != Some(4))
}

/// `gate.open`, `gate.arm`, `gate.show`, `gate.wait-passed`, `gate.json`
fn before_the_apply(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("web", 2, "ready", "1s", ""));
    let n = &namespace.name;
    assert_eq!(daemon.cli().run(&format!("wait -n {n} deploy/web --timeout 60s")).code, Some(0));

    // The old generation is rolled out all the while.
    let token = open(daemon, &format!("-n {n} deploy/web --for rollout --await-arming --timeout 60s"));
    let shown = daemon.cli().run(&format!("gate show {token}"));
    assert!(shown.stdout.contains("open: "), "{shown:?}");
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let applied = folder.path().join("applied.json");
    let image = r#"{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"nginx:1.28"}]}}}}"#;
    let json = namespace.kubectl(["patch", "deploy/web", "--patch", image, "-o", "json"]);
    std::fs::write(&applied, json).expect("a file can be written");
    let armed = daemon.cli().run(&format!("gate arm {token} -f {}", applied.display()));
    assert_eq!(armed.code, Some(0), "{armed:?}");
    let waited = daemon.cli().run(&format!("gate wait {token}"));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    let kubectl = namespace.kubectl(["rollout", "status", "deploy/web", "--watch=false"]);
    assert!(kubectl.contains("successfully rolled out"), "passed before kubectl would have: {kubectl}");

    // The same answer to whoever asks again, also when it is gone.
    namespace.kubectl(["delete", "deploy/web"]);
    let again = daemon.cli().run(&format!("gate wait {token} -o json"));
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("\"outcome\": \"PASSED\""), "{again:?}");
}

fn job_is_gone(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let token = open(daemon, &format!("-n {} job/import --for complete --timeout 60s", namespace.name));
    namespace.apply(
        r#"
apiVersion: batch/v1
kind: Job
metadata: {name: import}
spec:
  template:
    metadata: {annotations: {test.daymark.dev/behaviour: completes, test.daymark.dev/delay: 500ms}}
    spec: {restartPolicy: Never, containers: [{name: main, image: "busybox:1.36"}]}
"#,
    );
    let waited = daemon.cli().run(&format!("gate wait {token}"));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    // From here on, or the gate might not have looked in time.
    namespace.kubectl(["patch", "job/import", "--type=merge", "--patch", r#"{"spec":{"ttlSecondsAfterFinished":0}}"#]);
    namespace.kubectl(["wait", "--for=delete", "job/import", "--timeout=60s"]);
    assert_eq!(daemon.cli().run(&format!("gate wait {token}")).code, Some(0));
}

/// `gate.wait-undecided`
fn flapping(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    namespace.apply(&deployment("flaps", 1, "flapping", "1s", ""));
    let token = open(daemon, &format!("-n {n} deploy/flaps --stable-for 20s --timeout 30s"));
    let waited = verdict(daemon, &token);
    assert_eq!(waited.code, Some(3), "{waited:?}");
    assert!(waited.stdout.contains("undecided: Deadline"), "{waited:?}");
}

/// `gate.wait-failed`, `gate.cancel`
fn ends_otherwise(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    namespace.apply(&deployment("bad", 1, "image-pull-backoff", "1s", ""));
    let token = open(daemon, &format!("-n {n} deploy --timeout 60s"));
    let waited = daemon.cli().run(&format!("gate wait {token}"));
    assert_eq!(waited.code, Some(1), "{waited:?}");
    assert!(waited.stdout.contains("failed: ") && waited.stdout.contains("pod bad-"), "{waited:?}");
    let told = daemon.cli().run(&format!("gate wait {token} -o json"));
    let told: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let name = |of: &str| told["cause"][of]["name"].as_str().unwrap_or_default().to_owned();
    assert!(name("ref").starts_with("bad-") && name("object") == "bad", "{told}");

    let token = open(daemon, &format!("-n {n} pods -l app=none --timeout 60s"));
    let mut waiting = daemon.cli().start(&format!("gate wait {token}"));
    let cancelled = daemon.cli().run(&format!("gate cancel {token}"));
    assert!(cancelled.stdout.contains("cancelled: Cancelled"), "{cancelled:?}");
    waiting.expect_stdout("its end", |line| line.contains("cancelled: "));
    assert_eq!(waiting.finish().code, Some(3));
}

/// `gate.wait-lost`: a gate does not outlive its daemon, which is said.
fn daemon_is_lost(cluster: &Cluster, _: &Daemon) {
    let mut daemon = Daemon::of_cluster(cluster.kubeconfig());
    let namespace = cluster.namespace();
    let token = open(&daemon, &format!("-n {} deploy/absent --timeout 60s", namespace.name));
    let mut waiting = daemon.cli().start(&format!("gate wait {token}"));
    waiting.expect_stderr("how it stands", |line| line.contains("does not exist"));
    daemon.kill();
    waiting.expect_stderr("that the daemon is lost", |line| line.contains("lost") || line.contains("broke"));
    daemon.restart();
    let waited = waiting.finish();
    assert_eq!((waited.code, waited.stderr.contains("there is no such gate")), (Some(6), true), "{waited:?}");
}

/// With `--gates` it does, and who waits is told its verdict.
fn daemon_comes_back(cluster: &Cluster, _: &Daemon) {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let file = folder.path().join("gates");
    let kubeconfig = cluster.kubeconfig().as_os_str();
    let mut daemon = Daemon::start(["--kubeconfig".as_ref(), kubeconfig, "--gates".as_ref(), file.as_os_str()]);
    let namespace = cluster.namespace();
    let token = open(&daemon, &format!("-n {} deploy/web --timeout 120s", namespace.name));
    let mut waiting = daemon.cli().start(&format!("gate wait {token}"));
    waiting.expect_stderr("how it stands", |line| line.contains("does not exist"));
    daemon.kill();
    waiting.expect_stderr("that the daemon is lost", |line| line.contains("lost") || line.contains("broke"));
    daemon.restart();
    namespace.apply(&deployment("web", 1, "ready", "1s", ""));
    let waited = waiting.finish();
    assert_eq!((waited.code, waited.stdout.contains("passed: Met")), (Some(0), true), "{waited:?}");

    // Its verdict outlives the daemon as well.
    daemon.kill();
    daemon.restart();
    let again = daemon.cli().run(&format!("gate wait {token}"));
    assert_eq!((again.code, again.stdout.contains("passed: Met")), (Some(0), true), "{again:?}");
}

/// `gate.policy`, `gate.named-and-selected`, `gate.unknown`, `gate.arm-nothing`
fn no_gate(_: &Cluster, daemon: &Daemon) {
    for (args, code, says) in [
        ("gate wait none", 6, "there is no such gate"),
        ("gate open pods -l app=none --timeout 25h", 2, "deadline"),
        ("gate open pods --for rollout", 2, "GOAL_ROLLOUT is no goal of pods"),
        ("gate open deploy/web --stable-for 10m", 2, "stable_for"),
        ("gate open deploy/web -l app=web", 2, "cannot be used with"),
        ("gate arm none -f /dev/null", 2, "it contains no object"),
    ] {
        let refused = daemon.cli().run(args);
        assert_eq!((refused.code, refused.stderr.contains(says)), (Some(code), true), "{args}: {refused:?}");
    }
}

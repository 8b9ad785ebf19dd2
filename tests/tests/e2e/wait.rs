//! `daymark wait` against real controllers.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::Finished;

use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "wait::a_rollout_passes_when_kubectl_says_so", needs: STEERED, run: Run::Shared(rollout_passes) },
    Test { name: "wait::a_crash_loop_fails_at_its_deadline", needs: STEERED, run: Run::Shared(crash_loop_fails) },
    Test { name: "wait::what_is_doomed_ends_the_wait", needs: STEERED, run: Run::Shared(doomed) },
    Test { name: "wait::never_ready_is_undecided", needs: STEERED, run: Run::Shared(never_ready_is_undecided) },
    Test { name: "wait::a_job_passes_or_fails", needs: STEERED, run: Run::Shared(jobs) },
    Test { name: "wait::an_absent_object_is_awaited", needs: STEERED, run: Run::Shared(absent_object_is_awaited) },
    Test { name: "wait::never_passes_on_the_old_generation", needs: STEERED, run: Run::Shared(no_stale_pass) },
];

/// A Deployment whose pods behave as told.
pub(crate) fn deployment(name: &str, replicas: usize, behaviour: &str, delay: &str, more: &str) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  {more}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{test.daymark.dev/behaviour: {behaviour}, test.daymark.dev/delay: "{delay}"}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: main, image: "nginx:1.27"}}]
"#
    )
}

fn job(name: &str, behaviour: &str) -> String {
    format!(
        r#"
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}}}
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations: {{test.daymark.dev/behaviour: {behaviour}, test.daymark.dev/exit-code: "3"}}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers: [{{name: main, image: "busybox:1.36"}}]
"#
    )
}

fn wait(daemon: &Daemon, namespace: &Namespace<'_>, args: &str) -> Finished {
    daemon.cli().run(&format!("wait -n {} {args}", namespace.name))
}

fn rollout_passes(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("web", 3, "ready-after", "2s", ""));
    let waited = wait(daemon, &namespace, "deploy/web --for rollout --timeout 60s");
    let kubectl = namespace.kubectl(["rollout", "status", "deploy/web", "--watch=false"]);
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert!(kubectl.contains("successfully rolled out"), "passed before kubectl would have: {kubectl}");
    assert!(waited.stdout.contains("deployment.apps/web passed"), "{waited:?}");
    assert!(waited.stderr.contains("InProgress"), "the way there is told: {waited:?}");
}

fn crash_loop_fails(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("broken", 1, "crash-loop", "1s", "progressDeadlineSeconds: 5"));
    let waited = wait(daemon, &namespace, "deploy/broken --for rollout --timeout 60s");
    assert_eq!(waited.code, Some(1), "{waited:?}");
    assert!(waited.stdout.contains("ProgressDeadlineExceeded"), "{waited:?}");
}

/// Where kubectl waits for its timeout: at once for what waiting cannot heal,
/// soon for what may pass; with the cause.
fn doomed(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    for (name, behaviour, says) in [
        ("image", "image-pull-backoff", "not found"),
        ("config", "config-error", "couldn't find key password"),
        ("crash", "crash-loop", "CrashLoopBackOff"),
    ] {
        namespace.apply(&deployment(name, 2, behaviour, "500ms", ""));
        let waited = wait(daemon, &namespace, &format!("deploy/{name} --tolerate 2s --timeout 60s"));
        assert_eq!(waited.code, Some(1), "{name}: {waited:?}");
        assert!(waited.stdout.contains(says) && waited.stdout.contains(&format!("pod {name}-")), "{name}: {waited:?}");
        let kubectl = namespace.kubectl(["rollout", "status", &format!("deploy/{name}"), "--watch=false"]);
        assert!(kubectl.contains("Waiting for"), "{name}: {kubectl}");
    }
}

fn never_ready_is_undecided(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("slow", 2, "never-ready", "1s", ""));
    let waited = wait(daemon, &namespace, "deploy/slow --for rollout --timeout 5s");
    assert_eq!(waited.code, Some(3), "{waited:?}");
    assert!(waited.stdout.contains("0 of 2 replicas are available"), "what was missing: {waited:?}");
}

fn jobs(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&job("good", "completes"));
    namespace.apply(&job("bad", "fails"));
    let waited = wait(daemon, &namespace, "job/good --timeout 60s");
    assert_eq!(waited.code, Some(0), "{waited:?}");
    let waited = wait(daemon, &namespace, "job/bad job/good --timeout 60s");
    assert_eq!(waited.code, Some(1), "{waited:?}");
    assert!(waited.stdout.contains("BackoffLimitExceeded"), "{waited:?}");
}

fn absent_object_is_awaited(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let mut waiting = daemon.cli().start(&format!("wait -n {} deploy/late --timeout 60s", namespace.name));
    waiting.expect_stderr("that it does not exist yet", |line| line.contains("deployment.apps/late: does not exist"));
    namespace.apply(&deployment("late", 1, "ready", "1s", ""));
    let waited = waiting.finish();
    assert_eq!(waited.code, Some(0), "{waited:?}");
}

/// Each generation takes a while to roll out, so that a pass on the old one,
/// which is ready, would come at once.
fn no_stale_pass(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("web", 1, "ready-after", "200ms", ""));
    assert_eq!(wait(daemon, &namespace, "deploy/web --timeout 60s").code, Some(0));
    for generation in 2..12 {
        let image = format!("main=nginx:1.{generation}");
        namespace.kubectl(["set", "image", "deploy/web", &image]);
        let waited = wait(daemon, &namespace, "deploy/web --timeout 60s -o json");
        let observed = namespace.kubectl(["get", "deploy/web", "-o", "jsonpath={.status.observedGeneration}"]);
        assert_eq!(waited.code, Some(0), "{waited:?}");
        assert_eq!(observed, generation.to_string());
        let verdict: serde_json::Value = serde_json::from_str(&waited.stdout).expect("a verdict");
        assert_eq!(verdict["targets"][0]["generation"], generation, "{waited:?}");
    }
}

//! `daymark wait` against real controllers.

use daymark_tests::cli::{Cli, LATE};
use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::Finished;

use crate::gates::{open, verdict};
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "wait::a_rollout_passes_when_kubectl_says_so", needs: STEERED, run: Run::Shared(rollout_passes) },
    Test { name: "wait::a_crash_loop_fails_at_its_deadline", needs: STEERED, run: Run::Shared(crash_loop_fails) },
    Test { name: "wait::what_is_doomed_ends_the_wait", needs: STEERED, run: Run::Shared(doomed) },
    Test { name: "wait::the_logs_of_a_crash_are_shown", needs: STEERED, run: Run::Shared(logs) },
    Test { name: "wait::a_quota_that_refuses_pods_ends_the_wait", needs: STEERED, run: Run::Shared(quota) },
    Test { name: "wait::two_crashes_are_borne", needs: STEERED, run: Run::Shared(two_crashes) },
    Test { name: "wait::the_fix_is_not_failed_by_old_pods", needs: STEERED, run: Run::Shared(the_fix) },
    Test { name: "wait::what_is_never_true_at_the_same_time", needs: STEERED, run: Run::Shared(never_together) },
    Test { name: "wait::a_deletion_is_of_the_object_that_was_there", needs: STEERED, run: Run::Shared(deletion) },
    Test { name: "wait::manifests_of_many_kinds", needs: STEERED, run: Run::Shared(manifests) },
    Test { name: "wait::a_set_that_gains_an_object", needs: STEERED, run: Run::Shared(gains_an_object) },
    Test { name: "wait::expressions", needs: STEERED, run: Run::Shared(expressions) },
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
    // It cannot be over before it is seen on its way.
    namespace.apply(&deployment("web", 3, "never-ready", "2s", ""));
    let rollout = format!("wait -n {} deploy/web --for rollout --timeout 60s", namespace.name);
    let mut waiting = daemon.cli().start(&rollout);
    waiting.expect_stderr("the way there", |line| line.contains("InProgress"));
    namespace.apply(&deployment("web", 3, "ready-after", "2s", ""));
    let waited = waiting.finish();
    let kubectl = namespace.kubectl(["rollout", "status", "deploy/web", "--watch=false"]);
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert!(kubectl.contains("successfully rolled out"), "passed before kubectl would have: {kubectl}");
    assert!(waited.stdout.contains("deployment.apps/web met: RolloutComplete"), "{waited:?}");
}

fn crash_loop_fails(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("broken", 1, "crash-loop", "1s", "progressDeadlineSeconds: 5"));
    let waited =
        wait(daemon, &namespace, "deploy/broken --for rollout --fatal-after 1s --tolerate-restarts 100 --timeout 60s");
    assert_eq!(waited.code, Some(1), "{waited:?}");
    assert!(waited.stdout.contains("ProgressDeadlineExceeded"), "{waited:?}");
}

/// Where kubectl waits for its timeout: within a minute for what waiting cannot
/// heal, within three for a crash loop; by the default policy, and with the cause.
fn doomed(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let doomed = [
        ("image", "image-pull-backoff", "60s", ["not found", "not found"]),
        ("config", "config-error", "60s", ["couldn't find key password", "couldn't find key password"]),
        // Which of its two limits a crash loop meets first is for the pods' back-off to say.
        ("crash", "crash-loop", "3m", ["CrashLoopBackOff", "TooManyRestarts"]),
    ];
    let wait = |name: &str, timeout: &str| format!("wait -n {} deploy/{name} --timeout {timeout}", namespace.name);
    let waiting = doomed.map(|(name, behaviour, timeout, _)| {
        namespace.apply(&deployment(name, 2, behaviour, "500ms", ""));
        daemon.cli().start(&wait(name, timeout))
    });
    for (waiting, (name, _, timeout, says)) in waiting.into_iter().zip(doomed) {
        let mut waited = waiting.finish();
        if waited.stdout.contains(LATE) {
            waited = daemon.cli().run_in_time(&wait(name, timeout));
        }
        assert_eq!(waited.code, Some(1), "{name}: {waited:?}");
        let cause = waited.stdout.lines().find(|line| line.starts_with("cause: ")).unwrap_or_default();
        let said = says.iter().any(|says| cause.contains(says));
        assert!(said && cause.contains(&format!("pod/{name}-")), "{name}: {waited:?}");
        assert!(waited.stdout.contains("  event "), "{name}: {waited:?}");
        let kubectl = namespace.kubectl(["rollout", "status", &format!("deploy/{name}"), "--watch=false"]);
        assert!(kubectl.contains("Waiting for"), "{name}: {kubectl}");
    }
}

/// What every pod of the test control plane has logged, as it may be shown.
const LOGGED: [&str; 5] = [
    "starting",
    "configured by DB_PASSWORD=[redacted] DB_HOST=db",
    "::error::from the log",
    "and ##[error]from the log",
    "fatal: cannot connect to db:5432: connection refused",
];
/// And in the run before.
const LOGGED_BEFORE: [&str; 3] =
    ["starting", "configured by DB_PASSWORD=[redacted] DB_HOST=db", "fatal: cannot connect to db:5432: no such host"];

/// `wait.logs`
fn logs(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("crash", 1, "crash-loop", "500ms", ""));
    // Restarted, it has a run before.
    let restarted = wait(daemon, &namespace, "deploy/crash --tolerate 1h --tolerate-restarts 0 --timeout 2m");
    assert_eq!(restarted.code, Some(1), "{restarted:?}");
    let waits = format!("wait -n {} deploy/crash --tolerate 1s --tolerate-restarts 100 --timeout 2m", namespace.name);
    let failed = |cli: Cli, args: &str| {
        let waited = cli.run_in_time(&format!("{waits} {args}"));
        assert_eq!(waited.code, Some(1), "{args}: {waited:?}");
        assert!(!format!("{waited:?}").contains("hunter2"), "{args}: {waited:?}");
        waited
    };

    let all = failed(daemon.cli(), "").stdout;
    assert_eq!(logged(&all, "  log of main:"), LOGGED, "{all}");
    assert_eq!(logged(&all, "  log of main (previous run):"), LOGGED_BEFORE, "{all}");
    let one = failed(daemon.cli(), "--logs 1").stdout;
    assert_eq!(logged(&one, "  log of main:"), LOGGED[4..], "{one}");
    assert_eq!(logged(&one, "  log of main (previous run):"), LOGGED_BEFORE[2..], "{one}");
    let none = failed(daemon.cli(), "--logs none").stdout;
    assert!(none.contains("cause: ") && !none.contains("log of main"), "{none}");

    let json = failed(daemon.cli(), "-o json").stdout;
    let verdict: serde_json::Value = serde_json::from_str(&json).expect("a verdict");
    let expected = serde_json::json!([
        {"container": "main", "previous": true, "lines": LOGGED_BEFORE},
        {"container": "main", "previous": false, "lines": LOGGED},
    ]);
    assert_eq!(verdict["cause"]["logs"], expected, "{json}");

    for args in ["", "-o json", "-o ndjson", "-o junit"] {
        let waited = failed(daemon.cli().env("GITHUB_ACTIONS", "true"), args);
        assert!(waited.stdout.contains("from the log") || args == "-o junit", "{args}: {waited:?}");
        assert_commands_are_ours(&waited);
    }
}

/// The lines of a log below its title.
fn logged<'a>(stdout: &'a str, title: &str) -> Vec<&'a str> {
    stdout.lines().skip_while(|line| *line != title).skip(1).map_while(|line| line.strip_prefix("    | ")).collect()
}

/// A GitHub runner finds the annotation and the group of the cause, and no command
/// else.
fn assert_commands_are_ours(waited: &Finished) {
    for line in waited.stdout.lines().chain(waited.stderr.lines()) {
        let ours = ["::error title=daymark wait::failed: ", "::group::cause", "::endgroup::"];
        let is_ours = ours.iter().any(|command| line.starts_with(command));
        assert!(is_ours || !line.trim_start().starts_with("::"), "{line:?} of {waited:?}");
        assert!(!line.contains("##["), "{line:?} of {waited:?}");
    }
}

fn quota(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply("{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {pods: '0'}}}");
    // A quota holds from when its usage is known on.
    let known = wait(daemon, &namespace, "resourcequota/few --for jsonpath={.status.hard.pods}=0 --timeout 60s");
    assert_eq!(known.code, Some(0), "{known:?}");
    namespace.apply(&deployment("web", 1, "ready", "1s", ""));
    let waited = wait(daemon, &namespace, "deploy/web --timeout 60s");
    assert_eq!(waited.code, Some(1), "{waited:?}");
    assert!(waited.stdout.contains("exceeded quota"), "{waited:?}");
}

/// As an application does whose database starts: it comes up after two crashes.
fn two_crashes(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let pod = |behaviour: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: app, annotations: {{test.daymark.dev/behaviour: {behaviour}, \
             test.daymark.dev/delay: 2s}}}}, spec: {{containers: [{{name: main, image: 'nginx:1.27'}}]}}}}"
        )
    };
    namespace.apply(&pod("crash-loop"));
    let mut waiting = daemon.cli().start(&format!("wait -n {} pod/app --timeout 2m", namespace.name));
    // Restarted once, it has ended twice.
    waiting.expect_stderr("two crashes", |line| line.contains("restarted 1 times"));
    // It crashes no more; what a kubelet would say then is said for it.
    namespace.kubectl(["annotate", "pod/app", "--overwrite", "test.daymark.dev/behaviour=ready"]);
    let ready = r#"{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
        {"name": "main", "ready": true, "restartCount": 2, "image": "nginx:1.27", "imageID": "",
         "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}}"#;
    namespace.kubectl(["patch", "pod/app", "--subresource=status", "--type=merge", "--patch", ready]);
    let waited = waiting.finish();
    assert_eq!(waited.code, Some(0), "{waited:?}");
}

fn the_fix(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("web", 1, "image-pull-backoff", "500ms", ""));
    let broken = wait(daemon, &namespace, "deploy/web --fatal-after 1s --timeout 60s");
    assert_eq!(broken.code, Some(1), "{broken:?}");
    // Its old pod goes on failing until the new one is there.
    let fix = namespace.apply_and_tell(&deployment("web", 1, "ready-after", "2s", ""));
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let applied = folder.path().join("applied.json");
    std::fs::write(&applied, fix).expect("a file can be written");
    let waited = wait(daemon, &namespace, &format!("-f {} --fatal-after 0 --timeout 60s", applied.display()));
    assert_eq!(waited.code, Some(0), "{waited:?}");
}

fn never_together(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("flaps", 1, "flapping", "300ms", ""));
    // Each is true in turn, which kubectl takes for both.
    let both = "deploy/flaps --for condition=Available=True --for condition=Available=False --timeout 5s";
    let waited = verdict(daemon, &open(daemon, &format!("-n {} {both}", namespace.name)));
    assert_eq!(waited.code, Some(3), "{waited:?}");
    let either = "deploy/flaps --for-any condition=Available=True --for-any condition=Available=False --timeout 60s";
    assert_eq!(wait(daemon, &namespace, either).code, Some(0));
}

fn deletion(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, finalizers: [test.daymark.dev/held]}}";
    namespace.apply(config);
    let mut waiting = daemon.cli().start(&format!("wait -n {} cm/a --for deleted --timeout 60s", namespace.name));
    waiting.expect_stderr("that it is there", |line| line.contains("configmap/a: Ready"));
    namespace.kubectl(["delete", "cm/a", "--wait=false"]);
    waiting.expect_stderr("that it is held", |line| line.contains("HeldByFinalizers"));
    namespace.kubectl(["patch", "cm/a", "--type=merge", "--patch", r#"{"metadata":{"finalizers":null}}"#]);
    namespace.apply(config);
    let waited = waiting.finish();
    assert_eq!(waited.code, Some(0), "another by its name is there: {waited:?}");
    // Which is waited for by whoever asks now.
    let waited = wait(daemon, &namespace, "cm/a --for deleted --timeout 0");
    assert_eq!(waited.code, Some(3), "{waited:?}");
}

fn manifests(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    for number in 0..10 {
        let config = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c-{number}}}}}");
        let service = format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: s-{number}}}, \
             spec: {{selector: {{app: web-{number}}}, ports: [{{port: 80}}]}}}}"
        );
        let workload = deployment(&format!("web-{number}"), 1, "ready-after", "500ms", "");
        let all = format!("{config}\n---\n{service}\n---\n{workload}");
        std::fs::write(folder.path().join(format!("{number}.yaml")), all).expect("a file can be written");
    }
    let path = folder.path().display().to_string();
    namespace.kubectl(["apply", "-f", &path]);
    let waited = wait(daemon, &namespace, &format!("-f {path} --timeout 2m"));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert!(waited.stdout.contains("30 of 30 objects meet the criteria"), "{waited:?}");
}

fn gains_an_object(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let labelled = |name: &str, behaviour: &str| {
        deployment(name, 1, behaviour, "200ms", "").replacen(
            &format!("{{name: {name}}}"),
            &format!("{{name: {name}, labels: {{set: one}}}}"),
            1,
        )
    };
    namespace.apply(&labelled("a", "never-ready"));
    let mut waiting = daemon.cli().start(&format!("wait -n {} deploy -l set=one --timeout 60s", namespace.name));
    waiting.expect_stderr("the first", |line| line.contains("deployment.apps/a: InProgress"));
    namespace.apply(&labelled("b", "never-ready"));
    waiting.expect_stderr("the second", |line| line.contains("deployment.apps/b: InProgress"));
    namespace.apply(&labelled("a", "ready"));
    waiting.expect_stderr("that the first is ready", |line| line.contains("deployment.apps/a: Ready"));
    namespace.apply(&labelled("b", "ready"));
    let waited = waiting.finish();
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert!(waited.stdout.contains("2 of 2 objects"), "{waited:?}");
}

fn expressions(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("web", 2, "ready", "1s", ""));
    let all = "deploy/web --for condition=available --for jsonpath={.status.readyReplicas}=2 \
               --for cel=object.status.readyReplicas==object.spec.replicas --timeout 60s";
    let waited = wait(daemon, &namespace, all);
    assert_eq!(waited.code, Some(0), "{waited:?}");
    let failed = wait(daemon, &namespace, "deploy/web --for exists --fail-on cel=object.spec.replicas>1 --timeout 60s");
    assert_eq!(failed.code, Some(1), "{failed:?}");
}

fn never_ready_is_undecided(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&deployment("slow", 2, "never-ready", "1s", ""));
    let missing = "0 of 2 replicas are available";
    let rollout = format!("-n {} deploy/slow --for rollout", namespace.name);
    let mut waiting = daemon.cli().start(&format!("wait {rollout} --timeout 60s"));
    waiting.expect_stderr("what is missing", |line| line.contains(missing));
    let looked = daemon.cli().run(&format!("wait {rollout} --timeout 0"));
    let waited = verdict(daemon, &open(daemon, &format!("{rollout} --timeout 5s")));
    for waited in [looked, waited] {
        assert_eq!(waited.code, Some(3), "{waited:?}");
        assert!(waited.stdout.contains(missing), "what was missing: {waited:?}");
    }
}

fn jobs(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(&job("good", "completes"));
    namespace.apply(&job("bad", "fails"));
    let waited = wait(daemon, &namespace, "job/good --timeout 60s");
    assert_eq!(waited.code, Some(0), "{waited:?}");
    let waited = wait(daemon, &namespace, "job/bad job/good --timeout 60s");
    assert_eq!(waited.code, Some(1), "{waited:?}");
    for says in ["BackoffLimitExceeded", "cause: pod/bad-", "last exit code 3", "| fatal: cannot connect"] {
        assert!(waited.stdout.contains(says), "{says}: {waited:?}");
    }
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
        assert_eq!(verdict["objects"][0]["generation"], generation, "{waited:?}");
    }
}

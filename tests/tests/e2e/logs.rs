//! `daymark logs` beside `kubectl logs`.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::Finished;

use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "logs::are_those_that_kubectl_shows", needs: STEERED, run: Run::Shared(equals_kubectl) },
    Test { name: "logs::of_pods_that_come_are_followed", needs: STEERED, run: Run::Shared(follows) },
];

fn logs(daemon: &Daemon, namespace: &Namespace<'_>, args: &str) -> Finished {
    daemon.cli().run(&format!("logs -n {} {args}", namespace.name))
}

/// A Deployment that is ready.
fn rolled_out(namespace: &Namespace<'_>, replicas: usize) {
    namespace.apply(&deployment("web", replicas, "ready", "1s", ""));
    namespace.kubectl(["rollout", "status", "deploy/web"]);
}

/// `logs.equals-kubectl`
fn equals_kubectl(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    rolled_out(&namespace, 2);
    let names = namespace.kubectl(["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"]);
    let pod = names.split(' ').next().expect("there is a pod").to_owned();
    for flags in [
        "",
        "--previous",
        "--tail 2",
        "--tail 0",
        "--since 1h",
        "--since 20000h",
        "--since-time 2026-01-01T00:00:12Z",
        "--timestamps",
        "-c main --tail 3 --timestamps",
        "--all-containers",
    ] {
        let words: Vec<_> = ["logs", &pod].into_iter().chain(flags.split_whitespace()).collect();
        let kubectl = namespace.kubectl(words);
        let shown = logs(daemon, &namespace, &format!("{pod} --no-prefix {flags}"));
        assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), kubectl.as_str()), "{flags}: {shown:?}");
        assert_eq!(kubectl.is_empty(), matches!(flags, "--tail 0" | "--since 1h"), "{flags}: {kubectl}");
    }
    // Of all pods, in any order: that of time is Daymark's own.
    let kubectl = namespace.kubectl(["logs", "-l", "app=web", "--all-containers", "--prefix", "--tail=-1"]);
    let mut expected: Vec<_> = kubectl.lines().map(str::to_owned).collect();
    let shown = logs(daemon, &namespace, "deploy/web --all-containers");
    let as_kubectl = |line: &str| line.split_once(" | ").map(|(name, text)| format!("[pod/{name}] {text}"));
    let mut lines: Vec<_> = shown.stdout.lines().filter_map(as_kubectl).collect();
    expected.sort_unstable();
    lines.sort_unstable();
    assert!(!expected.is_empty() && lines == expected, "{shown:?}\n{kubectl}");
    let none = logs(daemon, &namespace, "deploy/none");
    assert_eq!(none.code, Some(6), "{none:?}");
}

/// `logs.follow-pods`
fn follows(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    rolled_out(&namespace, 1);
    let name = |line: &str| line.split('/').next().unwrap_or_default().to_owned();
    let mut following = daemon.cli().start(&format!("logs -n {} deploy/web -f --tail 1", namespace.name));
    let first = name(&following.expect_stdout("the last line", |line| line.contains("fatal: cannot connect")));
    namespace.kubectl(["scale", "deploy/web", "--replicas=2"]);
    following.expect_stderr("the new pod", |line| line.contains("pod web-") && line.contains(" came"));
    let second = name(&following.expect_stdout("its first line", |line| line.ends_with(" | starting")));
    assert_ne!(first, second);
    following.expect_stdout("its last line", |line| line.starts_with(&second) && line.contains("fatal:"));
    following.signal("INT");
    let ended = following.finish();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 6, "each line once: {ended:?}");
}

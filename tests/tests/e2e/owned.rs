//! `--owned`: what the operators of custom resources make of them.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;

use crate::kinds::{define_for, definition};
use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "owned::passes_when_all_is_ready", needs: STEERED, run: Run::Shared(all_is_ready) },
    Test { name: "owned::fails_by_what_is_owned", needs: STEERED, run: Run::Shared(one_fails) },
    Test { name: "owned::what_makes_no_sense", needs: &[], run: Run::Shared(no_sense) },
];

/// A custom resource by that name, and its group.
fn custom(daemon: &Daemon, namespace: &Namespace<'_>, name: &str) -> String {
    let group = format!("{}.example.com", namespace.name);
    define_for(daemon, namespace, &group, &definition(&group, "ow"));
    namespace.apply(&widget(&group, name, "{conditions: [{type: Ready, status: \"True\"}]}"));
    group
}

fn widget(group: &str, name: &str, status: &str) -> String {
    format!("{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: {name}}}, status: {status}}}")
}

/// Says that the first object owns the second.
fn own(namespace: &Namespace<'_>, group: &str, owner: &str, owned: &str) {
    let uid = namespace.kubectl(["get", &format!("widgets.{group}/{owner}"), "-o", "jsonpath={.metadata.uid}"]);
    let patch = format!(
        r#"{{"metadata":{{"ownerReferences":[{{"apiVersion":"{group}/v1","kind":"Widget","name":"{owner}","uid":"{uid}"}}]}}}}"#
    );
    namespace.kubectl(["patch", owned, "--type=merge", "--patch", &patch]);
}

/// `wait.owned`
fn all_is_ready(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    let group = custom(daemon, &namespace, "shop");
    // Two steps below, one that says nothing, and a stranger that is never ready.
    namespace.apply(&widget(&group, "part", "{}"));
    own(&namespace, &group, "shop", &format!("widgets.{group}/part"));
    namespace.apply(&deployment("web", 2, "ready", "2s", ""));
    own(&namespace, &group, "part", "deploy/web");
    namespace.apply(&deployment("stranger", 1, "image-pull-backoff", "0s", ""));

    let waited = daemon.cli().run(&format!("wait -n {n} widgets.{group}/shop --owned --timeout 2m -o json"));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    for name in ["\"shop\"", "\"part\"", "\"web\""] {
        assert!(waited.stdout.contains(name), "{name}: {waited:?}");
    }
    assert!(!waited.stdout.contains("stranger") && waited.stdout.contains("3 of 3"), "{waited:?}");
    let kubectl = namespace.kubectl(["rollout", "status", "deploy/web", "--watch=false"]);
    assert!(kubectl.contains("successfully rolled out"), "passed before kubectl would have: {kubectl}");
}

fn one_fails(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    let group = custom(daemon, &namespace, "shop");
    let mut waiting =
        daemon.cli().start(&format!("wait -n {n} widgets.{group} --owned --min 2 --fatal-after 1s --timeout 60s"));
    waiting.expect_stderr("the owner", |line| line.contains("shop"));
    // An operator is slower than who waits.
    namespace.apply(&deployment("web", 1, "image-pull-backoff", "0s", ""));
    own(&namespace, &group, "shop", "deploy/web");
    let waited = waiting.finish();
    assert_eq!(waited.code, Some(1), "{waited:?}");
    assert!(waited.stdout.contains("failed: ") && waited.stdout.contains("pod web-"), "{waited:?}");
}

/// `wait.owned-usage`
fn no_sense(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    let deleted = daemon.cli().run(&format!("wait -n {n} deploy/web --owned --for deleted"));
    assert_eq!(
        (deleted.code, deleted.stderr.contains("owned objects cannot be awaited")),
        (Some(2), true),
        "{deleted:?}"
    );
    let unknown = daemon.cli().run(&format!("wait -n {n} deploy/web --owned=wheels"));
    assert_eq!((unknown.code, unknown.stderr.contains("\"wheels\"")), (Some(2), true), "{unknown:?}");
}

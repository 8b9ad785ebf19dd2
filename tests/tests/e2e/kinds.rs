//! Every kind that the cluster serves, also while it learns new ones.

use daymark_tests::cluster::{Cluster, Namespace};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::awaited;

use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test { name: "kinds::go_by_the_names_kubectl_takes", needs: &[], run: Run::Shared(names) },
    Test { name: "kinds::secrets_are_metadata", needs: &[], run: Run::Shared(secrets) },
    Test { name: "kinds::custom_kinds_come_and_go", needs: &[], run: Run::Shared(come_and_go) },
    Test { name: "kinds::are_judged_by_rules_that_change", needs: &[], run: Run::Shared(rules) },
    Test { name: "kinds::are_settled_without_a_status_if_they_have_none", needs: &[], run: Run::Shared(settled) },
    Test { name: "kinds::many_share_a_few_connections", needs: &[], run: Run::Own(many) },
];

/// A kind `widgets` of a group, with the short name `short`.
pub(crate) fn definition(group: &str, short: &str) -> String {
    format!(
        "
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: widgets, singular: widget, kind: Widget, shortNames: [{short}]}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"
    )
}

/// Has the cluster serve the widgets of that group. When they are established, it is yet to be told that they are.
pub(crate) fn define(namespace: &Namespace<'_>, group: &str, definition: &str) {
    namespace.apply(definition);
    namespace.kubectl(["wait", "--for=condition=established", &format!("crd/widgets.{group}"), "--timeout=60s"]);
    are_served(namespace, &format!("widgets.{group}"));
}

/// The same, and the daemon knows them.
pub(crate) fn define_for(daemon: &Daemon, namespace: &Namespace<'_>, group: &str, definition: &str) {
    define(namespace, group, definition);
    let get = || daemon.cli().run(&format!("get widgets.{group} -n {}", namespace.name));
    awaited("a kind that the daemon knows", get, |got| got.code == Some(0));
}

fn are_served(namespace: &Namespace<'_>, kinds: &str) {
    let _listed = awaited("kinds that are served", || namespace.try_kubectl(["get", kinds]), Result::is_ok);
}

fn widget(group: &str, name: &str) -> String {
    format!("{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: {name}}}, spec: {{size: 1}}}}")
}

fn names(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.kubectl(["create", "configmap", "a", "--from-literal=k=v"]);
    for name in ["cm", "configmap", "configmaps", "ConfigMap", "configmaps.v1."] {
        let both = || {
            let got = daemon.cli().run(&format!("get {name} a -n {} -o json", namespace.name));
            (got.stdout, namespace.kubectl(["get", "configmap", "a", "-o", "json"]))
        };
        awaited(&format!("the same by the name {name}"), both, |(ours, theirs)| ours == theirs);
    }
    for name in ["ns", "ingresses.v1.networking.k8s.io", "ing", "sts", "crd", "events.events.k8s.io", "no"] {
        assert_eq!(daemon.cli().run(&format!("get {name} -A")).code, Some(0), "{name}");
    }
    // `get.namespaceless`
    let got = daemon.cli().run(&format!("get ns {0} -n {0} -o name", namespace.name));
    assert_eq!(got.stdout.trim(), format!("namespace/{}", namespace.name), "{got:?}");
    let got = daemon.cli().run("get pods.apps");
    assert_eq!((got.code, got.stderr.contains("\"pods.apps\"")), (Some(2), true), "{got:?}");
}

fn secrets(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(
        "{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: {a: b}}, stringData: {password: hunter2}}",
    );
    let get = || daemon.cli().run(&format!("get secret s -n {} -o json", namespace.name));
    let got = awaited("the secret", get, |got| got.code == Some(0));
    assert!(got.stdout.contains("\"a\": \"b\""), "{got:?}");
    // Nor in what was applied.
    assert!(!got.stdout.contains("hunter2") && !got.stdout.contains("aHVudGVyMg"), "{got:?}");
    assert!(!got.stdout.contains("last-applied"), "{got:?}");
}

fn come_and_go(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let group = format!("{}.example.com", namespace.name);
    let mut pods = daemon.cli().start(&format!("get pods -n {} -w -o status-json", namespace.name));
    pods.expect_stderr("that there are none", |line| line.contains("No objects found"));

    for round in ["once", "again"] {
        define_for(daemon, &namespace, &group, &definition(&group, "wd"));
        let follow = format!("get widgets.{group} -n {} -w -o status-json", namespace.name);
        let mut widgets = daemon.cli().start(&follow);
        widgets.expect_stderr("that there are none", |line| line.contains("No objects found"));
        namespace.apply(&widget(&group, "w"));
        widgets.expect_stdout("the instance", |line| line.contains("\"ENTERED\"") && line.contains("\"w\""));
        cluster.kubectl(["delete", &format!("crd/widgets.{group}")]);
        widgets.expect_stdout("its end", |line| line.contains("\"DELETED\"") && line.contains("\"w\""));
        // Nothing else ends.
        namespace.kubectl(["run", round, "--image=busybox"]);
        pods.expect_stdout("a pod", |line| line.contains(&format!("\"{round}\"")));
    }
}

/// Rules of the configuration are read again when they change, and a broken one
/// changes nothing.
fn rules(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let group = format!("{}.example.com", namespace.name);
    define(&namespace, &group, &definition(&group, "wd"));
    namespace.apply(&widget(&group, "w"));
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let write = |ready: &str| {
        let rules = format!("rules:\n- group: {group}\n  kind: Widget\n  ready: {ready}\n  message: '\"{ready}\"'\n");
        std::fs::write(folder.path().join("rules.yaml"), rules).expect("a file can be written");
    };
    write("object.spec.size == 1");
    let kubeconfig = cluster.kubeconfig().as_os_str();
    let daemon = Daemon::start(["--kubeconfig".as_ref(), kubeconfig, "--rules".as_ref(), folder.path().as_os_str()]);
    let follow = format!("get widgets.{group} -n {} -w -o status-json", namespace.name);
    let mut widgets = daemon.cli().start(&follow);
    widgets.expect_stdout("what the rule says", |line| line.contains("READY") && line.contains("size == 1"));
    write("object.spec.size == 2");
    widgets.expect_stdout("what it says now", |line| line.contains("IN_PROGRESS"));
    write("objct.spec.size == 1");
    daemon.expect_log("the rule that is broken", |line| line.contains("rules.yaml:4: ready: unknown name objct"));
    assert!(daemon.cli().run(&format!("get widgets.{group} -n {}", namespace.name)).stdout.contains("InProgress"));
    write("object.spec.size < 3");
    widgets.expect_stdout("what it says then", |line| line.contains("READY") && line.contains("size < 3"));
}

/// A status that is missing is one that somebody should write; where there can be none, nobody waits for it.
fn settled(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    let [without, with] = ["without", "with"].map(|what| format!("{what}.{n}.example.com"));
    define_for(daemon, &namespace, &without, &definition(&without, "wd"));
    let served = "    storage: true\n";
    let with_status = definition(&with, "wd").replace(served, &format!("{served}    subresources: {{status: {{}}}}\n"));
    define_for(daemon, &namespace, &with, &with_status);
    for group in [&without, &with] {
        namespace.apply(&widget(group, "w"));
    }
    let wait = |group: &str, long: &str| {
        daemon.cli().start(&format!("wait widgets.{group}/w -n {n} --for settled --timeout {long}"))
    };
    // A controller is given a minute to write a first status.
    let (passes, does_not) = (wait(&without, "10m"), wait(&with, "70s").finish());
    assert!(does_not.code == Some(3) && does_not.stdout.contains("StatusMissing"), "{does_not:?}");
    let passed = passes.finish();
    assert!(passed.code == Some(0) && passed.stdout.contains("the state of 1 is unknown"), "{passed:?}");
    let waiting = wait(&with, "10m");
    let ready = r#"{"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#;
    let widget = format!("widgets.{with}/w");
    namespace.kubectl(["patch", &widget, "--subresource=status", "--type=merge", "--patch", ready]);
    let passed = waiting.finish();
    assert_eq!(passed.code, Some(0), "{passed:?}");
}

/// More watches than one connection takes, and a wait beside them.
fn many(cluster: Cluster) {
    const KINDS: usize = 150;
    let group = |number: usize| format!("g{number}.example.com");
    let definitions: String = (0..KINDS).map(|number| definition(&group(number), &format!("wd{number}"))).collect();
    cluster.apply(&definitions);
    cluster.kubectl(["wait", "--for=condition=established", "crd", "--all", "--timeout=60s"]);
    let kinds = (0..KINDS).map(|number| format!("widgets.{}", group(number))).collect::<Vec<_>>().join(",");
    are_served(&Namespace::of(&cluster, "default"), &kinds);
    let daemon = Daemon::of_cluster(cluster.kubeconfig());
    let mut watching = daemon.cli().start(&format!("get {kinds} -A -w -o status-json"));
    watching.expect_stderr("that there are none", |line| line.contains("No objects found"));
    let instances: String = (0..KINDS).map(|number| format!("---\n{}\n", widget(&group(number), "w"))).collect();
    cluster.apply(&instances);
    for _ in 0..KINDS {
        watching.expect_stdout("an instance of each", |line| line.contains("\"ENTERED\""));
    }
    cluster.kubectl(["create", "deployment", "web", "--image=busybox"]);
    let waited = daemon.cli().run("wait deploy/web --timeout 60s");
    assert_eq!(waited.code, Some(0), "{waited:?}");
}

//! What kubectl's users write behind `-o`, word for word.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::awaited;

use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test { name: "expressions::of_kubectl_give_the_same", needs: &[Need::Controllers], run: Run::Shared(same) },
    Test { name: "expressions::in_jq_give_what_jq_does", needs: &[Need::Controllers], run: Run::Shared(jq) },
    Test { name: "expressions::are_applied_to_each_change", needs: &[], run: Run::Shared(followed) },
];

const OBJECTS: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: jump, labels: {run: jump}}, spec: {containers: [{name: jump, image: nginx}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: wordpress}, spec: {replicas: 2, selector: {matchLabels: {app: wordpress}},
  template: {metadata: {labels: {app: wordpress}}, spec: {containers: [{name: wordpress, image: 'wordpress:6.3.1'}]}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: wordpress}, spec: {selector: {app: wordpress}, ports: [{port: 80}]}}
";

/// What stands behind `get`, in kubectl's words.
const QUESTIONS: &[&[&str]] = &[
    &["pod", "jump", "--template", "{{.status.podIP}}"],
    &[
        "pods",
        "-o",
        "go-template",
        "--template={{range .items}}{{range .spec.containers}}{{.image}} \\\n          {{end}}{{end}}",
    ],
    &["pods", "-o", "go-template={{range .items}}{{.metadata.name}}{{\"\\n\"}}{{end}}"],
    &["deploy/wordpress", "-o", "go-template={{.metadata.annotations}}"],
    &["po/jump", "-o", "jsonpath={.status.qosClass}"],
    &["po/jump", "-o", "jsonpath={.status.conditions}"],
    &["pods", "-o", "jsonpath={.items[*].metadata.name}"],
    &["pods", "-o", "jsonpath={range .items[*]}{.metadata.name}{'\\t'}{.status.phase}{'\\n'}{end}"],
    &["pods", "-o", "jsonpath={.items[?(@.metadata.name=='jump')].spec.containers[*].image}"],
    &["deploy", "wordpress", "-o", "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}"],
    &["pods", "-o", "jsonpath-as-json={.items[*].metadata.name}"],
    &["ep/wordpress", "-o", "jsonpath={.subsets[*].addresses[*].targetRef.name}"],
    &["endpointslices", "-o", "jsonpath={.items[*].endpoints[*].addresses[0]}"],
    &[
        "pods",
        "-o",
        "custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image,NODE:.spec.nodeName,NONE:.spec.none",
    ],
    &["pods", "-o", "custom-columns=NAME:.metadata.name", "--no-headers", "--sort-by=.metadata.name"],
    &["pods", "-o", "name", "--sort-by={.metadata.creationTimestamp}"],
    &["pods", "-o", "json"],
    &["deploy", "wordpress", "-o", "json"],
    &["pods,svc", "-o", "name"],
];

fn settled<'a>(cluster: &'a Cluster, daemon: &Daemon) -> Namespace<'a> {
    let namespace = cluster.namespace();
    namespace.apply(OBJECTS);
    let waited = daemon.cli().run(&format!("wait deploy/wordpress pod/jump svc/wordpress -n {}", namespace.name));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    // Its Endpoints are another controller's work than its EndpointSlices.
    let addresses = "get ep/wordpress -w -o jsonpath={.subsets[*].addresses[*].ip}";
    let mut endpoints = daemon.cli().start(&format!("{addresses} -n {}", namespace.name));
    endpoints.expect_stdout("its endpoints", |line| !line.is_empty());
    namespace
}

/// `get.jsonpath` `get.go-template` `get.custom-columns` `get.sort-by`
fn same(cluster: &Cluster, daemon: &Daemon) {
    let namespace = settled(cluster, daemon);
    for question in QUESTIONS {
        let both = || {
            let words = [&["get", "-n", &namespace.name], *question].concat();
            (daemon.cli().output(&words), namespace.kubectl([&["get"], *question].concat()))
        };
        // What changes in between, as a heartbeat does, is read again.
        awaited(&format!("the same of {question:?}"), both, |(ours, theirs)| ours == theirs);
    }
}

/// The chapter's own questions.
fn jq(cluster: &Cluster, daemon: &Daemon) {
    let namespace = settled(cluster, daemon);
    let ask = |words: &[&str]| daemon.cli().output(&[&["get", "-n", &namespace.name], words].concat());
    assert_eq!(ask(&["po/jump", "-o", "jq=.status.qosClass", "--raw-output"]), "BestEffort\n");
    assert_eq!(ask(&["po/jump", "-o", "jq=.status.qosClass"]), "\"BestEffort\"\n");
    let revision = "{\n  \"deployment.kubernetes.io/revision\": \"1\"\n}\n";
    assert_eq!(
        ask(&[
            "deploy/wordpress",
            "-o",
            "jq=.metadata.annotations | del(.\"kubectl.kubernetes.io/last-applied-configuration\")"
        ]),
        revision
    );
    let types = ask(&["po/jump", "-o", "jq=[.status.conditions[].type] | sort | join(\" \")", "-r"]);
    assert!(types.contains("Ready") && types.contains("PodScheduled"), "{types}");
    let ports = ask(&["ep/wordpress", "-o", "jq=.subsets[].ports[].port"]);
    assert_eq!(ports, "80\n");
}

/// `get.watch-expression`
fn followed(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.kubectl(["create", "configmap", "a", "--from-literal=k=1"]);
    let words =
        ["get", "cm", "a", "-n", &namespace.name, "-w", "-o", "jsonpath={.data.k}", "--until", "object.data.k == '3'"];
    let mut watch = daemon.cli().start_words(&words);
    watch.expect_stdout("the first value", |line| line == "1");
    for value in ["2", "3"] {
        let patch = format!("{{\"data\": {{\"k\": \"{value}\"}}}}");
        namespace.kubectl(["patch", "configmap", "a", "-p", &patch]);
    }
    let ended = watch.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

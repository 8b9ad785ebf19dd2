//! Pods that are taken out of service, to be looked at, and put back.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Finished, awaited};
use serde_json::Value;

use crate::rights::{SHARED, token, write_private};
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "quarantine::replaces_a_pod_and_puts_it_back", needs: STEERED, run: Run::Shared(there_and_back) },
    Test { name: "quarantine::leaves_alone_what_cannot_be_replaced", needs: STEERED, run: Run::Shared(left_alone) },
    Test { name: "quarantine::takes_own_labels_and_failing_pods", needs: STEERED, run: Run::Shared(own_labels) },
    Test { name: "quarantine::outlives_the_daemon", needs: STEERED, run: Run::Shared(outlives) },
    Test { name: "quarantine::takes_the_callers_rights", needs: STEERED, run: Run::Shared(rights) },
];

/// A node that new pods can be kept from.
const NODE: &str = "kwok-node-0";

/// A Deployment whose pods go to a node with a label that is this test's alone.
fn web(namespace: &Namespace<'_>, replicas: u32) -> String {
    let pool = pool(namespace);
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web, tier: front}}}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {{{pool}: here}}
      containers: [{{name: main, image: "nginx:1.27"}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
"#
    )
}

fn pool(namespace: &Namespace<'_>) -> String {
    format!("pool-{}", namespace.name)
}

/// Whether new pods find a node.
fn takes_pods(cluster: &Cluster, namespace: &Namespace<'_>, takes: bool) {
    let label = if takes { format!("{}=here", pool(namespace)) } else { format!("{}-", pool(namespace)) };
    cluster.kubectl(["label", "node", NODE, &label]);
}

/// Whatever the test comes to, the node does not keep its label.
struct Pool<'a>(&'a Namespace<'a>);

impl Drop for Pool<'_> {
    fn drop(&mut self) {
        let _gone = self.0.try_kubectl(["label", "node", NODE, &format!("{}-", pool(self.0))]);
    }
}

fn begin(cluster: &Cluster, daemon: &Daemon, namespace: &Namespace<'_>, manifests: &str, workload: &str) {
    takes_pods(cluster, namespace, true);
    namespace.apply(manifests);
    let waited = daemon.cli().run(&format!("wait -n {} {workload} svc/web --timeout 60s", namespace.name));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    // A Service is ready with its first endpoint.
    let both = || (endpoints(namespace, "web").len(), pods(namespace).len());
    awaited("all pods as endpoints", both, |(endpoints, pods)| endpoints >= pods);
}

/// The pods of the Deployment, by its labels.
fn pods(namespace: &Namespace<'_>) -> Vec<String> {
    let names = namespace.kubectl(["get", "pods", "-l", "app=web", "-o", "name"]);
    names.lines().map(|name| name.trim_start_matches("pod/").to_owned()).collect()
}

/// The pods that are ready behind a Service.
fn endpoints(namespace: &Namespace<'_>, service: &str) -> Vec<String> {
    let selector = format!("kubernetes.io/service-name={service}");
    let list: Value =
        serde_json::from_str(&namespace.kubectl(["get", "endpointslices", "-l", &selector, "-o", "json"]))
            .expect("JSON");
    let slices = list["items"].as_array().cloned().unwrap_or_default();
    let endpoints = slices.iter().flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default());
    let ready = endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true);
    let mut names: Vec<_> =
        ready.filter_map(|endpoint| Some(endpoint["targetRef"]["name"].as_str()?.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

fn field(namespace: &Namespace<'_>, pod: &str, path: &str) -> String {
    namespace.kubectl(["get", "pod", pod, "-o", &format!("jsonpath={path}")])
}

fn label(namespace: &Namespace<'_>, pod: &str, key: &str) -> String {
    field(namespace, pod, &format!("{{.metadata.labels.{key}}}"))
}

fn says(finished: &Finished, text: &str) {
    assert!(finished.stderr.contains(text), "{text:?} is not said: {finished:?}");
}

fn json(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    serde_json::from_str(&finished.stdout).expect("JSON")
}

fn there_and_back(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let _pool = Pool(&namespace);
    let n = &namespace.name;
    begin(cluster, daemon, &namespace, &web(&namespace, 4), "deploy/web");
    let before = pods(&namespace);
    let taken = &before[0];
    assert_eq!((before.len(), endpoints(&namespace, "web").len()), (4, 4));

    let dry = daemon.cli().run(&format!("quarantine -n {n} pod/{taken} --dry-run -o json"));
    assert_eq!(json(&dry)["plan"]["labels"][0]["after"], "web-quarantined", "{dry:?}");
    assert_eq!(label(&namespace, taken, "app"), "web");

    // Its replacement finds no node yet.
    takes_pods(cluster, &namespace, false);
    let mut quarantine = daemon.cli().start(&format!("quarantine -n {n} pod/{taken} --why slow -o json"));
    quarantine.expect_stderr("that the Service has dropped it", |line| line.contains("(Dropped)"));
    let left = endpoints(&namespace, "web");
    assert!(left.len() == 3 && !left.contains(taken), "{taken}: {left:?}");
    takes_pods(cluster, &namespace, true);
    let told = json(&quarantine.finish());
    assert_eq!((&told["stage"], &told["reason"]), (&"SUCCEEDED".into(), &"Quarantined".into()), "{told}");
    let now = endpoints(&namespace, "web");
    assert!(now.len() == 4 && !now.contains(taken), "{taken}: {now:?}");
    let new: Vec<_> = pods(&namespace).into_iter().filter(|pod| !before.contains(pod)).collect();
    assert!(matches!(&new[..], [one] if now.contains(one)), "{new:?} {now:?}");
    it_is_still_there(daemon, &namespace, taken);
    put_back(daemon, &namespace, taken, &new[0]);
}

fn it_is_still_there(daemon: &Daemon, namespace: &Namespace<'_>, taken: &str) {
    let n = &namespace.name;
    assert_eq!(label(namespace, taken, "app"), "web-quarantined");
    assert_eq!(field(namespace, taken, "{.status.phase}"), "Running");
    assert_eq!(field(namespace, taken, "{.metadata.ownerReferences}"), "");
    let listed = json(&daemon.cli().run(&format!("quarantine list -n {n} -o json")));
    let pod = &listed["pods"][0];
    assert_eq!((&pod["status"]["ref"]["name"], &pod["why"]), (&Value::from(taken), &"slow".into()), "{listed}");
    let again = daemon.cli().run(&format!("quarantine -n {n} pod/{taken}"));
    assert_eq!(again.code, Some(1), "{again:?}");
    says(&again, "already in quarantine");
}

/// Which pod goes is told, and it does.
fn put_back(daemon: &Daemon, namespace: &Namespace<'_>, taken: &str, new: &str) {
    let n = &namespace.name;
    let release = format!("release -n {n} pod/{taken}");
    namespace.kubectl(["label", "pod", taken, "app=mine", "--overwrite"]);
    let changed = daemon.cli().run(&release);
    assert_eq!(changed.code, Some(1), "{changed:?}");
    says(&changed, "somebody has changed label app since");
    namespace.kubectl(["label", "pod", taken, "app=web-quarantined", "--overwrite"]);

    namespace.kubectl(["annotate", "pod", new, "controller.kubernetes.io/pod-deletion-cost=-10"]);
    let dry = json(&daemon.cli().run(&format!("{release} --dry-run -o json")));
    assert_eq!(dry["removed"]["name"], new, "{dry}");
    assert_eq!(label(namespace, taken, "app"), "web-quarantined");
    let released = daemon.cli().run(&release);
    assert_eq!(released.code, Some(0), "{released:?}");
    says(&released, &format!("it will probably remove {new}"));
    let gone = daemon.cli().run(&format!("wait -n {n} pod/{new} --for deleted --timeout 60s"));
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert_eq!(label(namespace, taken, "app"), "web");
    assert!(!field(namespace, taken, "{.metadata.annotations}").contains("quarantine"));
    assert_eq!(field(namespace, taken, "{.metadata.ownerReferences[0].kind}"), "ReplicaSet");
    let again = daemon.cli().run(&release);
    assert_eq!(again.code, Some(1), "{again:?}");
    says(&again, "is not in quarantine");
}

fn left_alone(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    namespace.apply(
        r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: main, image: "postgres:17"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: bare, labels: {app: bare}}
spec: {terminationGracePeriodSeconds: 1, containers: [{name: main, image: "nginx:1.27"}]}
"#,
    );
    let waited = daemon.cli().run(&format!("wait -n {n} sts/db pod/bare --timeout 60s"));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    for (words, code, said) in [
        ("quarantine pod/db-0", 1, "StatefulSet db manages it"),
        ("quarantine pod/bare", 1, "nothing to take it out of"),
        ("quarantine pod/none", 6, "not found"),
        ("quarantine pod/bare --set app=a/b", 2, "label app cannot be"),
        ("quarantine pod/bare --timeout 2d", 2, "timeout"),
        ("release pod/bare", 1, "is not in quarantine"),
    ] {
        let refused = daemon.cli().run(&format!("{words} -n {n}"));
        assert_eq!(refused.code, Some(code), "{words}: {refused:?}");
        says(&refused, said);
    }
    assert_eq!(label(&namespace, "db-0", "app"), "db");
}

fn own_labels(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let _pool = Pool(&namespace);
    let n = &namespace.name;
    let front = "---\n{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {selector: {tier: front}, ports: [{port: 80}]}}";
    begin(cluster, daemon, &namespace, &format!("{}{front}\n", web(&namespace, 2)), "deploy/web");
    let pod = pods(&namespace).remove(0);
    let half = daemon.cli().run(&format!("quarantine -n {n} pod/{pod} --set app=notworking"));
    assert_eq!(half.code, Some(2), "{half:?}");
    says(&half, "selected by Service front");
    let both = daemon.cli().run(&format!("quarantine -n {n} pod/{pod} --set app=notworking --set tier=none -o json"));
    assert_eq!(json(&both)["plan"]["services"].as_array().map(Vec::len), Some(2), "{both:?}");
    for service in ["web", "front"] {
        assert!(!endpoints(&namespace, service).contains(&pod), "{service}");
    }
    assert_eq!(label(&namespace, &pod, "app"), "notworking");

    // What has not come in time is said, and how to undo what was done.
    takes_pods(cluster, &namespace, false);
    let other = pods(&namespace).remove(0);
    let late = daemon.cli().run(&format!("quarantine -n {n} pod/{other} --timeout 20s"));
    assert_eq!(late.code, Some(3), "{late:?}");
    says(&late, &format!("Its labels stay changed: daymark -n {n} release pod/{other} restores them"));
    assert_eq!(label(&namespace, &other, "app"), "web-quarantined");

    namespace.apply(&crate::wait::deployment("bad", 2, "image-pull-backoff", "0s", ""));
    let failed = daemon.cli().run(&format!("wait -n {n} deploy/bad --fatal-after 1s --timeout 60s"));
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let picked = json(&daemon.cli().run(&format!("quarantine -n {n} --to deploy/bad --dry-run -o json")));
    let name = picked["target"]["name"].as_str().unwrap_or_default();
    assert!(name.starts_with("bad-"), "{picked}");
}

fn outlives(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let _pool = Pool(&namespace);
    let mut daemon = Daemon::of_cluster(cluster.kubeconfig());
    begin(cluster, &daemon, &namespace, &web(&namespace, 2), "deploy/web");
    let pod = pods(&namespace).remove(0);
    takes_pods(cluster, &namespace, false);
    let mut quarantine = daemon.cli().start(&format!("quarantine -n {} pod/{pod}", namespace.name));
    quarantine.expect_stderr("that the controller has let it go", |line| line.contains("(Replacing)"));
    daemon.kill();
    quarantine.expect_stderr("that the daemon is lost", |line| line.contains("lost the daemon"));
    daemon.restart();
    quarantine.expect_stderr("that it is planned anew", |line| line.contains("replanning"));
    takes_pods(cluster, &namespace, true);
    let ended = quarantine.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((pods(&namespace).len(), label(&namespace, &pod, "app")), (2, "web-quarantined".to_owned()));
}

/// What it takes, and no more.
fn accounts(namespace: &Namespace<'_>) {
    let n = &namespace.name;
    namespace.apply(&format!(
        r#"
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: curator}}}}
---
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: viewer}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: curator}}
rules:
- {{apiGroups: [""], resources: [pods], verbs: [get, list, patch]}}
- {{apiGroups: [""], resources: [services], verbs: [list]}}
- {{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]}}
- {{apiGroups: [apps], resources: [replicasets], verbs: [get]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: curator}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: curator}}
subjects: [{{kind: ServiceAccount, name: curator, namespace: {n}}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: viewer}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
subjects: [{{kind: ServiceAccount, name: viewer, namespace: {n}}}]
"#
    ));
}

fn rights(cluster: &Cluster, shared: &Daemon) {
    let namespace = cluster.namespace();
    let _pool = Pool(&namespace);
    let n = &namespace.name;
    accounts(&namespace);
    begin(cluster, shared, &namespace, &web(&namespace, 2), "deploy/web");
    let pod = pods(&namespace).remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let run = |daemon: &Daemon, account: &str, words: &str| {
        let file = folder.path().join(account);
        if !file.exists() {
            write_private(&file, &token(cluster, &namespace, account));
        }
        let mut cli = daemon.cli();
        cli.address = daemon.tcp().to_owned();
        cli.run(&format!("--token-file {} -n {n} {words}", file.display()))
    };
    let without = Daemon::shared(cluster.kubeconfig(), SHARED);
    let refused = run(&without, "curator", &format!("quarantine pod/{pod}"));
    assert_eq!(refused.code, Some(5), "{refused:?}");
    says(&refused, "--remote-acts quarantine");

    let daemon = Daemon::shared(cluster.kubeconfig(), &[SHARED, &["--remote-acts", "quarantine"]].concat());
    let refused = run(&daemon, "viewer", &format!("quarantine pod/{pod}"));
    assert_eq!(refused.code, Some(5), "{refused:?}");
    says(&refused, &format!("may not patch pods {pod:?}"));
    assert_eq!(label(&namespace, &pod, "app"), "web");
    let done = run(&daemon, "curator", &format!("quarantine pod/{pod}"));
    assert_eq!(done.code, Some(0), "{done:?}");
    says(&done, "not looked at: the poddisruptionbudgets");
    let account = format!("system:serviceaccount:{n}:curator");
    daemon.expect_log("who has done it", |line| {
        ["audit: act", &*account, &*pod, "begun"].iter().all(|part| line.contains(part))
    });
    let refused = run(&daemon, "viewer", &format!("release pod/{pod}"));
    assert_eq!(refused.code, Some(5), "{refused:?}");
    let listed = json(&run(&daemon, "viewer", "quarantine list -o json"));
    let by = listed["pods"][0]["by"].as_str().unwrap_or_default();
    assert!(by.contains(&account), "{listed}");
    let released = run(&daemon, "curator", &format!("release pod/{pod}"));
    assert_eq!(released.code, Some(0), "{released:?}");
}

//! What nodes that are drained have on them.

use daymark_tests::cluster::{Cluster, Namespace};
use daymark_tests::daemon::Daemon;
use serde_json::Value;

/// The nodes of a control plane of our own.
pub(super) const NODES: [&str; 3] = ["kwok-node-0", "kwok-node-1", "kwok-node-2"];

pub(super) fn deployment(name: &str, replicas: u32, min_available: u32) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{test.daymark.dev/behaviour: ready, test.daymark.dev/delay: 1500ms}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {{pool: a}}
      containers: [{{name: main, image: "nginx:1.27"}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {name}}}
spec: {{minAvailable: {min_available}, selector: {{matchLabels: {{app: {name}}}}}}}
"#
    )
}

pub(super) const OTHERS: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {pool: a}
      containers: [{name: main, image: "postgres:17"}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: main, image: "agent:1"}]
---
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec:
  nodeName: kwok-node-0
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: "nginx:1.27"}]
  volumes: [{name: scratch, emptyDir: {}}]
"#;

/// A cluster whose first two nodes are a pool, with everything on the first.
pub(super) struct Stage<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) namespace: Namespace<'a>,
}

impl<'a> Stage<'a> {
    pub(super) fn set(cluster: &'a Cluster, daemon: &Daemon, manifests: &str, wait_for: &str) -> Self {
        let namespace = Namespace::of(cluster, "default");
        cluster.kubectl(["label", "node", NODES[0], NODES[1], "pool=a", "--overwrite"]);
        cluster.kubectl(["cordon", NODES[1]]);
        cluster.kubectl(["uncordon", NODES[0]]);
        namespace.apply(manifests);
        let waited = daemon.cli().run(&format!("wait {wait_for} --timeout 60s"));
        assert_eq!(waited.code, Some(0), "{}", waited.stderr);
        // What a budget counts is another controller's work than the pods.
        let replicas = namespace.kubectl(["get", "deploy/web", "-o", "jsonpath={.spec.replicas}"]);
        let counted =
            ["currentHealthy", "expectedPods"].map(|it| format!("--for jsonpath={{.status.{it}}}={replicas}"));
        let waited = daemon.cli().run(&format!("wait pdb/web {} --timeout 60s", counted.join(" ")));
        assert_eq!(waited.code, Some(0), "{}", waited.stderr);
        cluster.kubectl(["uncordon", NODES[1]]);
        Self { cluster, namespace }
    }

    /// The pods of a node: name and UID.
    pub(super) fn pods_on(&self, node: &str) -> Vec<(String, String)> {
        let field = format!("spec.nodeName={node}");
        let list = self.namespace.kubectl(["get", "pods", "--field-selector", &field, "-o", "json"]);
        let list: Value = serde_json::from_str(&list).expect("JSON");
        let text = |pod: &Value, path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|pod| (text(pod, "/metadata/name"), text(pod, "/metadata/uid"))).collect()
    }

    pub(super) fn is_cordoned(&self, node: &str) -> bool {
        self.cluster.kubectl(["get", "node", node, "-o", "jsonpath={.spec.unschedulable}"]) == "true"
    }

    pub(super) fn budget_wants(&self, name: &str, min_available: u32) {
        let patch = format!(r#"{{"spec": {{"minAvailable": {min_available}}}}}"#);
        self.namespace.kubectl(["patch", "pdb", name, "--type", "merge", "-p", &patch]);
    }
}

//! `daymark tree`

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::awaited;
use serde_json::Value;

use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test { name: "tree::has_what_is_owned", needs: &[Need::Controllers], run: Run::Shared(owned) },
    Test { name: "tree::is_followed", needs: &[Need::Controllers], run: Run::Shared(followed) },
];

const WEB: &str = "
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}},
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: nginx}]}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: parent}}
";

fn kinds(tree: &Value, depth: usize, found: &mut Vec<(usize, String)>) {
    found.push((depth, tree["status"]["kind"].as_str().unwrap_or_default().to_owned()));
    for below in tree["owns"].as_array().into_iter().flatten() {
        kinds(below, depth + 1, found);
    }
}

fn owned(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(WEB);
    namespace.kubectl(["rollout", "status", "deployment/web"]);
    let tree = |target: &str| {
        let shown = daemon.cli().run(&format!("tree {target} -n {} -o json", namespace.name));
        let mut found = Vec::new();
        // Of what is not known yet, there is none.
        if let Ok(json) = serde_json::from_str(&shown.stdout) {
            kinds(&json, 0, &mut found);
        }
        found
    };
    // What controllers make comes in their own time.
    let comes_to = |target: &str, wanted: &[(usize, &str)]| {
        let is_it = |found: &Vec<(usize, String)>| {
            found.iter().map(|(depth, kind)| (*depth, &**kind)).eq(wanted.iter().copied())
        };
        awaited(&format!("{target} with {wanted:?}"), || tree(target), is_it);
    };
    comes_to("deploy/web", &[(0, "Deployment"), (1, "ReplicaSet"), (2, "Pod"), (2, "Pod")]);
    comes_to("svc/web", &[(0, "Service"), (1, "EndpointSlice")]);
    // Anything may own anything.
    let uid = namespace.kubectl(["get", "cm", "parent", "-o", "jsonpath={.metadata.uid}"]);
    namespace.apply(&format!(
        "{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: child, ownerReferences: \
         [{{apiVersion: v1, kind: ConfigMap, name: parent, uid: {uid}}}]}}, spec: {{hard: {{}}}}}}"
    ));
    comes_to("cm/parent", &[(0, "ConfigMap"), (1, "ResourceQuota")]);
    assert_eq!(daemon.cli().run(&format!("tree deploy/none -n {}", namespace.name)).code, Some(6));
}

fn followed(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(WEB);
    let mut tree = daemon.cli().start(&format!("tree deploy/web -n {} -w", namespace.name));
    tree.expect_stdout("it to be ready", |line| line.starts_with("deployment.apps/web ") && line.contains("Ready"));
    namespace.kubectl(["scale", "deployment/web", "--replicas=3"]);
    tree.expect_stdout("three pods", |line| line.starts_with("deployment.apps/web ") && line.contains("3/3"));
    namespace.kubectl(["delete", "deployment/web"]);
    tree.expect_stdout("its end", |line| line.starts_with("deployment.apps/web ") && line.contains("Absent"));
}

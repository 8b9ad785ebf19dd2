//! Kinds of Kubernetes, as its API server names them.

use daymarkd::kind::Kind;

/// Pods, Deployments, ReplicaSets and Jobs.
pub fn kinds() -> Vec<Kind> {
    let kind = |group: &str, resource: &str, kind: &str| Kind {
        group: group.into(),
        version: "v1".into(),
        resource: resource.into(),
        singular: kind.to_ascii_lowercase(),
        kind: kind.into(),
        short_names: if resource == "deployments" { vec!["deploy".into()] } else { Vec::new() },
        namespaced: true,
    };
    vec![
        kind("", "pods", "Pod"),
        kind("apps", "deployments", "Deployment"),
        kind("apps", "replicasets", "ReplicaSet"),
        kind("batch", "jobs", "Job"),
    ]
}

//! Kinds of Kubernetes, as its API server names them.

use daymarkd::kind::Kind;

/// Pods, Deployments, ReplicaSets and Jobs.
pub fn kinds() -> Vec<Kind> {
    let kind = |group: &str, resource: &str, kind: &str, short: &[&str]| Kind {
        group: group.into(),
        version: "v1".into(),
        resource: resource.into(),
        singular: kind.to_ascii_lowercase(),
        kind: kind.into(),
        short_names: short.iter().map(ToString::to_string).collect(),
        namespaced: true,
        has_status: true,
    };
    vec![
        kind("", "pods", "Pod", &["po"]),
        kind("apps", "deployments", "Deployment", &["deploy"]),
        kind("apps", "replicasets", "ReplicaSet", &["rs"]),
        kind("batch", "jobs", "Job", &[]),
    ]
}

//! The kinds of object that a daemon serves, and the names they go by.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// Text as it stands in a part of a path, or of a query (RFC 3986: unreserved
/// characters stand for themselves).
pub(crate) fn escape(text: &str) -> PercentEncode<'_> {
    const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, &RESERVED)
}

/// One group-resource of the Kubernetes API, at the version that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The API version, such as `v1`.
    pub version: String,
    /// The plural resource name, such as `deployments`.
    pub resource: String,
    /// The singular resource name, such as `deployment`.
    pub singular: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// Short names, such as `deploy`.
    pub short_names: Vec<String>,
    /// Whether its objects have a namespace.
    pub namespaced: bool,
    /// Whether the API server serves the status of its objects by itself, as the subresource
    /// `status`: then a controller is to write it. Not known of recordings that older daemons made.
    #[serde(default)]
    pub has_status: bool,
}

impl Kind {
    /// `v1` or `apps/v1`, as in an object's `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The path of the collection on the API server, of one namespace or of all.
    #[must_use]
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let api_version = self.api_version();
        match namespace {
            Some(namespace) => format!("{root}/{api_version}/namespaces/{}/{}", escape(namespace), self.resource),
            None => format!("{root}/{api_version}/{}", self.resource),
        }
    }

    /// Whether the objects of both are had by the same requests: they may
    /// differ in other names that they go by.
    #[must_use]
    pub fn is_served_as(&self, other: &Self) -> bool {
        let place = |kind: &Self| (kind.group.clone(), kind.version.clone(), kind.resource.clone(), kind.namespaced);
        place(self) == place(other) && self.kind == other.kind
    }

    /// Whether its objects are pods.
    #[must_use]
    pub fn is_pods(&self) -> bool {
        self.group.is_empty() && self.resource == "pods"
    }

    /// Whether its objects are Jobs.
    #[must_use]
    pub fn is_jobs(&self) -> bool {
        self.group == "batch" && self.resource == "jobs"
    }

    /// Whether its objects are nodes.
    #[must_use]
    pub fn is_nodes(&self) -> bool {
        self.group.is_empty() && self.resource == "nodes"
    }

    /// Whether `name` means this kind: its plural, singular, short or CamelCase
    /// name, alone or qualified as `deployments.apps` or `deployments.v1.apps`
    /// (the forms of kubectl, k8s.io/cli-runtime `resource.Builder`).
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let (resource, qualifier) = match name.split_once('.') {
            Some((resource, qualifier)) => (resource, Some(qualifier)),
            None => (name.as_str(), None),
        };
        let named = resource == self.resource
            || resource == self.singular
            || resource == self.kind.to_ascii_lowercase()
            || self.short_names.iter().any(|short| short == resource);
        named
            && qualifier.is_none_or(|q| {
                q == self.group
                    || q.strip_prefix(&self.version).is_some_and(|g| g.trim_start_matches('.') == self.group)
            })
    }
}

/// `pods` or `deployments.apps`, as kubectl names a resource.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() { f.write_str(&self.resource) } else { write!(f, "{}.{}", self.resource, self.group) }
    }
}

/// Whether whole objects of a kind are asked for, or only their metadata.
///
/// Of Secrets it is the metadata: their data stays in the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Whole objects.
    Whole,
    /// `metadata` alone.
    Metadata,
}

impl Kind {
    /// What is asked for of this kind.
    #[must_use]
    pub fn content(&self) -> Content {
        if self.group.is_empty() && self.resource == "secrets" { Content::Metadata } else { Content::Whole }
    }
}

/// The kinds that the tests of other modules use.
#[cfg(test)]
pub(crate) fn samples() -> Vec<Kind> {
    let kind = |group: &str, resource: &str, kind: &str, short_names: &[&str]| Kind {
        group: group.into(),
        version: "v1".into(),
        resource: resource.into(),
        singular: kind.to_ascii_lowercase(),
        kind: kind.into(),
        short_names: short_names.iter().map(ToString::to_string).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_the_names_kubectl_takes() {
        let kinds = samples();
        let resolve = |name: &str| kinds.iter().find(|k| k.answers_to(name)).map(ToString::to_string);
        for name in ["po", "pod", "pods", "Pod", "PODS", "pods.v1", "pods."] {
            assert_eq!(resolve(name).as_deref(), Some("pods"), "{name}");
        }
        for name in ["deploy", "Deployment", "deployments.apps", "deployments.v1.apps", "deploy.apps"] {
            assert_eq!(resolve(name).as_deref(), Some("deployments.apps"), "{name}");
        }
        for name in
            ["", "pods.apps", "deployments.v2.apps", "deployments.extensions", "widgets", ".apps", "jobs.batch.x"]
        {
            assert_eq!(resolve(name), None, "{name}");
        }
    }

    #[test]
    fn paths_are_those_of_the_api_server() {
        let kinds = samples();
        assert_eq!(kinds[0].path(None), "/api/v1/pods");
        assert_eq!(kinds[1].path(Some("a-b")), "/apis/apps/v1/namespaces/a-b/deployments");
        assert_eq!(escape("system:a@b?c").to_string(), "system%3Aa%40b%3Fc");
    }
}

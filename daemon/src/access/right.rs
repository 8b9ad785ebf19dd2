//! What somebody may be allowed to do.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::kind::Kind;

/// What somebody may be allowed to do (`authorization.k8s.io/v1`,
/// `ResourceAttributes`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Right {
    /// Such as `list`.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: String,
    /// Such as `pods`.
    pub resource: String,
    /// Such as `log`; empty for none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub subresource: &'static str,
    /// The namespace; empty for all, or where the kind has none.
    pub namespace: Arc<str>,
    /// The object; empty for any.
    pub name: Arc<str>,
}

impl Right {
    /// To do that with any object of a kind, in that namespace or in all.
    #[must_use]
    pub fn to(verb: &'static str, kind: &Kind, namespace: Option<&str>) -> Self {
        Self::to_any(verb, &kind.group, &kind.resource, namespace)
    }

    /// The same, of a kind by its group and resource.
    #[must_use]
    pub fn to_any(verb: &'static str, group: &str, resource: &str, namespace: Option<&str>) -> Self {
        let (group, resource) = (group.to_owned(), resource.to_owned());
        Self {
            verb,
            group,
            resource,
            subresource: "",
            namespace: namespace.unwrap_or_default().into(),
            name: "".into(),
        }
    }

    /// The same of one object only.
    #[must_use]
    pub fn of(self, name: &Arc<str>) -> Self {
        Self { name: Arc::clone(name), ..self }
    }

    /// The same of that part of objects.
    #[must_use]
    pub fn below(self, subresource: &'static str) -> Self {
        Self { subresource, ..self }
    }
}

/// `list pods.metrics.k8s.io in namespace "a"`, as kubectl's refusals say it.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        if !self.name.is_empty() {
            write!(f, " {:?}", self.name)?;
        }
        match &*self.namespace {
            "" => f.write_str(" in all namespaces"),
            namespace => write!(f, " in namespace {namespace:?}"),
        }
    }
}

/// To `get` what the API server serves at a path that names no object, such as `/livez`
/// (`authorization.k8s.io/v1`, `NonResourceAttributes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct PathRight {
    path: &'static str,
    verb: &'static str,
}

impl PathRight {
    /// To read what is there.
    #[must_use]
    pub fn to_get(path: &'static str) -> Self {
        Self { path, verb: "get" }
    }
}

/// `get path "/livez"`
impl fmt::Display for PathRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} path {:?}", self.verb, self.path)
    }
}

/// What somebody may be allowed to do, as the specification of a review says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// With objects.
    ResourceAttributes(Right),
    /// At a path.
    NonResourceAttributes(PathRight),
}

impl From<Right> for Action {
    fn from(right: Right) -> Self {
        Self::ResourceAttributes(right)
    }
}

impl From<PathRight> for Action {
    fn from(right: PathRight) -> Self {
        Self::NonResourceAttributes(right)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResourceAttributes(right) => right.fmt(f),
            Self::NonResourceAttributes(right) => right.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_told_as_kubectl_tells_it() {
        let right = Right::to_any("get", "apps", "deployments", Some("shop"));
        assert_eq!(right.to_string(), r#"get deployments.apps in namespace "shop""#);
        let right = Right::to_any("get", "", "pods", Some("shop")).below("log").of(&"web".into());
        assert_eq!(right.to_string(), r#"get pods/log "web" in namespace "shop""#);
        assert_eq!(Right::to_any("list", "", "nodes", None).to_string(), "list nodes in all namespaces");
        assert_eq!(Action::from(PathRight::to_get("/livez")).to_string(), r#"get path "/livez""#);
    }

    #[test]
    fn a_review_is_asked_about_one_of_the_two() {
        let of_path = serde_json::to_string(&Action::from(PathRight::to_get("/livez"))).unwrap();
        assert_eq!(of_path, r#"{"nonResourceAttributes":{"path":"/livez","verb":"get"}}"#);
        let of_objects = serde_json::to_value(Action::from(Right::to_any("list", "", "nodes", None))).unwrap();
        assert_eq!(of_objects["resourceAttributes"]["resource"], "nodes");
    }
}

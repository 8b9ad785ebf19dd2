//! What a request asks for.

use http::Uri;

/// What a request is, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// One object by its path.
    Get,
    /// A list, or one page of it.
    List,
    /// A watch from a resourceVersion.
    Watch,
    /// A watch that begins with everything.
    WatchList,
    /// Which kinds there are.
    Discovery,
    /// `/version`.
    Version,
    /// What is not served.
    Other,
}

impl Verb {
    pub(super) const ALL: [Self; 7] =
        [Self::Get, Self::List, Self::Watch, Self::WatchList, Self::Discovery, Self::Version, Self::Other];
}

impl std::fmt::Display for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::WatchList => "watchlist",
            Self::Discovery => "discovery",
            Self::Version => "version",
            Self::Other => "other",
        })
    }
}

/// A kind that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// `v1`, `apps/v1`.
    pub(super) api_version: &'static str,
    /// The plural name.
    pub(super) plural: &'static str,
    /// The kind.
    pub(super) kind: &'static str,
}

/// Pods first; the others are empty.
pub(super) const RESOURCES: [Resource; 4] = [
    Resource { api_version: "v1", plural: "pods", kind: "Pod" },
    Resource { api_version: "apps/v1", plural: "deployments", kind: "Deployment" },
    Resource { api_version: "apps/v1", plural: "replicasets", kind: "ReplicaSet" },
    Resource { api_version: "batch/v1", plural: "jobs", kind: "Job" },
];

/// A path below a kind's collection.
pub(super) struct Place {
    pub(super) resource: Resource,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
}

impl Place {
    /// `None` if the path is no collection's or object's.
    pub(super) fn of(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/apis/").or_else(|| path.strip_prefix("/api/"))?;
        RESOURCES.into_iter().find_map(|resource| {
            let mut rest = rest.strip_prefix(resource.api_version)?.strip_prefix('/')?.split('/');
            let first = rest.next()?;
            let (namespace, plural) = if first == "namespaces" { (rest.next(), rest.next()?) } else { (None, first) };
            let name = rest.next().map(ToOwned::to_owned);
            (plural == resource.plural).then(|| Self { resource, namespace: namespace.map(ToOwned::to_owned), name })
        })
    }
}

/// A request's parameters.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), unescaped(value))).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1"))
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// The name that a field selector asks for.
    pub(super) fn name(&self) -> Option<&str> {
        let selector = self.get("fieldSelector")?;
        Some(selector.strip_prefix("metadata.name=")?.trim_start_matches('='))
    }
}

/// Without percent escapes; clients escape only ASCII here.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('%');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => {
                out.push(char::from(code));
                out.push_str(&part[2..]);
            }
            None => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_collections_and_objects() {
        let place = |path: &str| Place::of(path).map(|p| (p.resource.kind, p.namespace, p.name));
        let (some, none) = (|s: &str| Some(s.to_owned()), || None);
        assert_eq!(place("/api/v1/pods"), Some(("Pod", none(), none())));
        assert_eq!(place("/api/v1/namespaces/a/pods/b"), Some(("Pod", some("a"), some("b"))));
        assert_eq!(place("/apis/apps/v1/namespaces/a/deployments"), Some(("Deployment", some("a"), none())));
        assert_eq!(place("/apis/apps/v1"), None);
    }

    #[test]
    fn parameters_are_unescaped() {
        let uri = "/x?fieldSelector=metadata.name%3Da-b&watch=true".parse().unwrap();
        let parameters = Parameters::of(&uri);
        assert_eq!((parameters.name(), parameters.is_set("watch")), (Some("a-b"), true));
    }
}

//! The kinds that a fake API server serves, and their paths.

/// One kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// `/api/v1/pods`
    Pods,
    /// `/apis/apps/v1/deployments`
    Deployments,
    /// `/apis/apps/v1/replicasets`
    ReplicaSets,
    /// `/apis/batch/v1/jobs`
    Jobs,
    /// `/api/v1/services`
    Services,
    /// `/apis/discovery.k8s.io/v1/endpointslices`
    EndpointSlices,
    /// `/api/v1/events`, where they are served.
    Events,
    /// `/api/v1/nodes`, where they are served: they have no namespace.
    Nodes,
}

/// What a path names: a collection, and one object of it, if so, by namespace
/// and name; the name is empty where the collection in a namespace is named.
pub(super) type Place = (Collection, Option<(String, String)>);

impl Collection {
    /// Those whose objects are judged each by itself, as [`super::objects::object`] makes
    /// them.
    pub const ALL: [Self; 4] = [Self::Pods, Self::Deployments, Self::ReplicaSets, Self::Jobs];

    /// All that are served, but for events and nodes, which are if a test wants it.
    pub const SERVED: [Self; 6] =
        [Self::Pods, Self::Deployments, Self::ReplicaSets, Self::Jobs, Self::Services, Self::EndpointSlices];

    /// The resource in paths, such as `pods`.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Deployments => "deployments",
            Self::ReplicaSets => "replicasets",
            Self::Jobs => "jobs",
            Self::Services => "services",
            Self::EndpointSlices => "endpointslices",
            Self::Events => "events",
            Self::Nodes => "nodes",
        }
    }

    /// The kind of its objects, such as `Pod`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Pods => "Pod",
            Self::Deployments => "Deployment",
            Self::ReplicaSets => "ReplicaSet",
            Self::Jobs => "Job",
            Self::Services => "Service",
            Self::EndpointSlices => "EndpointSlice",
            Self::Events => "Event",
            Self::Nodes => "Node",
        }
    }

    /// The `apiVersion` of its objects, such as `apps/v1`.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Pods | Self::Services | Self::Events | Self::Nodes => "v1",
            Self::EndpointSlices => "discovery.k8s.io/v1",
            Self::Deployments | Self::ReplicaSets => "apps/v1",
            Self::Jobs => "batch/v1",
        }
    }

    /// Whether its objects have a namespace.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        self != Self::Nodes
    }

    /// Its short names, as Kubernetes has them.
    pub(super) fn short_names(self) -> &'static [&'static str] {
        match self {
            Self::Pods => &["po"],
            Self::Deployments => &["deploy"],
            Self::ReplicaSets => &["rs"],
            Self::Services => &["svc"],
            Self::Events => &["ev"],
            Self::Jobs | Self::EndpointSlices | Self::Nodes => &[],
        }
    }

    /// What a request path names.
    pub(super) fn of_path(path: &str) -> Option<Place> {
        Self::SERVED.into_iter().chain([Self::Events, Self::Nodes]).find_map(|collection| {
            let root = if collection.api_version() == "v1" { "/api" } else { "/apis" };
            let rest = path.strip_prefix(root)?.strip_prefix('/')?;
            let rest = rest.strip_prefix(collection.api_version())?.strip_prefix('/')?;
            match rest.split('/').collect::<Vec<_>>()[..] {
                [resource] if resource == collection.resource() => Some((collection, None)),
                [resource, name] if resource == collection.resource() && !collection.is_namespaced() => {
                    Some((collection, Some((String::new(), name.to_owned()))))
                }
                ["namespaces", namespace, resource] if resource == collection.resource() => {
                    Some((collection, Some((namespace.to_owned(), String::new()))))
                }
                ["namespaces", namespace, resource, name] if resource == collection.resource() => {
                    Some((collection, Some((namespace.to_owned(), name.to_owned()))))
                }
                _ => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_collections_and_objects() {
        let object = |namespace: &str, name: &str| Some((namespace.to_owned(), name.to_owned()));
        assert_eq!(Collection::of_path("/api/v1/pods"), Some((Collection::Pods, None)));
        assert_eq!(Collection::of_path("/apis/batch/v1/jobs"), Some((Collection::Jobs, None)));
        let path = "/apis/apps/v1/namespaces/n/deployments/a";
        assert_eq!(Collection::of_path(path), Some((Collection::Deployments, object("n", "a"))));
        assert_eq!(Collection::of_path("/api/v1/namespaces/n/pods"), Some((Collection::Pods, object("n", ""))));
        assert_eq!(Collection::of_path("/api/v1/nodes/a"), Some((Collection::Nodes, object("", "a"))));
        for path in ["/api/v1/secrets", "/apis/v1/pods", "/api/v1/pods/a", "/version"] {
            assert_eq!(Collection::of_path(path), None, "{path}");
        }
    }
}

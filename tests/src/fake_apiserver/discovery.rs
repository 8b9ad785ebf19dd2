//! Which kinds a fake API server says that it serves.

use serde_json::{Value, json};

use super::Collection;

/// The aggregated discovery document at that path, if there is one, with these kinds besides.
pub(super) fn answer(path: &str, besides: &[Collection]) -> Option<Value> {
    let groups: &[&str] = match path {
        "/api" => &[""],
        "/apis" => &["apps", "batch", "discovery.k8s.io"],
        _ => return None,
    };
    let items: Vec<_> = groups.iter().map(|group| document(group, besides)).collect();
    Some(json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}))
}

fn document(group: &str, besides: &[Collection]) -> Value {
    let served = Collection::SERVED.into_iter().chain(besides.iter().copied());
    let resources: Vec<_> = served.filter(|c| group_of(*c) == group).map(resource).collect();
    json!({"metadata": {"name": group}, "versions": [{"version": "v1", "resources": resources}]})
}

fn group_of(collection: Collection) -> &'static str {
    collection.api_version().split_once('/').map_or("", |(group, _)| group)
}

fn resource(collection: Collection) -> Value {
    let kind = collection.kind();
    json!({
        "resource": collection.resource(),
        "responseKind": {"group": group_of(collection), "version": "v1", "kind": kind},
        "scope": if collection.is_namespaced() { "Namespaced" } else { "Cluster" },
        "singularResource": kind.to_ascii_lowercase(),
        "verbs": ["get", "list", "watch"],
        "shortNames": collection.short_names(),
    })
}

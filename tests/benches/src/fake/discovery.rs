//! Which kinds there are, in the one document that new clients ask for and the
//! several that others do.

use bytes::Bytes;
use serde_json::{Value, json};

use super::query::{RESOURCES, Resource};

/// What a client says that takes aggregated discovery.
const AGGREGATED: &str = "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// A document of discovery and its media type; `None` if `path` is not one.
pub(super) fn discovery(path: &str, accept: &str) -> Option<(Bytes, &'static str)> {
    let aggregated = accept.contains(AGGREGATED);
    let document = match path.trim_end_matches('/') {
        "/api" if aggregated => group_list(&[("", &["v1"])]),
        "/apis" if aggregated => group_list(&[("apps", &["apps/v1"]), ("batch", &["batch/v1"])]),
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]}),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group("apps"), group("batch")]}),
        "/api/v1" => resources("v1"),
        "/apis/apps/v1" => resources("apps/v1"),
        "/apis/batch/v1" => resources("batch/v1"),
        _ => return None,
    };
    let of_root = matches!(path, "/api" | "/apis");
    let media = match aggregated && of_root {
        true => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        false => "application/json",
    };
    Some((document.to_string().into(), media))
}

fn group(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn resources(api_version: &str) -> Value {
    let each = of(api_version).map(|it| {
        json!({"name": it.plural, "singularName": singular(it), "namespaced": true, "kind": it.kind,
            "verbs": VERBS, "shortNames": short_names(it), "categories": ["all"]})
    });
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version,
        "resources": each.collect::<Vec<_>>()})
}

/// Groups by name, each with its versions.
fn group_list(groups: &[(&str, &[&str])]) -> Value {
    let version = |api_version: &&str| {
        let each = of(api_version).map(|it| aggregated(it, api_version));
        json!({"version": "v1", "resources": each.collect::<Vec<_>>(), "freshness": "Current"})
    };
    let group = |(name, versions): &(&str, &[&str])| {
        let metadata = if name.is_empty() { json!({}) } else { json!({"name": name}) };
        json!({"metadata": metadata, "versions": versions.iter().map(version).collect::<Vec<_>>()})
    };
    let items: Vec<_> = groups.iter().map(group).collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated(it: Resource, api_version: &str) -> Value {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let kind = json!({"group": group, "version": "v1", "kind": it.kind});
    let status = json!({"subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]});
    json!({"resource": it.plural, "responseKind": kind, "scope": "Namespaced", "singularResource": singular(it),
        "verbs": VERBS, "shortNames": short_names(it), "categories": ["all"], "subresources": [status]})
}

fn of(api_version: &str) -> impl Iterator<Item = Resource> {
    RESOURCES.into_iter().filter(move |resource| resource.api_version == api_version)
}

fn singular(it: Resource) -> String {
    it.kind.to_ascii_lowercase()
}

fn short_names(it: Resource) -> &'static [&'static str] {
    match it.plural {
        "pods" => &["po"],
        "deployments" => &["deploy"],
        "replicasets" => &["rs"],
        _ => &[],
    }
}

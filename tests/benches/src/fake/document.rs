//! The JSON documents around objects.

use bytes::Bytes;
use serde_json::json;

use super::query::Resource;
use crate::pods::{PodSet, TYPE_META};

/// A watch event of an object's JSON, with its line end.
pub(super) fn event(name: &str, object: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(object.len() + 40);
    line.extend_from_slice(br#"{"type":""#);
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(br#"","object":"#);
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line
}

/// A bookmark, which may be the one that ends the initial events of a WatchList.
pub(super) fn bookmark(resource: Resource, version: u64, initial_events_end: bool) -> Bytes {
    let annotations = if initial_events_end { r#","annotations":{"k8s.io/initial-events-end":"true"}"# } else { "" };
    let object = format!(
        r#"{{"kind":"{}","apiVersion":"{}","metadata":{{"resourceVersion":"{version}"{annotations}}}}}"#,
        resource.kind, resource.api_version
    );
    event("BOOKMARK", object.as_bytes()).into()
}

/// A pod as an item of a list, which lacks its kind.
pub(super) fn item(pod: &[u8]) -> impl Iterator<Item = &[u8]> {
    [b"{".as_slice(), &pod[TYPE_META.len()..]].into_iter()
}

/// What a list begins and ends with.
pub(super) fn list(resource: Resource, version: u64, more: Option<(String, usize)>) -> (Bytes, Bytes) {
    let more =
        more.map_or(String::new(), |(token, left)| format!(r#","continue":"{token}","remainingItemCount":{left}"#));
    let head = format!(
        r#"{{"kind":"{}List","apiVersion":"{}","metadata":{{"resourceVersion":"{version}"{more}}},"items":["#,
        resource.kind, resource.api_version
    );
    (head.into(), Bytes::from_static(b"]}\n"))
}

/// What a table of pods begins and ends with, as kubectl asks for.
pub(super) fn table(version: u64, more: Option<(String, usize)>) -> (Bytes, Bytes) {
    let more =
        more.map_or(String::new(), |(token, left)| format!(r#","continue":"{token}","remainingItemCount":{left}"#));
    let column = |name: &str, kind: &str, priority: u8| json!({"name": name, "type": kind, "format": "", "description": name, "priority": priority});
    let columns = json!([
        column("Name", "string", 0),
        column("Ready", "string", 0),
        column("Status", "string", 0),
        column("Restarts", "string", 0),
        column("Age", "string", 0),
        column("IP", "string", 1),
        column("Node", "string", 1),
        column("Nominated Node", "string", 1),
        column("Readiness Gates", "string", 1),
    ]);
    let head = format!(
        r#"{{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{{"resourceVersion":"{version}"{more}}},"columnDefinitions":{columns},"rows":["#
    );
    (head.into(), Bytes::from_static(b"]}\n"))
}

/// A pod as a row of a table.
pub(super) fn row(pods: &PodSet, index: usize, metadata: &[u8]) -> Vec<u8> {
    let of = pods.containers(index);
    let cells =
        json!([pods.name(index), format!("{of}/{of}"), "Running", "0", "3d", "100.64.0.1", "node", "<none>", "<none>"]);
    let head = format!(r#"{{"cells":{cells},"object":"#);
    [head.as_bytes(), &self::metadata(metadata), b"}"].concat()
}

/// An object of which only its metadata was asked for.
pub(super) fn metadata(metadata: &[u8]) -> Vec<u8> {
    let head = br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#;
    [head.as_slice(), metadata, b"}"].concat()
}

/// A `Status` that says why not.
pub(super) fn failure(code: u16, reason: &str, message: &str) -> Bytes {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code});
    status.to_string().into()
}

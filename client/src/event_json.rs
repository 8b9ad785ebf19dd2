//! Events as Kubernetes' objects, as far as the daemon keeps them.

use daymark::api::{ClusterEvent, EventSeries, InvolvedObject};
use prost_types::Timestamp;
use serde::Serialize;

/// An Event of `core/v1` as kubectl prints it: keys in their order, without labels,
/// annotations, `related` and what only recorders need.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventJson<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    action: &'a str,
    api_version: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    count: i32,
    event_time: Option<String>,
    first_timestamp: Option<String>,
    involved_object: ObjectJson<'a>,
    kind: &'static str,
    last_timestamp: Option<String>,
    message: &'a str,
    metadata: Metadata<'a>,
    reason: &'a str,
    reporting_component: &'a str,
    reporting_instance: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<SeriesJson>,
    source: Source<'a>,
    r#type: &'a str,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectJson<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    field_path: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_timestamp: Option<String>,
    name: &'a str,
    namespace: &'a str,
    resource_version: &'a str,
    uid: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SeriesJson {
    count: i32,
    last_observed_time: Option<String>,
}

#[derive(Debug, Serialize)]
struct Source<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    component: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    host: &'a str,
}

/// kubectl's list of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventListJson<'a> {
    api_version: &'static str,
    items: Vec<EventJson<'a>>,
    kind: &'static str,
    metadata: ListMetadata,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    resource_version: &'static str,
}

impl<'a> EventListJson<'a> {
    /// The list of these.
    pub fn of(events: &'a [ClusterEvent]) -> Self {
        let (items, metadata) = (events.iter().map(EventJson::from).collect(), ListMetadata { resource_version: "" });
        Self { api_version: "v1", items, kind: "List", metadata }
    }
}

impl<'a> From<&'a ClusterEvent> for EventJson<'a> {
    fn from(event: &'a ClusterEvent) -> Self {
        Self {
            action: &event.action,
            api_version: "v1",
            count: event.count,
            event_time: event.event_time.as_ref().map(micro_time),
            first_timestamp: event.first_timestamp.as_ref().map(time),
            involved_object: event.involved_object.as_ref().map(ObjectJson::from).unwrap_or_default(),
            kind: "Event",
            last_timestamp: event.last_timestamp.as_ref().map(time),
            message: &event.message,
            metadata: Metadata {
                creation_timestamp: event.creation_time.as_ref().map(time),
                name: &event.name,
                namespace: &event.namespace,
                resource_version: &event.resource_version,
                uid: &event.uid,
            },
            reason: &event.reason,
            reporting_component: &event.reporting_component,
            reporting_instance: &event.reporting_instance,
            series: event.series.as_ref().map(SeriesJson::from),
            source: Source { component: &event.source_component, host: &event.source_host },
            r#type: &event.r#type,
        }
    }
}

impl<'a> From<&'a InvolvedObject> for ObjectJson<'a> {
    fn from(object: &'a InvolvedObject) -> Self {
        Self {
            api_version: &object.api_version,
            field_path: &object.field_path,
            kind: &object.kind,
            name: &object.name,
            namespace: &object.namespace,
            uid: &object.uid,
        }
    }
}

impl From<&EventSeries> for SeriesJson {
    fn from(series: &EventSeries) -> Self {
        Self { count: series.count, last_observed_time: series.last_observed_time.as_ref().map(micro_time) }
    }
}

/// `2026-01-01T00:00:00Z`, as Kubernetes' `Time`.
fn time(time: &Timestamp) -> String {
    Timestamp { seconds: time.seconds, nanos: 0 }.to_string()
}

/// `2026-01-01T00:00:00.000000Z`, as Kubernetes' `MicroTime`.
fn micro_time(it: &Timestamp) -> String {
    format!("{}.{:06}Z", time(it).trim_end_matches('Z'), it.nanos.clamp(0, 999_999_999) / 1000)
}

fn is_zero(count: &i32) -> bool {
    *count == 0
}

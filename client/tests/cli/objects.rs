//! Objects, answers and messages for scripts.

use std::collections::HashMap;

use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::status_event::{Current, Event, Reset, Resumed};
use daymark_proto::v1::{
    Cluster, Doom, Freshness, GetServerInfoResponse, GetStatusResponse, ListStatusesResponse, ObjectRef, Progress,
    ServedKind, State, Status, StatusEvent, Unreachable, WatchStatusesResponse,
};
use prost_types::{Duration, Timestamp};
use tonic::Code;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fake::Step;

/// The daemon's time in every message: 2026-01-02 03:04:05.
pub const NOW: i64 = 1_767_323_045;

pub fn freshness() -> Option<Freshness> {
    Some(Freshness {
        time: Some(Timestamp { seconds: NOW, nanos: 0 }),
        age: Some(Duration { seconds: 2, nanos: 0 }),
        synced: true,
        ..Freshness::default()
    })
}

fn object(group: &str, resource: &str, kind: &str, name: &str, state: State) -> Status {
    let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    let json = format!(
        r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{{"name":"{name}","uid":"uid-{name}","annotations":{{"a":"<b>"}}}}}}"#
    );
    Status {
        r#ref: Some(ObjectRef {
            cluster: "default".to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: if state == State::Absent { String::new() } else { format!("uid-{name}") },
        }),
        kind: kind.to_owned(),
        state: state.into(),
        reason: "Because".to_owned(),
        resource_version: "7".to_owned(),
        creation_time: Some(Timestamp { seconds: NOW - 312, nanos: 0 }),
        object: json.into(),
        ..Status::default()
    }
}

pub fn pod(name: &str, state: State) -> Status {
    object("", "pods", "Pod", name, state)
}

pub fn deployment(name: &str, state: State) -> Status {
    let progress = Some(Progress { done: 1, total: 3, unit: "updated".to_owned() });
    Status { progress, generation: 4, ..object("apps", "deployments", "Deployment", name, state) }
}

pub fn doomed(name: &str, doom: Doom, message: &str) -> Status {
    Status { doom: doom.into(), message: message.to_owned(), ..pod(name, State::Failed) }
}

pub fn error(code: Code, reason: &str, message: &str) -> tonic::Status {
    let details = ErrorDetails::with_error_info(reason, daymark_proto::ERROR_DOMAIN, HashMap::new());
    tonic::Status::with_error_details(code, message, details)
}

pub fn not_found(name: &str) -> tonic::Status {
    error(Code::NotFound, "OBJECT_NOT_FOUND", &format!("pods {name:?} not found in namespace \"shop\""))
}

pub fn forbidden() -> tonic::Status {
    error(Code::PermissionDenied, "KIND_FORBIDDEN", "pods cannot be read: forbidden")
}

pub fn unavailable() -> tonic::Status {
    error(Code::Unavailable, "CLUSTER_UNREACHABLE", "the cluster cannot be reached")
}

pub fn unreachable(kind: &str, reason: &str) -> Unreachable {
    Unreachable {
        kind: kind.to_owned(),
        reason: reason.to_owned(),
        message: "so it is".to_owned(),
        ..Unreachable::default()
    }
}

pub fn found(status: Status) -> Result<GetStatusResponse, tonic::Status> {
    Ok(GetStatusResponse { status: Some(status), freshness: freshness(), ..GetStatusResponse::default() })
}

pub fn page(statuses: Vec<Status>) -> ListStatusesResponse {
    ListStatusesResponse { statuses, freshness: freshness(), ..ListStatusesResponse::default() }
}

pub fn info() -> GetServerInfoResponse {
    let kind = |resource: &str, kind: &str, namespaced| ServedKind {
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        kind: kind.to_owned(),
        namespaced,
        ..ServedKind::default()
    };
    GetServerInfoResponse {
        version: "9.8.7".to_owned(),
        incarnation: "run-1".to_owned(),
        clusters: vec![Cluster {
            name: "default".to_owned(),
            kubernetes_version: "v1.37.1".to_owned(),
            default_namespace: "shop".to_owned(),
            replayed: false,
            kinds: vec![kind("pods", "Pod", true), kind("nodes", "Node", false)],
        }],
    }
}

/// A message with a cursor, as all have outside of a snapshot.
pub fn message(cursor: &str, event: Event) -> Step {
    let cursor = cursor.to_owned().into();
    let events = vec![StatusEvent { event: Some(event) }];
    Step::Send(WatchStatusesResponse { events, cursor, freshness: freshness() })
}

pub fn reset(cause: Cause, unreachable: Vec<Unreachable>) -> Step {
    message("", Event::Reset(Reset { cause: cause.into(), unreachable }))
}

pub fn item(status: Status) -> Step {
    message("", Event::Item(status))
}

pub fn current(cursor: &str) -> Step {
    message(cursor, Event::Current(Current {}))
}

pub fn resumed(cursor: &str) -> Step {
    message(cursor, Event::Resumed(Resumed {}))
}

pub fn changed(cursor: &str, status: Status) -> Step {
    message(cursor, Event::Changed(status))
}

/// The last known version of an object, as a deletion carries it.
pub fn gone(mut status: Status) -> Status {
    status.set_state(State::Absent);
    status
}

/// A snapshot that ends at the cursor "1".
pub fn snapshot(statuses: impl IntoIterator<Item = Status>) -> Vec<Step> {
    let mut steps = vec![reset(Cause::Initial, vec![])];
    steps.extend(statuses.into_iter().map(item));
    steps.push(current("1"));
    steps
}

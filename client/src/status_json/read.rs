//! States, read back from their JSON.

use daymark::api::{Doom, ObjectRef, Progress, State, Status};
use prost_types::Timestamp;
use serde::Deserialize;

/// What [`StatusJson`](super::StatusJson) has written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusRead {
    #[serde(rename = "ref")]
    object: RefRead,
    kind: String,
    state: String,
    reason: String,
    message: String,
    progress: Option<ProgressRead>,
    doom: Option<String>,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    resource_version: String,
    creation_time: Option<jiff::Timestamp>,
}

#[derive(Debug, Deserialize)]
struct RefRead {
    cluster: String,
    group: String,
    resource: String,
    namespace: String,
    name: String,
    uid: String,
}

#[derive(Debug, Deserialize)]
struct ProgressRead {
    done: i64,
    total: i64,
    unit: String,
}

impl From<RefRead> for ObjectRef {
    fn from(it: RefRead) -> Self {
        let RefRead { cluster, group, resource, namespace, name, uid } = it;
        Self { cluster, group, resource, namespace, name, uid }
    }
}

impl From<ProgressRead> for Progress {
    fn from(it: ProgressRead) -> Self {
        Self { done: it.done, total: it.total, unit: it.unit }
    }
}

impl From<StatusRead> for Status {
    fn from(it: StatusRead) -> Self {
        // A word that this client does not know stands for what it cannot judge.
        let state = State::from_str_name(&format!("STATE_{}", it.state)).unwrap_or(State::Unknown);
        let doom = it.doom.and_then(|doom| Doom::from_str_name(&format!("DOOM_{doom}"))).unwrap_or_default();
        let time = |time: jiff::Timestamp| Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() };
        Self {
            r#ref: Some(it.object.into()),
            kind: it.kind,
            state: state.into(),
            reason: it.reason,
            message: it.message,
            progress: it.progress.map(Into::into),
            doom: doom.into(),
            generation: it.generation,
            resource_version: it.resource_version,
            creation_time: it.creation_time.map(time),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_json::StatusJson;

    #[test]
    fn what_was_written_is_read() {
        let empty = Status { r#ref: Some(ObjectRef::default()), state: State::Unknown.into(), ..Status::default() };
        let full = Status {
            r#ref: Some(ObjectRef {
                cluster: "default".to_owned(),
                group: "apps".to_owned(),
                resource: "deployments".to_owned(),
                namespace: "shop".to_owned(),
                name: "web".to_owned(),
                uid: "uid".to_owned(),
            }),
            kind: "Deployment".to_owned(),
            state: State::InProgress.into(),
            reason: "RollingOut".to_owned(),
            message: "one\n\0\u{1b}".to_owned(),
            progress: Some(Progress { done: 1, total: 3, unit: "updated".to_owned() }),
            doom: Doom::Persistent.into(),
            generation: 4,
            resource_version: "7".to_owned(),
            creation_time: Some(Timestamp { seconds: 1_767_323_045, nanos: 0 }),
            ..Status::default()
        };
        for status in [empty, full] {
            let json = serde_json::to_string(&StatusJson::from(&status)).unwrap();
            assert_eq!(Status::from(serde_json::from_str::<StatusRead>(&json).unwrap()), status, "{json}");
        }
    }
}

//! Daymark's states as JSON: the shapes that docs/cli-contract.md promises.

use daymark::ChangeKind;
use daymark::api::{Doom, Freshness, ObjectRef, State, Status, Unreachable};
use prost_types::Timestamp;
use serde::Serialize;

mod read;

pub use read::StatusRead;

/// One object's state.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusJson<'a> {
    #[serde(rename = "ref")]
    object: RefJson<'a>,
    kind: &'a str,
    state: &'static str,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doom: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<i64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_time: Option<String>,
}

/// Which object.
#[derive(Debug, Default, Serialize)]
pub struct RefJson<'a> {
    cluster: &'a str,
    group: &'a str,
    resource: &'a str,
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
}

#[derive(Debug, Serialize)]
struct ProgressJson<'a> {
    done: i64,
    total: i64,
    unit: &'a str,
}

/// How new the view was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FreshnessJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<f64>,
    synced: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    problem: &'a str,
    replayed: bool,
}

/// A kind that could not be read.
#[derive(Debug, Serialize)]
pub struct UnreachableJson<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl<'a> From<&'a ObjectRef> for RefJson<'a> {
    fn from(it: &'a ObjectRef) -> Self {
        Self {
            cluster: &it.cluster,
            group: &it.group,
            resource: &it.resource,
            namespace: &it.namespace,
            name: &it.name,
            uid: &it.uid,
        }
    }
}

impl<'a> From<&'a Status> for StatusJson<'a> {
    fn from(status: &'a Status) -> Self {
        Self {
            object: status.r#ref.as_ref().map(RefJson::from).unwrap_or_default(),
            kind: &status.kind,
            state: state(status.state),
            reason: &status.reason,
            message: &status.message,
            progress: status.progress.as_ref().map(|it| ProgressJson {
                done: it.done,
                total: it.total,
                unit: &it.unit,
            }),
            doom: doom(status.doom()),
            generation: Some(status.generation).filter(|generation| *generation != 0),
            resource_version: &status.resource_version,
            creation_time: status.creation_time.as_ref().and_then(time),
        }
    }
}

impl<'a> From<&'a Freshness> for FreshnessJson<'a> {
    fn from(it: &'a Freshness) -> Self {
        Self {
            time: it.time.as_ref().and_then(time),
            age_seconds: age(it).map(|age| (age.as_secs_f64() * 1000.0).round() / 1000.0),
            synced: it.synced,
            problem: &it.problem,
            replayed: it.replayed,
        }
    }
}

impl<'a> From<&'a Unreachable> for UnreachableJson<'a> {
    fn from(it: &'a Unreachable) -> Self {
        Self { kind: &it.kind, namespace: &it.namespace, reason: &it.reason, message: &it.message }
    }
}

/// How old the view was.
pub fn age(freshness: &Freshness) -> Option<std::time::Duration> {
    freshness.age.and_then(|age| age.try_into().ok())
}

/// The word for what happened to an object.
pub fn event(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Entered => "ENTERED",
        ChangeKind::Changed => "CHANGED",
        ChangeKind::Left => "LEFT",
        ChangeKind::Deleted => "DELETED",
    }
}

/// The word for a state.
pub fn state(number: i32) -> &'static str {
    // A state that this client does not know yet is one that it cannot judge.
    match State::try_from(number).unwrap_or(State::Unknown) {
        State::Unspecified => "UNKNOWN",
        state => strip(state.as_str_name(), "STATE_"),
    }
}

fn doom(doom: Doom) -> Option<&'static str> {
    match doom {
        Doom::Unspecified => None,
        doom => Some(strip(doom.as_str_name(), "DOOM_")),
    }
}

/// A name of an enum without what all of them begin with.
pub fn strip(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
}

/// A time, as JSON has it.
pub fn time(time: &Timestamp) -> Option<String> {
    jiff::Timestamp::new(time.seconds, time.nanos).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out_and_nothing_else() {
        let json = serde_json::to_string(&StatusJson::from(&Status { state: 99, ..Status::default() })).unwrap();
        assert_eq!(
            json,
            r#"{"ref":{"cluster":"","group":"","resource":"","namespace":"","name":"","uid":""},"#.to_owned()
                + r#""kind":"","state":"UNKNOWN","reason":"","message":""}"#
        );
    }
}

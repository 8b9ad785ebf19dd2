//! From the daemon's types to the API's messages.

use std::time::Duration;

use bytes::Bytes;
use daymark_proto::v1::status_event::{Event, Gap};
use daymark_proto::v1::{self, StatusEvent, WatchStatusesResponse};
use jiff::Timestamp;
use prost::Message as _;
use tonic::Status;

use super::Served;
use crate::cache::Cache;
use crate::clock::between;
use crate::event_log::cursor::{Cursor, EventCursor};
use crate::event_log::{Entry, Revision};
use crate::event_store::Step;
use crate::kind::Kind;
use crate::record::{Key, Record};
use crate::source::Problem;
use crate::state::{Doom, State};
use crate::subscription::Relation;

/// How much of an object is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Basic,
    Full,
}

impl From<v1::View> for View {
    fn from(view: v1::View) -> Self {
        match view {
            v1::View::Full => Self::Full,
            v1::View::Basic | v1::View::Unspecified => Self::Basic,
        }
    }
}

impl Served {
    /// A place in the log, for a reader who may see what has that number.
    pub(super) fn cursor(&self, revision: Revision, rights: u64) -> Bytes {
        Cursor { incarnation: self.incarnation, revision, rights }.encode().into()
    }

    /// A place in what is told of events, for a reader who may see what has that number.
    pub(super) fn event_cursor(&self, step: Step, rights: u64) -> Bytes {
        EventCursor { incarnation: self.incarnation, step, rights }.encode().into()
    }

    /// The oldest of the freshnesses of `caches`.
    pub(super) fn freshness<'a>(&self, caches: impl IntoIterator<Item = &'a Cache>) -> v1::Freshness {
        let now = self.clock.now();
        let (mut heard, mut synced, mut problem) = (now, true, String::new());
        for cache in caches {
            let freshness = cache.freshness();
            heard = heard.min(freshness.heard);
            synced &= freshness.synced;
            if let (Some(first), true) = (&freshness.problem, problem.is_empty()) {
                problem.clone_from(&first.message);
            }
        }
        v1::Freshness {
            time: Some(timestamp(now)),
            age: Some(duration(between(heard, now))),
            synced,
            problem,
            replayed: self.source.is_replay(),
        }
    }

    pub(super) fn object_ref(&self, kind: &Kind, key: &Key, uid: String) -> v1::ObjectRef {
        v1::ObjectRef {
            cluster: self.cluster.clone(),
            group: kind.group.clone(),
            resource: kind.resource.clone(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            uid,
        }
    }

    pub(super) fn status(&self, kind: &Kind, record: &Record, view: View) -> Result<v1::Status, Status> {
        let judgement = &record.judgement;
        let object = match (view, &record.body) {
            (View::Basic, _) | (View::Full, None) => Bytes::new(),
            (View::Full, Some(body)) => {
                let json = body.json();
                json.map_err(|e| Status::internal(format!("a cached object cannot be unpacked: {e}")))?.into()
            }
        };
        Ok(v1::Status {
            r#ref: Some(self.object_ref(kind, &record.key, record.uid.to_string())),
            kind: kind.kind.clone(),
            state: state(judgement.state).into(),
            reason: judgement.reason.to_string(),
            message: judgement.message.to_string(),
            progress: judgement.progress.map(|p| v1::Progress { done: p.done, total: p.total, unit: p.unit.into() }),
            doom: doom(judgement.doom).into(),
            generation: record.generation,
            resource_version: record.resource_version.to_string(),
            creation_time: record.created.map(timestamp),
            object,
        })
    }

    /// The status of a name that no object has.
    pub(super) fn absent(&self, kind: &Kind, key: &Key) -> v1::Status {
        v1::Status {
            r#ref: Some(self.object_ref(kind, key, String::new())),
            kind: kind.kind.clone(),
            state: v1::State::Absent.into(),
            reason: "NotFound".into(),
            message: "there is no such object".into(),
            ..Default::default()
        }
    }

    /// The status of a name whose cache has nothing to say yet.
    pub(super) fn unread(&self, cache: &Cache, key: &Key) -> v1::Status {
        let problem = cache.freshness().problem.clone().unwrap_or_else(Problem::stopped);
        v1::Status {
            state: v1::State::Unknown.into(),
            reason: problem.reason.to_string(),
            message: problem.message,
            ..self.absent(cache.kind(), key)
        }
    }

    /// What a log entry is to all subscribers to whom it is the same `relation`
    /// in the same `view`.
    pub(super) fn change(&self, kind: &Kind, entry: &Entry, relation: Relation, view: View) -> Result<Event, Status> {
        let Some(record) = entry.change.record() else {
            return Ok(Event::Gap(Gap { kind: kind.to_string() }));
        };
        let mut status = self.status(kind, record, view)?;
        Ok(match relation {
            Relation::Entered => Event::Entered(status),
            Relation::Changed => Event::Changed(status),
            Relation::Left => Event::Left(status),
            Relation::Deleted => {
                status.state = v1::State::Absent.into();
                status.doom = v1::Doom::Unspecified.into();
                (status.reason, status.message) = ("Deleted".into(), "the object was deleted".into());
                status.progress = None;
                Event::Deleted(status)
            }
            Relation::Gap => return Err(Status::internal("a gap that is a change")),
        })
    }
}

/// An event as a part of a message.
pub(super) fn encode(event: Event) -> Bytes {
    let events = vec![StatusEvent { event: Some(event) }];
    WatchStatusesResponse { events, ..Default::default() }.encode_to_vec().into()
}

/// The state of an object, if it is one.
pub(super) fn known_state(state: v1::State) -> Option<State> {
    match state {
        v1::State::Ready => Some(State::Ready),
        v1::State::InProgress => Some(State::InProgress),
        v1::State::Failed => Some(State::Failed),
        v1::State::Terminating => Some(State::Terminating),
        v1::State::Paused => Some(State::Paused),
        v1::State::Unknown => Some(State::Unknown),
        v1::State::Unspecified | v1::State::Absent => None,
    }
}

pub(super) fn state(state: State) -> v1::State {
    match state {
        State::Ready => v1::State::Ready,
        State::InProgress => v1::State::InProgress,
        State::Failed => v1::State::Failed,
        State::Terminating => v1::State::Terminating,
        State::Paused => v1::State::Paused,
        State::Unknown => v1::State::Unknown,
    }
}

fn doom(doom: Doom) -> v1::Doom {
    match doom {
        Doom::None => v1::Doom::Unspecified,
        Doom::Transient => v1::Doom::Transient,
        Doom::Persistent => v1::Doom::Persistent,
        Doom::Fatal => v1::Doom::Fatal,
    }
}

pub(super) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    // jiff counts nanoseconds before 1970 from the second above, protobuf from
    // the one below.
    let seconds = time.as_nanosecond().div_euclid(1_000_000_000);
    let nanos = time.as_nanosecond().rem_euclid(1_000_000_000);
    prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(nanos).unwrap_or(0),
    }
}

pub(super) fn duration(duration: Duration) -> prost_types::Duration {
    duration.try_into().unwrap_or_default()
}

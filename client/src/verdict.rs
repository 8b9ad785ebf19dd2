//! A gate's verdict, in words and as JSON.

use std::time::Duration;

use daymark::api::{
    Cause, ContainerEnd, EventLine, Freshness, Gate, GateObject, LogTail, Outcome, RankedCause, Standing, State,
};
use serde::Serialize;

use crate::diagnosis::{self, RankedCauseJson};
use crate::status_json::{RefJson, StatusJson, time};
use crate::{cause, duration, sanitize, words};

/// A gate as it stands, or has ended, and what is known besides.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// How it stands.
    pub gate: Gate,
    /// Its objects.
    pub objects: Vec<GateObject>,
    /// For how long it was waited for.
    pub elapsed: Option<Duration>,
    /// How old the view of the cluster is.
    pub view_age: Option<Duration>,
    /// Whether a recording is replayed.
    pub replayed: bool,
    /// Whether objects are told with their namespaces, though they are of one.
    pub everywhere: bool,
    /// What a diagnosis has found behind its cause.
    pub root_cause: Option<RankedCause>,
}

/// It as one document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictJson<'a> {
    outcome: &'static str,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<String>,
    armed: bool,
    proven: bool,
    replayed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view_age_seconds: Option<f64>,
    objects: Vec<ObjectJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_cause: Option<RankedCauseJson<'a>>,
}

/// How an object stands.
#[derive(Debug, Serialize)]
pub struct ObjectJson<'a> {
    standing: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
    #[serde(flatten)]
    status: Option<StatusJson<'a>>,
}

#[derive(Debug, Serialize)]
struct CauseJson<'a> {
    #[serde(rename = "ref")]
    culprit: RefJson<'a>,
    kind: &'a str,
    reason: &'a str,
    message: &'a str,
    containers: Vec<ContainerJson<'a>>,
    events: Vec<EventJson<'a>>,
    logs: Vec<LogJson<'a>>,
    missing: &'a [String],
    others: i32,
    object: RefJson<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerJson<'a> {
    name: &'a str,
    restarts: i32,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventJson<'a> {
    r#type: &'a str,
    reason: &'a str,
    message: &'a str,
    count: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_time: Option<String>,
}

#[derive(Debug, Serialize)]
struct LogJson<'a> {
    container: &'a str,
    previous: bool,
    lines: &'a [String],
}

impl Verdict {
    /// How new the view is.
    pub fn seen(mut self, freshness: Option<&Freshness>, told: Duration) -> Self {
        self.replayed = freshness.is_some_and(|freshness| freshness.replayed);
        self.view_age = freshness.and_then(crate::status_json::age).map(|age| age + told);
        self
    }

    /// It as one document.
    pub fn json(&self) -> VerdictJson<'_> {
        let gate = &self.gate;
        VerdictJson {
            outcome: outcome(gate.outcome()),
            reason: &gate.reason,
            message: &gate.message,
            open_time: gate.open_time.as_ref().and_then(time),
            deadline: gate.deadline.as_ref().and_then(time),
            end_time: gate.end_time.as_ref().and_then(time),
            armed: gate.armed,
            proven: gate.proven,
            replayed: self.replayed,
            elapsed_seconds: self.elapsed.map(millis),
            view_age_seconds: self.view_age.map(millis),
            objects: self.objects.iter().map(ObjectJson::from).collect(),
            cause: gate.cause.as_ref().map(CauseJson::from),
            root_cause: self.root_cause.as_ref().map(RankedCauseJson::from),
        }
    }

    /// It for people, a line for each object and one for all.
    pub fn lines(&self) -> Vec<String> {
        let objects = self.objects.iter().filter_map(|object| self.object_line(object));
        objects.chain([self.last_line()]).map(|line| sanitize::line(&line).into_owned()).collect()
    }

    /// Why it did not pass, for people: what broke, with the last `logs` lines of each log, and what
    /// is behind that. Nothing, if it passed or that is not known.
    pub fn cause_lines(&self, logs: usize) -> Vec<String> {
        let gate = &self.gate;
        let Some(cause) = gate.cause.as_ref().filter(|_| gate.outcome() != Outcome::Passed) else { return Vec::new() };
        let mut lines = cause::lines(cause, logs, gate.end_time.as_ref());
        lines.extend(self.root_cause.iter().flat_map(diagnosis::root_cause));
        lines
    }

    fn object_line(&self, object: &GateObject) -> Option<String> {
        let status = object.status.as_ref()?;
        let has_ended = self.gate.outcome() != Outcome::Unspecified;
        let why = if object.why.is_empty() { String::new() } else { format!(" ({})", object.why) };
        let (word, text) = match object.standing() {
            Standing::Met if status.state() == State::Absent => ("met", words::condition(status)),
            Standing::Met => ("met", words::explanation(status)),
            Standing::Failed => ("failed", words::explanation(status)),
            Standing::Waiting | Standing::Unspecified if has_ended => ("unfinished", words::condition(status)),
            Standing::Waiting | Standing::Unspecified => ("waiting", words::condition(status)),
        };
        let is_placed = self.everywhere || are_of_several(&self.objects);
        let name = if is_placed { words::placed(status) } else { words::name(status) };
        Some(format!("{name} {word}: {text}{why}"))
    }

    fn last_line(&self) -> String {
        let gate = &self.gate;
        let why = match &*gate.reason {
            "" => format!("{} of {} objects meet the criteria", gate.met, gate.objects),
            reason => format!("{reason}: {}", gate.message),
        };
        let mut known = Vec::new();
        known.extend(self.elapsed.map(duration::show));
        // Of a verdict that was proven it tells nothing.
        let age = self.view_age.filter(|_| gate.outcome() == Outcome::Undecided);
        known.extend(age.map(|age| format!("view {} old", duration::show(age))));
        known.extend(self.replayed.then(|| "replayed".to_owned()));
        let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
        format!("{}: {why}{known}", words::outcome(gate.outcome()))
    }
}

/// Whether objects are of more than one namespace.
pub fn are_of_several<'a>(objects: impl IntoIterator<Item = &'a GateObject>) -> bool {
    let place = |object: &'a GateObject| Some(object.status.as_ref()?.r#ref.as_ref()?.namespace.as_str());
    let mut places = objects.into_iter().filter_map(place).filter(|place| !place.is_empty());
    let first = places.next();
    places.any(|place| Some(place) != first)
}

impl<'a> From<&'a GateObject> for ObjectJson<'a> {
    fn from(object: &'a GateObject) -> Self {
        let status = object.status.as_ref().map(StatusJson::from);
        Self { standing: standing(object.standing()), why: &object.why, status }
    }
}

impl<'a> From<&'a Cause> for CauseJson<'a> {
    fn from(cause: &'a Cause) -> Self {
        Self {
            culprit: cause.r#ref.as_ref().map(RefJson::from).unwrap_or_default(),
            kind: &cause.kind,
            reason: &cause.reason,
            message: &cause.message,
            containers: cause.containers.iter().map(ContainerJson::from).collect(),
            events: cause.events.iter().map(EventJson::from).collect(),
            logs: cause.logs.iter().map(LogJson::from).collect(),
            missing: &cause.missing,
            others: cause.others,
            object: cause.object.as_ref().map(RefJson::from).unwrap_or_default(),
        }
    }
}

impl<'a> From<&'a ContainerEnd> for ContainerJson<'a> {
    fn from(end: &'a ContainerEnd) -> Self {
        Self {
            name: &end.name,
            restarts: end.restarts,
            reason: &end.reason,
            message: &end.message,
            exit_code: end.exit_code,
            signal: end.signal,
        }
    }
}

impl<'a> From<&'a EventLine> for EventJson<'a> {
    fn from(event: &'a EventLine) -> Self {
        Self {
            r#type: &event.r#type,
            reason: &event.reason,
            message: &event.message,
            count: event.count,
            last_time: event.last_time.as_ref().and_then(time),
        }
    }
}

impl<'a> From<&'a LogTail> for LogJson<'a> {
    fn from(log: &'a LogTail) -> Self {
        Self { container: &log.container, previous: log.previous, lines: &log.lines }
    }
}

/// An outcome, as JSON has it.
fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unspecified => "OPEN",
        Outcome::Passed => "PASSED",
        Outcome::Failed => "FAILED",
        Outcome::Undecided => "UNDECIDED",
        Outcome::Cancelled => "CANCELLED",
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Unspecified | Standing::Waiting => "WAITING",
        Standing::Met => "MET",
        Standing::Failed => "FAILED",
    }
}

/// Seconds, to the millisecond.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

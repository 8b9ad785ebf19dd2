//! From a gate to the API's messages.

use daymark_proto::v1::{self, GateObject, GetGateResponse};
use prost::Message as _;
use tonic::Status;

use super::Served;
use super::convert::{View, timestamp};
use crate::cause::{Cause, ContainerEnd, EventLine, LogTail};
use crate::gate::register::Gate;
use crate::gate::report::{Report, Stands};
use crate::gate::tally::Place;
use crate::gate::{Outcome, Standing};
use crate::kind::Kind;

impl Served {
    /// How a gate and its objects stand. Of one that has ended under an earlier
    /// daemon, what that has told.
    pub(super) fn gate_and_objects(&self, gate: &Gate, report: &Report) -> Result<GetGateResponse, Status> {
        if let Some(summary) = &report.summary {
            return GetGateResponse::decode(&**summary)
                .map_err(|error| Status::internal(format!("a kept gate cannot be read: {error}")));
        }
        let objects = report.objects.iter().map(|stands| self.gate_object(gate, stands)).collect::<Result<_, _>>()?;
        Ok(GetGateResponse { gate: Some(self.gate(gate, report)?), objects })
    }

    /// How an object of a gate stands.
    pub(super) fn gate_object(&self, gate: &Gate, stands: &Stands) -> Result<GateObject, Status> {
        let kind = kind_of(gate, &stands.place)?;
        let status = match &stands.seen {
            Some(record) => self.status(kind, record, View::Basic)?,
            None => self.absent(kind, &stands.place.1),
        };
        let (standing, why) = match &stands.standing {
            Standing::Waiting(why) => (v1::Standing::Waiting, why.clone()),
            Standing::Met => (v1::Standing::Met, String::new()),
            Standing::Failed(failing) => (v1::Standing::Failed, failing.to_string()),
        };
        Ok(GateObject { status: Some(status), standing: standing.into(), why })
    }

    /// The object that a watcher was told of, and that is no longer among the gate's.
    pub(super) fn gone(&self, gate: &Gate, stands: &Stands) -> Result<v1::ObjectRef, Status> {
        let uid = stands.seen.as_ref().map(|record| record.uid.to_string()).unwrap_or_default();
        Ok(self.object_ref(kind_of(gate, &stands.place)?, &stands.place.1, uid))
    }

    /// How a gate stands, but for its objects.
    pub(super) fn gate(&self, gate: &Gate, report: &Report) -> Result<v1::Gate, Status> {
        if report.summary.is_some() {
            return Ok(self.gate_and_objects(gate, report)?.gate.unwrap_or_default());
        }
        let met = report.objects.iter().filter(|stands| stands.standing == Standing::Met).count();
        let verdict = report.verdict.as_ref();
        let outcome = verdict.map_or(v1::Outcome::Unspecified, |verdict| match verdict.outcome {
            Outcome::Passed => v1::Outcome::Passed,
            Outcome::Failed => v1::Outcome::Failed,
            Outcome::Undecided => v1::Outcome::Undecided,
            Outcome::Cancelled => v1::Outcome::Cancelled,
        });
        Ok(v1::Gate {
            outcome: outcome.into(),
            reason: verdict.map(|verdict| verdict.reason.clone()).unwrap_or_default(),
            message: verdict.map(|verdict| verdict.message.clone()).unwrap_or_default(),
            open_time: Some(timestamp(gate.opened)),
            deadline: Some(timestamp(gate.deadline)),
            end_time: verdict.map(|verdict| timestamp(verdict.at)),
            armed: report.armed,
            proven: report.proven,
            objects: count(report.objects.len()),
            met: count(met),
            cause: report.cause.as_ref().map(|cause| self.cause(cause)),
        })
    }

    fn cause(&self, cause: &Cause) -> v1::Cause {
        let record = &cause.record;
        v1::Cause {
            r#ref: Some(self.object_ref(&cause.kind, &record.key, record.uid.to_string())),
            kind: cause.kind.kind.clone(),
            reason: cause.reason.clone(),
            message: cause.message.clone(),
            containers: cause.containers.iter().map(container).collect(),
            events: cause.events.iter().map(event).collect(),
            logs: cause.logs.iter().map(log).collect(),
            missing: cause.missing.clone(),
            others: count(cause.others),
            object: Some(self.object_ref(&cause.object.kind, &cause.object.key, cause.object.uid.to_string())),
        }
    }
}

fn kind_of<'a>(gate: &'a Gate, place: &Place) -> Result<&'a Kind, Status> {
    let kind = gate.whereabouts().and_then(|whereabouts| whereabouts.kind(place));
    kind.ok_or_else(|| Status::internal("an object of no kind"))
}

fn container(end: &ContainerEnd) -> v1::ContainerEnd {
    v1::ContainerEnd {
        name: end.name.clone(),
        restarts: i32::try_from(end.restarts).unwrap_or(i32::MAX),
        reason: end.reason.clone(),
        message: end.message.clone(),
        exit_code: end.exit_code,
        signal: end.signal,
    }
}

fn event(event: &EventLine) -> v1::EventLine {
    v1::EventLine {
        r#type: event.r#type.clone(),
        reason: event.reason.clone(),
        message: event.message.clone(),
        count: i32::try_from(event.count).unwrap_or(i32::MAX),
        last_time: event.last.map(timestamp),
    }
}

fn log(log: &LogTail) -> v1::LogTail {
    v1::LogTail { container: log.container.clone(), previous: log.previous, lines: log.lines.clone() }
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

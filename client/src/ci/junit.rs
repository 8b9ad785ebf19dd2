//! JUnit's XML, which nearly every CI system shows as tests: a gate is a suite,
//! each of its objects a case.

mod xml;

use daymark::api::{Gate, GateObject, ObjectRef, Outcome, Standing};
use prost_types::Timestamp;

use self::xml::attributes;
use super::LOGS;
use crate::verdict::Verdict;
use crate::{status_json, words};

/// How a case has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// A case, with its text not yet escaped.
struct Case {
    class: String,
    name: String,
    end: End,
    reason: String,
    message: String,
    lines: Vec<String>,
}

/// The document, as a suite of that name. It is well-formed and holds no command
/// to a CI system that reads it on stdout, whatever the cluster's text is.
pub fn document(verdict: &Verdict, name: &str) -> String {
    let Verdict { gate, objects, .. } = verdict;
    let mut cases: Vec<Case> = objects.iter().map(|object| case(gate, object)).collect();
    let mut told = verdict.cause_lines(LOGS);
    if let Some(case) = culprit(gate, objects).and_then(|index| cases.get_mut(index)) {
        case.lines.append(&mut told);
    }
    if !is_told(gate, &cases) {
        let mut case = case_of_gate(gate, name);
        case.lines.append(&mut told);
        cases.push(case);
    }
    let count = |end: End| cases.iter().filter(|case| case.end == end).count().to_string();
    let mut all = vec![("name", name.to_owned()), ("tests", cases.len().to_string())];
    all.extend([("failures", count(End::Failure)), ("errors", count(End::Error)), ("skipped", count(End::Skipped))]);
    all.extend(seconds(gate).map(|time| ("time", time)));
    all.extend(gate.open_time.as_ref().and_then(status_json::time).map(|time| ("timestamp", time)));
    let cases: String = cases.iter().map(Case::xml).collect();
    // What is the fault of no case alone.
    let rest = if told.is_empty() { String::new() } else { xml::element("  ", "system-err", &[], &told) };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite{}>\n{cases}{rest}</testsuite>\n", attributes(&all))
}

impl Case {
    fn xml(&self) -> String {
        let of = attributes(&[("classname", self.class.clone()), ("name", self.name.clone())]);
        let element = match self.end {
            End::Passed => return format!("  <testcase{of}/>\n"),
            End::Failure => "failure",
            End::Error => "error",
            End::Skipped => "skipped",
        };
        let mut why = vec![("type", self.reason.clone()), ("message", self.message.clone())];
        // A test that was skipped has no type.
        why.retain(|(name, _)| self.end != End::Skipped || *name == "message");
        format!("  <testcase{of}>\n{}  </testcase>\n", xml::element("    ", element, &why, &self.lines))
    }
}

fn case(gate: &Gate, object: &GateObject) -> Case {
    let status = object.status.clone().unwrap_or_default();
    let it = status.r#ref.clone().unwrap_or_default();
    let kind = if status.kind.is_empty() { it.resource.clone() } else { status.kind.clone() };
    let end = end(gate.outcome(), object.standing());
    let message = match &*object.why {
        "" => words::condition(&status),
        why => format!("{why}: {}", words::condition(&status)),
    };
    Case {
        class: [kind, it.group.clone()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("."),
        name: place(&it),
        end,
        reason: first_of([&status.reason, &gate.reason]),
        lines: vec![format!("{}: {message}", words::name(&status))],
        message,
    }
}

/// A failure is the object's; that nothing was decided about it is an error.
fn end(outcome: Outcome, standing: Standing) -> End {
    match (standing, outcome) {
        (Standing::Met, _) => End::Passed,
        (Standing::Failed, _) => End::Failure,
        (Standing::Waiting | Standing::Unspecified, Outcome::Passed) => End::Passed,
        (Standing::Waiting | Standing::Unspecified, Outcome::Undecided) => End::Error,
        (Standing::Waiting | Standing::Unspecified, _) => End::Skipped,
    }
}

/// Whether these cases tell how the gate has ended. They do not where it has no
/// objects, too few, or none that was at fault.
fn is_told(gate: &Gate, cases: &[Case]) -> bool {
    let has = |ends: &[End]| cases.iter().any(|case| ends.contains(&case.end));
    match gate.outcome() {
        Outcome::Passed => !cases.is_empty(),
        Outcome::Failed => has(&[End::Failure]),
        Outcome::Undecided => has(&[End::Failure, End::Error]),
        Outcome::Cancelled | Outcome::Unspecified => has(&[End::Failure, End::Error, End::Skipped]),
    }
}

fn case_of_gate(gate: &Gate, name: &str) -> Case {
    let end = match gate.outcome() {
        Outcome::Passed => End::Passed,
        Outcome::Failed => End::Failure,
        Outcome::Undecided => End::Error,
        Outcome::Cancelled | Outcome::Unspecified => End::Skipped,
    };
    let message = super::verdict(gate);
    let (class, name, reason) = ("Gate".to_owned(), name.to_owned(), first_of([&gate.reason, ""]));
    Case { class, name, end, reason, lines: vec![message.clone()], message }
}

/// The object that the cause is of, as the daemon says.
fn culprit(gate: &Gate, objects: &[GateObject]) -> Option<usize> {
    let whose = gate.cause.as_ref()?.object.as_ref()?;
    let name = |it: &ObjectRef| (it.group.clone(), it.resource.clone(), it.namespace.clone(), it.name.clone());
    let is_it = |object: &GateObject| {
        let status = object.status.as_ref().and_then(|status| status.r#ref.as_ref());
        status.is_some_and(|it| name(it) == name(whose))
    };
    objects.iter().position(is_it)
}

fn place(it: &ObjectRef) -> String {
    match it.namespace.as_str() {
        "" => it.name.clone(),
        namespace => format!("{namespace}/{}", it.name),
    }
}

fn first_of(reasons: [&str; 2]) -> String {
    reasons.into_iter().find(|reason| !reason.is_empty()).unwrap_or("Failed").to_owned()
}

/// How long the gate was open.
fn seconds(gate: &Gate) -> Option<String> {
    let time = |time: &Timestamp| jiff::Timestamp::new(time.seconds, time.nanos).ok();
    let (open, end) = (gate.open_time.as_ref().and_then(time)?, gate.end_time.as_ref().and_then(time)?);
    Some(format!("{:.3}", end.duration_since(open).as_secs_f64().max(0.0)))
}

#[cfg(test)]
mod tests;

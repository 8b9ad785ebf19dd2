//! From a request's policy to the gate's.

use daymark_proto::v1::criterion::Criterion as Asked;
use daymark_proto::v1::{self, GatePolicy};
use jiff::SignedDuration;
use tonic::{Code, Status};

use super::Served;
use super::error::{Reason, not_evaluated, status};
use crate::gate::{Criterion, Goal, Policy};
use crate::kind::Kind;
use crate::predicate::{Expression, Language, PredicateError};
use crate::subscription::Selection;

/// The longest that a gate may be open.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// Criteria of a policy at most.
const MOST: usize = 32;
/// Objects that a gate can ask for at most: the API server's own limits are lower.
const MOST_OBJECTS: i32 = 1_000_000;

/// A policy, and what it asks of each version of an object.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) policy: Policy,
    pub(super) expressions: Vec<Expression>,
}

impl Served {
    /// The policy of a gate on these objects, all of it checked.
    pub(super) async fn read_policy(&self, wire: GatePolicy, selection: &Selection) -> Result<Read, Status> {
        let kinds: Vec<_> = selection.caches.iter().map(|cache| cache.kind()).collect();
        let read = read(&wire, &kinds)?;
        for expression in &read.expressions {
            self.evaluator.check(expression).await.map_err(|error| unevaluated(expression, &error))?;
        }
        if !read.expressions.is_empty() {
            selection.need_bodies()?;
        }
        Ok(read)
    }
}

fn read(wire: &GatePolicy, kinds: &[&Kind]) -> Result<Read, Status> {
    let mut expressions = Vec::new();
    if wire.all_of.len() + wire.any_of.len() + wire.fail_on.len() > MOST {
        return Err(invalid(format!("more than {MOST} criteria")));
    }
    let mut criteria = |asked: &[v1::Criterion]| {
        asked.iter().map(|asked| criterion(asked, kinds, &mut expressions)).collect::<Result<Vec<_>, _>>()
    };
    let (mut all, any, fail_on) = (criteria(&wire.all_of)?, criteria(&wire.any_of)?, criteria(&wire.fail_on)?);
    if all.is_empty() && any.is_empty() {
        all.push(Criterion::Ready);
    }
    if all.contains(&Criterion::Deleted) && (all.len() > 1 || !any.is_empty()) {
        return Err(invalid("deletion cannot be combined with other criteria"));
    }
    // Whose deletion is waited for may be gone already.
    let least = if all.contains(&Criterion::Deleted) { 0 } else { 1 };
    let limits = limits(wire, least)?;
    let policy = Policy { goal: Goal { all, any }, fail_on, ignore_failures: wire.ignore_failures, ..limits };
    check_durations(&policy)?;
    Ok(Read { policy, expressions })
}

fn limits(wire: &GatePolicy, least: usize) -> Result<Policy, Status> {
    let default = Policy::default();
    let number = |name: &str, number: Option<i32>| match number {
        Some(number) if !(0..=MOST_OBJECTS).contains(&number) => {
            Err(invalid(format!("{name} is not from 0 to {MOST_OBJECTS}")))
        }
        number => Ok(number.map(i32::unsigned_abs)),
    };
    let min_objects = number("min_objects", wire.min_objects)?;
    Ok(Policy {
        stable_for: duration("stable_for", wire.stable_for)?.unwrap_or(default.stable_for),
        fatal_after: match duration("fatal_after", wire.fatal_after)? {
            None if wire.once => SignedDuration::ZERO,
            fatal_after => fatal_after.unwrap_or(default.fatal_after),
        },
        tolerate: duration("tolerate", wire.tolerate)?.unwrap_or(default.tolerate),
        restarts: number("restarts", wire.restarts)?.unwrap_or(default.restarts),
        no_progress: duration("no_progress", wire.no_progress)?,
        deadline: duration("deadline", wire.deadline)?.unwrap_or(default.deadline),
        min_objects: min_objects.map_or(least, |least| least as usize),
        once: wire.once,
        ..default
    })
}

fn duration(name: &str, wire: Option<prost_types::Duration>) -> Result<Option<SignedDuration>, Status> {
    let Some(wire) = wire else { return Ok(None) };
    if !(-999_999_999..=999_999_999).contains(&wire.nanos) {
        return Err(invalid(format!("{name} is not a duration")));
    }
    // Seconds and nanoseconds of different signs may carry over the largest one.
    let (seconds, nanos) = (SignedDuration::from_secs(wire.seconds), SignedDuration::from_nanos(wire.nanos.into()));
    match seconds.checked_add(nanos) {
        None => Err(invalid(format!("{name} is not a duration"))),
        Some(duration) if duration.is_negative() => Err(invalid(format!("{name} is negative"))),
        duration => Ok(duration),
    }
}

fn check_durations(policy: &Policy) -> Result<(), Status> {
    let deadline = policy.deadline;
    if deadline.is_zero() || deadline > LONGEST {
        return Err(invalid("deadline is not from 1 ns to a day"));
    }
    if policy.stable_for >= deadline {
        return Err(invalid("stable_for is not shorter than the deadline: it could never pass"));
    }
    match policy.no_progress {
        Some(long) if long.is_zero() => Err(invalid("no_progress is zero")),
        Some(long) if long >= deadline => {
            Err(invalid("no_progress is not shorter than the deadline: it would never count"))
        }
        _ => Ok(()),
    }
}

fn criterion(asked: &v1::Criterion, kinds: &[&Kind], known: &mut Vec<Expression>) -> Result<Criterion, Status> {
    let expression = match &asked.criterion {
        None => return Err(invalid("a criterion is empty")),
        Some(Asked::Goal(number)) => return goal(*number, kinds),
        Some(Asked::Condition(text)) => condition(text)?,
        Some(Asked::JsonPath(text)) => Expression::json_path(text.as_str()),
        Some(Asked::Cel(text)) => Expression::cel(text.as_str()),
    };
    // What was true of the generation before is not true of this one.
    let expression = expression.as_observed();
    let place = known.iter().position(|other| *other == expression).unwrap_or_else(|| {
        known.push(expression);
        known.len() - 1
    });
    Ok(Criterion::Holds(place))
}

fn goal(number: i32, kinds: &[&Kind]) -> Result<Criterion, Status> {
    let goal = v1::Goal::try_from(number).map_err(|_| invalid(format!("this daemon knows no goal {number}")))?;
    let misfit = |group: &str, resources: &[&str]| {
        kinds.iter().find(|kind| kind.group != group || !resources.contains(&kind.resource.as_str()))
    };
    let misfit = match goal {
        v1::Goal::Rollout => misfit("apps", &["deployments", "statefulsets", "daemonsets"]),
        v1::Goal::Complete => misfit("batch", &["jobs"]),
        v1::Goal::Drained => misfit("", &["nodes"]),
        v1::Goal::Unspecified | v1::Goal::Ready | v1::Goal::Settled | v1::Goal::Exists | v1::Goal::Deleted => None,
    };
    if let Some(kind) = misfit {
        return Err(invalid(format!("{} is no goal of {kind}", goal.as_str_name())));
    }
    Ok(match goal {
        v1::Goal::Unspecified | v1::Goal::Ready | v1::Goal::Rollout | v1::Goal::Complete => Criterion::Ready,
        v1::Goal::Settled => Criterion::Settled,
        v1::Goal::Exists => Criterion::Exists,
        v1::Goal::Deleted => Criterion::Deleted,
        v1::Goal::Drained => Criterion::Drained,
    })
}

/// `TYPE` or `TYPE=VALUE`, as `kubectl wait` reads it: in any case, and not if it is
/// of an older generation (k8s.io/kubectl `pkg/cmd/wait/condition.go`).
fn condition(text: &str) -> Result<Expression, Status> {
    let (r#type, value) = text.split_once('=').unwrap_or((text, "True"));
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_graphic() && c != b'"' && c != b'\\');
    if !is_word(r#type) || !is_word(value) {
        return Err(invalid(format!("condition {text:?} is not TYPE or TYPE=VALUE")));
    }
    let (r#type, value) = (r#type.to_ascii_lowercase(), value.to_ascii_lowercase());
    let generation = "object.metadata.?generation.orValue(0)";
    Ok(Expression::cel(format!(
        "object.?status.?conditions.orValue([]).exists(c, c.type.lowerAscii() == \"{type}\" \
         && c.?status.orValue(\"\").lowerAscii() == \"{value}\" \
         && c.?observedGeneration.orValue({generation}) >= {generation})"
    )))
}

/// A criterion that was not evaluated.
fn unevaluated(expression: &Expression, error: &PredicateError) -> Status {
    let language = match expression.language {
        Language::Cel => "cel",
        Language::JsonPath => "jsonpath",
    };
    not_evaluated(&format!("invalid policy: {language}"), Reason::InvalidPolicy, error)
}

pub(super) fn invalid(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, Reason::InvalidPolicy, format!("invalid policy: {}", message.into()), [])
}

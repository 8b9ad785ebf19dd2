//! What an object is to be, as the command line says it.

use daymark::api::criterion::Criterion as Wire;
use daymark::api::{Criterion, Goal};
use serde::Deserialize;

/// What an object is to be, or what is to answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// The daemon judges it.
    OfObjects(Criterion),
    /// Something is to listen at `HOST:PORT`, as seen from here.
    Connect(String),
}

/// Why a text is no criterion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CriterionError {
    /// It is none of the words.
    #[error(
        "expected ready, settled, rollout, complete, exists, deleted, drained, condition=TYPE[=VALUE], \
         jsonpath={{PATH}}[=VALUE], cel=EXPRESSION or connect=HOST:PORT"
    )]
    Unknown,
    /// Nothing stands behind the sign of equality.
    #[error("a value is missing after {0}=")]
    Empty(&'static str),
    /// It is no host and port.
    #[error("{0:?} is not HOST:PORT")]
    NoAddress(String),
}

/// Reads `ready`, `condition=Available`, `jsonpath={.status.phase}=Running`...
pub fn parse(text: &str) -> Result<Asked, CriterionError> {
    let goal = |goal: Goal| Ok(Asked::OfObjects(is(goal)));
    match text.split_once('=') {
        None => match text {
            "ready" => goal(Goal::Ready),
            "settled" => goal(Goal::Settled),
            "rollout" => goal(Goal::Rollout),
            "complete" => goal(Goal::Complete),
            "exists" | "create" => goal(Goal::Exists),
            "deleted" | "delete" => goal(Goal::Deleted),
            "drained" => goal(Goal::Drained),
            _ => Err(CriterionError::Unknown),
        },
        Some(("condition", "")) => Err(CriterionError::Empty("condition")),
        Some(("condition", text)) => Ok(of_objects(Wire::Condition(text.to_owned()))),
        Some(("jsonpath", "")) => Err(CriterionError::Empty("jsonpath")),
        Some(("jsonpath", text)) => Ok(of_objects(Wire::JsonPath(text.to_owned()))),
        Some(("cel", "")) => Err(CriterionError::Empty("cel")),
        Some(("cel", text)) => Ok(of_objects(Wire::Cel(text.to_owned()))),
        Some(("connect", address)) => connect(address),
        Some(_) => Err(CriterionError::Unknown),
    }
}

/// What is so when that goal is reached.
pub fn is(goal: Goal) -> Criterion {
    Criterion { criterion: Some(Wire::Goal(goal.into())) }
}

fn of_objects(criterion: Wire) -> Asked {
    Asked::OfObjects(Criterion { criterion: Some(criterion) })
}

fn connect(address: &str) -> Result<Asked, CriterionError> {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Ok(Asked::Connect(address.to_owned()))
        }
        _ => Err(CriterionError::NoAddress(address.to_owned())),
    }
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_nothing_else() {
        let wire = |text: &str| match parse(text) {
            Ok(Asked::OfObjects(Criterion { criterion: Some(wire) })) => Some(wire),
            _ => None,
        };
        assert_eq!(wire("rollout"), Some(Wire::Goal(Goal::Rollout.into())));
        assert_eq!(wire("delete"), Some(Wire::Goal(Goal::Deleted.into())));
        assert_eq!(wire("condition=Ready=False"), Some(Wire::Condition("Ready=False".to_owned())));
        assert_eq!(wire("jsonpath={.a}=b=c"), Some(Wire::JsonPath("{.a}=b=c".to_owned())));
        assert_eq!(wire("cel=object.a == 1"), Some(Wire::Cel("object.a == 1".to_owned())));
        assert_eq!(parse("connect=[::1]:5432"), Ok(Asked::Connect("[::1]:5432".to_owned())));
        for text in
            ["", "lunch", "lunch=1", "condition=", "cel=", "connect=db", "connect=:1", "connect=db:0", "connect=db:x"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

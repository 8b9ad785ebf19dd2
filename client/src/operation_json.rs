//! Operations as JSON.

use daymark::api::{ObjectRef, Operation, Step};
use serde::Serialize;

use crate::status_json::{RefJson, strip, time};

/// `{"operations": [...]}`
#[derive(Serialize)]
pub struct ListJson<'a> {
    operations: Vec<OperationJson<'a>>,
}

impl<'a> ListJson<'a> {
    pub fn of(operations: &'a [Operation]) -> Self {
        Self { operations: operations.iter().map(OperationJson::of).collect() }
    }
}

/// An operation and its steps.
#[derive(Serialize)]
pub struct OutcomeJson<'a> {
    #[serde(flatten)]
    operation: OperationJson<'a>,
    steps: Vec<StepJson<'a>>,
}

impl<'a> OutcomeJson<'a> {
    pub fn of(operation: &'a Operation, steps: &'a [Step]) -> Self {
        Self { operation: OperationJson::of(operation), steps: steps.iter().map(StepJson::of).collect() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperationJson<'a> {
    id: &'a str,
    act: &'a str,
    target: Option<RefJson<'a>>,
    started_by: &'a str,
    start_time: Option<String>,
    deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<String>,
    stage: &'static str,
    reason: &'a str,
    message: &'a str,
    done: i32,
    total: i32,
    detached: bool,
}

impl<'a> OperationJson<'a> {
    fn of(it: &'a Operation) -> Self {
        Self {
            id: &it.id,
            act: &it.act,
            target: it.target.as_ref().map(RefJson::from),
            started_by: &it.started_by,
            start_time: it.start_time.as_ref().and_then(time),
            deadline: it.deadline.as_ref().and_then(time),
            end_time: it.end_time.as_ref().and_then(time),
            stage: strip(it.stage().as_str_name(), "OPERATION_STAGE_"),
            reason: &it.reason,
            message: &it.message,
            done: it.done,
            total: it.total,
            detached: it.detached,
        }
    }
}

#[derive(Serialize)]
struct StepJson<'a> {
    r#ref: Option<RefJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    controller: Option<RefJson<'a>>,
    state: &'static str,
    reason: &'a str,
    message: &'a str,
}

impl<'a> StepJson<'a> {
    fn of(it: &'a Step) -> Self {
        let object = |object: &'a Option<ObjectRef>| object.as_ref().map(RefJson::from);
        Self {
            r#ref: object(&it.r#ref),
            controller: object(&it.controller),
            state: strip(it.state().as_str_name(), "STEP_STATE_"),
            reason: &it.reason,
            message: &it.message,
        }
    }
}

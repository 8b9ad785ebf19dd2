//! Quarantines as JSON.

use daymark::api::{
    LabelChange, ListQuarantinedResponse, Operation, QuarantinePlan, QuarantinedPod, ReleaseResponse, Step,
};
use serde::Serialize;

use crate::operation_json::OutcomeJson;
use crate::status_json::{RefJson, StatusJson, UnreachableJson, time};

/// A quarantine that has ended: the operation, with its steps, and the plan.
#[derive(Serialize)]
pub struct QuarantineJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanJson<'a>>,
}

impl<'a> QuarantineJson<'a> {
    pub fn of(operation: &'a Operation, steps: &'a [Step], plan: Option<&'a QuarantinePlan>) -> Self {
        Self { outcome: OutcomeJson::of(operation, steps), plan: plan.map(PlanJson::of) }
    }
}

#[derive(Serialize)]
struct PlanJson<'a> {
    pod: Option<RefJson<'a>>,
    labels: Vec<LabelJson<'a>>,
    services: Vec<RefJson<'a>>,
    controller: Option<RefJson<'a>>,
    notes: &'a [String],
}

impl<'a> PlanJson<'a> {
    fn of(plan: &'a QuarantinePlan) -> Self {
        Self {
            pod: plan.pod.as_ref().map(RefJson::from),
            labels: labels(&plan.labels),
            services: plan.services.iter().map(RefJson::from).collect(),
            controller: plan.controller.as_ref().map(RefJson::from),
            notes: &plan.notes,
        }
    }
}

/// What becomes of a label; `null` where there is none.
#[derive(Serialize)]
struct LabelJson<'a> {
    key: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl<'a> From<&'a LabelChange> for LabelJson<'a> {
    fn from(it: &'a LabelChange) -> Self {
        Self { key: &it.key, before: it.before.as_deref(), after: it.after.as_deref() }
    }
}

fn labels(changes: &[LabelChange]) -> Vec<LabelJson<'_>> {
    changes.iter().map(LabelJson::from).collect()
}

/// A pod that was released.
#[derive(Serialize)]
pub struct ReleaseJson<'a> {
    pod: Option<RefJson<'a>>,
    labels: Vec<LabelJson<'a>>,
    controller: Option<RefJson<'a>>,
    removed: Option<RefJson<'a>>,
    message: &'a str,
}

impl<'a> ReleaseJson<'a> {
    pub fn of(released: &'a ReleaseResponse) -> Self {
        Self {
            pod: released.pod.as_ref().map(RefJson::from),
            labels: labels(&released.labels),
            controller: released.controller.as_ref().map(RefJson::from),
            removed: released.removed.as_ref().map(RefJson::from),
            message: &released.message,
        }
    }
}

/// `{"pods": [...]}`
#[derive(Serialize)]
pub struct ListJson<'a> {
    pods: Vec<PodJson<'a>>,
    unreachable: Vec<UnreachableJson<'a>>,
}

impl<'a> ListJson<'a> {
    pub fn of(listed: &'a ListQuarantinedResponse) -> Self {
        Self {
            pods: listed.pods.iter().map(PodJson::of).collect(),
            unreachable: listed.unreachable.iter().map(UnreachableJson::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct PodJson<'a> {
    status: Option<StatusJson<'a>>,
    labels: Vec<LabelJson<'a>>,
    by: &'a str,
    time: Option<String>,
    why: &'a str,
    controller: Option<RefJson<'a>>,
    services: &'a [String],
}

impl<'a> PodJson<'a> {
    fn of(pod: &'a QuarantinedPod) -> Self {
        Self {
            status: pod.status.as_ref().map(StatusJson::from),
            labels: labels(&pod.labels),
            by: &pod.by,
            time: pod.time.as_ref().and_then(time),
            why: &pod.why,
            controller: pod.controller.as_ref().map(RefJson::from),
            services: &pod.services,
        }
    }
}

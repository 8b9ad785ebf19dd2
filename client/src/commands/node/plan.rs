//! Plans of drains, printed.

use daymark::api::{DisruptionBudget, DrainPlan, PlannedPod, PodFate};
use serde::Serialize;

use crate::exit::Failure;
use crate::layout::{self, Cell};
use crate::printer::Printer;
use crate::sanitize;
use crate::status_json::{RefJson, strip, time};

/// The daemon's reason for leaving a pod that has been ending for longer than is waited for.
pub const NOT_AWAITED: &str = "NotAwaited";

/// Whether something is in the way.
pub fn is_blocked(plan: &DrainPlan) -> bool {
    with(plan, PodFate::Blocks).next().is_some()
}

fn with(plan: &DrainPlan, fate: PodFate) -> impl Iterator<Item = &PlannedPod> {
    plan.pods.iter().filter(move |pod| pod.fate() == fate)
}

/// What a drain sets out to do, in a few lines.
pub fn summary(plan: &DrainPlan) -> Vec<String> {
    let goes = with(plan, PodFate::Evicted).count() + with(plan, PodFate::Deleted).count();
    let (left, stays): (Vec<_>, Vec<_>) = with(plan, PodFate::Stays).partition(|pod| pod.reason == NOT_AWAITED);
    let mut first = format!("node/{}: {goes} to remove, {} to keep", name(plan), stays.len());
    if !left.is_empty() {
        first += &format!(", {} not to wait for", left.len());
    }
    let mut lines = vec![first];
    lines.extend(not_ready(plan));
    lines.extend(plan.budgets.iter().map(budget));
    lines.extend(losses(plan));
    lines.extend(
        plan.room.iter().filter(|room| !room.unplaced.is_empty()).map(|room| format!("room: {}", room.message)),
    );
    lines.extend(plan.not_visible.iter().map(|what| format!("not looked at: {what}")));
    lines.iter().map(|line| sanitize::line(line).into_owned()).collect()
}

fn name(plan: &DrainPlan) -> &str {
    plan.node.as_ref().map_or("", |node| &node.name)
}

/// That the node is not ready, if it is not.
fn not_ready(plan: &DrainPlan) -> Option<String> {
    (!plan.not_ready.is_empty()).then(|| format!("node/{} is not ready: {}", name(plan), plan.not_ready))
}

/// Pods that go and lose something by it.
fn losses(plan: &DrainPlan) -> impl Iterator<Item = String> {
    let goes = plan.pods.iter().filter(|pod| matches!(pod.fate(), PodFate::Evicted | PodFate::Deleted));
    goes.filter(|pod| !pod.message.is_empty()).map(|pod| format!("{}: {}", pod_name(pod), pod.message))
}

/// What is in the way, each in a line.
pub fn blocking(plan: &DrainPlan) -> Vec<String> {
    let line = |pod: &PlannedPod| format!("{}: {} ({})", pod_name(pod), pod.message, pod.reason);
    with(plan, PodFate::Blocks).map(|pod| sanitize::line(&line(pod)).into_owned()).collect()
}

fn pod_name(pod: &PlannedPod) -> String {
    let object = pod.r#ref.clone().unwrap_or_default();
    format!("{}/{}", object.namespace, object.name)
}

fn budget(budget: &DisruptionBudget) -> String {
    let object = budget.r#ref.clone().unwrap_or_default();
    let pods = if budget.here == 1 { "1 pod here".to_owned() } else { format!("{} pods here", budget.here) };
    format!("PodDisruptionBudget {}/{} {}; {pods}", object.namespace, object.name, budget.message)
}

/// Prints a whole plan.
pub fn print(plan: &DrainPlan, printer: &mut Printer) -> Result<(), Failure> {
    let header = ["NAMESPACE", "POD", "FATE", "REASON", "CONTROLLER", "BUDGETS", "MESSAGE"];
    printer.table(Some(layout::header(header)), plan.pods.iter().map(|pod| row(plan, pod)))?;
    let cordoned = if plan.cordoned { "is already cordoned" } else { "would be cordoned first" };
    printer.line(&sanitize::line(&format!("node/{} {cordoned}", name(plan))))?;
    let room = plan.room.iter().map(|room| format!("room: {}", room.message));
    for line in not_ready(plan).into_iter().chain(plan.budgets.iter().map(budget)).chain(room) {
        printer.line(&sanitize::line(&line))?;
    }
    for what in &plan.not_visible {
        printer.problem(&format!("not looked at: {what}"));
    }
    Ok(())
}

fn row(plan: &DrainPlan, pod: &PlannedPod) -> Vec<Cell> {
    let object = pod.r#ref.clone().unwrap_or_default();
    let controller = pod.controller.as_ref().map(|it| format!("{}/{}", it.resource, it.name)).unwrap_or_default();
    let budget =
        |place: &i32| plan.budgets.get(usize::try_from(*place).ok()?)?.r#ref.as_ref().map(|it| it.name.clone());
    let budgets: Vec<_> = pod.budgets.iter().filter_map(budget).collect();
    layout::plain([
        object.namespace,
        object.name,
        fate(pod.fate()).to_owned(),
        pod.reason.clone(),
        controller,
        budgets.join(","),
        pod.message.clone(),
    ])
}

fn fate(fate: PodFate) -> &'static str {
    match fate {
        PodFate::Unspecified => "unknown",
        PodFate::Evicted => "evicted",
        PodFate::Deleted => "deleted",
        PodFate::Stays => "stays",
        PodFate::Blocks => "blocks",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanJson<'a> {
    node: Option<RefJson<'a>>,
    cordoned: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    not_ready: &'a str,
    pods: Vec<PodJson<'a>>,
    budgets: Vec<BudgetJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<RoomJson<'a>>,
    not_visible: &'a [String],
    time: Option<String>,
}

#[derive(Serialize)]
struct PodJson<'a> {
    r#ref: Option<RefJson<'a>>,
    fate: &'static str,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    controller: Option<RefJson<'a>>,
    budgets: &'a [i32],
    quarantined: bool,
}

#[derive(Serialize)]
struct BudgetJson<'a> {
    r#ref: Option<RefJson<'a>>,
    allowed: i32,
    healthy: i32,
    desired: i32,
    expected: i32,
    here: i32,
    never: bool,
    message: &'a str,
}

#[derive(Serialize)]
struct RoomJson<'a> {
    pods: i32,
    unplaced: Vec<RefJson<'a>>,
    message: &'a str,
}

/// Plans as a document.
pub fn json(plans: &[DrainPlan]) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Document<'a> {
        plans: Vec<PlanJson<'a>>,
    }
    Document { plans: plans.iter().map(plan_json).collect() }
}

fn plan_json(plan: &DrainPlan) -> PlanJson<'_> {
    PlanJson {
        node: plan.node.as_ref().map(RefJson::from),
        cordoned: plan.cordoned,
        not_ready: &plan.not_ready,
        pods: plan.pods.iter().map(pod_json).collect(),
        budgets: plan.budgets.iter().map(budget_json).collect(),
        room: plan.room.as_ref().map(|room| RoomJson {
            pods: room.pods,
            unplaced: room.unplaced.iter().map(RefJson::from).collect(),
            message: &room.message,
        }),
        not_visible: &plan.not_visible,
        time: plan.time.as_ref().and_then(time),
    }
}

fn pod_json(pod: &PlannedPod) -> PodJson<'_> {
    PodJson {
        r#ref: pod.r#ref.as_ref().map(RefJson::from),
        fate: strip(pod.fate().as_str_name(), "POD_FATE_"),
        reason: &pod.reason,
        message: &pod.message,
        controller: pod.controller.as_ref().map(RefJson::from),
        budgets: &pod.budgets,
        quarantined: pod.quarantined,
    }
}

fn budget_json(budget: &DisruptionBudget) -> BudgetJson<'_> {
    BudgetJson {
        r#ref: budget.r#ref.as_ref().map(RefJson::from),
        allowed: budget.allowed,
        healthy: budget.healthy,
        desired: budget.desired,
        expected: budget.expected,
        here: budget.here,
        never: budget.never,
        message: &budget.message,
    }
}

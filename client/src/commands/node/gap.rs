//! What is awaited between two nodes: that what manages the pods of the first is ready again.

use std::time::Duration;

use daymark::api::{Filter, Gate, GatePolicy, ObjectRef, OpenGateRequest, Outcome, Step, StepState};
use daymark::{Client, Followed};
use tokio::time::{Instant, timeout_at};

use super::plan::NOT_AWAITED;
use crate::commands::operation::{name_of, request_id};
use crate::commands::session;
use crate::commands::wait::GRACE;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::sanitize;
use crate::signals::Signals;

/// Kinds that bring pods back, and are ready when these are.
const BRING_BACK: [&str; 3] = ["replicasets", "statefulsets", "replicationcontrollers"];

/// Waits until what manages the pods that went is ready again.
pub async fn until_ready(
    client: &Client,
    steps: &[Step],
    patience: Duration,
    printer: &mut Printer,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let controllers = controllers(steps);
    if controllers.is_empty() {
        return Ok(());
    }
    printer.note(&format!("waiting until {} whose pods were evicted are ready again", counted(controllers.len())));
    let request = OpenGateRequest {
        request_id: request_id(),
        filter: Some(Filter { refs: controllers, ..Filter::default() }),
        policy: Some(GatePolicy {
            deadline: patience.min(Duration::from_secs(86400)).try_into().ok(),
            ..GatePolicy::default()
        }),
        ..OpenGateRequest::default()
    };
    let ends = Instant::now().checked_add(patience + GRACE).unwrap_or_else(|| Instant::now() + session::FOREVER);
    let token = signals.or(async { Ok(client.open_gate(request).await?.token) }).await?;
    let mut watch = client.watch_gate(&token);
    loop {
        let event = signals.or(async { Ok(timeout_at(ends, watch.next()).await) }).await?;
        match event.map_err(|_| no_verdict())?? {
            Some(Followed::Told(told)) => match told.gate.unwrap_or_default() {
                gate if gate.outcome() == Outcome::Unspecified => {}
                gate if gate.outcome() == Outcome::Passed => return Ok(()),
                gate => return Err(not_ready(&gate)),
            },
            Some(Followed::Lost(error)) => printer.problem(&session::lost(client, &error)),
            Some(Followed::Restored) => {}
            None => return Err(no_verdict()),
        }
    }
}

fn no_verdict() -> Failure {
    let text = "the next node is not touched: whether what manages the pods that went is ready again was not told in time; \
                daymark node drain goes on with the nodes that are left";
    Failure::new(Exit::Unreachable, text)
}

/// What manages the pods that went, and brings them back; each once.
fn controllers(steps: &[Step]) -> Vec<ObjectRef> {
    let mut controllers: Vec<ObjectRef> = Vec::new();
    for step in steps.iter().filter(|step| is_replaced(step)) {
        let controller = step.controller.iter().filter(|it| BRING_BACK.contains(&&*it.resource));
        let new: Vec<_> = controller.filter(|controller| !controllers.contains(controller)).cloned().collect();
        controllers.extend(new);
    }
    controllers
}

/// Whether a pod was evicted, and comes back: a StatefulSet replaces none while it is there, if only by name.
fn is_replaced(step: &Step) -> bool {
    let is_stateful = step.controller.as_ref().is_some_and(|controller| controller.resource == "statefulsets");
    step.state() == StepState::Done || (step.reason == NOT_AWAITED && !is_stateful)
}

fn not_ready(gate: &Gate) -> Failure {
    let object = gate.cause.as_ref().and_then(|cause| cause.object.as_ref()).map(name_of).unwrap_or_default();
    let text = format!("the next node is not touched: {}: {} {object}", gate.reason, gate.message);
    Failure::new(Exit::Failed, sanitize::line(text.trim()))
}

fn counted(count: usize) -> String {
    match count {
        1 => "the 1 workload".to_owned(),
        count => format!("the {count} workloads"),
    }
}

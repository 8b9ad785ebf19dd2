//! `daymark node drain`

use std::time::Duration;

use daymark::api::{DrainOptions, DrainPlan, ObjectRef, PlanDrainRequest, StartDrainRequest};
use daymark::{Client, Error};

use super::{gap, nodes, plan};
use crate::args::{Between, Drain, DryRun, Global, Output};
use crate::commands::operation::{Ended, announce, carry_out, request_id};
use crate::commands::session;
use crate::commands::wait::GRACE;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::sanitize;
use crate::signals::Signals;

/// The most that a drain may take.
const LONGEST: Duration = Duration::from_secs(7 * 86400);

/// Empties nodes, one after another.
pub async fn run(global: &Global, args: &Drain, printer: &mut Printer, signals: &mut Signals) -> Result<Exit, Failure> {
    if args.detach && args.nodes.names.len() > 1 {
        return Err(Failure::usage(
            "--detach works with one node only: several are drained one after another by the client",
        ));
    }
    let client = signals.or(session::connect(global)).await?;
    let what = if args.plan { "planning to drain" } else { "draining" };
    let nodes = signals.or(nodes(global, &client, &args.nodes)).await?;
    let names: Vec<_> = nodes.iter().map(|node| format!("node/{}", node.name)).collect();
    signals.or(announce(&client, printer, &format!("{what} {}", names.join(", ")))).await?;
    if args.plan {
        return signals.or(show_plans(&client, args, nodes, printer)).await;
    }
    let count = nodes.len();
    for (number, node) in nodes.into_iter().enumerate() {
        if args.detach {
            return signals.or(begin(&client, args, node, printer)).await;
        }
        let ended = drain(&client, args, node, printer, signals).await?;
        ended.finish(printer, args.output)?;
        printer.flush()?;
        if number + 1 < count && args.between == Between::Ready && args.dry_run == DryRun::None {
            gap::until_ready(&client, &ended.steps, timeout(args), printer, signals).await?;
        }
    }
    Ok(Exit::Passed)
}

/// Empties one node.
async fn drain(
    client: &Client,
    args: &Drain,
    node: ObjectRef,
    printer: &mut Printer,
    signals: &mut Signals,
) -> Result<Ended, Failure> {
    let id = request_id();
    let start = async |printer: &mut Printer| {
        let request = StartDrainRequest {
            request_id: id.clone(),
            r#ref: Some(node.clone()),
            options: Some(options(args)),
            detach: false,
        };
        let started = client.start_drain(request).await;
        if started.as_ref().is_err_and(is_blocked) {
            say_what_is_in_the_way(client, args, node.clone(), printer).await;
        }
        let started = started?;
        if let Some(plan) = &started.plan {
            plan::summary(plan).iter().for_each(|line| printer.note(line));
        }
        Ok(started.operation.unwrap_or_default())
    };
    carry_out(client, printer, signals, timeout(args) + GRACE, start).await
}

fn is_blocked(error: &Error) -> bool {
    error.rpc().is_some_and(|error| error.reason == "DRAIN_BLOCKED")
}

/// All that is in the way, of which an error names the first only.
async fn say_what_is_in_the_way(client: &Client, args: &Drain, node: ObjectRef, printer: &mut Printer) {
    let request = PlanDrainRequest { r#ref: Some(node), options: Some(options(args)) };
    // It only adds to what is said anyway.
    if let Ok(planned) = client.plan_drain(request).await {
        plan::blocking(&planned.plan.unwrap_or_default()).iter().for_each(|line| printer.note(line));
    }
}

/// Begins, and leaves it to the daemon.
async fn begin(client: &Client, args: &Drain, node: ObjectRef, printer: &mut Printer) -> Result<Exit, Failure> {
    let request =
        StartDrainRequest { request_id: request_id(), r#ref: Some(node), options: Some(options(args)), detach: true };
    let started = client.start_drain(request).await?;
    let id = started.operation.unwrap_or_default().id;
    printer.line(&sanitize::line(&id))?;
    printer.note(&sanitize::line(&format!("it continues in the daemon: follow it with daymark operation watch {id}")));
    Ok(Exit::Passed)
}

async fn show_plans(
    client: &Client,
    args: &Drain,
    nodes: Vec<ObjectRef>,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let mut plans = Vec::new();
    for node in nodes {
        let request = PlanDrainRequest { r#ref: Some(node), options: Some(options(args)) };
        let planned: Result<_, Error> = client.plan_drain(request).await;
        plans.push(planned?.plan.unwrap_or_default());
    }
    let is_blocked = plans.iter().any(|plan: &DrainPlan| plan::is_blocked(plan));
    match args.output {
        Output::Json => printer.json(&plan::json(&plans))?,
        Output::Text => plans.iter().try_for_each(|plan| plan::print(plan, printer))?,
    }
    Ok(if is_blocked { Exit::Failed } else { Exit::Passed })
}

fn timeout(args: &Drain) -> Duration {
    if args.timeout.is_zero() { LONGEST } else { args.timeout }
}

fn options(args: &Drain) -> DrainOptions {
    DrainOptions {
        ignore_daemonsets: args.ignore_daemonsets,
        delete_emptydir_data: args.delete_emptydir_data,
        force: args.force,
        grace_period_seconds: (args.grace_period >= 0).then_some(args.grace_period),
        pod_selector: args.pod_selector.clone(),
        disable_eviction: args.disable_eviction,
        dry_run: args.dry_run == DryRun::Server,
        timeout: timeout(args).try_into().ok(),
        skip_wait_for_delete_timeout_seconds: args.skip_wait_for_delete_timeout,
    }
}

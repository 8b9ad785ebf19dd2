//! `daymark gate`

mod applied;
mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use daymark::api::{
    ArmGateRequest, CancelGateRequest, GateObject, GatePolicy, GetGateRequest, Goal, OpenGateRequest, Outcome, Standing,
};
use daymark::{Client, GateEvent};

use super::session;
use crate::args::{Gate, GateArm, GateGoal, GateOpen, GateToken, Global};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::targets::Selection;
use crate::{sanitize, words};

/// Does what is asked of gates.
pub async fn run(global: &Global, args: &Gate, printer: &mut Printer) -> Result<Exit, Failure> {
    match args {
        Gate::Open(args) => open(global, args, printer).await,
        Gate::Arm(args) => arm(global, args, printer).await,
        Gate::Wait(args) => wait(global, args, printer).await,
        Gate::Show(args) => show(global, args, printer).await,
        Gate::Cancel(args) => cancel(global, args, printer).await,
    }
}

async fn open(global: &Global, args: &GateOpen, printer: &mut Printer) -> Result<Exit, Failure> {
    let selection = Selection::parse(&args.words)?;
    if matches!(selection, Selection::Objects(_)) && (args.all_namespaces || !args.selector.is_empty()) {
        return Err(Failure::usage("objects that are named exclude --all-namespaces and --selector"));
    }
    let mut filter = selection.filter(session::namespace(global), args.all_namespaces);
    filter.label_selector.clone_from(&args.selector);
    let goal = match args.goal {
        GateGoal::Ready => Goal::Ready,
        GateGoal::Rollout => Goal::Rollout,
        GateGoal::Complete => Goal::Complete,
        GateGoal::Exists => Goal::Exists,
        GateGoal::Deleted => Goal::Deleted,
    };
    let wire = |duration: Option<Duration>| {
        let wire = duration.map(prost_types::Duration::try_from).transpose();
        wire.map_err(|_| Failure::usage("a duration is too long"))
    };
    let policy = GatePolicy {
        goal: goal.into(),
        ignore_failures: args.ignore_failures,
        stable_for: wire(args.stable_for)?,
        tolerate: wire(args.tolerate)?,
        no_progress: wire(args.no_progress)?,
        deadline: wire(args.timeout)?,
        min_objects: args.min.unwrap_or(0),
    };
    let client = session::connect(global).await?;
    let request = OpenGateRequest { filter: Some(filter), policy: Some(policy), await_arming: args.await_arming };
    let opened = client.open_gate(request).await?;
    printer.line(&opened.token)?;
    Ok(Exit::Passed)
}

async fn arm(global: &Global, args: &GateArm, printer: &mut Printer) -> Result<Exit, Failure> {
    let applied = applied::read(&args.file)?;
    let count = applied.len();
    let client = session::connect(global).await?;
    client.arm_gate(ArmGateRequest { token: args.token.clone(), applied }).await?;
    printer.note(&format!("armed with {count} objects"));
    Ok(Exit::Passed)
}

async fn wait(global: &Global, args: &GateToken, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    let mut objects: BTreeMap<String, GateObject> = BTreeMap::new();
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let mut watch = client.watch_gate(&args.token);
    let mut gate = None;
    while let Some(event) = watch.next().await? {
        let message = match event {
            GateEvent::Told(message) => message,
            GateEvent::Lost(error) => {
                printer.problem(&session::lost(&client, &error));
                continue;
            }
        };
        for object in message.objects {
            let Some(status) = &object.status else { continue };
            let (name, line) = (words::name(status), words::condition(status));
            if said.get(&name) != Some(&line) {
                printer.note(&format!("{}: {line}", sanitize::line(&name)));
                said.insert(name.clone(), line);
            }
            objects.insert(report::place(status), object);
        }
        gate = message.gate;
    }
    let gate = gate.ok_or_else(|| Failure::new(Exit::Fault, "the daemon told nothing of the gate"))?;
    let objects: Vec<_> = objects.into_values().collect();
    report::print(printer, args.output, &gate, &objects)?;
    match gate.outcome() {
        Outcome::Passed => Ok(Exit::Passed),
        Outcome::Failed => Ok(Exit::Failed),
        outcome => {
            let open = objects.iter().filter(|object| object.standing() != Standing::Met).count();
            let word = if outcome == Outcome::Cancelled { "cancelled" } else { "undecided" };
            let why = sanitize::line(&gate.message).into_owned();
            Err(Failure::new(Exit::Undecided, format!("{word}: {why}; {open} of {} unfinished", objects.len())))
        }
    }
}

async fn show(global: &Global, args: &GateToken, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    let shown = client.get_gate(GetGateRequest { token: args.token.clone() }).await?;
    report::print(printer, args.output, &shown.gate.unwrap_or_default(), &shown.objects)?;
    Ok(Exit::Passed)
}

async fn cancel(global: &Global, args: &GateToken, printer: &mut Printer) -> Result<Exit, Failure> {
    let client: Client = session::connect(global).await?;
    let cancelled = client.cancel_gate(CancelGateRequest { token: args.token.clone() }).await?;
    report::print(printer, args.output, &cancelled.gate.unwrap_or_default(), &[])?;
    Ok(Exit::Passed)
}

//! `daymark gate`

use daymark::Followed;
use daymark::api::{ArmGateRequest, CancelGateRequest, Gate as Opened, GateObject, GetGateRequest};
use tokio::time::{Instant, sleep_until};

use super::following::Following;
use super::wait::GRACE;
use super::{root_cause, session};
use crate::args::{Gate, GateArm, GateOpen, GateToken, Global, ReportFormat};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::signals::Signals;
use crate::verdict::Verdict;
use crate::{ask, manifests};

/// Does what is asked of gates.
pub async fn run(global: &Global, args: &Gate, printer: &mut Printer, signals: &mut Signals) -> Result<Exit, Failure> {
    match args {
        Gate::Open(args) => signals.or(open(global, args, printer)).await,
        Gate::Arm(args) => signals.or(arm(global, args, printer)).await,
        Gate::Wait(args) => wait(global, args, printer, signals).await,
        Gate::Show(args) => signals.or(show(global, args, printer)).await,
        Gate::Cancel(args) => signals.or(cancel(global, args, printer)).await,
    }
}

async fn open(global: &Global, args: &GateOpen, printer: &mut Printer) -> Result<Exit, Failure> {
    let ask =
        ask::read(&args.question, session::namespace(global), printer).await?.of_cluster(session::cluster(global));
    if !ask.connect.is_empty() {
        return Err(Failure::usage("connect= is tried by the waiting client: use it with daymark wait"));
    }
    if ask.is_endless() {
        return Err(Failure::usage("a gate needs a deadline: --timeout none works with daymark wait only"));
    }
    let mut request = ask.request;
    if args.await_arming {
        // What is known of the objects is of before the apply.
        request.applied.clear();
    }
    request.await_arming = args.await_arming;
    let client = session::connect(global).await?;
    let opened = client.open_gate(request).await?;
    printer.line(&opened.token)?;
    Ok(Exit::Passed)
}

async fn arm(global: &Global, args: &GateArm, printer: &mut Printer) -> Result<Exit, Failure> {
    let applied = manifests::read(&args.files, printer).await?;
    if let Some(object) = applied.iter().find(|object| !manifests::is_applied(object)) {
        let name = object.r#ref.clone().unwrap_or_default();
        let text = format!(
            "{}/{} has no uid and resourceVersion: pass the output of an apply with -o json",
            name.resource, name.name
        );
        return Err(Failure::usage(text));
    }
    let count = applied.len();
    let client = session::connect(global).await?;
    let armed = client.arm_gate(ArmGateRequest { token: args.token.clone(), applied }).await?;
    printer.note(&format!("armed: {} of {count} objects belong to the gate", armed.matched));
    Ok(Exit::Passed)
}

async fn wait(
    global: &Global,
    args: &GateToken,
    printer: &mut Printer,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    printer.read_by(args.report.ci);
    let client = signals.or(session::connect(global)).await?;
    let mut following = Following::new(printer, &args.report, Instant::now());
    let mut watch = client.watch_gate(&args.token);
    loop {
        let silent_until = following.silent_until();
        let ends = following.left().map(|left| Instant::now() + left + GRACE);
        tokio::select! {
            biased;
            ending = signals.next() => return Err(ending.into()),
            event = watch.next() => match event? {
                Some(Followed::Told(message)) => following.told(*message)?,
                Some(Followed::Lost(error)) => following.lost(&client, &error),
                // What comes next is all of it again.
                Some(Followed::Restored) => following.begin(),
                None => {
                    root_cause::look_for(&client, session::cluster(global), &mut following, signals).await;
                    return following.finish();
                }
            },
            () = sleep_until(ends.unwrap_or(silent_until)), if ends.is_some() => {
                return Err(Failure::new(Exit::Unreachable, "the gate's deadline has passed, and the daemon has given no verdict"));
            }
            () = sleep_until(silent_until) => following.go_on(),
        }
    }
}

async fn show(global: &Global, args: &GateToken, printer: &mut Printer) -> Result<Exit, Failure> {
    printer.read_by(args.report.ci);
    let client = session::connect(global).await?;
    let shown = client.get_gate(GetGateRequest { token: args.token.clone() }).await?;
    print(args, printer, shown.gate.unwrap_or_default(), shown.objects)
}

async fn cancel(global: &Global, args: &GateToken, printer: &mut Printer) -> Result<Exit, Failure> {
    printer.read_by(args.report.ci);
    let client = session::connect(global).await?;
    let cancelled = client.cancel_gate(CancelGateRequest { token: args.token.clone() }).await?;
    print(args, printer, cancelled.gate.unwrap_or_default(), Vec::new())
}

fn print(args: &GateToken, printer: &mut Printer, gate: Opened, objects: Vec<GateObject>) -> Result<Exit, Failure> {
    let verdict = Verdict { gate, objects, ..Verdict::default() };
    match args.report.output {
        ReportFormat::Text => {
            let cause = verdict.cause_lines(args.report.logs);
            verdict.lines().into_iter().chain(cause).try_for_each(|line| printer.line(&line))?;
        }
        ReportFormat::Json => printer.json(&verdict.json())?,
        ReportFormat::Ndjson => printer.json_line(&verdict.json())?,
        ReportFormat::Junit => {
            let document = crate::ci::junit::document(&verdict, "daymark");
            printer.line(document.trim_end())?;
        }
    }
    Ok(Exit::Passed)
}

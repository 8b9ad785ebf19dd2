//! `daymark quarantine`

mod failing;
mod list;

use std::collections::HashMap;
use std::time::Duration;

use daymark::Client;
use daymark::api::{LabelChange, ObjectRef, QuarantinePlan, StartQuarantineRequest};

use super::operation::{Ended, announce, carry_out, name_of, request_id};
use super::session;
use super::wait::GRACE;
use crate::args::{DryRun, Global, Output, Quarantine, QuarantineCommand, QuarantineStart};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::quarantine_json::QuarantineJson;
use crate::sanitize;
use crate::signals::Signals;
use crate::targets::Selection;

/// The most that a quarantine may take.
const LONGEST: Duration = Duration::from_secs(86400);

/// Takes pods out of service, or shows which are.
pub async fn run(
    global: &Global,
    args: &Quarantine,
    printer: &mut Printer,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    if let Some(QuarantineCommand::List(args)) = &args.command {
        return signals.or(list::run(global, args, printer)).await;
    }
    let args = &args.start;
    let set = set(&args.set)?;
    if args.max.is_some() && args.to.is_none() {
        return Err(Failure::usage("--max needs --to, which names a workload"));
    }
    let named = match &args.to {
        None => Some(pod(global, &args.words)?),
        Some(_) => None,
    };
    let client = signals.or(session::connect(global)).await?;
    let pods = match (named, &args.to) {
        (None, Some(workload)) => {
            let found = failing::pods(global, &client, workload, args.max.unwrap_or(1), printer);
            signals.or(found).await?
        }
        (named, _) => named.into_iter().collect(),
    };
    if pods.is_empty() {
        let workload = args.to.as_deref().unwrap_or_default();
        printer.note(&sanitize::line(&format!("no pod of {workload} fails: nothing was quarantined")));
        return Ok(Exit::Passed);
    }
    let names: Vec<_> = pods.iter().map(|pod| format!("pod/{}", pod.name)).collect();
    signals.or(announce(&client, printer, &format!("quarantining {}", names.join(", ")))).await?;
    for pod in pods {
        if args.detach {
            signals.or(begin(&client, args, &set, pod, printer)).await?;
            continue;
        }
        let (ended, plan) = quarantine(&client, args, &set, pod, printer, signals).await?;
        finish(&ended, plan.as_ref(), args.output, printer)?;
        printer.flush()?;
    }
    Ok(Exit::Passed)
}

/// The pod that words name.
pub fn pod(global: &Global, words: &[String]) -> Result<ObjectRef, Failure> {
    let Selection::Objects(targets) = Selection::parse(words).map_err(|_| nameless())? else {
        return Err(nameless());
    };
    match targets.as_slice() {
        [target] if matches!(&*target.kind, "po" | "pod" | "pods") => {
            let cluster = session::cluster(global).to_owned();
            Ok(ObjectRef { cluster, ..target.object_ref(session::one_namespace(global)?) })
        }
        [target] => Err(Failure::usage(format!(
            "{:?} is not the kind of a pod: {}",
            target.kind, "name one, such as pod/web-1"
        ))),
        _ => Err(nameless()),
    }
}

fn nameless() -> Failure {
    Failure::usage("name one pod, such as pod/web-1")
}

/// The labels of `--set`.
fn set(words: &[String]) -> Result<HashMap<String, String>, Failure> {
    let mut set = HashMap::new();
    for word in words {
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Failure::usage(format!("--set {word:?} is not KEY=VALUE")));
        };
        if set.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("--set gives label {key:?} two values")));
        }
    }
    Ok(set)
}

fn request(args: &QuarantineStart, set: &HashMap<String, String>, id: &str, pod: &ObjectRef) -> StartQuarantineRequest {
    StartQuarantineRequest {
        request_id: id.to_owned(),
        r#ref: Some(pod.clone()),
        set: set.clone(),
        why: args.why.clone(),
        timeout: timeout(args).try_into().ok(),
        dry_run: args.dry_run == DryRun::Server,
        detach: args.detach,
    }
}

fn timeout(args: &QuarantineStart) -> Duration {
    if args.timeout.is_zero() { LONGEST } else { args.timeout }
}

/// Takes a pod out, and waits until it is replaced.
async fn quarantine(
    client: &Client,
    args: &QuarantineStart,
    set: &HashMap<String, String>,
    pod: ObjectRef,
    printer: &mut Printer,
    signals: &mut Signals,
) -> Result<(Ended, Option<QuarantinePlan>), Failure> {
    let id = request_id();
    let plan = std::cell::RefCell::new(None);
    let start = async |printer: &mut Printer| {
        let started = client.start_quarantine(request(args, set, &id, &pod)).await?;
        if let Some(told) = started.plan {
            summary(&told).iter().for_each(|line| printer.note(line));
            plan.replace(Some(told));
        }
        Ok(started.operation.unwrap_or_default())
    };
    let ended = carry_out(client, printer, signals, timeout(args) + GRACE, start).await?;
    Ok((ended, plan.into_inner()))
}

/// Begins, and leaves it to the daemon.
async fn begin(
    client: &Client,
    args: &QuarantineStart,
    set: &HashMap<String, String>,
    pod: ObjectRef,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let started = client.start_quarantine(request(args, set, &request_id(), &pod)).await?;
    let id = started.operation.unwrap_or_default().id;
    printer.line(&sanitize::line(&id))?;
    printer.note(&sanitize::line(&format!("it continues in the daemon: follow it with daymark operation watch {id}")));
    Ok(())
}

/// As [`Ended::finish`], with the plan.
fn finish(ended: &Ended, plan: Option<&QuarantinePlan>, output: Output, printer: &mut Printer) -> Result<(), Failure> {
    if output == Output::Text {
        return ended.finish(printer, output).map(drop);
    }
    printer.json(&QuarantineJson::of(&ended.operation, &ended.steps, plan))?;
    ended.exit().map(drop)
}

/// What is to be changed, and what follows, in a few lines.
fn summary(plan: &QuarantinePlan) -> Vec<String> {
    let pod = plan.pod.as_ref().map(name_of).unwrap_or_default();
    let names: Vec<_> = plan.services.iter().chain(&plan.controller).map(name_of).collect();
    let mut lines = vec![format!("{pod}: {}", labels(&plan.labels))];
    if !names.is_empty() {
        lines.push(format!("no longer selected by {}", names.join(", ")));
    }
    lines.extend(plan.notes.iter().cloned());
    lines.iter().map(|line| sanitize::line(line).into_owned()).collect()
}

/// `app: web → web-quarantined`
pub fn labels(changes: &[LabelChange]) -> String {
    let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
    let change = |it: &LabelChange| format!("{}: {} → {}", it.key, told(&it.before), told(&it.after));
    changes.iter().map(change).collect::<Vec<_>>().join(", ")
}

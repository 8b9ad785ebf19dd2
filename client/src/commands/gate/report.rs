//! How a gate is shown.

use daymark::api::{Gate, GateObject, Outcome, Standing, Status};
use serde::Serialize;

use crate::args::Report;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::status_json::{StatusJson, time};
use crate::{json, sanitize, words};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    outcome: &'static str,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<String>,
    armed: bool,
    proven: bool,
    objects: Vec<ObjectJson<'a>>,
}

#[derive(Serialize)]
struct ObjectJson<'a> {
    standing: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
    #[serde(flatten)]
    status: Option<StatusJson<'a>>,
}

/// By what objects are ordered, and told apart.
pub fn place(status: &Status) -> String {
    let it = status.r#ref.clone().unwrap_or_default();
    format!("{}/{}/{}/{}", it.group, it.resource, it.namespace, it.name)
}

/// Prints a gate: a line for each object, and one for all; or a document.
pub fn print(printer: &mut Printer, output: Report, gate: &Gate, objects: &[GateObject]) -> Result<(), Failure> {
    if output == Report::Json {
        let document = Document {
            outcome: outcome(gate.outcome()),
            reason: &gate.reason,
            message: &gate.message,
            open_time: gate.open_time.as_ref().and_then(time),
            deadline: gate.deadline.as_ref().and_then(time),
            end_time: gate.end_time.as_ref().and_then(time),
            armed: gate.armed,
            proven: gate.proven,
            objects: objects.iter().map(object).collect(),
        };
        let terminal = printer.on_terminal();
        return Ok(json::pretty(printer.out(), &document, terminal)?);
    }
    for it in objects {
        let Some(status) = &it.status else { continue };
        let why = if it.why.is_empty() { String::new() } else { format!(" ({})", it.why) };
        let line = format!("{} {}: {}{why}", words::name(status), standing(it.standing()), words::condition(status));
        printer.line(&sanitize::line(&line))?;
    }
    let why = match &*gate.reason {
        "" => format!("{} of {} objects are as they are needed", gate.met, gate.objects),
        reason => format!("{reason}: {}", gate.message),
    };
    printer.line(&sanitize::line(&format!("gate {}: {why}", outcome(gate.outcome()).to_lowercase())))?;
    Ok(())
}

fn object(it: &GateObject) -> ObjectJson<'_> {
    let status = it.status.as_ref().map(StatusJson::from);
    ObjectJson { standing: standing(it.standing()), why: &it.why, status }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unspecified => "OPEN",
        Outcome::Passed => "PASSED",
        Outcome::Failed => "FAILED",
        Outcome::Undecided => "UNDECIDED",
        Outcome::Cancelled => "CANCELLED",
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Unspecified | Standing::Waiting => "waiting",
        Standing::Met => "met",
        Standing::Failed => "failed",
    }
}

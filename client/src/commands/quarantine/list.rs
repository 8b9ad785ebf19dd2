//! `daymark quarantine list`

use daymark::api::{ListQuarantinedRequest, QuarantinedPod, State};

use crate::args::{Global, Output, QuarantineList};
use crate::commands::quarantine::labels;
use crate::commands::session;
use crate::exit::{Exit, Failure};
use crate::layout::{self, Cell};
use crate::printer::Printer;
use crate::quarantine_json::ListJson;
use crate::status_json::time;
use crate::targets::in_namespaces;
use crate::words;

/// Pods per page.
const PAGE: i32 = 500;

/// Shows which pods are in quarantine.
pub async fn run(global: &Global, args: &QuarantineList, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    let namespace = session::namespace(global).filter(|_| !args.all_namespaces);
    let request = ListQuarantinedRequest {
        cluster: session::cluster(global).to_owned(),
        namespaces: in_namespaces(namespace),
        all_namespaces: args.all_namespaces,
        page_size: PAGE,
        page_token: String::new(),
    };
    let listed = client.list_quarantined(request).await?;
    listed.unreachable.iter().for_each(|kind| printer.problem(&session::unreachable(kind)));
    if args.output == Output::Json {
        printer.json(&ListJson::of(&listed))?;
        return Ok(Exit::Passed);
    }
    if listed.pods.is_empty() {
        printer.note("No pods are in quarantine.");
        return Ok(Exit::Passed);
    }
    let header = ["NAMESPACE", "NAME", "STATE", "LABELS", "CONTROLLER", "BY", "SINCE", "WHY"];
    printer.table(Some(layout::header(header)), listed.pods.iter().map(row))?;
    Ok(Exit::Passed)
}

fn row(pod: &QuarantinedPod) -> Vec<Cell> {
    let status = pod.status.clone().unwrap_or_default();
    let name = status.r#ref.clone().unwrap_or_default();
    let state: State = status.state();
    layout::plain([
        name.namespace,
        name.name,
        words::state(state).to_owned(),
        labels(&pod.labels),
        pod.controller.as_ref().map(|it| words::object("", it)).unwrap_or_default(),
        pod.by.clone(),
        pod.time.as_ref().and_then(time).unwrap_or_default(),
        pod.why.clone(),
    ])
}

//! `daymark node list`

use anstyle::Style;
use daymark::api::{ListNodesRequest, ListNodesResponse, NodePartResult, NodeReport};
use prost_types::Timestamp;
use serde::Serialize;

use crate::args::{Global, NodeList, NodeListFormat};
use crate::commands::session;
use crate::exit::{Exit, Failure};
use crate::layout::{self, Cell};
use crate::node_report::{NodeJson, lacks, name};
use crate::printer::Printer;
use crate::staleness;
use crate::status_json::{FreshnessJson, UnreachableJson};
use crate::{sanitize, words};

const HEADER: [&str; 11] =
    ["NAME", "STATE", "ROLES", "VERSION", "RUNTIME", "PODS", "CPU", "MEMORY", "TAINTS", "LEASE", "MISSING"];
const WIDE: [&str; 6] = ["AGE", "KERNEL", "OS", "ARCH", "STATIC-PODS", "NOT-VISIBLE"];
/// What stands where there is nothing.
const NONE: &str = "<none>";

/// Shows nodes, what they are made of, and which part is missing.
pub async fn run(global: &Global, args: &NodeList, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    let request = ListNodesRequest {
        cluster: session::cluster(global).to_owned(),
        label_selector: args.selector.clone(),
        ..ListNodesRequest::default()
    };
    let list = client.list_nodes(request).await?;
    match args.output {
        NodeListFormat::Json => printer.json(&Document::from(&list))?,
        NodeListFormat::Table | NodeListFormat::Wide => table(args, &list, printer)?,
    }
    for left_out in &list.not_visible {
        printer.problem(&session::unreachable(left_out));
    }
    staleness::outdated(list.freshness.as_ref(), &list.not_visible).iter().for_each(|line| printer.problem(line));
    Ok(Exit::Passed)
}

fn table(args: &NodeList, list: &ListNodesResponse, printer: &mut Printer) -> Result<(), Failure> {
    if list.nodes.is_empty() {
        printer.note("No nodes found.");
        return Ok(());
    }
    let is_wide = args.output == NodeListFormat::Wide;
    let names = HEADER.into_iter().chain(WIDE.into_iter().filter(|_| is_wide));
    let header = layout::header(names);
    let now = list.freshness.as_ref().and_then(|freshness| freshness.time.as_ref());
    let rows = list.nodes.iter().map(|node| row(node, now, is_wide));
    Ok(printer.table(Some(header).filter(|_| !args.no_headers), rows)?)
}

fn row(node: &NodeReport, now: Option<&Timestamp>, is_wide: bool) -> Vec<Cell> {
    let status = node.status.clone().unwrap_or_default();
    let versions = node.versions.clone().unwrap_or_default();
    let plain = |text: String| (Style::new(), sanitize::cell(&text).into_owned());
    let missing: Vec<_> = lacks(node, &[]).map(|part| part.name.clone()).collect();
    let state = (words::state_style(status.state()), words::state(status.state()).to_owned());
    let mut cells = vec![plain(name(node).to_owned()), state];
    cells.extend([list(&node.roles), versions.kubelet, versions.container_runtime].map(plain));
    cells.extend(["pods", "cpu", "memory"].map(|resource| plain(used(node, resource))));
    cells.push(plain(taints(&node.taints)));
    cells.push(plain(words::age(node.lease_renew_time.as_ref(), now)));
    cells.push(plain(list(&missing)));
    if is_wide {
        let unseen = node.parts.iter().filter(|part| part.result() == NodePartResult::NotVisible);
        let unseen: Vec<_> = unseen.map(|part| part.name.clone()).collect();
        let static_pods: Vec<_> = node.static_pods.iter().map(|pod| pod.name.clone()).collect();
        cells.push(plain(words::age(status.creation_time.as_ref(), now)));
        let rest = [versions.kernel, versions.os_image, versions.architecture, list(&static_pods), list(&unseen)];
        cells.extend(rest.map(plain));
    }
    cells
}

/// `12/110`: how much is asked for, and how much there is.
fn used(node: &NodeReport, resource: &str) -> String {
    let known = |text: &str| if text.is_empty() { "?".to_owned() } else { text.to_owned() };
    let found = node.resources.iter().find(|it| it.name == resource).cloned().unwrap_or_default();
    format!("{}/{}", known(&found.requested), known(&found.allocatable))
}

/// The first taint, and how many more there are.
fn taints(taints: &[String]) -> String {
    match taints {
        [] => NONE.to_owned(),
        [one] => one.clone(),
        [first, others @ ..] => format!("{first},+{}", others.len()),
    }
}

fn list(words: &[String]) -> String {
    if words.is_empty() { NONE.to_owned() } else { words.join(",") }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    nodes: Vec<NodeJson<'a>>,
    not_visible: Vec<UnreachableJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freshness: Option<FreshnessJson<'a>>,
}

impl<'a> From<&'a ListNodesResponse> for Document<'a> {
    fn from(it: &'a ListNodesResponse) -> Self {
        Self {
            nodes: it.nodes.iter().map(NodeJson::from).collect(),
            not_visible: it.not_visible.iter().map(UnreachableJson::from).collect(),
            freshness: it.freshness.as_ref().map(FreshnessJson::from),
        }
    }
}

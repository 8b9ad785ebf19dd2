//! What is said of nodes on the way, and at last.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use daymark::api::{NodeCertificateRequest, NodePart, NodeReport, WatchNodesResponse};
use serde::Serialize;
use tokio::time::Instant;

use crate::args::{NodeWait, NodeWaitFormat};
use crate::duration;
use crate::exit::{Exit, Failure};
use crate::node_report::{self, NodeJson, RequestJson, is_lacking, name};
use crate::printer::Printer;
use crate::staleness::{self, Staleness};
use crate::status_json::{FreshnessJson, UnreachableJson};

/// In silence, it is said so often that it goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Says how nodes are becoming usable.
pub struct Telling<'a> {
    printer: &'a mut Printer,
    args: &'a NodeWait,
    /// Parts that have to be visible.
    required: Vec<String>,
    begun: Instant,
    told: Option<WatchNodesResponse>,
    /// The lines that were said of certificates, and of what cannot be seen.
    said: BTreeSet<String>,
    staleness: Staleness,
    /// When something was said last.
    spoken: Instant,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    outcome: &'static str,
    reason: &'static str,
    elapsed_seconds: f64,
    nodes: Vec<NodeJson<'a>>,
    certificate_requests: Vec<RequestJson<'a>>,
    not_visible: Vec<UnreachableJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freshness: Option<FreshnessJson<'a>>,
}

impl<'a> Telling<'a> {
    /// Nothing is known yet.
    pub fn new(printer: &'a mut Printer, args: &'a NodeWait, required: Vec<String>, begun: Instant) -> Self {
        Self {
            printer,
            args,
            required,
            begun,
            told: None,
            said: BTreeSet::new(),
            staleness: Staleness::default(),
            spoken: begun,
        }
    }

    /// Takes in what is told, and says what is new.
    pub fn told(&mut self, told: WatchNodesResponse) {
        let before = self.told.take();
        let known: BTreeMap<_, _> = before.iter().flat_map(|it| &it.nodes).map(|node| (name(node), node)).collect();
        let mut lines = Vec::new();
        for node in &told.nodes {
            lines.extend(self.transitions(node, known.get(name(node)).copied(), before.is_some()));
        }
        let is_gone = |name: &&&str| !told.nodes.iter().any(|node| self::name(node) == **name);
        let gone = known.keys().filter(is_gone);
        lines.extend(
            gone.map(|name| crate::sanitize::line(&format!("node/{name}: is no longer selected")).into_owned()),
        );
        lines.iter().for_each(|line| self.note(line));
        let of_nodes = told.nodes.iter().flat_map(|node| &node.certificate_requests);
        of_nodes.chain(&told.certificate_requests).for_each(|request| self.once(request));
        for left_out in &told.not_visible {
            let line = crate::commands::session::unreachable(left_out);
            if self.said.insert(line.clone()) {
                self.problem(&line);
            }
        }
        let news = self.staleness.news(told.freshness.as_ref(), &told.not_visible);
        if news.is_some() {
            self.spoken = Instant::now();
        }
        staleness::tell(news, self.printer);
        self.told = Some(told);
    }

    /// A line for each part that is otherwise than before and is, or was, what keeps the node from
    /// being usable.
    fn transitions(&self, node: &NodeReport, before: Option<&NodeReport>, is_later: bool) -> Vec<String> {
        let label = |text: &str| crate::sanitize::line(&format!("node/{}: {text}", name(node))).into_owned();
        let existed = before.map(node_report::exists);
        if !node_report::exists(node) {
            return match existed {
                None => vec![label("does not exist yet")],
                Some(true) => vec![label("no longer exists")],
                Some(false) => Vec::new(),
            };
        }
        let mut lines = Vec::new();
        if existed == Some(false) || (existed.is_none() && is_later) {
            lines.push(label("is registered"));
        }
        let before = before.filter(|node| node_report::exists(node));
        for part in &node.parts {
            let old = before.and_then(|node| node.parts.iter().find(|old| old.name == part.name));
            if self.is_news(part, old) {
                lines.push(node_report::part(node, part));
            }
        }
        lines
    }

    fn is_news(&self, part: &NodePart, old: Option<&NodePart>) -> bool {
        let lacking = |part: &NodePart| is_lacking(part, &self.required);
        match old {
            None => lacking(part),
            Some(old) if lacking(part) => old != part,
            Some(old) => lacking(old),
        }
    }

    fn once(&mut self, request: &NodeCertificateRequest) {
        let line = node_report::request(request);
        if self.said.insert(line.clone()) {
            self.note(&line);
        }
    }

    /// A line on stderr, which is no command to whoever reads it.
    fn note(&mut self, line: &str) {
        self.printer.note(line);
        self.spoken = Instant::now();
    }

    /// Says what is wrong.
    pub fn problem(&mut self, text: &str) {
        self.printer.problem(text);
        self.spoken = Instant::now();
    }

    /// When it is to be said that it goes on.
    pub fn silent_until(&self) -> Instant {
        self.spoken + HEARTBEAT
    }

    /// Says that it goes on.
    pub fn go_on(&mut self) {
        let elapsed = duration::show(Duration::from_secs(self.begun.elapsed().as_secs()));
        let lacking = self.lacking();
        self.note(&format!("still waiting after {elapsed}: {lacking}"));
    }

    /// What keeps the wait from its end.
    fn lacking(&self) -> String {
        let nodes = self.told.as_ref().map(|told| told.nodes.as_slice()).unwrap_or_default();
        let min = usize::try_from(self.args.min.unwrap_or(1)).unwrap_or(1);
        let few = match self.args.names.is_empty() && nodes.len() < min {
            true => format!("there are {} of {min} nodes", nodes.len()),
            false => String::new(),
        };
        let summaries = node_report::summaries(nodes, &self.required);
        let parts: Vec<_> = [few, summaries].into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { "the result is not confirmed yet".to_owned() } else { parts.join("; ") }
    }

    /// Whether the nodes are usable.
    pub fn has_passed(&self) -> bool {
        self.told.as_ref().is_some_and(|told| told.passed)
    }

    /// Whether anything was told.
    pub fn was_told(&self) -> bool {
        self.told.is_some()
    }

    /// Prints what came of it, and chooses the exit code.
    pub fn finish(&mut self) -> Result<Exit, Failure> {
        let passed = self.has_passed();
        self.print(if passed { ("PASSED", "Usable") } else { ("UNDECIDED", "NotUsable") })?;
        match passed {
            true => Ok(Exit::Passed),
            false => Err(Failure::new(Exit::Undecided, format!("undecided: {}", self.lacking()))),
        }
    }

    /// Prints how far it is, though the daemon is lost.
    pub fn lose(&mut self) -> Result<(), Failure> {
        self.print(("UNDECIDED", "DaemonLost"))
    }

    fn print(&mut self, (outcome, reason): (&'static str, &'static str)) -> Result<(), Failure> {
        let told = self.told.clone().unwrap_or_default();
        match self.args.output {
            NodeWaitFormat::Text => {
                for line in told.nodes.iter().flat_map(|node| node_report::lines(node, &self.required)) {
                    self.printer.line(&line)?;
                }
                let elapsed = duration::show(Duration::from_secs(self.begun.elapsed().as_secs()));
                let what = match told.nodes.len() {
                    _ if outcome != "PASSED" => reason.to_owned(),
                    1 => "1 node is usable".to_owned(),
                    number => format!("{number} nodes are usable"),
                };
                self.printer.line(&format!("{}: {what} ({elapsed})", outcome.to_lowercase()))?;
            }
            NodeWaitFormat::Json => {
                let elapsed_seconds = (self.begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
                self.printer.json(&document(&told, (outcome, reason), elapsed_seconds))?;
            }
        }
        Ok(self.printer.flush()?)
    }
}

fn document<'a>(
    told: &'a WatchNodesResponse,
    (outcome, reason): (&'static str, &'static str),
    elapsed_seconds: f64,
) -> Document<'a> {
    Document {
        outcome,
        reason,
        elapsed_seconds,
        nodes: told.nodes.iter().map(NodeJson::from).collect(),
        certificate_requests: told.certificate_requests.iter().map(RequestJson::from).collect(),
        not_visible: told.not_visible.iter().map(UnreachableJson::from).collect(),
        freshness: told.freshness.as_ref().map(FreshnessJson::from),
    }
}

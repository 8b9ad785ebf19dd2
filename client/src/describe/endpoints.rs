//! Endpoints and EndpointSlices: which addresses answer for a Service, and which do not.

use serde_json::Value;

use super::Described;
use super::container::port;
use super::document::{Document, Section};
use super::read::{is_true, items, list, text};
use super::related::Question;

/// The columns of a table of addresses.
pub const ADDRESSES: &[&str] = &["ADDRESS", "READY", "TARGET", "NODE"];
/// Rows of such a table: a Service has up to thousands.
const MOST_ROWS: usize = 50;
/// What stands for no address.
const NONE: &str = "<none>";

/// What Endpoints have of their own. The names are those that kubectl's description has.
pub fn add(it: &Described, document: &mut Document) {
    let section = document.section("Subsets");
    let subsets: Vec<_> = items(&it.object, "/subsets").collect();
    if subsets.is_empty() {
        section.line("none");
    }
    for subset in subsets {
        section.fact("Addresses", joined(subset, "/addresses"));
        section.fact("NotReadyAddresses", joined(subset, "/notReadyAddresses"));
        section.fact("Ports", ports(items(subset, "/ports")));
        let rows = ["/addresses", "/notReadyAddresses"].into_iter().flat_map(|path| {
            let ready = (path == "/addresses").to_string();
            items(subset, path)
                .map(move |address| vec![text(address, "/ip"), ready.clone(), target(address), node(address)])
        });
        addresses(section, ADDRESSES, rows.collect());
    }
}

/// The Service that they are of.
pub fn ask(it: &Described) -> Vec<Question> {
    vec![it.named("service", &text(&it.object, "/metadata/name"))]
}

/// What an EndpointSlice has of its own.
pub fn add_slice(it: &Described, document: &mut Document) {
    let section = document.section("Endpoints");
    section.fact("Address type", text(&it.object, "/addressType"));
    section.fact("Ports", ports(items(&it.object, "/ports")));
    addresses(section, ADDRESSES, slice_rows(&it.object));
}

/// The Service that a slice is of.
pub fn ask_of_slice(it: &Described) -> Vec<Question> {
    match text(&it.object, "/metadata/labels/kubernetes.io~1service-name") {
        name if name.is_empty() => Vec::new(),
        name => vec![it.named("service", &name)],
    }
}

/// A row for each endpoint of a slice.
pub fn slice_rows(slice: &Value) -> Vec<Vec<String>> {
    items(slice, "/endpoints").map(endpoint).collect()
}

/// A table of addresses, as far as anybody reads.
pub fn addresses(section: &mut Section, header: &'static [&'static str], mut rows: Vec<Vec<String>>) {
    let hidden = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    section.table(header, rows);
    if hidden > 0 {
        section.line(format!("... and {hidden} more"));
    }
}

/// An endpoint without a word on it counts as ready (k8s.io/api `discovery/v1` `EndpointConditions`).
fn endpoint(endpoint: &Value) -> Vec<String> {
    let ready = endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true);
    let ready = match (ready, is_true(endpoint, "/conditions/terminating")) {
        (_, true) if is_true(endpoint, "/conditions/serving") => "false, terminating, serving".to_owned(),
        (_, true) => "false, terminating".to_owned(),
        (ready, false) => ready.to_string(),
    };
    vec![list(endpoint, "/addresses"), ready, target(endpoint), node(endpoint)]
}

fn target(address: &Value) -> String {
    match (text(address, "/targetRef/kind").to_lowercase(), text(address, "/targetRef/name")) {
        (kind, _) if kind.is_empty() => String::new(),
        (kind, name) => format!("{kind}/{name}"),
    }
}

fn node(address: &Value) -> String {
    text(address, "/nodeName")
}

fn joined(subset: &Value, path: &str) -> String {
    let all: Vec<_> = items(subset, path).map(|address| text(address, "/ip")).collect();
    if all.is_empty() { NONE.to_owned() } else { all.join(",") }
}

fn ports<'a>(ports: impl Iterator<Item = &'a Value>) -> String {
    ports.map(port).collect::<Vec<_>>().join(", ")
}

//! What every object has: its state first, then who and whose it is.

use anstyle::Style;
use daymark::api::{Doom, Status};
use serde_json::Value;

use super::Described;
use super::document::Document;
use super::read::{ago, cut, fields, is_true, items, list, pairs, scalar, text};
use crate::words;

/// Annotations are longer than anybody reads.
const LONGEST_ANNOTATION: usize = 120;
/// What kubectl has applied is the object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The section that begins a document.
pub fn add(it: &Described, document: &mut Document) {
    let (status, object) = (&it.status, &it.object);
    let section = document.section("");
    section.fact("Name", words::name(status));
    section.fact("Namespace", status.r#ref.as_ref().map(|object| object.namespace.clone()).unwrap_or_default());
    section.painted("State", (words::state_style(status.state()), words::state(status.state()).to_owned()));
    // "Ready Ready" says no more than "Ready".
    section.fact("Reason", if status.reason == words::state(status.state()) { "" } else { &status.reason });
    section.fact("Doom", doom(status));
    section.fact("Progress", status.progress.as_ref().map(words::progress).unwrap_or_default());
    section.fact("Message", status.message.as_str());
    section.fact("Created", time(it, "/metadata/creationTimestamp"));
    section.fact("Deletion", text(object, "/metadata/deletionTimestamp"));
    section.fact("Finalizers", list(object, "/metadata/finalizers"));
    section.facts("Controlled by", items(object, "/metadata/ownerReferences").filter_map(controller));
    section.facts("Labels", pairs(object, "/metadata/labels"));
    section.facts("Annotations", annotations(object));
    section.painted("Generation", (Style::new(), generation(status, object)));
}

fn doom(status: &Status) -> &'static str {
    match status.doom() {
        Doom::Unspecified => "",
        Doom::Transient => "Transient: it is known to pass by itself",
        Doom::Persistent => "Persistent: it may pass, but usually somebody has to act",
        Doom::Fatal => "Fatal: waiting cannot fix it",
    }
}

/// `2026-01-02T03:04:05Z (5m12s ago)`
fn time(it: &Described, path: &str) -> String {
    match text(&it.object, path) {
        time if time.is_empty() => time,
        time => format!("{time} ({})", ago(&it.object, path, it.now.as_ref())),
    }
}

fn controller(owner: &Value) -> Option<String> {
    is_true(owner, "/controller").then(|| format!("{}/{}", text(owner, "/kind"), text(owner, "/name")))
}

fn annotations(object: &Value) -> impl Iterator<Item = String> {
    let annotations = fields(object, "/metadata/annotations").filter(|(name, _)| *name != LAST_APPLIED);
    annotations.map(|(name, value)| format!("{name}: {}", cut(&scalar(value).unwrap_or_default(), LONGEST_ANNOTATION)))
}

/// Said where the controller is behind: what is known is of another specification than the newest.
fn generation(status: &Status, object: &Value) -> String {
    match text(object, "/status/observedGeneration") {
        seen if seen.is_empty() || seen == status.generation.to_string() => String::new(),
        seen => format!("{}, of which the controller has observed {seen}", status.generation),
    }
}

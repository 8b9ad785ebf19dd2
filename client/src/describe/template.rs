//! The pods that a workload makes.

use serde_json::Value;

use super::container;
use super::document::Document;
use super::read::{items, pairs, text};
use super::volume;

/// The section on the template at that place of an object.
pub fn add(object: &Value, path: &str, document: &mut Document) {
    let Some(template) = object.pointer(path) else { return };
    let section = document.section("Pod template");
    section.facts("Labels", pairs(template, "/metadata/labels"));
    section.fact("Service account", text(template, "/spec/serviceAccountName"));
    section.facts("Volumes", items(template, "/spec/volumes").map(volume::line));
    section.fact("Node selector", pairs(template, "/spec/nodeSelector").join(","));
    section.fact("Priority class", text(template, "/spec/priorityClassName"));
    for (kind, path) in [("init ", "/spec/initContainers"), ("", "/spec/containers")] {
        for container in items(template, path) {
            let heading = format!("{kind}{}", text(container, "/name"));
            section.group(&heading, |group| container::add_spec(group, container));
        }
    }
}

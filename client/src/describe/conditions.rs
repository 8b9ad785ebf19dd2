//! The conditions that any object may have.

use serde_json::Value;

use super::Described;
use super::document::Document;
use super::read::{age, items, text};

/// The table of `status.conditions`.
pub fn add(it: &Described, document: &mut Document) {
    let row = |condition: &Value| {
        let since = age(condition, "/lastTransitionTime", it.now.as_ref());
        let [kind, status, reason, message] =
            ["/type", "/status", "/reason", "/message"].map(|path| text(condition, path));
        vec![kind, status, since, reason, message]
    };
    let rows = items(&it.object, "/status/conditions").map(row);
    document.section("Conditions").table(&["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"], rows);
}

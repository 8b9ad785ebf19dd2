//! What limits what is in a namespace: ResourceQuotas and LimitRanges.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Described;
use super::document::{Document, Section};
use super::read::{fields, items, list, scalar, text};
use super::related::{Question, Role, told};

/// What a quota has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let section = document.section("Quota");
    section.fact("Scopes", list(&it.object, "/spec/scopes"));
    add_amounts(&it.object, section);
}

/// What a namespace has of its own.
pub fn add_of_namespace(it: &Described, document: &mut Document) {
    document.section("Namespace").fact("Phase", text(&it.object, "/status/phase"));
    let section = document.section("Quotas");
    for answer in it.answers(Role::Quota) {
        for quota in &answer.statuses {
            // Of one whose JSON is broken nothing but the name is known.
            let object: Value = serde_json::from_slice(&quota.object).unwrap_or_default();
            let name = quota.r#ref.as_ref().map_or("", |quota| &quota.name);
            section.group(name, |group| add_amounts(&object, group));
        }
        section.lines(told(answer, usize::MAX));
    }
}

/// The quotas of the namespace.
pub fn ask(it: &Described) -> Vec<Question> {
    let name = text(&it.object, "/metadata/name");
    let filter = daymark::api::Filter { all_namespaces: false, namespaces: vec![name], ..it.all("resourcequotas") };
    vec![Question::matching("resourcequotas", filter).read_as(Role::Quota)]
}

/// What a LimitRange has of its own: a row for each kind of thing and resource.
pub fn add_limits(it: &Described, document: &mut Document) {
    const FIELDS: [&str; 5] = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
    let mut rows = Vec::new();
    for limit in items(&it.object, "/spec/limits") {
        let paths = FIELDS.map(|field| format!("/{field}"));
        let names: BTreeSet<_> = paths.iter().flat_map(|path| fields(limit, path).map(|(name, _)| name)).collect();
        for name in names {
            let value = |path: &String| fields(limit, path).find(|(other, _)| *other == name);
            let values = paths.iter().map(|path| value(path).and_then(|(_, it)| scalar(it)).unwrap_or_default());
            rows.push([text(limit, "/type"), name.to_owned()].into_iter().chain(values).collect());
        }
    }
    let header = &["TYPE", "RESOURCE", "MIN", "MAX", "DEFAULT REQUEST", "DEFAULT LIMIT", "MAX LIMIT/REQUEST"];
    document.section("Limits").table(header, rows);
}

fn add_amounts(quota: &Value, section: &mut Section) {
    let used = |name: &str| fields(quota, "/status/used").find(|(other, _)| *other == name);
    let rows = fields(quota, "/spec/hard").map(|(name, hard)| {
        let used = used(name).and_then(|(_, used)| scalar(used)).unwrap_or_else(|| "unknown".to_owned());
        vec![name.to_owned(), used, scalar(hard).unwrap_or_default()]
    });
    section.table(&["RESOURCE", "USED", "HARD"], rows);
}

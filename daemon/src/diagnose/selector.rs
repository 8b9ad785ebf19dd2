//! Selecting objects by their labels, and nodes by theirs.

use serde_json::{Map, Value};

use super::fields::{list, map, text};
use super::object::Object;

/// Whether an object has all these labels.
pub(crate) fn has_labels(object: &Object, labels: &Map<String, Value>) -> bool {
    labels.iter().all(|(key, value)| has(object, key) && value.as_str() == Some(object.label(key)))
}

/// Whether a LabelSelector (meta/v1) selects an object: an empty one selects all, and none
/// selects nothing.
pub(crate) fn selects(selector: &Value, object: &Object) -> bool {
    let labels = map(selector, "/matchLabels").is_none_or(|labels| has_labels(object, labels));
    let expressions = list(selector, "/matchExpressions");
    selector.is_object() && labels && expressions.iter().all(|expression| meets(expression, object))
}

/// Whether a node is among those that a node selector's terms select: of any term, all of its
/// expressions (k8s.io/component-helpers `nodeaffinity`). A term with neither selects nothing.
pub(super) fn selects_node(terms: &[Value], node: &Object) -> bool {
    terms.iter().any(|term| {
        let (labels, fields) = (list(term, "/matchExpressions"), list(term, "/matchFields"));
        let is_named = |field: &Value| {
            let has_name = list(field, "/values").iter().any(|value| value.as_str() == Some(&node.name.name));
            has_name != (text(field, "/operator") == "NotIn")
        };
        let has_any = !labels.is_empty() || !fields.is_empty();
        has_any && labels.iter().all(|expression| meets(expression, node)) && fields.iter().all(is_named)
    })
}

/// Whether an object's labels meet a requirement: `key`, `operator` and `values`.
fn meets(requirement: &Value, object: &Object) -> bool {
    let key = text(requirement, "/key");
    let value = object.label(key);
    let is_among = || list(requirement, "/values").iter().any(|one| one.as_str() == Some(value));
    let number = || {
        let wanted = list(requirement, "/values").first().and_then(Value::as_str)?.parse::<i64>().ok()?;
        Some((value.parse::<i64>().ok()?, wanted))
    };
    match text(requirement, "/operator") {
        "In" => has(object, key) && is_among(),
        "NotIn" => !has(object, key) || !is_among(),
        "Exists" => has(object, key),
        "DoesNotExist" => !has(object, key),
        "Gt" => number().is_some_and(|(value, wanted)| value > wanted),
        "Lt" => number().is_some_and(|(value, wanted)| value < wanted),
        _ => false,
    }
}

fn has(object: &Object, key: &str) -> bool {
    map(&object.value, "/metadata/labels").is_some_and(|labels| labels.contains_key(key))
}

/// A requirement in words: `zone in (a, b)`.
fn spoken_requirement(requirement: &Value) -> String {
    let values: Vec<_> = list(requirement, "/values").iter().filter_map(Value::as_str).collect();
    let (key, values) = (text(requirement, "/key"), values.join(", "));
    match text(requirement, "/operator") {
        "In" => format!("{key} in ({values})"),
        "NotIn" => format!("{key} not in ({values})"),
        "Exists" => format!("{key} exists"),
        "DoesNotExist" => format!("{key} does not exist"),
        "Gt" => format!("{key} > {values}"),
        "Lt" => format!("{key} < {values}"),
        other => format!("{key} {other} {values}"),
    }
}

/// Labels in words: `app=web,tier=db`, as kubectl takes them.
pub(super) fn spoken_labels(labels: &Map<String, Value>) -> String {
    let labels = labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    labels.collect::<Vec<_>>().join(",")
}

/// The terms of a node selector in words.
pub(super) fn spoken_terms(terms: &[Value]) -> String {
    let term = |term: &Value| {
        let all = list(term, "/matchExpressions").iter().chain(list(term, "/matchFields"));
        all.map(spoken_requirement).collect::<Vec<_>>().join(" and ")
    };
    terms.iter().map(term).collect::<Vec<_>>().join(", or ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node() -> Object {
        let metadata = json!({"name": "n1", "labels": {"zone": "a", "cores": "8"}});
        Object::read(json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata})).unwrap()
    }

    #[test]
    fn requirements_are_met_as_the_scheduler_meets_them() {
        for (key, operator, values, expected) in [
            ("zone", "In", json!(["a", "b"]), true),
            ("zone", "In", json!(["b"]), false),
            ("zone", "NotIn", json!(["b"]), true),
            ("disk", "NotIn", json!(["b"]), true),
            ("zone", "Exists", json!([]), true),
            ("disk", "DoesNotExist", json!([]), true),
            ("cores", "Gt", json!(["4"]), true),
            ("cores", "Lt", json!(["4"]), false),
            ("zone", "Gt", json!(["4"]), false),
            ("zone", "Near", json!(["a"]), false),
        ] {
            let requirement = json!({"key": key, "operator": operator, "values": values});
            let terms = json!([{"matchExpressions": [requirement]}]);
            assert_eq!(selects_node(terms.as_array().unwrap(), &node()), expected, "{requirement}");
        }
    }

    #[test]
    fn an_empty_selector_selects_all_and_an_empty_term_no_node() {
        assert!(selects(&json!({}), &node()) && !selects(&Value::Null, &node()));
        assert!(selects(&json!({"matchLabels": {"zone": "a"}}), &node()));
        assert!(!selects(&json!({"matchLabels": {"zone": "b"}}), &node()));
        assert!(!selects_node(&[json!({})], &node()));
        let by_name = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]});
        assert!(selects_node(&[by_name], &node()));
    }
}

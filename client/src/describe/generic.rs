//! Kinds that are described by what their fields say.

use serde_json::Value;

use super::Described;
use super::document::{Document, Section};
use super::read::{cut, scalar};

/// How deep fields are looked for.
const DEEPEST: usize = 3;
/// How deep those of the status are: it repeats much of the specification.
const DEEPEST_OF_STATUS: usize = 1;
/// Fields of one section.
const MOST_FIELDS: usize = 60;
/// Longer texts are cut.
const LONGEST_TEXT: usize = 200;

/// What the object's own fields say: the specification, others beside it, and the status.
pub fn add(it: &Described, document: &mut Document) {
    let Some(object) = it.object.as_object() else { return };
    let of = |name: &str| object.get(name).unwrap_or(&Value::Null);
    add_fields(of("spec"), DEEPEST, document.section("Spec"));
    let others = object
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "spec" | "status"));
    let others = others.map(|(name, value)| (name.clone(), value.clone())).collect();
    add_fields(&Value::Object(others), DEEPEST, document.section("Fields"));
    let mut status = of("status").clone();
    // They have a table of their own.
    status.as_object_mut().map(|fields| fields.remove("conditions"));
    add_fields(&status, DEEPEST_OF_STATUS, document.section("Status"));
}

fn add_fields(value: &Value, depth: usize, section: &mut Section) {
    let mut found = Vec::new();
    collect(value, String::new(), depth, &mut found);
    let hidden = found.len().saturating_sub(MOST_FIELDS);
    for (path, value) in found.into_iter().take(MOST_FIELDS) {
        section.fact(&path, cut(&value, LONGEST_TEXT));
    }
    if hidden > 0 {
        section.line(format!("... and {hidden} more"));
    }
}

/// Texts, numbers and truth values, and lists of these, down to so many levels.
fn collect(value: &Value, path: String, depth: usize, found: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) if depth > 0 => {
            fields.iter().for_each(|(name, value)| collect(value, below(name), depth - 1, found));
        }
        Value::Array(items) => {
            // An empty text in a list means something, such as the core group.
            let quoted = |text: String| if text.is_empty() { "\"\"".to_owned() } else { text };
            let texts: Option<Vec<_>> = items.iter().map(|item| scalar(item).map(quoted)).collect();
            match texts {
                Some(texts) => found.push((path, texts.join(", "))),
                None if depth > 0 => {
                    for (place, item) in items.iter().enumerate() {
                        collect(item, format!("{path}[{place}]"), depth - 1, found);
                    }
                }
                None => found.push((path, format!("{} items", items.len()))),
            }
        }
        value => found.extend(scalar(value).map(|text| (path, text))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_down_to_a_depth() {
        let value = json!({"a": 1, "b": {"c": {"d": "x", "e": {"f": 1}}}, "l": ["x", true], "o": [{"p": 1}, {"q": {"r": {}}}], "n": null});
        let mut found = Vec::new();
        collect(&value, String::new(), 3, &mut found);
        let found: Vec<_> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(found, [("a", "1"), ("b.c.d", "x"), ("l", "x, true"), ("o[0].p", "1")]);
    }
}

//! Reading Kubernetes objects, of which any part may be missing or of another type.

use prost_types::Timestamp;
use serde_json::Value;

use crate::words;

/// What stands for a text that was cut.
const CUT: &str = "...";

/// The text, number or truth value at that place (a JSON pointer); empty if there is none.
pub fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(scalar).unwrap_or_default()
}

/// As text, what is a text, a number or a truth value.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_so) => Some(is_so.to_string()),
        _ => None,
    }
}

/// The number at that place; 0 if there is none.
pub fn number(value: &Value, path: &str) -> i64 {
    value.pointer(path).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether it is said to be so at that place.
pub fn is_true(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool).unwrap_or_default()
}

/// The items of the array at that place.
pub fn items<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// The texts of the array at that place, with commas between them.
pub fn list(value: &Value, path: &str) -> String {
    items(value, path).filter_map(scalar).collect::<Vec<_>>().join(", ")
}

/// The fields of the object at that place.
pub fn fields<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    value.pointer(path).and_then(Value::as_object).into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// `name=value` for each field of the object at that place.
pub fn pairs(value: &Value, path: &str) -> Vec<String> {
    fields(value, path).map(|(name, value)| format!("{name}={}", scalar(value).unwrap_or_default())).collect()
}

/// A label selector in one line, as kubectl writes it.
pub fn selector(value: &Value, path: &str) -> String {
    let Some(selector) = value.pointer(path) else { return String::new() };
    let mut terms = pairs(selector, "/matchLabels");
    for expression in items(selector, "/matchExpressions") {
        let (key, values) = (text(expression, "/key"), list(expression, "/values").replace(", ", ","));
        terms.push(match text(expression, "/operator").as_str() {
            "Exists" => key,
            "DoesNotExist" => format!("!{key}"),
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            other => format!("{key} {other} {values}"),
        });
    }
    terms.join(",")
}

/// `cpu 100m, memory 64Mi`, of amounts by resource.
pub fn amounts(value: &Value, path: &str) -> String {
    let amounts = fields(value, path).map(|(name, amount)| format!("{name} {}", scalar(amount).unwrap_or_default()));
    amounts.collect::<Vec<_>>().join(", ")
}

/// At most so many characters of a text.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}{CUT}", &text[..end]),
        None => text.to_owned(),
    }
}

/// The time in a text of RFC 3339, as Kubernetes writes times.
pub fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}

/// How long before `now` the time at that place was, as kubectl shows ages; empty if there is none.
pub fn age(value: &Value, path: &str, now: Option<&Timestamp>) -> String {
    match text(value, path).as_str() {
        "" => String::new(),
        then => words::age(time(then).as_ref(), now),
    }
}

/// As [`age`], with what it is: `5m12s ago`.
pub fn ago(value: &Value, path: &str, now: Option<&Timestamp>) -> String {
    match age(value, path, now) {
        age if age.is_empty() => age,
        age => format!("{age} ago"),
    }
}

/// How long it took from one time to the other; empty if one is missing.
pub fn took(value: &Value, (from, to): (&str, &str)) -> String {
    let (from, to) = (time(&text(value, from)), time(&text(value, to)));
    if from.is_none() || to.is_none() { String::new() } else { words::age(from.as_ref(), to.as_ref()) }
}

/// `3 desired`, for each number that is there, with commas between them.
pub fn counts(value: &Value, counts: &[(&str, &str)]) -> String {
    let count = |(path, unit): &(&str, &str)| Some(format!("{} {unit}", value.pointer(path).and_then(scalar)?));
    counts.iter().filter_map(count).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_or_of_another_type_is_nothing() {
        let object = json!({"a": {"b": 1, "c": [true, "x", {}], "d": null}});
        assert_eq!(text(&object, "/a/b"), "1");
        assert_eq!((text(&object, "/a"), text(&object, "/a/d"), text(&object, "/z/z")), Default::default());
        assert_eq!(list(&object, "/a/c"), "true, x");
        assert_eq!((items(&object, "/a/b").count(), fields(&object, "/a/c").count()), (0, 0));
        assert_eq!(pairs(&object, "/a"), ["b=1", "c=", "d="]);
    }

    #[test]
    fn selectors_are_written_as_by_kubectl() {
        let object = json!({"matchLabels": {"app": "web", "tier": "a"}, "matchExpressions": [
            {"key": "x", "operator": "In", "values": ["a", "b"]}, {"key": "y", "operator": "DoesNotExist"}]});
        assert_eq!(selector(&object, ""), "app=web,tier=a,x in (a,b),!y");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!((cut("漢字", 2), cut("漢字x", 2)), ("漢字".to_owned(), "漢字...".to_owned()));
    }
}

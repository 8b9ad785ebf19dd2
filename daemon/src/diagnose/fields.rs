//! Reading JSON that may be anything: what is missing, or of another type, is empty.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// What is there for whoever finds nothing.
static NULL: Value = Value::Null;

/// The value at a path (RFC 6901).
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&NULL)
}

/// The text at a path; empty if there is none.
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).as_str().unwrap_or_default()
}

/// The whole number at a path.
pub(crate) fn number(value: &Value, path: &str) -> Option<i64> {
    at(value, path).as_i64()
}

/// The boolean at a path; false if there is none.
pub(crate) fn is(value: &Value, path: &str) -> bool {
    at(value, path).as_bool().unwrap_or(false)
}

/// The list at a path; empty if there is none.
pub(crate) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The fields at a path, if there are any.
pub(crate) fn map<'a>(value: &'a Value, path: &str) -> Option<&'a Map<String, Value>> {
    at(value, path).as_object().filter(|map| !map.is_empty())
}

/// The time at a path.
pub(crate) fn time(value: &Value, path: &str) -> Option<Timestamp> {
    text(value, path).parse().ok()
}

/// The condition of that type, of an object's status.
pub(crate) fn condition<'a>(object: &'a Value, r#type: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == r#type)
}

/// Whether the condition of that type has that status.
pub(crate) fn condition_is(object: &Value, r#type: &str, status: &str) -> bool {
    condition(object, r#type).is_some_and(|condition| text(condition, "/status") == status)
}

/// A text of the cluster's, so long that it can be read at a glance.
pub(crate) fn brief(text: &str) -> String {
    const LONG: usize = 600;
    match text.len() > LONG {
        false => text.trim().to_owned(),
        true => format!("{}…", text[..text.floor_char_boundary(LONG)].trim()),
    }
}

/// A word of a shell's command line.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:@=,+%".contains(char);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// `1 pod`, `2 pods`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_or_of_another_type_is_empty() {
        let value = json!({"a": {"b": 1}, "c": [true], "d": "x"});
        assert_eq!((text(&value, "/a/b"), number(&value, "/a/b"), number(&value, "/d")), ("", Some(1), None));
        assert_eq!((list(&value, "/c").len(), list(&value, "/a").len(), is(&value, "/c/0")), (1, 0, true));
        assert!(map(&value, "/c").is_none() && time(&value, "/d").is_none());
    }

    #[test]
    fn words_of_a_command_line_are_one_word() {
        for (text, expected) in [("a-b/c:1", "a-b/c:1"), ("", "''"), ("a b", "'a b'"), ("a'$(x)", r"'a'\''$(x)'")] {
            assert_eq!(word(text), expected);
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(brief(" x\n"), "x");
        assert!(brief(&"é".repeat(500)).ends_with("é…"));
    }
}

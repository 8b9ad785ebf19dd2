//! What a label can be called, and what it can hold.

/// The most characters of a label's value, and of its name without a prefix.
pub const LONGEST_VALUE: usize = 63;

/// Whether a label can have that value (k8s.io/apimachinery `pkg/util/validation`,
/// `IsValidLabelValue`).
#[must_use]
pub fn is_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

/// Whether a label can be called that (as before, `IsQualifiedName`).
#[must_use]
pub fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name(text),
        Some((prefix, name)) => is_name(name) && is_domain(prefix),
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_VALUE && is_word(text, |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_domain(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 253 && text.split('.').all(|part| is_word(part, is_inner))
}

/// Whether all of it is of these, and its ends are letters or digits.
fn is_word(text: &str, is_inner: impl Fn(u8) -> bool) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.iter().all(|byte| is_inner(*byte)) && is_end(bytes.first()) && is_end(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_those_that_labels_can_have() {
        for (key, expected) in [
            ("app", true),
            ("app.kubernetes.io/name", true),
            ("", false),
            ("/a", false),
            ("a/", false),
            ("a/b/c", false),
            ("Example.com/a", false),
            ("_x/a", false),
            ("a..b/c", false),
            ("a b", false),
            ("-a", false),
        ] {
            assert_eq!(is_key(key), expected, "{key:?}");
        }
        let long = "a".repeat(64);
        for (value, expected) in [("", true), ("a", true), ("a.", false), ("a\"b", false), (&long, false)] {
            assert_eq!(is_value(value), expected, "{value:?}");
        }
    }
}

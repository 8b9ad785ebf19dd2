//! Takes secrets out of objects' JSON, and line breaks that stand between its tokens: each object
//! is a line.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memchr2;
use serde::de::IgnoredAny;

use crate::body::REDACTED_DATA;
use crate::cause::{REDACTED, Redaction};

/// Texts that are JSON themselves are looked into so deep: what kubectl keeps of what was applied,
/// and what somebody keeps of that.
const DEEPEST: usize = 2;

/// Takes secrets out of objects.
#[derive(Clone, Debug)]
pub struct Scrubber {
    redaction: Arc<Redaction>,
}

/// Brackets that are open.
#[derive(Default)]
struct Level<'a> {
    is_object: bool,
    /// Whether a member's name comes.
    expects_name: bool,
    /// The name of the member that is being read.
    name: Cow<'a, str>,
    /// Whether its member `name` is that of a secret, so that its `value` is one: a container's
    /// variable.
    is_secret: bool,
}

impl Scrubber {
    /// One that takes for secrets what `redaction` does.
    #[must_use]
    pub fn new(redaction: Arc<Redaction>) -> Self {
        Self { redaction }
    }

    /// A line that was logged.
    #[must_use]
    pub fn line<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redaction.within(text)
    }

    /// JSON that was parsed before.
    #[must_use]
    pub fn json(&self, json: &str) -> String {
        self.walk(json, 0)
    }

    fn walk(&self, json: &str, depth: usize) -> String {
        let bytes = json.as_bytes();
        let mut out = String::with_capacity(json.len());
        let mut levels: Vec<Level<'_>> = Vec::new();
        // What is behind `copied` is to be written as it is.
        let (mut at, mut copied) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            let mut next = at + 1;
            match byte {
                b'{' => levels.push(Level { is_object: true, expects_name: true, ..Level::default() }),
                b'[' => levels.push(Level::default()),
                b'}' | b']' => drop(levels.pop()),
                b',' | b':' => {
                    if let Some(level) = levels.last_mut() {
                        level.expects_name = level.is_object && *byte == b',';
                    }
                }
                // Of JSON within a text they are part of that.
                b'\n' | b'\r' if depth == 0 => {
                    out.push_str(json.get(copied..at).unwrap_or_default());
                    copied = next;
                }
                b'"' => {
                    next = end_of_string(bytes, at);
                    let quoted = json.get(at..next).unwrap_or_default();
                    if let Some(instead) = self.string(quoted, levels.last_mut(), depth) {
                        out.push_str(json.get(copied..at).unwrap_or_default());
                        out.push_str(&serde_json::Value::from(instead).to_string());
                        copied = next;
                    }
                }
                _ => {}
            }
            at = next;
        }
        out.push_str(json.get(copied..).unwrap_or_default());
        out
    }

    /// What is to stand in the place of a string, if it is a value and holds a secret.
    fn string<'a>(&self, quoted: &'a str, level: Option<&mut Level<'a>>, depth: usize) -> Option<String> {
        let text = unquoted(quoted);
        let Some(level) = level else { return self.value(&text, depth) };
        if level.expects_name {
            level.name = text;
            return None;
        }
        if !level.is_object {
            return self.value(&text, depth);
        }
        if text.is_empty() || text == REDACTED_DATA {
            return None;
        }
        if level.name == "name" {
            level.is_secret = self.redaction.is_secret(&text);
        }
        let is_secret = (level.name == "value" && level.is_secret) || self.redaction.is_secret(&level.name);
        if is_secret { Some(REDACTED.to_owned()) } else { self.value(&text, depth) }
    }

    fn value(&self, text: &str, depth: usize) -> Option<String> {
        let is_json = text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok();
        if is_json && depth < DEEPEST {
            return Some(self.walk(text, depth + 1)).filter(|scrubbed| scrubbed != text);
        }
        match self.redaction.within(text) {
            Cow::Owned(redacted) if redacted != text => Some(redacted),
            _ => None,
        }
    }
}

/// Where the string that begins at `start` has ended.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
            Some(found) if bytes.get(at + found) == Some(&b'"') => return at + found + 1,
            Some(found) => at += found + 2,
            None => return bytes.len(),
        }
    }
}

fn unquoted(quoted: &str) -> Cow<'_, str> {
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    // Half of a surrogate pair is no text: it stays as it is written.
    serde_json::from_str(quoted).map_or(Cow::Borrowed(inside), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    fn scrubbed(json: &str) -> String {
        static SCRUBBER: LazyLock<Scrubber> = LazyLock::new(|| {
            let redaction = Redaction::new(&["ticket-[0-9]+".to_owned()]).unwrap();
            Scrubber::new(Arc::new(redaction))
        });
        let scrubbed = SCRUBBER.json(json);
        assert!(serde_json::from_str::<IgnoredAny>(&scrubbed).is_ok(), "{scrubbed}");
        scrubbed
    }

    #[test]
    fn secrets_go_and_everything_else_stays() {
        for same in [
            r#"{"automountServiceAccountToken":false,"a":[1.50,1e400,"x\"y\u00e9",null],"token":7,"password":""}"#,
            r#"{"data":{"password":"W3JlZGFjdGVkXQ=="},"secretName":"db","kind":"Secret"}"#,
            r#"{"env":[{"name":"HOST","value":"db"},{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]}"#,
            r#"{"names":["DB_PASSWORD","token"],"a":"\ud800"}"#,
            r#""text""#,
            r#"{"config.json":"{\n  \"a\": 1\n}"}"#,
        ] {
            assert_eq!(scrubbed(same), same);
        }
        for (json, left) in [
            (
                r#"{"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"X","value":"y"}]}"#,
                r#"{"env":[{"name":"DB_PASSWORD","value":"[redacted]"},{"name":"X","value":"y"}]}"#,
            ),
            (r#"{"api\u004bey": "abc", "b": "c"}"#, r#"{"api\u004bey": "[redacted]", "b": "c"}"#),
            (r#"{"args":["--password=hunter2","ticket-12"]}"#, r#"{"args":["--password=[redacted]","[redacted]"]}"#),
            (r#"{"a":"x\npassword: hunter2\nend"}"#, r#"{"a":"x\npassword: [redacted]\nend"}"#),
            ("{\"a\":\r\n [1,\n2]}", "{\"a\": [1,2]}"),
            (
                r#"{"applied":"{\"env\":[{\"name\":\"TOKEN\",\"value\":\"hunter2\"}]}\n"}"#,
                r#"{"applied":"{\"env\":[{\"name\":\"TOKEN\",\"value\":\"[redacted]\"}]}\n"}"#,
            ),
        ] {
            assert_eq!(scrubbed(json), left);
        }
    }

    #[test]
    fn a_key_that_has_no_end_takes_nothing_else_along() {
        let left = scrubbed(r#"{"a":"-----BEGIN PRIVATE KEY-----\nMIIE","b":{"c":1}}"#);
        assert_eq!(left, r#"{"a":"[redacted]","b":{"c":1}}"#);
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_json_it_stays_json(value in proptest::collection::vec(".{0,20}", 0..6)) {
            let json = serde_json::json!({"a": value, "b": {"name": value.first(), "value": value.last()}}).to_string();
            scrubbed(&json);
            scrubbed(&serde_json::Value::from(json).to_string());
        }
    }
}

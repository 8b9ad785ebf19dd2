//! Secrets are taken out of the cluster's own text before it leaves the daemon.

use std::borrow::Cow;

use regex::{Regex, RegexSet};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// What secrets look like: the group `secret`, or the whole match. Tokens behind their
/// scheme, key and value (in JSON, and in JSON within JSON, too), userinfo of URLs, and
/// what says what it is.
const BUILT_IN: &[&str] = &[
    r"(?i)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
    r#"(?i)\b[\w.-]*(?:passwd|password|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credential)s?\\?["']?\s*[=:]\s*\\?["'](?P<secret>[^"'\\\n]{3,})"#,
    r#"(?i)\b[\w.-]*(?:passwd|password|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credential)s?\\?["']?\s*[=:]\s*(?P<secret>[^\s"'\\,;&\[]{3,})"#,
    r"://[^\s/:@]*:(?P<secret>[^\s/@]+)@",
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{20,}\b",
    r"\bgl(?:pat|cbt|dt|rt)-[A-Za-z0-9_-]{16,}\b",
    r"\bxox[abprs]-[A-Za-z0-9-]{10,}\b",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
];

/// What a value is called that is a secret.
const NAMES: &str = r"(?i)(?:passwd|password|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credential)s?$";

/// Takes secrets out of texts.
#[derive(Debug)]
pub struct Redaction {
    patterns: Vec<Regex>,
    /// All of them, to be looked for at once; `None` if that would take too much memory.
    any: Option<RegexSet>,
    names: Regex,
}

/// A pattern that is no regular expression.
#[derive(Debug, thiserror::Error)]
#[error("{pattern:?} is no regular expression: {problem}")]
pub struct BadPattern {
    pattern: String,
    problem: String,
}

impl Redaction {
    /// What is built in, and these patterns besides: of each the group `secret`, or
    /// all of it.
    ///
    /// # Errors
    /// If one is no regular expression.
    pub fn new(more: &[String]) -> Result<Self, BadPattern> {
        let compile = |pattern: &str| {
            // The last line says what is wrong, those before where.
            let last = |error: regex::Error| error.to_string().lines().last().unwrap_or_default().trim().to_owned();
            Regex::new(pattern).map_err(|error| BadPattern { pattern: pattern.to_owned(), problem: last(error) })
        };
        let all = || BUILT_IN.iter().copied().chain(more.iter().map(String::as_str));
        let patterns = all().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { patterns, any: RegexSet::new(all()).ok(), names: compile(NAMES)? })
    }

    /// The text without secrets: the same, if it holds none.
    #[must_use]
    pub fn within<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.any {
            Some(any) if !any.is_match(text) => Cow::Borrowed(text),
            _ => Cow::Owned(self.of(text)),
        }
    }

    /// Whether what goes by that name is a secret, such as `DB_PASSWORD`.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        self.names.is_match(name)
    }

    /// The text without secrets.
    #[must_use]
    pub fn of(&self, text: &str) -> String {
        self.patterns.iter().fold(text.to_owned(), |text, pattern| without(&text, pattern))
    }
}

fn without(text: &str, pattern: &Regex) -> String {
    let mut left = String::with_capacity(text.len());
    let mut rest = 0;
    for found in pattern.captures_iter(text) {
        let Some(secret) = found.name("secret").or(found.get(0)).filter(|secret| !secret.is_empty()) else { continue };
        left.push_str(text.get(rest..secret.start()).unwrap_or_default());
        left.push_str(REDACTED);
        rest = secret.end();
    }
    left.push_str(text.get(rest..).unwrap_or_default());
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_and_nothing_else() {
        let redaction = Redaction::new(&["ticket-[0-9]+|".to_owned()]).unwrap();
        for (text, left) in [
            ("dial tcp 10.0.0.1:5432: connection refused", "dial tcp 10.0.0.1:5432: connection refused"),
            ("DB_PASSWORD=hunter2 host=db", "DB_PASSWORD=[redacted] host=db"),
            (r#"{"apiKey": "abc123", "user": "a"}"#, r#"{"apiKey": "[redacted]", "user": "a"}"#),
            (r#"{"password":"p@ss,word 123"}"#, r#"{"password":"[redacted]"}"#),
            (r#"msg="{\"password\":\"hunter2\"}""#, r#"msg="{\"password\":\"[redacted]\"}""#),
            ("token: Bearer abcdefgh12345678", "token: [redacted] [redacted]"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAAA\n-----END RSA PRIVATE KEY-----\nend", "[redacted]\nend"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\nAAAA", "[redacted]"),
            ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [redacted]"),
            ("postgres://app:s3cret@db:5432/x", "postgres://app:[redacted]@db:5432/x"),
            ("a ticket-12 and ticket-345", "a [redacted] and [redacted]"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "jwt [redacted]"),
            ("token=é€é", "token=[redacted]"),
            ("secrets \"db\" not found", "secrets \"db\" not found"),
        ] {
            assert_eq!(redaction.of(text), left);
            assert_eq!(redaction.within(text), left);
        }
        for (name, is_secret) in [("DB_PASSWORD", true), ("apiKey", true), ("tokens", true), ("secretName", false)] {
            assert_eq!(redaction.is_secret(name), is_secret, "{name}");
        }
        let bad = Redaction::new(&["(".to_owned()]).unwrap_err().to_string();
        assert!(!bad.contains('\n') && bad.contains("unclosed group"), "{bad}");
    }
}

//! Field selectors: what an object says at a place of its JSON.

use serde_json::Value;

use crate::kind::Kind;
use crate::record::Record;

/// All of its requirements must hold; without any, it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Requirement {
    field: Field,
    value: String,
    /// Whether the field must be that, or must not.
    equal: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Field {
    Name,
    Namespace,
    /// `spec.nodeName`, which is kept of pods.
    Node,
    /// A place in the body: names, with points between them.
    Path(String),
}

/// A text that is no field selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not of the form PATH=VALUE or PATH!=VALUE, such as status.phase=Running")]
pub struct FieldSelectorError(String);

impl FieldSelector {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `a.b=c`, `a.b==c` and `a.b!=c`, separated by commas; a backslash
    /// takes away the meaning of a comma or backslash in a value
    /// (k8s.io/apimachinery `pkg/fields/selector.go`).
    ///
    /// # Errors
    /// If it is not in that language.
    pub fn parse(text: &str) -> Result<Self, FieldSelectorError> {
        let terms = terms(text);
        terms
            .iter()
            .filter(|term| !term.trim().is_empty())
            .map(|term| Requirement::parse(term))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an object has such fields. Of one whose body is not kept, only
    /// its name and namespace are known.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let unknown: Vec<_> = self.0.iter().filter(|requirement| requirement.known(record).is_none()).collect();
        if unknown.is_empty() || !self.may_match(record) {
            return unknown.is_empty() && self.may_match(record);
        }
        let body = body(record);
        unknown.into_iter().all(|requirement| requirement.matches(&body))
    }

    /// Whether an object may have such fields, as far as that is known without
    /// its body.
    #[must_use]
    pub fn may_match(&self, record: &Record) -> bool {
        self.0.iter().all(|requirement| requirement.known(record) != Some(false))
    }

    /// Whether the bodies of such objects tell more than is known without them.
    #[must_use]
    pub fn needs_body(&self, kind: &Kind) -> bool {
        self.0.iter().any(|requirement| match requirement.field {
            Field::Name | Field::Namespace => false,
            Field::Node => !kind.is_pods(),
            Field::Path(_) => true,
        })
    }

    /// The node on which every selected pod is, if it is asked for one.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        let node = self.0.iter().find(|requirement| requirement.field == Field::Node && requirement.equal);
        node.map(|requirement| &*requirement.value)
    }
}

fn body(record: &Record) -> Value {
    let json = record.body.as_ref().and_then(|body| body.json().ok());
    json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

/// Splits at commas that no backslash stands before.
fn terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ',' => terms.push(String::new()),
            '\\' => {
                if let (Some(term), Some(escaped)) = (terms.last_mut(), chars.next()) {
                    term.push(escaped);
                }
            }
            c => {
                if let Some(term) = terms.last_mut() {
                    term.push(c);
                }
            }
        }
    }
    terms
}

impl Requirement {
    fn parse(term: &str) -> Result<Self, FieldSelectorError> {
        let wrong = || FieldSelectorError(term.to_owned());
        let (path, value) = term.split_once('=').ok_or_else(wrong)?;
        let (path, equal) = match path.strip_suffix('!') {
            Some(path) => (path, false),
            None => (path, true),
        };
        let value = if equal { value.strip_prefix('=').unwrap_or(value) } else { value };
        let (path, value) = (path.trim(), value.trim().to_owned());
        let field = match path {
            "metadata.name" => Field::Name,
            "metadata.namespace" => Field::Namespace,
            "spec.nodeName" => Field::Node,
            path => Field::Path(path.to_owned()),
        };
        if path.split('.').any(str::is_empty) {
            return Err(wrong());
        }
        Ok(Self { field, value, equal })
    }

    /// Whether an object meets it, if that is known without its body.
    fn known(&self, record: &Record) -> Option<bool> {
        let found = match &self.field {
            Field::Name => &record.key.name,
            Field::Namespace => &record.key.namespace,
            Field::Node => record.node()?,
            Field::Path(_) => return None,
        };
        Some((**found == *self.value) == self.equal)
    }

    /// Whether an object with that body meets it.
    fn matches(&self, body: &Value) -> bool {
        let path = match &self.field {
            Field::Name => "metadata.name",
            Field::Namespace => "metadata.namespace",
            Field::Node => "spec.nodeName",
            Field::Path(path) => path,
        };
        let found = match path.split('.').try_fold(body, |value, name| value.get(name)) {
            None | Some(Value::Null) => self.value.is_empty(),
            Some(Value::String(text)) => *text == self.value,
            Some(Value::Number(number)) => number.to_string() == self.value,
            Some(Value::Bool(is)) => self.value == if *is { "true" } else { "false" },
            Some(_) => false,
        };
        found == self.equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use crate::record::{Detail, Key};

    #[test]
    fn selects_by_what_the_body_says() {
        let json = r#"{"metadata":{"name":"a"},"spec":{"nodeName":"n,1","replicas":3,"paused":true},"status":{}}"#;
        let body = Some(Body::new(json.as_bytes(), &std::sync::Arc::default()).unwrap());
        let record = Record { body, ..Record::bare(Key::new("n", "a")) };
        let pod = Record {
            detail: Detail::Pod { node: "k".into(), over: false, quarantined: false },
            ..Record::bare(Key::new("n", "p"))
        };
        let matches = |selector: &str| FieldSelector::parse(selector).unwrap().matches(&record);
        for selector in [
            "",
            "metadata.name=a,metadata.namespace==n",
            "spec.replicas=3,spec.paused=true",
            r"spec.nodeName=n\,1",
            "status.phase=",
            "status.phase!=Running",
            "spec.nodeName.deeper=",
        ] {
            assert!(matches(selector), "{selector}");
        }
        for selector in ["metadata.name=b", "spec.replicas!=3", "status.phase=Running", "spec=x"] {
            assert!(!matches(selector), "{selector}");
        }
        // Of a pod it is known without its body.
        for (selector, expected) in [("spec.nodeName=k", true), ("spec.nodeName!=k", false), ("spec.nodeName=", false)]
        {
            let selector = FieldSelector::parse(selector).unwrap();
            assert_eq!((selector.matches(&pod), selector.may_match(&pod)), (expected, expected));
            assert!(selector.may_match(&record));
        }
        assert_eq!(FieldSelector::parse("a=b,spec.nodeName=k").unwrap().node(), Some("k"));
        for wrong in ["a", "=b", "a..b=c", "a=b,c"] {
            assert!(FieldSelector::parse(wrong).is_err(), "{wrong}");
        }
    }
}

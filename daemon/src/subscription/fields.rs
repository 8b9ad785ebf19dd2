//! Field selectors: what an object says at a place of its JSON.

use serde_json::Value;

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
    /// A place in the body, name by name.
    Path(Vec<String>),
}

/// A text that is no field selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not of the form PATH=VALUE or PATH!=VALUE, such as status.phase=Running")]
pub struct FieldSelectorError(String);

impl FieldSelector {
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
        let body = if self.needs_body() { body(record) } else { Value::Null };
        self.0.iter().all(|requirement| requirement.matches(record, &body))
    }

    /// Whether more than the name is asked for.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        self.0.iter().any(|requirement| matches!(requirement.field, Field::Path(_)))
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
            path => Field::Path(path.split('.').map(str::to_owned).collect()),
        };
        if path.split('.').any(str::is_empty) {
            return Err(wrong());
        }
        Ok(Self { field, value, equal })
    }

    fn matches(&self, record: &Record, body: &Value) -> bool {
        let found = match &self.field {
            Field::Name => *record.key.name == *self.value,
            Field::Namespace => *record.key.namespace == *self.value,
            Field::Path(path) => {
                let field = path.iter().try_fold(body, |value, name| value.get(name));
                match field {
                    None | Some(Value::Null) => self.value.is_empty(),
                    Some(Value::String(text)) => *text == self.value,
                    Some(Value::Number(number)) => number.to_string() == self.value,
                    Some(Value::Bool(is)) => self.value == if *is { "true" } else { "false" },
                    Some(_) => false,
                }
            }
        };
        found == self.equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use crate::record::Key;

    #[test]
    fn selects_by_what_the_body_says() {
        let json = r#"{"metadata":{"name":"a"},"spec":{"nodeName":"n,1","replicas":3,"paused":true},"status":{}}"#;
        let body = Some(Body::new(json.as_bytes(), &std::sync::Arc::default()).unwrap());
        let record = Record { body, ..Record::bare(Key::new("n", "a")) };
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
        for wrong in ["a", "=b", "a..b=c", "a=b,c"] {
            assert!(FieldSelector::parse(wrong).is_err(), "{wrong}");
        }
    }
}

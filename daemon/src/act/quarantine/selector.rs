//! Label selectors of objects, as tests of single labels.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::diagnose::Object;
use crate::diagnose::fields::{list, map, text};

/// Labels and their values.
pub type Labels = BTreeMap<String, String>;

/// What a label is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    In(Vec<String>),
    /// Passed, too, where there is no such label.
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

/// A test of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) key: String,
    pub(super) test: Test,
}

/// A selector: all of its tests are to be passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(pub(super) Vec<Requirement>);

impl Selector {
    /// That of a Service or a ReplicationController, which is labels; without any, it selects
    /// nothing.
    #[must_use]
    pub fn of_labels(labels: &Value) -> Option<Self> {
        let labels = labels.as_object().filter(|labels| !labels.is_empty())?;
        Some(Self(labels.iter().map(|(key, value)| equal(key, value)).collect()))
    }

    /// A LabelSelector (meta/v1), of which an empty one selects everything; `None` if there is
    /// none, or it has an operator that is not known.
    #[must_use]
    pub fn read(selector: &Value) -> Option<Self> {
        selector.as_object()?;
        let labels = map(selector, "/matchLabels").into_iter().flatten().map(|(key, value)| equal(key, value));
        let mut all: Vec<_> = labels.collect();
        for expression in list(selector, "/matchExpressions") {
            let values = list(expression, "/values").iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let test = match text(expression, "/operator") {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::DoesNotExist,
                _ => return None,
            };
            all.push(Requirement { key: text(expression, "/key").to_owned(), test });
        }
        Some(Self(all))
    }

    /// Whether it selects what has those labels.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.is_met(labels.get(&requirement.key)))
    }

    /// The same without what it asks of one label.
    pub(super) fn without(&self, key: &str) -> Self {
        Self(self.0.iter().filter(|requirement| requirement.key != key).cloned().collect())
    }
}

fn equal(key: &str, value: &Value) -> Requirement {
    let value = value.as_str().unwrap_or_default().to_owned();
    Requirement { key: key.to_owned(), test: Test::In(vec![value]) }
}

impl Requirement {
    fn is_met(&self, value: Option<&String>) -> bool {
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
        }
    }
}

/// As the API server takes it (k8s.io/apimachinery `pkg/labels/selector.go`).
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Requirement { key, test }) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match test {
                Test::In(values) => write!(f, "{comma}{key} in ({})", values.join(",")),
                Test::NotIn(values) => write!(f, "{comma}{key} notin ({})", values.join(",")),
                Test::Exists => write!(f, "{comma}{key}"),
                Test::DoesNotExist => write!(f, "{comma}!{key}"),
            }?;
        }
        Ok(())
    }
}

/// The labels of an object.
pub(super) fn labels_of(object: &Object) -> Labels {
    let labels = map(&object.value, "/metadata/labels").into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn selectors_select_as_kubernetes_does() {
        let expression = |key: &str, operator: &str, values: &[&str]| {
            Selector::read(&json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}))
                .unwrap()
        };
        let pod = labels(&[("app", "web")]);
        for (selector, expected) in [
            (expression("app", "In", &["web", "api"]), true),
            (expression("app", "In", &["api"]), false),
            (expression("app", "NotIn", &["web"]), false),
            (expression("tier", "NotIn", &["web"]), true),
            (expression("app", "Exists", &[]), true),
            (expression("app", "DoesNotExist", &[]), false),
            (Selector::read(&json!({})).unwrap(), true),
            (Selector::of_labels(&json!({"app": "web"})).unwrap(), true),
            (Selector::of_labels(&json!({"app": "web", "tier": "db"})).unwrap(), false),
        ] {
            assert_eq!(selector.matches(&pod), expected, "{selector}");
        }
        assert!(Selector::of_labels(&json!({})).is_none(), "a Service without a selector selects nothing");
        assert!(Selector::read(&json!({"matchExpressions": [{"key": "a", "operator": "Near"}]})).is_none());
    }

    #[test]
    fn selectors_are_told_as_the_api_server_takes_them() {
        let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["a", "b"]},
            {"key": "x", "operator": "Exists"}, {"key": "y", "operator": "DoesNotExist"}]});
        let told = Selector::read(&selector).unwrap().to_string();
        assert_eq!(told, "app in (web),tier notin (a,b),x,!y");
        assert!(crate::subscription::labels::LabelSelector::parse(&told).is_ok());
    }
}

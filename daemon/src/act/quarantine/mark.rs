//! The note that a pod in quarantine carries: what was changed, and by whom.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ANNOTATION;
use super::plan::Change;
use crate::act::controller::Controller;
use crate::diagnose::Object;

/// What a pod in quarantine says of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The labels that were changed.
    pub labels: BTreeMap<String, Was>,
    /// What managed the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<Controller>,
    /// The Services that had it.
    #[serde(default)]
    pub services: Vec<String>,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, as was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The request that did it, by which it is found again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
}

/// What a label was, and became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Was {
    /// What it was; `None` if there was none.
    #[serde(default)]
    pub before: Option<String>,
    /// What it became; `None` if there is none since.
    #[serde(default)]
    pub after: Option<String>,
}

/// A note that nobody can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("annotation {ANNOTATION} is not what a quarantine writes: {0}")]
pub struct Unreadable(String);

impl Mark {
    /// That of a pod, if it has one.
    ///
    /// # Errors
    /// If it has something else in its place.
    pub fn of(pod: &Object) -> Result<Option<Self>, Unreadable> {
        match pod.annotation(ANNOTATION) {
            "" => Ok(None),
            text => serde_json::from_str(text).map(Some).map_err(|error| Unreadable(error.to_string())),
        }
    }

    /// The labels that were changed.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let change = |(key, was): (&String, &Was)| {
            let Was { before, after } = was.clone();
            Change { key: key.clone(), before, after }
        };
        self.labels.iter().map(change).collect()
    }

    /// The labels of a plan's changes.
    #[must_use]
    pub fn labels(changes: &[Change]) -> BTreeMap<String, Was> {
        let was = |change: &Change| {
            let Change { key, before, after } = change.clone();
            (key, Was { before, after })
        };
        changes.iter().map(was).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(note: &str) -> Object {
        let metadata = json!({"name": "p", "annotations": {ANNOTATION: note}});
        Object::read(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})).unwrap()
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let changes = [
            Change { key: "app".into(), before: Some("web".into()), after: None },
            Change { key: "b".into(), before: None, after: Some("c".into()) },
        ];
        let mark = Mark {
            labels: Mark::labels(&changes),
            controller: None,
            services: vec!["web".into()],
            by: "user \"jane\"".into(),
            at: Timestamp::UNIX_EPOCH,
            why: "slow".into(),
            request: String::new(),
        };
        let read = Mark::of(&pod(&serde_json::to_string(&mark).unwrap())).unwrap().unwrap();
        assert_eq!((read.changes(), &read), (changes.to_vec(), &mark));
    }

    #[test]
    fn what_is_no_note_is_said_to_be_none() {
        assert_eq!(Mark::of(&pod("")), Ok(None));
        for text in ["x", "{}", "[]", r#"{"labels": 1, "by": "a", "at": "b"}"#] {
            assert!(Mark::of(&pod(text)).is_err(), "{text}");
        }
    }
}

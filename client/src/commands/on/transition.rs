//! Transitions, and what a command is told of one.

use daymark::api::{State, Status};
use serde::Serialize;

use crate::json;
use crate::status_json::{StatusJson, state};

/// The system takes no longer variables than 128 KiB, and not many of them.
const LONGEST_VALUE: usize = 32 << 10;

/// One object has come into another state, by which a command is run.
#[derive(Debug, PartialEq)]
pub struct Transition {
    pub event: Event,
    /// The object: as it is now, or as it was last known if it is gone.
    pub status: Status,
    /// As it was known before.
    pub previous: Option<Status>,
}

/// What has happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Entered,
    Changed,
    Left,
    Deleted,
    /// It was there from the beginning.
    Current,
}

/// What a command reads on its standard input.
#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    event: &'static str,
    status: StatusJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<StatusJson<'a>>,
}

impl Event {
    pub fn name(self) -> &'static str {
        match self {
            Self::Entered => "ENTERED",
            Self::Changed => "CHANGED",
            Self::Left => "LEFT",
            Self::Deleted => "DELETED",
            Self::Current => "CURRENT",
        }
    }
}

impl Transition {
    /// By what those who get a transition twice can tell.
    pub fn id(&self) -> String {
        id(&self.status)
    }

    /// The transition as one JSON document.
    pub fn document(&self) -> std::io::Result<Vec<u8>> {
        let document = Document {
            id: &self.id(),
            event: self.event.name(),
            status: StatusJson::from(&self.status),
            previous: self.previous.as_ref().map(StatusJson::from),
        };
        let mut text = Vec::new();
        json::line(&mut text, &document, false)?;
        Ok(text)
    }

    /// The transition as variables.
    pub fn environment(&self) -> [(&'static str, String); 10] {
        let object = self.status.r#ref.clone().unwrap_or_default();
        let previous = self.previous.as_ref().map_or("", |previous| state(previous.state));
        [
            ("DAYMARK_ID", &*self.id()),
            ("DAYMARK_EVENT", self.event.name()),
            ("DAYMARK_STATE", state(self.status.state)),
            ("DAYMARK_PREVIOUS_STATE", previous),
            ("DAYMARK_REASON", &self.status.reason),
            ("DAYMARK_MESSAGE", &self.status.message),
            ("DAYMARK_KIND", &self.status.kind),
            ("DAYMARK_NAMESPACE_OF_OBJECT", &object.namespace),
            ("DAYMARK_NAME", &object.name),
            ("DAYMARK_UID", &object.uid),
        ]
        .map(|(name, value)| (name, variable(value)))
    }
}

/// The same for the same version of an object in the same state, whoever tells it
/// and when. A state can change without a new version; an object is deleted once.
pub fn id(status: &Status) -> String {
    let uid = uid(status);
    match status.state() {
        State::Absent => format!("{uid}/ABSENT"),
        _ => format!("{uid}/{}/{}/{}", status.resource_version, state(status.state), status.reason),
    }
}

pub fn uid(status: &Status) -> &str {
    status.r#ref.as_ref().map_or("", |object| &object.uid)
}

/// Whether it is a transition from `old` to `new`, and not only another version.
pub fn differs(old: &Status, new: &Status) -> bool {
    (old.state, &old.reason, &old.progress, old.doom) != (new.state, &new.reason, &new.progress, new.doom)
}

/// Text from the cluster as a variable can hold it.
fn variable(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_VALUE)].replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use daymark::api::Progress;

    use super::*;

    #[test]
    fn versions_are_no_transitions() {
        let old = Status { reason: "a".to_owned(), resource_version: "1".to_owned(), ..Status::default() };
        let alike =
            Status { resource_version: "2".to_owned(), message: "7 s".to_owned(), generation: 2, ..old.clone() };
        assert!(!differs(&old, &alike));
        for new in [
            Status { state: 2, ..old.clone() },
            Status { reason: "b".to_owned(), ..old.clone() },
            Status { progress: Some(Progress::default()), ..old.clone() },
            Status { doom: 2, ..old.clone() },
        ] {
            assert!(differs(&old, &new), "{new:?}");
        }
    }

    #[test]
    fn variables_hold_what_they_can() {
        assert_eq!(variable("a\0b$(c)\n"), "a\u{fffd}b$(c)\n");
        let long = "é".repeat(LONGEST_VALUE);
        assert_eq!(variable(&format!("a{long}")).len(), LONGEST_VALUE - 1);
    }
}

//! What broke first below an object, and how that is known.

mod containers;
mod investigator;
mod redaction;

use std::sync::Arc;

use jiff::Timestamp;

pub use self::containers::ContainerEnd;
pub use self::investigator::Investigator;
pub use self::redaction::{BadPattern, REDACTED, Redaction};
use crate::kind::Kind;
use crate::record::{Key, Record, Uid};

/// What broke first below an object, or keeps it waiting, and how that is known.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The kind of the culprit.
    pub kind: Arc<Kind>,
    /// The culprit: the object itself, or one of its pods.
    pub record: Arc<Record>,
    /// Why, in a CamelCase word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// How its containers have ended that are not well.
    pub containers: Vec<ContainerEnd>,
    /// What events tell of it, and of the object that it belongs to: the newest last.
    pub events: Vec<EventLine>,
    /// The last lines of the logs of its containers that are not well.
    pub logs: Vec<LogTail>,
    /// What could not be found out, and why, in a line each.
    pub missing: Vec<String>,
    /// How many other objects of the gate have failed, too.
    pub others: usize,
    /// The object below which it was looked for.
    pub object: Target,
}

/// An object below which something broke.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: Arc<Kind>,
    /// Its name.
    pub key: Key,
    /// Its UID.
    pub uid: Uid,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine {
    /// `Normal` or `Warning`.
    pub r#type: String,
    /// In a CamelCase word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
    /// How often.
    pub count: u32,
    /// When it happened last.
    pub last: Option<Timestamp>,
}

/// The last lines of a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTail {
    /// The container's name.
    pub container: String,
    /// Whether it is the log of the run before the last restart.
    pub previous: bool,
    /// The lines, without their ends.
    pub lines: Vec<String>,
}

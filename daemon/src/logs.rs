//! The logs of all pods below some objects: read as one, in the order of time, or followed.
//!
//! `below` finds the pods, `roster` says whose logs are read, `reader` reads one of them, from run
//! to run, `merge` puts several in order, and `session` is all of it for one request. Nothing is
//! queued: a log is read when its reader's lines are.

pub mod below;
pub mod line;
pub mod mark;
pub mod merge;
pub mod plan;
pub mod pod;
pub mod reader;
mod rights;
mod roster;
pub mod session;

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;

use self::mark::Mark;
use self::pod::Choice;
use crate::record::{Key, Uid};
use crate::source::{Problem, ProblemReason};

/// What of logs is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of which containers.
    pub containers: Choice,
    /// Whether it goes on.
    pub follow: bool,
    /// Whether it is that of the run before.
    pub previous: bool,
    /// Only lines from this time on.
    pub since: Option<Timestamp>,
    /// Only the last so many lines of each container that is there now.
    pub tail: Option<u64>,
    /// What was told already, by pod and container; without a mark, of a container that is to be
    /// read whole.
    pub told: HashMap<(Uid, String), Option<Mark>>,
}

/// How far the log of a container was told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// That is not known: it may be read in part.
    Unknown,
    /// Nothing was, and it is to be read whole.
    Nothing,
    /// Up to there.
    To(Mark),
}

impl Told {
    fn mark(self) -> Option<Mark> {
        match self {
            Self::To(mark) => Some(mark),
            Self::Unknown | Self::Nothing => None,
        }
    }
}

impl Wanted {
    /// How far the log of a container was told, whose pod was created then. One that is newer
    /// than all that was told came meanwhile.
    fn told(&self, pod: &Uid, container: &str, created: Option<Timestamp>) -> Told {
        match self.told.get(&(pod.clone(), container.to_owned())) {
            Some(Some(mark)) => Told::To(*mark),
            Some(None) => Told::Nothing,
            None => {
                let newest = self.told.values().flatten().map(|mark| mark.time).max();
                let is_newer = newest.zip(created).is_some_and(|(newest, created)| created > newest);
                if is_newer { Told::Nothing } else { Told::Unknown }
            }
        }
    }
}

/// A container whose log is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// By this number it is named, from 1 on.
    pub number: u32,
    /// The pod.
    pub pod: Key,
    /// The pod's UID.
    pub uid: Uid,
    /// The container's name.
    pub container: String,
    /// Whether the pod came while logs were read.
    pub joined: bool,
}

/// What happens while logs are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A log begins to be read.
    Origin(Origin),
    /// A line.
    Line {
        /// Whose.
        origin: u32,
        /// The line.
        line: line::Line,
    },
    /// What is to be known besides.
    Notice(Notice),
    /// Everything was told.
    End,
}

/// What is to be known of logs besides their lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What sort of thing.
    pub kind: NoticeKind,
    /// Of whose log; 0 for none.
    pub origin: u32,
    /// The same in a sentence.
    pub message: String,
}

/// The sorts of notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// There is no pod.
    NoPods,
    /// Of several containers, the default one is read.
    Defaulted,
    /// A container has not started.
    Waiting,
    /// A pod came.
    Joined,
    /// A container was restarted.
    Restarted,
    /// A container will write nothing more.
    Ended,
    /// Reading a log broke off, and is tried again.
    Broken,
    /// Lines may be missing.
    Missing,
    /// Some logs are not read, because too many are open.
    NotRead,
    /// A log cannot be read.
    Failed(Failure),
}

/// Why a log cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The caller may not.
    Denied,
    /// The daemon may not.
    Forbidden,
    /// There is none, or no such container.
    NoLog,
    /// There is no such object.
    NoObject,
    /// The API server or the node does not give it.
    Unreachable,
}

impl From<&Problem> for Failure {
    fn from(problem: &Problem) -> Self {
        match problem.reason {
            ProblemReason::Forbidden => Self::Forbidden,
            ProblemReason::NotServed | ProblemReason::Invalid => Self::NoLog,
            ProblemReason::Unreachable | ProblemReason::Unauthorized | ProblemReason::Refused => Self::Unreachable,
        }
    }
}

impl Event {
    /// A notice about a log, or none.
    #[must_use]
    pub fn notice(kind: NoticeKind, origin: u32, message: impl Into<String>) -> Self {
        Self::Notice(Notice { kind, origin, message: message.into() })
    }

    /// When it happened, of a line that says so.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Line { line, .. } => line.time,
            Self::Origin(_) | Self::Notice(_) | Self::End => None,
        }
    }

    /// About how many bytes it takes up.
    #[must_use]
    pub fn size(&self) -> usize {
        let text = match self {
            Self::Line { line, .. } => Bytes::len(&line.text),
            Self::Notice(notice) => notice.message.len(),
            Self::Origin(_) | Self::End => 0,
        };
        text + size_of::<Self>()
    }
}

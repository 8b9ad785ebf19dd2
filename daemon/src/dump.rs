//! All that somebody may see of a cluster, as files: every kind that can be listed, what kubelets
//! tell of their nodes, and the logs of all containers.
//!
//! `session` goes through the kinds (`kinds`; behind the nodes their summaries, `nodes`), as far as
//! the caller may (`rights`), and then through the logs (`logs`) of the pods that it has met (`pods`). What leaves it is `scrub`bed, and goes
//! through an `outlet` that holds next to nothing: the reader's speed is the dump's.

mod kinds;
mod logs;
mod nodes;
pub mod outlet;
mod paths;
mod pods;
mod rights;
pub mod scrub;
pub mod session;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::kind::Kind;
use crate::source::{Problem, ProblemReason};

/// What is to be read.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The only namespaces; `None` for all.
    pub namespaces: Option<Vec<Arc<str>>>,
    /// How much of each log; `None` for no logs.
    pub logs: Option<LogBounds>,
    /// Kinds that the reader has, as `deployments.apps`.
    pub have: HashSet<String>,
    /// Logs go on behind this [`Progress::mark`]; empty for the first.
    pub mark: String,
}

/// How much of a log is read.
#[derive(Clone, Copy, Debug)]
pub struct LogBounds {
    /// The last so many lines.
    pub lines: u64,
    /// Of these, from the first on, at most so many bytes.
    pub bytes: u64,
}

/// What comes next.
#[derive(Debug)]
pub enum Event {
    /// What the rest is of.
    Begun(Begun),
    /// A part of a file.
    Part(Part),
    /// A kind is complete.
    Kind(Complete),
    /// The files of that kind, which is not complete, are void.
    Restarted(String),
    /// Something cannot be had.
    Refused(Refused),
    /// How far the logs are.
    Logs(Progress),
    /// Everything was told, by then.
    End(Timestamp),
}

/// What a dump is of.
#[derive(Debug)]
pub struct Begun {
    /// The API server's version.
    pub kubernetes: String,
    /// When it began.
    pub time: Timestamp,
    /// How many kinds come.
    pub kinds: usize,
}

/// A part of a file.
#[derive(Debug)]
pub struct Part {
    /// The file's number.
    pub file: u32,
    /// Where it belongs, with its first part; else empty.
    pub path: String,
    /// Its bytes.
    pub data: Bytes,
    /// Whether it is the last.
    pub last: bool,
}

/// A kind all of whose objects were told.
#[derive(Debug)]
pub struct Complete {
    /// The kind.
    pub kind: Kind,
    /// Whether it can be followed.
    pub watched: bool,
    /// The name of its files.
    pub file: String,
    /// How many files of that name a namespace has at most.
    pub parts: u32,
    /// As of which version.
    pub version: String,
    /// How many objects.
    pub objects: u64,
    /// How many could not be understood, and are left out.
    pub broken: u64,
}

/// Something that cannot be had.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The kind, or `pods/log`, or `nodes/proxy`.
    pub kind: String,
    /// The namespace; empty for all, or where the kind has none.
    pub namespace: String,
    /// The pod and container of a log, or the node; else empty.
    pub name: String,
    /// Why, in a word.
    pub reason: Refusal,
    /// Why, in a sentence.
    pub message: String,
}

/// Why something cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller may not.
    Denied,
    /// The daemon may not.
    Forbidden,
    /// The API server does not serve it.
    NotServed,
    /// It is not to be had now.
    Unreachable,
    /// There is too much of it.
    TooMany,
}

impl From<&Problem> for Refusal {
    fn from(problem: &Problem) -> Self {
        match problem.reason {
            ProblemReason::Forbidden => Self::Forbidden,
            ProblemReason::NotServed => Self::NotServed,
            ProblemReason::Unreachable
            | ProblemReason::Unauthorized
            | ProblemReason::Invalid
            | ProblemReason::Refused => Self::Unreachable,
        }
    }
}

/// How far the logs are.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Up to where everything was told.
    pub mark: String,
    /// Pods whose logs were told.
    pub pods: usize,
    /// All pods whose logs are.
    pub of_pods: usize,
    /// Logs that were told.
    pub logs: u64,
    /// Of these, those that were longer than they may be.
    pub cut: u64,
}

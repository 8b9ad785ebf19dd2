//! What outlives the daemon of its gates: `file` keeps it, `keeper` takes it there.
//!
//! What was asked and what came of it are bytes here; what they mean is known
//! where they are made.

pub mod file;
pub mod keeper;

use std::fmt::Debug;

use jiff::Timestamp;

use super::token::{Asked, Name};

/// A gate that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// How it is called.
    pub name: Name,
    /// By what the same request finds it.
    pub asked: Option<Asked>,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it ends at the latest.
    pub deadline: Timestamp,
    /// The request.
    pub request: Vec<u8>,
}

/// A gate that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it is called.
    pub name: Name,
    /// By what the same request finds it.
    pub asked: Option<Asked>,
    /// When it has ended.
    pub at: Timestamp,
    /// What whoever has its token is told.
    pub summary: Vec<u8>,
}

/// Something that is to outlive the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A gate is open. Those ones, which are no longer known, need not be kept.
    Opened(Opened, Vec<Name>),
    /// A gate is armed, with that.
    Armed(Name, Vec<u8>),
    /// A gate has ended.
    Ended(Ended),
}

/// What earlier daemons have kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The last time that anything was kept.
    pub last: Option<Timestamp>,
    /// The gates that are open, and what they are armed with.
    pub open: Vec<(Opened, Option<Vec<u8>>)>,
    /// The gates that have ended.
    pub ended: Vec<Ended>,
}

/// Keeps gates.
pub trait GateStore: Debug + Send {
    /// What there is; of gates that have ended before `since` nothing is kept any
    /// more.
    ///
    /// # Errors
    /// If it cannot be read.
    fn load(&mut self, since: Timestamp) -> Result<Loaded, StoreError>;

    /// Keeps all of these or none, and that it is `at` now; returns when they last.
    ///
    /// # Errors
    /// If they are not kept. What is kept later is not impaired by that.
    fn write(&mut self, entries: &[Entry], at: Timestamp) -> Result<(), StoreError>;
}

/// A file of gates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened, read or written.
    #[error("gates file {path}: {problem}")]
    File {
        /// Which.
        path: String,
        /// Why.
        problem: String,
    },
    /// Somebody else can read it.
    #[error("gates file {path} has mode {mode:04o} and user {uid}: it must be yours and 0600")]
    Exposed {
        /// Which.
        path: String,
        /// Its permissions.
        mode: u32,
        /// Its owner.
        uid: u32,
    },
    /// Another daemon has it.
    #[error("gates file {path} is in use by another daemon")]
    InUse {
        /// Which.
        path: String,
    },
    /// It does not hold gates, or not any more.
    #[error("gates file {path} is damaged, or not a gates file: {problem}: remove it to start without gates")]
    Damaged {
        /// Which.
        path: String,
        /// How it shows.
        problem: String,
    },
    /// A newer daemon has written it.
    #[error("gates file {path} is of format {format}, but this daemon supports none above {known}")]
    Newer {
        /// Which.
        path: String,
        /// Its format.
        format: i128,
        /// The newest that is known.
        known: i128,
    },
}

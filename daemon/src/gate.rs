//! Gates: one verdict on a set of objects.
//!
//! `policy` says what is asked, `seen` what expressions say of a version, `course`
//! judges one object over time, with a `failure_clock`, `tally` all of them; `run` brings in what the log
//! tells, and the time; `register` knows gates by their tokens, and keeps verdicts
//! for a while, `store` for longer than the daemon runs; `account` counts them. `ending` is a gate that is
//! about to tell its verdict, `reopening` one that an earlier daemon has opened; `family`
//! knows which objects are owned by those that a gate is for.

pub mod account;
mod course;
pub mod ending;
mod failure_clock;
pub mod family;
pub mod policy;
pub mod register;
pub mod reopening;
pub mod report;
pub mod run;
pub mod seen;
pub mod store;
pub mod tally;
pub mod token;
pub mod whereabouts;
pub mod withdrawn;

use jiff::Timestamp;

pub use self::course::{Applied, Failing, Standing};
pub use self::policy::{Criterion, Goal, Policy};
use self::tally::Place;

/// How a gate has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every object is as it is needed.
    Passed,
    /// An object has failed.
    Failed,
    /// Neither, at the deadline.
    Undecided,
    /// Somebody has cancelled it.
    Cancelled,
}

/// A gate's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it has ended.
    pub outcome: Outcome,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// When.
    pub at: Timestamp,
    /// The object that has failed, or one that is waited for.
    pub culprit: Option<Place>,
}

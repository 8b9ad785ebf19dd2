//! Gates: one verdict on a set of objects.
//!
//! `policy` says what is asked, `course` judges one object over time, `tally` all
//! of them; `run` brings in what the log tells, and the time; `register` knows
//! gates by their tokens, and keeps verdicts for a while.

mod course;
pub mod policy;
pub mod register;
pub mod run;
pub mod tally;

use jiff::Timestamp;

pub use self::course::{Applied, Standing};
pub use self::policy::{Goal, Policy};

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
}

//! Pods that are taken out of their Services and away from what manages them, to be looked at:
//! by a change of labels, of which the pod keeps a note.

pub mod mark;
pub mod plan;
mod ranking;
pub mod read;
pub mod release;
mod replacement;
mod run;
mod search;
mod selector;

use std::time::Duration;

pub use self::run::{Quarantine, Targets};
pub use self::selector::Labels;

/// What a pod in quarantine is annotated with: a [`mark::Mark`].
pub const ANNOTATION: &str = "daymark.dev/quarantine";

/// How a pod is taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The labels' new values; none for the smallest change that does it.
    pub set: Labels,
    /// Why.
    pub why: String,
    /// Nothing is changed.
    pub dry_run: bool,
    /// How long it may take until the replacement is ready.
    pub timeout: Duration,
}

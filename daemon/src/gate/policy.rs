//! How a gate is judged.

use jiff::SignedDuration;

/// What an object is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Ready, in the words of its kind's rule.
    Ready,
    /// There, and not being deleted.
    Exists,
    /// Gone.
    Deleted,
}

/// How a gate is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What each object is to be.
    pub goal: Goal,
    /// Whether no failure ends the gate.
    pub ignore_failures: bool,
    /// How long each object must have been so.
    pub stable_for: SignedDuration,
    /// How long a failure that may pass is borne.
    pub tolerate: SignedDuration,
    /// How long an object may be without any progress.
    pub no_progress: Option<SignedDuration>,
    /// When the gate ends at the latest, from its opening on.
    pub deadline: SignedDuration,
    /// How many objects there must be.
    pub min_objects: usize,
}

impl Default for Policy {
    /// A crash loop is given two minutes: as long as a database may take to start,
    /// for which others wait by crashing. Ten minutes are Deployments' own deadline.
    fn default() -> Self {
        Self {
            goal: Goal::Ready,
            ignore_failures: false,
            stable_for: SignedDuration::ZERO,
            tolerate: SignedDuration::from_mins(2),
            no_progress: None,
            deadline: SignedDuration::from_mins(10),
            min_objects: 1,
        }
    }
}

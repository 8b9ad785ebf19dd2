//! Operations: what is being done to a cluster, takes a while, and is watched by whoever may.

mod register;
mod stop;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::register::{NotStarted, Operations, Start, Work};
pub use self::stop::{Stop, Why};
use super::Act;
use crate::access::Caller;
use crate::access::authorizer::Right;
use crate::kind::Kind;
use crate::panics::{Panicked, caught};
use crate::record::Key;

/// An object that is acted on.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: Arc<Kind>,
    /// Its name.
    pub key: Key,
    /// Its UID.
    pub uid: String,
}

/// Whether an operation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It goes on.
    Running,
    /// All is done.
    Succeeded,
    /// Not all was done.
    Failed,
    /// Somebody has cancelled it, or nobody was watching any more.
    Cancelled,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It has not begun.
    Waiting,
    /// Something holds it up; it is tried again.
    Blocked,
    /// It has begun.
    Running,
    /// It is done.
    Done,
    /// It cannot be done.
    Failed,
    /// There is nothing to be done.
    Skipped,
}

impl StepState {
    /// Whether nothing more comes of it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Skipped)
    }
}

/// What is done to one object.
#[derive(Clone, Debug)]
pub struct Step {
    /// The object.
    pub object: Target,
    /// What manages it.
    pub controller: Option<Target>,
    /// How far it is.
    pub state: StepState,
    /// How it stands, in one CamelCase word.
    pub reason: &'static str,
    /// How it stands, in a sentence.
    pub message: String,
}

/// How an operation stands.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Whether it goes on.
    pub stage: Stage,
    /// How it stands, in one CamelCase word.
    pub reason: &'static str,
    /// How it stands, in a sentence.
    pub message: String,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Its steps: there are never fewer, and each keeps its place.
    pub steps: Vec<Arc<Step>>,
}

/// How an operation ends.
#[derive(Clone, Debug)]
pub struct End {
    /// How.
    pub stage: Stage,
    /// In one CamelCase word.
    pub reason: &'static str,
    /// In a sentence.
    pub message: String,
}

impl End {
    /// That of an operation's work; if it panics, it has failed.
    pub async fn of(work: impl Future<Output = Self>) -> Self {
        caught("an operation", work).await.unwrap_or_else(|Panicked| Self {
            stage: Stage::Failed,
            reason: "InternalFault",
            message: "a fault in the daemon has ended it: what was done before that is not undone".to_owned(),
        })
    }
}

/// An operation.
#[derive(Debug)]
pub struct Operation {
    /// By which it is found.
    pub id: Box<str>,
    /// What is done.
    pub act: Act,
    /// To what.
    pub target: Target,
    /// For whom.
    pub caller: Caller,
    /// Since when.
    pub started: Timestamp,
    /// When it gives up.
    pub deadline: Timestamp,
    /// Whether it goes on when nobody watches.
    pub detached: bool,
    /// What it takes to see it.
    pub seen_by: Vec<Right>,
    /// What it takes to cancel it.
    pub cancelled_by: Right,
    /// By what it is found again by who has started it.
    request: Box<str>,
    progress: watch::Receiver<Arc<Progress>>,
    watchers: watch::Sender<usize>,
    cancelled: CancellationToken,
}

/// Somebody who watches an operation, for as long as it is held.
#[derive(Debug)]
pub struct Watcher {
    operation: Arc<Operation>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.operation.watchers.send_modify(|watchers| *watchers -= 1);
    }
}

impl Operation {
    /// How it stands, now and from now on.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Arc<Progress>> {
        self.progress.clone()
    }

    /// One more who watches it.
    #[must_use]
    pub fn watched(self: &Arc<Self>) -> Watcher {
        self.watchers.send_modify(|watchers| *watchers += 1);
        Watcher { operation: Arc::clone(self) }
    }

    /// Ends it, soon.
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.progress.borrow().stage == Stage::Running
    }
}

/// Where an operation says how it stands.
#[derive(Debug)]
pub struct Report {
    progress: watch::Sender<Arc<Progress>>,
}

impl Report {
    /// In a word and a sentence.
    pub fn say(&self, reason: &'static str, message: impl Into<String>) {
        let message = message.into();
        self.change(|progress| (progress.reason, progress.message) = (reason, message));
    }

    /// One more step; says its place.
    pub fn add(&self, step: Step) -> usize {
        let mut place = 0;
        self.change(|progress| {
            place = progress.steps.len();
            progress.steps.push(Arc::new(step));
        });
        place
    }

    /// A step stands otherwise.
    pub fn step(&self, place: usize, state: StepState, reason: &'static str, message: impl Into<String>) {
        let message = message.into();
        let so = |step: &Step| step.state == state && step.reason == reason && step.message == message;
        if self.progress.borrow().steps.get(place).is_none_or(|step| so(step)) {
            return;
        }
        self.change(|progress| {
            if let Some(step) = progress.steps.get_mut(place) {
                *step = Arc::new(Step { state, reason, message, ..Step::clone(step) });
            }
        });
    }

    /// How it stands now.
    #[must_use]
    pub fn now(&self) -> Arc<Progress> {
        Arc::clone(&self.progress.borrow())
    }

    fn end(&self, end: End, at: Timestamp) {
        let End { stage, reason, message } = end;
        self.change(|progress| {
            (progress.stage, progress.reason, progress.message, progress.ended) = (stage, reason, message, Some(at));
        });
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(|progress| {
            // Whoever reads it now keeps what it reads.
            let mut changed = Progress::clone(progress);
            change(&mut changed);
            *progress = Arc::new(changed);
        });
    }
}

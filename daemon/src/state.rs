//! What the rules say of an object.

use std::borrow::Cow;

use crate::record::Key;

/// The state of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// As its specification asks, for its newest generation.
    Ready,
    /// On its way.
    InProgress,
    /// Failed; [`Judgement::doom`] tells how hopelessly.
    Failed,
    /// Being deleted.
    Terminating,
    /// Held back on purpose.
    Paused,
    /// No rule can judge it.
    Unknown,
}

impl State {
    /// Its name, as expressions know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::InProgress => "IN_PROGRESS",
            Self::Failed => "FAILED",
            Self::Terminating => "TERMINATING",
            Self::Paused => "PAUSED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// How hopeless a state is: what waiting longer is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doom {
    /// Nothing is wrong.
    #[default]
    None,
    /// Known to pass by itself.
    Transient,
    /// May pass, but usually needs somebody.
    Persistent,
    /// Waiting cannot heal it.
    Fatal,
}

/// How far an object is: `done` of `total` are `unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many are done.
    pub done: i64,
    /// How many there are to do.
    pub total: i64,
    /// What is counted: a participle or adjective, such as `updated`.
    pub unit: &'static str,
}

/// A rule's judgement of one version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The state.
    pub state: State,
    /// Why, in one CamelCase word.
    pub reason: Cow<'static, str>,
    /// Why, in a sentence for people; it may hold the cluster's own text.
    pub message: Cow<'static, str>,
    /// How far it is, where that can be counted.
    pub progress: Option<Progress>,
    /// What waiting longer is worth.
    pub doom: Doom,
    /// How often a container was restarted: the one that was most often, of a workload
    /// among its newest pods; `None` where none were seen.
    pub restarts: Option<u32>,
    /// Of a workload, its pod that keeps it from being ready.
    pub blames: Option<Box<Key>>,
}

impl Judgement {
    /// A judgement without progress or doom.
    pub fn new(state: State, reason: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            state,
            reason: reason.into(),
            message: message.into(),
            progress: None,
            doom: Doom::None,
            restarts: None,
            blames: None,
        }
    }

    /// The same, with progress.
    #[must_use]
    pub fn with_progress(mut self, done: i64, total: i64, unit: &'static str) -> Self {
        self.progress = Some(Progress { done, total, unit });
        self
    }

    /// The same, with doom.
    #[must_use]
    pub fn with_doom(mut self, doom: Doom) -> Self {
        self.doom = doom;
        self
    }

    /// Whether `self` and `other` differ in what a follower of states is told: not
    /// the message, which may count seconds, restarts, and whom it blames.
    #[must_use]
    pub fn differs(&self, other: &Self) -> bool {
        (self.state, &self.reason, &self.progress, self.doom)
            != (other.state, &other.reason, &other.progress, other.doom)
    }
}

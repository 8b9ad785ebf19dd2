//! How a gate is judged.

use jiff::SignedDuration;

/// Something that can be true of one version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Ready, in the words of its kind's rule.
    Ready,
    /// The same, or nothing is left to wait for: see [`is_settled`](crate::rule::is_settled).
    Settled,
    /// There, and not being deleted.
    Exists,
    /// Gone: the object that was there first, by its UID.
    Deleted,
    /// Of a node: it is cordoned, and nothing is left on it that a drain takes away.
    Drained,
    /// The expression of that number is true of it (see [`super::seen`]).
    Holds(usize),
}

/// What each object is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// All of these, of one version.
    pub all: Vec<Criterion>,
    /// And one of these, if there are any.
    pub any: Vec<Criterion>,
}

impl Goal {
    /// One criterion.
    #[must_use]
    pub fn one(criterion: Criterion) -> Self {
        Self { all: vec![criterion], any: Vec::new() }
    }

    /// Whether the criterion is among its own.
    #[must_use]
    pub fn asks(&self, criterion: Criterion) -> bool {
        self.all.iter().chain(&self.any).any(|it| *it == criterion)
    }

    /// Whether nothing is asked but what its kind's rule says of an object that is to be well.
    #[must_use]
    pub fn is_about_being_ready(&self) -> bool {
        self.all.iter().chain(&self.any).all(|it| matches!(it, Criterion::Ready | Criterion::Settled))
    }
}

/// How a gate is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What each object is to be.
    pub goal: Goal,
    /// An object of which one of these is true has failed.
    pub fail_on: Vec<Criterion>,
    /// Whether what a kind's rule calls failed does not end the gate.
    pub ignore_failures: bool,
    /// How long each object must have been so.
    pub stable_for: SignedDuration,
    /// How long a failure is borne that cannot heal, unless the object has ended.
    pub fatal_after: SignedDuration,
    /// How long a failure that may pass is borne.
    pub tolerate: SignedDuration,
    /// How often a container may be restarted before the object is ready.
    pub restarts: u32,
    /// How long an object may be without any progress.
    pub no_progress: Option<SignedDuration>,
    /// When the gate ends at the latest, from its opening on.
    pub deadline: SignedDuration,
    /// How many objects there must be.
    pub min_objects: usize,
    /// Whether it ends with the first view that is proven.
    pub once: bool,
}

impl Policy {
    /// The same patience for what is owned by an object. What never says anything, such as a
    /// ServiceMonitor, would keep everything waiting.
    #[must_use]
    pub fn of_what_is_owned(&self) -> Self {
        Self { goal: Goal::one(Criterion::Settled), fail_on: Vec::new(), ..self.clone() }
    }
}

impl Default for Policy {
    /// Registries and kubelets' caches lag behind an apply by seconds: 30 of them are
    /// given. A crash loop is given two minutes and two restarts: as long as a
    /// database may take to start, for which others wait by crashing. Ten minutes
    /// are Deployments' own deadline.
    fn default() -> Self {
        Self {
            goal: Goal::one(Criterion::Ready),
            fail_on: Vec::new(),
            ignore_failures: false,
            stable_for: SignedDuration::ZERO,
            fatal_after: SignedDuration::from_secs(30),
            tolerate: SignedDuration::from_mins(2),
            restarts: 2,
            no_progress: None,
            deadline: SignedDuration::from_mins(10),
            min_objects: 1,
            once: false,
        }
    }
}

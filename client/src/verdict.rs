//! Are these objects as needed? The answer, from what a proven stream tells.
//!
//! Nothing here waits, reads a clock or writes: events and times go in, verdicts
//! come out.

use std::time::Duration;

use daymark::api::status_event::Event;
use daymark::api::{Doom, ObjectRef, State, Status};

use crate::args::Goal;
use crate::targets::Target;
use crate::words;

/// The answer about one object, or about all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As needed.
    Passed,
    /// Failed, and waiting cannot heal it.
    Failed,
    /// Neither.
    Undecided,
}

/// Objects that are waited for.
#[derive(Debug)]
pub struct Gate {
    goal: Option<Goal>,
    objects: Vec<Awaited>,
    /// The object that the snapshot's next item is about.
    next: usize,
    proven: bool,
    /// How long a failure that may pass is borne.
    tolerance: Duration,
    /// The time, since the wait began.
    now: Duration,
}

/// One object that is waited for.
#[derive(Debug)]
pub struct Awaited {
    target: Target,
    status: Option<Status>,
    /// Since when it has not been well, if it has failed since.
    failing_since: Option<Duration>,
}

/// Why a gate cannot be judged at all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// The goal makes no sense for the kind.
    #[error("{0} has no rollout: --for rollout is for Deployments, StatefulSets and DaemonSets")]
    NoRollout(String),
    /// The stream tells of something else than was asked for.
    #[error("asked about {asked}, the daemon answered about {answered}")]
    Mismatch { asked: String, answered: String },
}

impl Gate {
    /// A gate for `targets`, in the order of the request's `refs`, that bears a
    /// failure which may pass for as long as `tolerance`.
    pub fn new(targets: &[Target], goal: Option<Goal>, tolerance: Duration) -> Self {
        let awaited = |target: &Target| Awaited { target: target.clone(), status: None, failing_since: None };
        let objects = targets.iter().map(awaited).collect();
        Self { goal, objects, next: 0, proven: false, tolerance, now: Duration::ZERO }
    }

    /// So much time has passed since the wait began.
    pub fn at(&mut self, now: Duration) {
        self.now = now;
    }

    /// When a verdict may come by time alone.
    pub fn due(&self) -> Option<Duration> {
        let failing = self.objects.iter().filter(|object| object.fails_for_now());
        failing.filter_map(|object| object.failing_since).min().map(|since| since + self.tolerance)
    }

    /// Takes in an event.
    ///
    /// # Errors
    /// When the objects cannot be judged, whatever follows.
    pub fn apply(&mut self, event: Event) -> Result<(), GateError> {
        match event {
            Event::Reset(_) => (self.proven, self.next) = (false, 0),
            Event::Item(status) => self.item(status)?,
            Event::Current(_) | Event::Resumed(_) => self.proven = true,
            Event::Entered(status) | Event::Changed(status) => self.update(status),
            Event::Left(mut status) | Event::Deleted(mut status) => {
                status.set_state(State::Absent);
                self.remove(status);
            }
            Event::Progress(_) | Event::Gap(_) => {}
        }
        Ok(())
    }

    /// The stream was lost: until it is back, nothing is proven.
    pub fn lose(&mut self) {
        self.proven = false;
    }

    /// Whether the view is proven to be no older than the request for it.
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// The objects, in the order of the request.
    pub fn objects(&self) -> &[Awaited] {
        &self.objects
    }

    /// The verdict on all: failed when one has failed, passed when all have passed.
    pub fn verdict(&self) -> Verdict {
        let any = |verdict| self.objects.iter().any(|object| self.verdict_on(object) == verdict);
        match () {
            () if any(Verdict::Failed) => Verdict::Failed,
            () if any(Verdict::Undecided) => Verdict::Undecided,
            () => Verdict::Passed,
        }
    }

    /// The verdict on one. What is not proven decides nothing.
    pub fn verdict_on(&self, object: &Awaited) -> Verdict {
        match &object.status {
            Some(status) if self.proven => match (status.state(), status.doom()) {
                (State::Ready, _) => Verdict::Passed,
                (State::Failed, Doom::Fatal) => Verdict::Failed,
                _ if object.fails_for_now() && self.has_borne(object) => Verdict::Failed,
                _ => Verdict::Undecided,
            },
            _ => Verdict::Undecided,
        }
    }

    fn has_borne(&self, object: &Awaited) -> bool {
        object.failing_since.is_some_and(|since| self.now.saturating_sub(since) >= self.tolerance)
    }

    /// What is waited for in `object`, by default or by request.
    pub fn goal(&self, object: &Awaited) -> Goal {
        let rollout = object.status.as_ref().is_some_and(has_rollout);
        self.goal.unwrap_or(if rollout { Goal::Rollout } else { Goal::Ready })
    }

    fn item(&mut self, status: Status) -> Result<(), GateError> {
        let answered = words::name(&status);
        let Some(object) = self.objects.get_mut(self.next) else {
            return Err(GateError::Mismatch { asked: "nothing more".to_owned(), answered });
        };
        if status.r#ref.as_ref().is_none_or(|it| it.name != object.target.name) {
            return Err(GateError::Mismatch { asked: object.target.to_string(), answered });
        }
        if self.goal == Some(Goal::Rollout) && !has_rollout(&status) {
            return Err(GateError::NoRollout(answered));
        }
        object.learn(status, self.now);
        self.next += 1;
        Ok(())
    }

    fn update(&mut self, status: Status) {
        // The same object may be named twice, as deploy/web and deployment/web.
        for object in self.objects.iter_mut().filter(|object| object.is(&status)) {
            object.learn(status.clone(), self.now);
        }
    }

    fn remove(&mut self, status: Status) {
        for object in self.objects.iter_mut().filter(|object| object.is(&status)) {
            // A namesake that came meanwhile stays.
            if object.uid().is_empty() || object.uid() == uid(&status) || uid(&status).is_empty() {
                object.learn(status.clone(), self.now);
            }
        }
    }
}

impl Awaited {
    /// Its state, as far as it was told.
    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    /// `deployment.apps/web`; before anything is told, as it was named.
    pub fn name(&self) -> String {
        self.status.as_ref().map_or_else(|| self.target.to_string(), words::name)
    }

    /// As it was named.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// It has failed, in a way that may pass.
    fn fails_for_now(&self) -> bool {
        self.status.as_ref().is_some_and(|status| (status.state(), status.doom()) == (State::Failed, Doom::Persistent))
    }

    /// Takes in its newest state. A failure lasts until it is over: what is only on
    /// its way again, as between two crashes, has not recovered.
    fn learn(&mut self, status: Status, now: Duration) {
        let is_another = self
            .status
            .as_ref()
            .is_none_or(|before| (uid(before), before.generation) != (uid(&status), status.generation));
        let is_on_its_way = matches!(status.state(), State::Failed | State::InProgress | State::Unknown);
        if is_another || !is_on_its_way {
            self.failing_since = None;
        }
        self.status = Some(status);
        if self.fails_for_now() {
            self.failing_since.get_or_insert(now);
        }
    }

    fn is(&self, status: &Status) -> bool {
        match (self.status.as_ref().and_then(|it| it.r#ref.as_ref()), &status.r#ref) {
            (Some(mine), Some(theirs)) => place(mine) == place(theirs),
            _ => false,
        }
    }

    fn uid(&self) -> &str {
        self.status.as_ref().map_or("", uid)
    }
}

fn place(it: &ObjectRef) -> [&str; 5] {
    [&it.cluster, &it.group, &it.resource, &it.namespace, &it.name]
}

fn uid(status: &Status) -> &str {
    status.r#ref.as_ref().map_or("", |it| &it.uid)
}

fn has_rollout(status: &Status) -> bool {
    status.r#ref.as_ref().is_some_and(|it| {
        it.group == "apps" && matches!(it.resource.as_str(), "deployments" | "statefulsets" | "daemonsets")
    })
}

#[cfg(test)]
mod tests;

//! Are these objects as needed? The answer, from what a proven stream tells.
//!
//! Nothing here waits, reads a clock or writes: events go in, verdicts come out.

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
}

/// One object that is waited for.
#[derive(Debug)]
pub struct Awaited {
    target: Target,
    status: Option<Status>,
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
    /// A gate for `targets`, in the order of the request's `refs`.
    pub fn new(targets: &[Target], goal: Option<Goal>) -> Self {
        let awaited = |target: &Target| Awaited { target: target.clone(), status: None };
        Self { goal, objects: targets.iter().map(awaited).collect(), next: 0, proven: false }
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
                _ => Verdict::Undecided,
            },
            _ => Verdict::Undecided,
        }
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
        object.status = Some(status);
        self.next += 1;
        Ok(())
    }

    fn update(&mut self, status: Status) {
        // The same object may be named twice, as deploy/web and deployment/web.
        for object in self.objects.iter_mut().filter(|object| object.is(&status)) {
            object.status = Some(status.clone());
        }
    }

    fn remove(&mut self, status: Status) {
        for object in self.objects.iter_mut().filter(|object| object.is(&status)) {
            // A namesake that came meanwhile stays.
            if object.uid().is_empty() || object.uid() == uid(&status) || uid(&status).is_empty() {
                object.status = Some(status.clone());
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

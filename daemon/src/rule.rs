//! The rules: from one version of an object to its state.
//!
//! Pure functions: no I/O, no clock. They are asked in one order: deleting,
//! then a generation that its controller has not seen, then the kind's own rule.

mod job;
mod pod;
mod replicated;

use jiff::Timestamp;

use crate::object::{Facts, Object};
use crate::state::{Judgement, State};

/// What the rules say of an object at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The judgement.
    pub judgement: Judgement,
    /// When to judge the same version again, if its state depends on its age.
    pub recheck_at: Option<Timestamp>,
}

impl From<Judgement> for Ruling {
    fn from(judgement: Judgement) -> Self {
        Self { judgement, recheck_at: None }
    }
}

/// Judges `object` at the moment `now`.
#[must_use]
pub fn judge(object: &Object, now: Timestamp) -> Ruling {
    if object.metadata.deletion_timestamp.is_some() {
        return terminating(&object.metadata.finalizers).into();
    }
    let generation = object.metadata.generation;
    match &object.facts {
        Facts::Pod(pod) => pod::judge(pod, now),
        Facts::Deployment(deployment) => unobserved(generation, deployment.status.observed_generation)
            .unwrap_or_else(|| replicated::judge_deployment(deployment))
            .into(),
        Facts::ReplicaSet(set) => unobserved(generation, set.status.observed_generation)
            .unwrap_or_else(|| replicated::judge_replica_set(set))
            .into(),
        Facts::Job(job) => job::judge(job).into(),
        Facts::Undecodable(why) => Judgement::new(State::Unknown, "Undecodable", why.to_string()).into(),
        Facts::None => Judgement::new(State::Unknown, "NoRule", "no rule judges objects of this kind").into(),
    }
}

fn terminating(finalizers: &[Box<str>]) -> Judgement {
    let message = match finalizers {
        [] => "being deleted".to_owned(),
        held => format!("being deleted; held by {}", held.join(", ")),
    };
    Judgement::new(State::Terminating, "Deleting", message)
}

/// What a status says of an older generation counts for nothing.
fn unobserved(generation: i64, observed: i64) -> Option<Judgement> {
    (observed < generation).then(|| {
        let message = format!("generation {generation} is not yet observed by its controller, which is at {observed}");
        Judgement::new(State::InProgress, "GenerationNotObserved", message)
    })
}

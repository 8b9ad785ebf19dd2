//! The rules: from one version of an object to its state.
//!
//! Pure functions: no I/O, no clock. They are asked in one order: deleting, then
//! a generation that its controller has not seen, then the kind's own rule; for
//! a kind that has none, the conventions of custom resources. What other objects
//! say is asked of a [`View`].

pub mod condition;
pub mod doom;
pub mod kinds;
pub mod relations;
pub mod view;

mod admission;
mod autoscaling;
mod certificate;
mod claim;
pub mod conventions;
mod cron_job;
pub mod custom;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoint_slice;
mod event;
mod extension;
mod gateway;
mod idle;
mod ingress;
mod job;
mod lease;
mod lenient;
mod namespace;
mod node;
mod plain;
mod pod;
mod pods_below;
mod quota;
mod refusal;
mod replica_set;
mod service;
mod stateful_set;
mod storage;

use std::fmt;

use jiff::Timestamp;

pub use self::node::DRAINED;
use self::view::{Looking, View};
use crate::intern::Interner;
use crate::object::{Metadata, Object};
use crate::record::Detail;
use crate::state::{Judgement, State};

/// Whether nothing is left to wait for of an object: it is ready, nobody can tell more of it, or
/// its own specification has switched it off.
#[must_use]
pub fn is_settled(judgement: &Judgement) -> bool {
    let reasons: &[&str] = match judgement.state {
        State::Ready => return true,
        State::Unknown => &[conventions::NO_STATUS, ingress::NO_ADDRESS],
        State::Paused => &[cron_job::SUSPENDED, autoscaling::DISABLED],
        State::InProgress => &[disruption::NO_PODS, service::SCALED_TO_ZERO],
        State::Failed | State::Terminating => return false,
    };
    reasons.contains(&&*judgement.reason)
}

/// What the rules say of an object at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The judgement.
    pub judgement: Judgement,
    /// When to judge the same version again, if its state depends on its age.
    pub recheck_at: Option<Timestamp>,
    /// Whether it depends on other objects, and is to be judged again when these
    /// change.
    pub depends: bool,
}

impl Ruling {
    /// The judgement holds until then.
    #[must_use]
    pub fn until(judgement: Judgement, recheck_at: Timestamp) -> Self {
        Self { judgement, recheck_at: Some(recheck_at), depends: false }
    }

    /// Whether the same version is to be judged again some day.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.recheck_at.is_some() || self.depends
    }
}

impl From<Judgement> for Ruling {
    fn from(judgement: Judgement) -> Self {
        Self { judgement, recheck_at: None, depends: false }
    }
}

/// What is read of an object of one kind, and the kind's rule.
pub trait Facts: fmt::Debug + Send + Sync {
    /// The generation that its controller has acted on; `None` where that is not
    /// told. What a status says of an older generation counts for nothing.
    fn observed_generation(&self) -> Option<i64> {
        None
    }

    /// What its controller says while it has not seen the generation, if anything.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// The state of an object that is not being deleted, and whose controller has
    /// seen its generation.
    fn judge(&self, metadata: &Metadata, view: &dyn View, now: Timestamp) -> Ruling;

    /// Why an object that is being deleted still exists, if more is known than
    /// its finalizers.
    fn lingers(&self, _metadata: &Metadata, _view: &dyn View) -> Option<(String, String)> {
        None
    }

    /// What rules for other objects read of it.
    fn detail(&self, _metadata: &Metadata, _texts: &mut Interner<str>) -> Detail {
        Detail::None
    }
}

/// Judges `object` at the moment `now`.
#[must_use]
pub fn judge(object: &Object, view: &dyn View, now: Timestamp) -> Ruling {
    let looking = Looking::at(view);
    let ruling = in_order(object, &looking, now);
    Ruling { depends: looking.has_looked(), ..ruling }
}

fn in_order(object: &Object, view: &dyn View, now: Timestamp) -> Ruling {
    let Object { metadata, facts } = object;
    if metadata.deletion_timestamp.is_some() {
        return terminating(metadata, facts.lingers(metadata, view)).into();
    }
    match facts.observed_generation() {
        Some(observed) if observed < metadata.generation => {
            unobserved(metadata.generation, observed, facts.complaint()).into()
        }
        _ => facts.judge(metadata, view, now),
    }
}

fn terminating(metadata: &Metadata, lingers: Option<(String, String)>) -> Judgement {
    if let Some((reason, message)) = lingers {
        return Judgement::new(State::Terminating, reason, message);
    }
    match &metadata.finalizers[..] {
        [] => Judgement::new(State::Terminating, "Deleting", "being deleted"),
        held => {
            let message = format!("being deleted; held by {}", held.join(", "));
            Judgement::new(State::Terminating, "HeldByFinalizers", message)
        }
    }
}

fn unobserved(generation: i64, observed: i64, complaint: Option<String>) -> Judgement {
    let mut message = format!("generation {generation} is not yet observed by its controller, which is at {observed}");
    if let Some(complaint) = complaint {
        message.push_str("; it says: ");
        message.push_str(&complaint);
    }
    Judgement::new(State::InProgress, "GenerationNotObserved", message)
}

/// The facts of an object that exists, but does not decode.
#[derive(Debug)]
pub struct Undecodable(
    /// Why.
    pub Box<str>,
);

impl Facts for Undecodable {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        Judgement::new(State::Unknown, "Undecodable", self.0.to_string()).into()
    }
}

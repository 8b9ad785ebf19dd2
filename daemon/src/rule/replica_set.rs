//! ReplicaSets and ReplicationControllers.

use jiff::Timestamp;
use serde::Deserialize;

use super::condition::{self, Condition};
use super::view::View;
use super::{Facts, Ruling, doom, pods_below};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::{Detail, Uid};
use crate::state::{Doom, Judgement, State};

/// What is read of a ReplicaSet, or a ReplicationController.
pub(super) type ReplicaSet = super::kinds::Facet<Spec, Status>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    replicas: i64,
}

impl Default for Spec {
    fn default() -> Self {
        // The API server's default.
        Self { replicas: 1 }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    observed_generation: i64,
    replicas: i64,
    ready_replicas: i64,
    available_replicas: i64,
    conditions: Vec<Condition>,
}

impl Facts for ReplicaSet {
    fn observed_generation(&self) -> Option<i64> {
        Some(self.status.observed_generation)
    }

    fn judge(&self, metadata: &Metadata, view: &dyn View, _now: Timestamp) -> Ruling {
        let own = judge(self);
        if own.state != State::InProgress {
            return own.into();
        }
        let pods = pods_below::of(&Uid::from(&*metadata.uid), &metadata.namespace, view);
        pods_below::blame(own, &pods_below::not_over(&pods)).into()
    }

    fn detail(&self, metadata: &Metadata, _texts: &mut Interner<str>) -> Detail {
        let revision = metadata.annotations.as_ref().and_then(|a| a.revision.parse().ok());
        revision.map_or(Detail::None, Detail::Revision)
    }
}

fn judge(set: &ReplicaSet) -> Judgement {
    let (wanted, status) = (set.spec.replicas, &set.status);
    if let Some(refused) = refused(&status.conditions, status.replicas, wanted) {
        return refused;
    }
    if status.replicas > wanted {
        let message = format!("{} surplus pods have yet to terminate", status.replicas.saturating_sub(wanted));
        let judgement = Judgement::new(State::InProgress, "ScalingDown", message);
        return judgement.with_progress(wanted, status.replicas, "wanted");
    }
    let steps = [
        (status.replicas, "PodsMissing", "created"),
        (status.ready_replicas, "PodsNotReady", "ready"),
        (status.available_replicas, "PodsUnavailable", "available"),
    ];
    for (done, reason, unit) in steps {
        if done < wanted {
            let message = format!("{done} of {wanted} pods are {unit}");
            return Judgement::new(State::InProgress, reason, message).with_progress(done, wanted, unit);
        }
    }
    let available = status.available_replicas.min(wanted);
    let message = format!("{available} of {wanted} pods are available");
    Judgement::new(State::Ready, "PodsAvailable", message).with_progress(available, wanted, "available")
}

/// Pods that the API server will not let be created: quota, admission. Where there
/// are others of it, it may pass: as they go, they make room. So may what is not there yet.
pub(super) fn refused(conditions: &[Condition], created: i64, wanted: i64) -> Option<Judgement> {
    let failure = condition::find_true(conditions, "ReplicaFailure")?;
    let judgement = Judgement::new(State::Failed, failure.reason_or("ReplicaFailure"), failure.says());
    let doom = match created {
        0 => doom::find(doom::REFUSED, &failure.reason, &failure.message).unwrap_or(Doom::Fatal),
        _ => Doom::Persistent,
    };
    Some(judgement.with_progress(created, wanted, "created").with_doom(doom))
}

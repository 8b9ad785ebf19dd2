//! StatefulSets.

use jiff::Timestamp;
use serde::Deserialize;

use super::idle::{self, Template};
use super::view::View;
use super::{Facts, Ruling, pods_below, refusal};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::{Detail, Record, Uid};
use crate::state::{Doom, Judgement, State};

/// What is read of a StatefulSet.
pub(super) type StatefulSet = super::kinds::Facet<Spec, Status>;

/// The label of a pod that names its revision.
const REVISION: &str = "controller-revision-hash";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    replicas: i64,
    /// `OrderedReady` or `Parallel`.
    pod_management_policy: Box<str>,
    update_strategy: UpdateStrategy,
    min_ready_seconds: i64,
    ordinals: Ordinals,
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ordinals {
    /// The number of the first pod.
    start: i64,
}

impl Default for Spec {
    fn default() -> Self {
        let (update_strategy, pod_management_policy) = (UpdateStrategy::default(), "OrderedReady".into());
        // The API server's default.
        let ordinals = Ordinals::default();
        let template = Template::default();
        Self { replicas: 1, pod_management_policy, update_strategy, min_ready_seconds: 0, ordinals, template }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UpdateStrategy {
    /// `RollingUpdate` or `OnDelete`.
    r#type: Box<str>,
    rolling_update: Option<RollingUpdate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RollingUpdate {
    /// Pods with a lower number are not updated.
    partition: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    observed_generation: i64,
    replicas: i64,
    ready_replicas: i64,
    available_replicas: i64,
    updated_replicas: i64,
    current_revision: Box<str>,
    update_revision: Box<str>,
}

impl Facts for StatefulSet {
    fn observed_generation(&self) -> Option<i64> {
        Some(self.status.observed_generation)
    }

    fn judge(&self, metadata: &Metadata, view: &dyn View, now: Timestamp) -> Ruling {
        let own = judge(self);
        if own.state != State::InProgress {
            return own.into();
        }
        let uid = Uid::from(&*metadata.uid);
        let pods = pods_below::of(&uid, &metadata.namespace, view);
        let running: Vec<_> = pods_below::not_over(&pods);
        let (as_asked, older): (Vec<_>, Vec<_>) = running.into_iter().partition(|pod| self.is_as_asked(pod));
        let blamed = pods_below::blame(own, &as_asked);
        if blamed.doom > Doom::Transient {
            return blamed.into();
        }
        if let Some(blocker) = older.iter().find(|pod| self.blocks(pod)) {
            return blocked(blamed, blocker).into();
        }
        match self.status.replicas < self.spec.replicas {
            true => refusal::or_refused(blamed, None, metadata, &pods, view, now),
            false => blamed.into(),
        }
    }

    fn detail(&self, _metadata: &Metadata, texts: &mut Interner<str>) -> Detail {
        idle::detail(self.spec.replicas, &self.spec.template, texts)
    }
}

impl StatefulSet {
    /// Whether a pod is of the revision that it is to be of: the newest, unless
    /// the partition holds it back.
    fn is_as_asked(&self, pod: &Record) -> bool {
        let ordinal = pod.key.name.rsplit('-').next().and_then(|ordinal| ordinal.parse::<i64>().ok());
        pod.label(REVISION) == Some(&self.status.update_revision) || ordinal < Some(self.partition())
    }

    /// Whether the controller waits for a pod of an older revision to become
    /// ready before it updates it, which the pod will not (kubernetes#67250;
    /// `pkg/controller/statefulset/stateful_set_control.go`).
    fn blocks(&self, pod: &Record) -> bool {
        let ordered = &*self.spec.pod_management_policy != "Parallel";
        ordered && pod.judgement.state == State::Failed && pod.judgement.doom > Doom::Transient
    }

    /// Pods with a lower number are not to be updated.
    fn partition(&self) -> i64 {
        self.spec.update_strategy.rolling_update.as_ref().map_or(0, |update| update.partition)
    }

    /// How many pods are not to be updated.
    fn held_back(&self) -> i64 {
        self.partition().saturating_sub(self.spec.ordinals.start).clamp(0, self.spec.replicas.max(0))
    }
}

fn blocked(own: Judgement, blocker: &Record) -> Judgement {
    let (pod, cause) = (&blocker.key.name, &blocker.judgement);
    let message = format!(
        "{}; pod {pod} of an older revision blocks the rollout ({}: {}): delete it, the controller does not (kubernetes#67250)",
        own.message, cause.reason, cause.message
    );
    let judgement =
        Judgement { state: State::Failed, reason: "BlockedByOldPod".into(), message: message.into(), ..own };
    judgement.with_doom(Doom::Persistent)
}

/// The order of kubectl's `rollout status`
/// (k8s.io/kubectl `pkg/polymorphichelpers/rollout_status.go`), and besides:
/// `minReadySeconds`, surplus pods, and `OnDelete`, of which kubectl has no
/// opinion.
fn judge(set: &StatefulSet) -> Judgement {
    let (status, wanted) = (&set.status, set.spec.replicas);
    let in_progress = |reason: &'static str, message: String, done: i64, unit: &'static str| {
        Judgement::new(State::InProgress, reason, message).with_progress(done, wanted, unit)
    };
    if status.ready_replicas < wanted {
        let message = format!("{} of {wanted} pods are ready", status.ready_replicas);
        return in_progress("PodsNotReady", message, status.ready_replicas, "ready");
    }
    if status.replicas > wanted {
        let message = format!("{} surplus pods have yet to terminate", status.replicas.saturating_sub(wanted));
        return in_progress("ScalingDown", message, wanted, "wanted");
    }
    if let Some(judgement) = updating(set) {
        return judgement;
    }
    if set.spec.min_ready_seconds > 0 && status.available_replicas < wanted {
        let message = format!("{} of {wanted} pods are available", status.available_replicas);
        return in_progress("PodsUnavailable", message, status.available_replicas, "available");
    }
    ready(set)
}

/// Pods that are still of an older revision. Their number counts, whatever the
/// status says of revisions: after a rollback the newest is an old one again.
fn updating(set: &StatefulSet) -> Option<Judgement> {
    let (status, wanted) = (&set.status, set.spec.replicas);
    let updated = status.updated_replicas;
    let on_delete = &*set.spec.update_strategy.r#type == "OnDelete";
    let to_update = if on_delete { wanted } else { wanted.saturating_sub(set.held_back()) };
    let in_progress = |reason: &'static str, message: String| {
        Some(Judgement::new(State::InProgress, reason, message).with_progress(updated, to_update, "updated"))
    };
    if updated < to_update {
        let message = format!("{updated} of {to_update} pods are of the newest revision");
        return match on_delete {
            false => in_progress("RollingOut", message),
            true => {
                let then = "the others are updated when somebody deletes them (OnDelete)";
                in_progress("WaitingForDeletion", format!("{message}; {then}"))
            }
        };
    }
    // `OnDelete` never concludes.
    if !on_delete && set.held_back() == 0 && status.current_revision != status.update_revision {
        let message = "every pod is of the newest revision, but the controller has not concluded the rollout";
        return in_progress("RollingOut", message.to_owned());
    }
    None
}

fn ready(set: &StatefulSet) -> Judgement {
    let wanted = set.spec.replicas;
    let to_update = wanted.saturating_sub(set.held_back());
    let (reason, message) = match set.held_back() {
        0 => ("RolloutComplete", format!("{wanted} of {wanted} pods are updated and ready")),
        _ => (
            "PartitionComplete",
            format!("{to_update} of {wanted} pods are updated, as the partition asks; all are ready"),
        ),
    };
    Judgement::new(State::Ready, reason, message).with_progress(wanted, wanted, "ready")
}

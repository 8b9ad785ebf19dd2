//! Deployments.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::condition::{self, Condition};
use super::idle::{self, Template};
use super::view::{Related, View};
use super::{Facts, Ruling, pods_below, replica_set};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::{Detail, Link, Record, Uid};
use crate::state::{Doom, Judgement, State};

/// What is read of a Deployment.
pub(super) type Deployment = super::kinds::Facet<Spec, Status>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    replicas: i64,
    paused: bool,
    template: Template,
}

impl Default for Spec {
    fn default() -> Self {
        // The API server's default.
        Self { replicas: 1, paused: false, template: Template::default() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    observed_generation: i64,
    /// Pods of any revision.
    replicas: i64,
    /// Pods of the newest revision.
    updated_replicas: i64,
    available_replicas: i64,
    conditions: Vec<Condition>,
}

impl Facts for Deployment {
    fn observed_generation(&self) -> Option<i64> {
        Some(self.status.observed_generation)
    }

    fn complaint(&self) -> Option<String> {
        let progressing = condition::find_false(&self.status.conditions, "Progressing")?;
        Some(format!("{}: {}", progressing.reason_or("Progressing"), progressing.says()))
    }

    fn judge(&self, metadata: &Metadata, view: &dyn View, _now: Timestamp) -> Ruling {
        let newest = match judge(self, None).state {
            State::InProgress | State::Failed => newest(metadata, view),
            _ => None,
        };
        let own = judge(self, newest.as_deref());
        let pods = newest.map(|set| pods_below::of(&set.uid, &metadata.namespace, view));
        pods_below::blame(own, &pods_below::not_over(&pods.unwrap_or_default())).into()
    }

    fn detail(&self, _metadata: &Metadata, texts: &mut Interner<str>) -> Detail {
        idle::detail(self.spec.replicas, &self.spec.template, texts)
    }
}

/// The ReplicaSet of the newest revision: only its pods count against a rollout.
///
/// The controller writes its number into the Deployment before it says that it
/// has observed the generation (kubernetes
/// `pkg/controller/deployment/sync.go`, `getNewReplicaSet`); if no such
/// ReplicaSet is known, it is on its way.
fn newest(metadata: &Metadata, view: &dyn View) -> Option<Arc<Record>> {
    let revision = metadata.annotations.as_ref()?.revision.parse().ok()?;
    let owner = Link::Owner(Uid::from(&*metadata.uid));
    let sets = view.linked(Related::ReplicaSets, &metadata.namespace, &owner)?;
    sets.into_iter().find(|set| set.detail == Detail::Revision(revision))
}

/// The order of kubectl's `rollout status`
/// (k8s.io/kubectl `pkg/polymorphichelpers/rollout_status.go`), which waits on
/// a paused Deployment and on one whose pods are refused, where this tells.
fn judge(deployment: &Deployment, newest: Option<&Record>) -> Judgement {
    let (spec, status) = (&deployment.spec, &deployment.status);
    if let Some(progressing) = condition::find(&status.conditions, "Progressing")
        && progressing.reason == "ProgressDeadlineExceeded"
        && newest.is_none_or(|newest| is_about(&progressing.message, newest))
    {
        let judgement = Judgement::new(State::Failed, "ProgressDeadlineExceeded", progressing.says());
        return judgement.with_progress(status.updated_replicas, spec.replicas, "updated").with_doom(Doom::Fatal);
    }
    if spec.paused {
        return Judgement::new(State::Paused, "DeploymentPaused", "spec.paused holds the rollout back");
    }
    // The condition may be about an older ReplicaSet (kubernetes
    // `pkg/controller/deployment/sync.go`, `getReplicaFailures`).
    let of_newest = |refused: &Judgement| newest.is_none_or(|newest| newest.judgement.reason == refused.reason);
    let refused = replica_set::refused(&status.conditions, status.replicas, spec.replicas);
    if let Some(refused) = refused.filter(of_newest) {
        return refused;
    }
    rollout(spec.replicas, status)
}

/// Whether a condition's message is not about another ReplicaSet: after a
/// rollback that of the rollout before stays for a moment.
fn is_about(message: &str, newest: &Record) -> bool {
    !message.contains("ReplicaSet \"") || message.contains(&format!("\"{}\"", newest.key.name))
}

fn rollout(wanted: i64, status: &Status) -> Judgement {
    let (updated, available) = (status.updated_replicas, status.available_replicas);
    let in_progress = |reason: &'static str, message: String, done: i64, total: i64, unit: &'static str| {
        Judgement::new(State::InProgress, reason, message).with_progress(done, total, unit)
    };
    if updated < wanted {
        let message = format!("{updated} of {wanted} replicas are of the newest revision");
        return in_progress("RollingOut", message, updated, wanted, "updated");
    }
    if status.replicas > updated {
        let message =
            format!("{} replicas of older revisions have yet to terminate", status.replicas.saturating_sub(updated));
        return in_progress("OldReplicasRemain", message, updated, status.replicas, "updated");
    }
    if available < updated {
        let message = format!("{available} of {updated} replicas are available");
        return in_progress("ReplicasUnavailable", message, available, updated, "available");
    }
    // After a scale-down the controller counts surplus pods for a moment longer.
    let available = available.min(wanted);
    let message = format!("{available} of {wanted} replicas are updated and available");
    Judgement::new(State::Ready, "RolloutComplete", message).with_progress(available, wanted, "available")
}

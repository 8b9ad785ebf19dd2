//! Deployments and ReplicaSets.

use crate::object::condition_true;
use crate::object::workload::Replicated;
use crate::state::{Doom, Judgement, State};

/// The order of kubectl's `rollout status`
/// (k8s.io/kubectl `pkg/polymorphichelpers/rollout_status.go`), which waits on
/// a paused Deployment and on one whose pods are refused, where this tells.
pub(super) fn judge_deployment(deployment: &Replicated) -> Judgement {
    let (spec, status) = (&deployment.spec, &deployment.status);
    if let Some(progressing) = status.conditions.iter().find(|c| &*c.r#type == "Progressing")
        && progressing.reason == "ProgressDeadlineExceeded"
    {
        return Judgement::new(State::Failed, "ProgressDeadlineExceeded", progressing.message.clone())
            .with_progress(status.updated_replicas, spec.replicas, "updated")
            .with_doom(Doom::Fatal);
    }
    if spec.paused {
        return Judgement::new(State::Paused, "DeploymentPaused", "spec.paused holds the rollout back");
    }
    if let Some(refused) = refused(deployment) {
        return refused;
    }
    let (wanted, updated, available) = (spec.replicas, status.updated_replicas, status.available_replicas);
    if updated < wanted {
        let message = format!("{updated} of {wanted} replicas are of the newest revision");
        return Judgement::new(State::InProgress, "RollingOut", message).with_progress(updated, wanted, "updated");
    }
    if status.replicas > updated {
        let message = format!("{} replicas of older revisions have yet to go", status.replicas.saturating_sub(updated));
        return Judgement::new(State::InProgress, "OldReplicasRemain", message).with_progress(
            updated,
            status.replicas,
            "updated",
        );
    }
    if available < updated {
        let message = format!("{available} of {updated} replicas are available");
        return Judgement::new(State::InProgress, "ReplicasUnavailable", message).with_progress(
            available,
            updated,
            "available",
        );
    }
    // After a scale-down the controller counts surplus pods for a moment longer.
    let available = available.min(wanted);
    let message = format!("{available} of {wanted} replicas are updated and available");
    Judgement::new(State::Ready, "RolloutComplete", message).with_progress(available, wanted, "available")
}

pub(super) fn judge_replica_set(set: &Replicated) -> Judgement {
    let (wanted, status) = (set.spec.replicas, &set.status);
    if let Some(refused) = refused(set) {
        return refused;
    }
    if status.replicas > wanted {
        let message = format!("{} surplus pods have yet to go", status.replicas.saturating_sub(wanted));
        return Judgement::new(State::InProgress, "ScalingDown", message).with_progress(
            wanted,
            status.replicas,
            "wanted",
        );
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
    Judgement::new(State::Ready, "PodsAvailable", format!("{available} of {wanted} pods are available")).with_progress(
        available,
        wanted,
        "available",
    )
}

/// Pods that the API server will not let be created: quota, admission. It may
/// pass when somebody makes room.
fn refused(set: &Replicated) -> Option<Judgement> {
    let failure = condition_true(&set.status.conditions, "ReplicaFailure")?;
    Some(
        Judgement::new(State::Failed, failure.reason.clone(), failure.message.clone())
            .with_progress(set.status.replicas, set.spec.replicas, "created")
            .with_doom(Doom::Persistent),
    )
}

//! DaemonSets.

use jiff::Timestamp;
use serde::Deserialize;

use super::view::View;
use super::{Facts, Ruling, pods_below, refusal};
use crate::object::Metadata;
use crate::record::Uid;
use crate::state::{Doom, Judgement, State};

/// What is read of a DaemonSet.
pub(super) type DaemonSet = super::kinds::Facet<Spec, Status>;

/// The label of a pod that numbers its template, as the DaemonSet's annotation
/// does (kubernetes `pkg/controller/daemon/util/daemonset_util.go`).
const TEMPLATE: &str = "pod-template-generation";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    update_strategy: UpdateStrategy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UpdateStrategy {
    /// `RollingUpdate` or `OnDelete`.
    r#type: Box<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    observed_generation: i64,
    desired_number_scheduled: i64,
    current_number_scheduled: i64,
    updated_number_scheduled: i64,
    number_available: i64,
}

impl Facts for DaemonSet {
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
        let template = metadata.annotations.as_ref().map_or("", |a| &a.template_generation);
        let mut newest = pods_below::not_over(&pods);
        newest.retain(|pod| pod.label(TEMPLATE) == Some(template));
        let blamed = pods_below::blame(own, &newest);
        let missing = self.status.current_number_scheduled < self.status.desired_number_scheduled;
        if missing && blamed.doom <= Doom::Transient {
            return refusal::or_refused(blamed, None, metadata, &pods, view, now);
        }
        blamed.into()
    }
}

/// The order of kubectl's `rollout status`
/// (k8s.io/kubectl `pkg/polymorphichelpers/rollout_status.go`); of `OnDelete` it
/// has no opinion.
fn judge(set: &DaemonSet) -> Judgement {
    let status = &set.status;
    let (wanted, updated, available) =
        (status.desired_number_scheduled, status.updated_number_scheduled, status.number_available);
    if updated < wanted {
        let on_delete = &*set.spec.update_strategy.r#type == "OnDelete";
        let scheduled = status.current_number_scheduled >= wanted;
        let (reason, then) = match on_delete && scheduled {
            true => ("WaitingForDeletion", "; the others are updated when somebody deletes them (OnDelete)"),
            false => ("RollingOut", ""),
        };
        let message = format!("{updated} of {wanted} nodes run a pod of the newest revision{then}");
        return Judgement::new(State::InProgress, reason, message).with_progress(updated, wanted, "updated");
    }
    if available < wanted {
        let message = format!("{available} of {wanted} nodes run an available pod");
        let judgement = Judgement::new(State::InProgress, "PodsUnavailable", message);
        return judgement.with_progress(available, wanted, "available");
    }
    let message = match wanted {
        0 => "no node is selected to run its pods".to_owned(),
        _ => format!("{wanted} of {wanted} nodes run an updated and available pod"),
    };
    Judgement::new(State::Ready, "RolloutComplete", message).with_progress(available.min(wanted), wanted, "available")
}

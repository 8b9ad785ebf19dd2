//! PodDisruptionBudgets.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{self, Condition};
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Doom, Judgement, State};

/// The reason of one that has no pods to protect.
pub(super) const NO_PODS: &str = "NoPods";

/// What is read of a PodDisruptionBudget.
pub(super) type Budget = super::kinds::Facet<IgnoredAny, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    observed_generation: i64,
    current_healthy: i64,
    desired_healthy: i64,
    expected_pods: i64,
    disruptions_allowed: i64,
    conditions: Vec<Condition>,
}

impl Facts for Budget {
    fn observed_generation(&self) -> Option<i64> {
        Some(self.status.observed_generation)
    }

    /// A budget that allows no disruption does its work; one whose pods are too
    /// few does not.
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let status = &self.status;
        if let Some(failed) = condition::find_false(&status.conditions, "DisruptionAllowed")
            && failed.reason == "SyncFailed"
        {
            return Judgement::new(State::Failed, "SyncFailed", failed.says()).with_doom(Doom::Persistent).into();
        }
        let (healthy, desired) = (status.current_healthy, status.desired_healthy);
        let message = format!(
            "{healthy} of {} pods are healthy, {desired} must be; {} may be disrupted",
            status.expected_pods, status.disruptions_allowed
        );
        let (state, reason) = match (healthy < desired, status.disruptions_allowed) {
            // With `minAvailable` as a number, some must be healthy of none (kubernetes
            // `pkg/controller/disruption/disruption.go`, `getExpectedPodCount`).
            (true, _) if status.expected_pods == 0 => (State::InProgress, NO_PODS),
            (true, _) => (State::InProgress, "InsufficientPods"),
            (false, 0) => (State::Ready, "NoDisruptionAllowed"),
            _ => (State::Ready, "DisruptionAllowed"),
        };
        Judgement::new(state, reason, message).with_progress(healthy, desired, "healthy").into()
    }
}

//! HorizontalPodAutoscalers.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{self, Condition};
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Doom, Judgement, State};

/// The reason of one that does not scale because what it scales has no replicas.
pub(super) const DISABLED: &str = "ScalingDisabled";

/// What is read of a HorizontalPodAutoscaler.
pub(super) type Autoscaler = super::kinds::Facet<IgnoredAny, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    observed_generation: Option<i64>,
    current_replicas: i64,
    desired_replicas: i64,
    conditions: Vec<Condition>,
}

impl Facts for Autoscaler {
    fn observed_generation(&self) -> Option<i64> {
        self.status.observed_generation
    }

    /// Metrics that are missing for a while are usual while pods start (krane
    /// holds `FailedGet…` for recoverable; argo-cd#6287 degrades at once).
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let status = &self.status;
        for r#type in ["AbleToScale", "ScalingActive"] {
            let Some(condition) = condition::find_false(&status.conditions, r#type) else { continue };
            let judgement = Judgement::new(State::InProgress, condition.reason_or(r#type), condition.says());
            return match &*condition.reason {
                DISABLED => Judgement { state: State::Paused, ..judgement },
                reason if reason.starts_with("FailedGet") && reason != "FailedGetScale" => {
                    judgement.with_doom(Doom::Transient)
                }
                _ => Judgement { state: State::Failed, ..judgement }.with_doom(Doom::Persistent),
            }
            .into();
        }
        if condition::find_true(&status.conditions, "ScalingActive").is_none() {
            return Judgement::new(State::InProgress, "NoMetrics", "it has not scaled by any metric yet").into();
        }
        let (current, desired) = (status.current_replicas, status.desired_replicas);
        let message = format!("{current} replicas, {desired} desired");
        Judgement::new(State::Ready, "ScalingActive", message).with_progress(current, desired, "desired").into()
    }
}

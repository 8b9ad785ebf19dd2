//! What is said of a drain at its end, and of a pod at its own.

use super::Running;
use crate::act::operation::{End, Stage, StepState, Why};
use crate::diagnose::Object;
use crate::diagnose::fields::{counted, list, text};

/// Pods that a message names.
const NAMED: usize = 5;

impl Running {
    /// Every pod is gone, or will not go.
    pub(super) fn ended(&self) -> End {
        let progress = self.report.now();
        let count = |state| progress.steps.iter().filter(|step| step.state == state).count();
        let (gone, stay, failed) = (count(StepState::Done), count(StepState::Skipped), count(StepState::Failed));
        let stay = match stay {
            0 => String::new(),
            1 => "; 1 pod stays".to_owned(),
            stay => format!("; {stay} pods stay"),
        };
        let node = &self.plan.node;
        if failed > 0 {
            let message = format!("node {node} is not drained: {}{stay}. {}", self.left(), self.undo());
            return End { stage: Stage::Failed, reason: "Refused", message };
        }
        let message = match self.options.dry_run {
            true => format!("node {node} would be drained: {} would be removed{stay} (dry run)", counted(gone, "pod")),
            false => format!("node {node} is drained: {} removed{stay}", counted(gone, "pod")),
        };
        End { stage: Stage::Succeeded, reason: "Drained", message }
    }

    /// It is to end before that.
    pub(super) fn stopped(&self, why: Why) -> End {
        let (stage, reason, because) = match why {
            Why::Cancelled => (Stage::Cancelled, "Cancelled", "it was cancelled".to_owned()),
            Why::Unwatched => (Stage::Cancelled, "Unwatched", "nobody was watching any more".to_owned()),
            Why::Late => {
                (Stage::Failed, "DeadlineExceeded", format!("{} s have passed", self.options.timeout.as_secs()))
            }
        };
        let message =
            format!("node {} is not drained, because {because}: {}. {}", self.plan.node, self.left(), self.undo());
        End { stage, reason, message }
    }

    /// Which pods are left, and why.
    fn left(&self) -> String {
        let progress = self.report.now();
        let is_left = |state| !matches!(state, StepState::Done | StepState::Skipped);
        let left: Vec<_> = progress.steps.iter().filter(|step| is_left(step.state)).collect();
        let named = left.iter().take(NAMED).map(|step| {
            let (namespace, name) = (&step.object.key.namespace, &step.object.key.name);
            match step.message.is_empty() {
                true => format!("{namespace}/{name}"),
                false => format!("{namespace}/{name} ({})", step.message),
            }
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let more = left.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{} left: {named}{more}", counted(left.len(), "pod"))
    }

    fn undo(&self) -> String {
        match self.options.dry_run {
            true => "Nothing was changed (dry run)".to_owned(),
            false => format!("It stays cordoned: daymark node uncordon {} undoes that", self.plan.node),
        }
    }
}

/// Why a pod that is to end has not ended yet.
pub(super) fn ending(pod: &Object) -> String {
    let finalizers: Vec<_> =
        list(&pod.value, "/metadata/finalizers").iter().filter_map(serde_json::Value::as_str).collect();
    let since = text(&pod.value, "/metadata/deletionTimestamp");
    match (since.is_empty(), finalizers.is_empty()) {
        (true, _) => "it ends".to_owned(),
        (false, true) => format!("it ends by {since}"),
        (false, false) => format!("it should have terminated by {since}, but is held by {}", finalizers.join(", ")),
    }
}

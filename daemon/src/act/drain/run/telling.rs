//! What is said of a drain at its end, and of a pod at its own.

use jiff::Timestamp;

use super::Running;
use crate::act::drain::plan::NOT_AWAITED;
use crate::act::operation::{End, Stage, StepState, Why};
use crate::diagnose::Object;
use crate::diagnose::fields::{counted, list, text, time};

/// Pods that a message names.
const NAMED: usize = 5;

impl Running {
    /// What is being done, and what is wrong with the node.
    pub(super) fn say_how_it_stands(&self) {
        let node = &self.plan.node;
        match &self.not_ready {
            None => self.report.say("Evicting", format!("node {node} is cordoned")),
            Some(fault) => {
                self.report.say("NodeNotReady", format!("node {node} is cordoned, and not ready: {}", fault.message));
            }
        }
    }

    /// Every pod is gone, or will not go.
    pub(super) fn ended(&self) -> End {
        let progress = self.report.now();
        let count = |state| progress.steps.iter().filter(|step| step.state == state).count();
        let (gone, skipped, failed) = (count(StepState::Done), count(StepState::Skipped), count(StepState::Failed));
        let not_awaited = progress.steps.iter().filter(|step| step.reason == NOT_AWAITED).count();
        let stay = match skipped - not_awaited {
            0 => String::new(),
            1 => "; 1 pod stays".to_owned(),
            stay => format!("; {stay} pods stay"),
        };
        let stay = match not_awaited {
            0 => stay,
            count => format!("; {} not waited for, still terminating{stay}", counted(count, "pod")),
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
        let message = format!(
            "node {} is not drained, because {because}: {}. {}{}",
            self.plan.node,
            self.left(),
            self.fault(),
            self.undo()
        );
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

    /// What is wrong with the node, in a sentence of its own.
    fn fault(&self) -> String {
        self.not_ready.as_ref().map(|it| format!("The node is not ready: {}. ", it.message)).unwrap_or_default()
    }

    fn undo(&self) -> String {
        match self.options.dry_run {
            true => "Nothing was changed (dry run)".to_owned(),
            false => format!("It stays cordoned: daymark node uncordon {} undoes that", self.plan.node),
        }
    }
}

/// Why a pod that is to end has not ended yet: a reason, and a sentence.
pub(super) fn ending(pod: &Object, is_silent: bool, now: Timestamp) -> (&'static str, String) {
    let finalizers: Vec<_> =
        list(&pod.value, "/metadata/finalizers").iter().filter_map(serde_json::Value::as_str).collect();
    let (reason, but) = match (is_silent, finalizers.is_empty()) {
        (true, _) => ("NodeNotReady", ", but its node's kubelet does not answer".to_owned()),
        (false, false) => ("Terminating", format!(", but is held by {}", finalizers.join(", "))),
        (false, true) => ("Terminating", String::new()),
    };
    let by = text(&pod.value, "/metadata/deletionTimestamp");
    let is_late = time(&pod.value, "/metadata/deletionTimestamp").is_some_and(|by| by < now);
    let message = match (by.is_empty(), is_late, but.is_empty()) {
        (true, _, true) => "it ends".to_owned(),
        (true, _, false) => format!("it is to end{but}"),
        (false, false, true) => format!("it ends by {by}"),
        (false, false, false) => format!("it is to end by {by}{but}"),
        (false, true, true) => format!("it should have terminated by {by}, and has not"),
        (false, true, false) => format!("it should have terminated by {by}{but}"),
    };
    (reason, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_in_the_past_is_not_told_as_one_to_come() {
        let by = "2026-01-01T00:00:30Z";
        let of = |finalizers: &[&str], is_silent, now: &str| {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "p", "uid": "u", "deletionTimestamp": by, "finalizers": finalizers},
            });
            ending(&Object::read(pod).unwrap(), is_silent, now.parse().unwrap())
        };
        let (before, after) = ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z");
        let (silent, held) = ("but its node's kubelet does not answer", "but is held by x/a, x/b");
        let finalizers = &["x/a", "x/b"][..];
        for (finalizers, is_silent, now, reason, message) in [
            (&[][..], false, before, "Terminating", format!("it ends by {by}")),
            (&[], false, after, "Terminating", format!("it should have terminated by {by}, and has not")),
            (&[], true, before, "NodeNotReady", format!("it is to end by {by}, {silent}")),
            (&[], true, after, "NodeNotReady", format!("it should have terminated by {by}, {silent}")),
            (finalizers, false, before, "Terminating", format!("it is to end by {by}, {held}")),
            (finalizers, false, after, "Terminating", format!("it should have terminated by {by}, {held}")),
        ] {
            assert_eq!(of(finalizers, is_silent, now), (reason, message));
        }
    }
}

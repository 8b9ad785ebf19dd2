//! The containers of a pod, and how they are.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::fields::{at, condition_is, is, list, number, text, time};
use super::object::Object;

/// A container that was restarted, and runs for no longer than this, may well be about to end
/// again: back-offs go up to five minutes (k8s.io/kubernetes `MaxContainerBackOff`).
const RECENTLY: SignedDuration = SignedDuration::from_mins(2);
/// Restarts that are no accident.
const OFTEN: i64 = 2;

/// A container of a pod: what was asked for, and how it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct ContainerOfPod<'a> {
    /// `spec.containers[]`, or of the init containers.
    pub(super) spec: &'a Value,
    /// Its status; null if it has none.
    pub(super) status: &'a Value,
    /// Whether it is an init container that has to end before others start.
    pub(super) is_init: bool,
    /// Whether it is to be started again whenever it ends.
    pub(super) stays: bool,
}

/// How a container's process has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End<'a> {
    value: &'a Value,
}

impl<'a> End<'a> {
    /// Its exit code.
    pub(super) fn code(self) -> i64 {
        number(self.value, "/exitCode").unwrap_or_default()
    }

    /// Why, in a word.
    pub(super) fn reason(self) -> &'a str {
        text(self.value, "/reason")
    }

    /// Why, in a sentence.
    pub(super) fn message(self) -> &'a str {
        text(self.value, "/message")
    }

    /// When.
    pub(super) fn time(self) -> Option<Timestamp> {
        time(self.value, "/finishedAt")
    }

    /// For how long it ran.
    pub(super) fn ran(self) -> Option<SignedDuration> {
        Some(self.time()?.duration_since(time(self.value, "/startedAt")?))
    }
}

impl<'a> ContainerOfPod<'a> {
    /// Its name.
    pub(super) fn name(&self) -> &'a str {
        text(self.spec, "/name")
    }

    /// Its image, as it was asked for.
    pub(super) fn image(&self) -> &'a str {
        text(self.spec, "/image")
    }

    /// Why it waits, in a word and a sentence; empty if it does not.
    pub(super) fn waits(&self) -> (&'a str, &'a str) {
        (text(self.status, "/state/waiting/reason"), text(self.status, "/state/waiting/message"))
    }

    /// Since when it runs, if it does.
    pub(super) fn runs_since(&self) -> Option<Timestamp> {
        time(self.status, "/state/running/startedAt")
    }

    /// Whether it runs.
    pub(super) fn runs(&self) -> bool {
        at(self.status, "/state/running").is_object()
    }

    /// Whether it is ready.
    pub(super) fn is_ready(&self) -> bool {
        is(self.status, "/ready")
    }

    /// How often it was restarted.
    pub(super) fn restarts(&self) -> i64 {
        number(self.status, "/restartCount").unwrap_or_default()
    }

    /// How it has ended, now or last.
    pub(super) fn end(&self) -> Option<End<'a>> {
        let ends = ["/state/terminated", "/lastState/terminated"].into_iter().map(|path| at(self.status, path));
        ends.into_iter().find(|value| value.is_object()).map(|value| End { value })
    }

    /// Whether it has ended, and is not to run again by itself for a while.
    fn is_down(&self) -> bool {
        at(self.status, "/state/terminated").is_object() || self.waits().0 == "CrashLoopBackOff"
    }

    /// How it has ended, if that is what is wrong with it.
    pub(super) fn crash(&self, now: Timestamp) -> Option<End<'a>> {
        let end = self.end()?;
        let has_done = end.code() == 0 && !self.stays;
        let is_back = self.runs() && !self.is_flapping(now) && (self.is_ready() || self.restarts() < OFTEN);
        (!has_done && !is_back && (self.is_down() || self.restarts() > 0)).then_some(end)
    }

    /// Whether it runs, and has not for long after several restarts.
    pub(super) fn is_flapping(&self, now: Timestamp) -> bool {
        let fresh = self.runs_since().is_some_and(|since| now.duration_since(since) < RECENTLY);
        self.restarts() >= OFTEN && fresh && self.end().is_some()
    }

    /// As it is called in a sentence.
    pub(super) fn spoken(&self) -> String {
        let init = if self.is_init { "init container" } else { "container" };
        format!("{init} {}", self.name())
    }
}

/// The containers of a pod, init containers first.
pub(super) fn containers(pod: &Object) -> Vec<ContainerOfPod<'_>> {
    let always = !matches!(text(&pod.value, "/spec/restartPolicy"), "Never" | "OnFailure");
    let of = |specs: &str, statuses: &str, is_init: bool| {
        let statuses = list(&pod.value, statuses);
        let container = move |spec| {
            let name = text(spec, "/name");
            let status = statuses.iter().find(|status| text(status, "/name") == name).unwrap_or(&Value::Null);
            // A sidecar (KEP-753).
            let is_sidecar = is_init && text(spec, "/restartPolicy") == "Always";
            let stays = is_sidecar || (!is_init && always);
            ContainerOfPod { spec, status, is_init: is_init && !is_sidecar, stays }
        };
        list(&pod.value, specs).iter().map(container)
    };
    let init = of("/spec/initContainers", "/status/initContainerStatuses", true);
    init.chain(of("/spec/containers", "/status/containerStatuses", false)).collect()
}

/// Whether a pod is ready.
pub(super) fn is_ready(pod: &Object) -> bool {
    condition_is(&pod.value, "Ready", "True")
}

/// Whether there may be something wrong with a pod.
pub(super) fn is_troubled(pod: &Object, now: Timestamp) -> bool {
    let is_over = text(&pod.value, "/status/phase") == "Succeeded";
    let is_flapping = || containers(pod).iter().any(|container| container.is_flapping(now));
    !pod.is_deleted() && !is_over && (!is_ready(pod) || is_flapping())
}

/// The containers whose logs tell why the pod is not well, and whether it is the run before
/// that does.
pub(super) fn worth_reading(pod: &Object, now: Timestamp) -> Vec<(ContainerOfPod<'_>, bool)> {
    if !is_troubled(pod, now) {
        return Vec::new();
    }
    let unwell = |container: &ContainerOfPod<'_>| {
        let waits_for_others = container.is_init && container.runs();
        container.crash(now).is_some() || waits_for_others || (container.runs() && !container.is_ready())
    };
    let is_gone = |container: &ContainerOfPod<'_>| {
        container.restarts() > 0 && at(container.status, "/lastState/terminated").is_object()
    };
    containers(pod).into_iter().filter(unwell).map(|container| (container, is_gone(&container))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(policy: &str, status: &Value) -> Object {
        let status = json!({"containerStatuses": [status]});
        let spec = json!({"restartPolicy": policy, "containers": [{"name": "c"}]});
        let value =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec, "status": status});
        Object::read(value).unwrap()
    }

    #[test]
    fn a_container_that_came_back_is_well_and_one_that_keeps_ending_is_not() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let crashes = |policy: &str, status: &Value| containers(&pod(policy, status))[0].crash(now).is_some();
        let ended = json!({"terminated": {"exitCode": 1}});
        let back = |restarts: u32, since: &str, ready: bool| {
            json!({"name": "c", "ready": ready, "restartCount": restarts, "lastState": ended,
                "state": {"running": {"startedAt": since}}})
        };
        assert!(!crashes("Always", &back(1, "2026-01-01T00:59:59Z", true)));
        assert!(!crashes("Always", &back(9, "2026-01-01T00:30:00Z", true)));
        assert!(crashes("Always", &back(2, "2026-01-01T00:59:59Z", true)));
        assert!(crashes("Always", &back(9, "2026-01-01T00:30:00Z", false)));
        assert!(crashes("Never", &json!({"name": "c", "state": ended})));
        let done = json!({"name": "c", "state": {"terminated": {"exitCode": 0}}});
        assert!(!crashes("Never", &done) && !crashes("OnFailure", &done) && crashes("Always", &done));
    }
}

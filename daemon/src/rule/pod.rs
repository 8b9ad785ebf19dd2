//! Pods.

use jiff::{SignedDuration, Timestamp};

use super::Ruling;
use crate::object::condition_true;
use crate::object::pod::{Container, Pod, Terminated};
use crate::state::{Doom, Judgement, State};

/// How long a pod may be unschedulable before it counts: the scheduler's own
/// retries and slow volumes take that long (kstatus `core.go`, `ScheduleWindow`).
const SCHEDULE_WINDOW: SignedDuration = SignedDuration::from_secs(15);

/// By phase (kubernetes `pkg/kubelet/kubelet_pods.go`, `getPhase`), then by the
/// first container that is stuck.
pub(super) fn judge(pod: &Pod, now: Timestamp) -> Ruling {
    let status = &pod.status;
    match &*status.phase {
        "Succeeded" => Judgement::new(State::Ready, "Completed", "every container has ended with exit code 0").into(),
        "Failed" => failed(pod).into(),
        "Unknown" => Judgement::new(State::Unknown, "NodeLost", "the pod's node does not answer").into(),
        _ if condition_true(&status.conditions, "Ready").is_some() => {
            let judgement = Judgement::new(State::Ready, "Ready", "every container is ready");
            with_ready_containers(judgement, pod).into()
        }
        _ => match unscheduled(pod, now) {
            Some(ruling) => ruling,
            None => with_ready_containers(stuck(pod).unwrap_or_else(|| starting(pod)), pod).into(),
        },
    }
}

/// The pod as a whole is over: it was evicted or the like, or a container
/// failed that is not to be restarted.
fn failed(pod: &Pod) -> Judgement {
    let status = &pod.status;
    let ended = containers(pod).find_map(|c| {
        let terminated = c.state.terminated.as_ref()?;
        (terminated.exit_code != 0).then(|| (terminated.reason.clone(), ending(c, terminated)))
    });
    let (reason, message) = match ended {
        _ if !status.reason.is_empty() => (status.reason.clone(), status.message.clone()),
        Some(ended) => ended,
        None => ("PodFailed".to_owned(), status.message.clone()),
    };
    Judgement::new(State::Failed, reason, message).with_doom(Doom::Fatal)
}

fn unscheduled(pod: &Pod, now: Timestamp) -> Option<Ruling> {
    let scheduled = pod.status.conditions.iter().find(|c| &*c.r#type == "PodScheduled" && &*c.status == "False")?;
    let in_progress = Judgement::new(State::InProgress, scheduled.reason.clone(), scheduled.message.clone());
    if scheduled.reason != "Unschedulable" {
        return Some(in_progress.into());
    }
    // A time too far off to count from is no time.
    let counts_from = scheduled.last_transition_time.and_then(|t| t.checked_add(SCHEDULE_WINDOW).ok());
    Some(match counts_from {
        Some(at) if now < at => Ruling { judgement: in_progress.with_doom(Doom::Transient), recheck_at: Some(at) },
        _ => Judgement { state: State::Failed, doom: Doom::Persistent, ..in_progress }.into(),
    })
}

/// The first container that cannot start or keeps ending.
fn stuck(pod: &Pod) -> Option<Judgement> {
    containers(pod).find_map(|container| {
        if let Some(waiting) = &container.state.waiting {
            let doom = doom_of_waiting(&waiting.reason)?;
            let message = match &container.last_state.terminated {
                Some(last) => format!("{}; last time {}", waiting.message, ending(container, last)),
                None => format!("container {}: {}", container.name, waiting.message),
            };
            return Some(Judgement::new(State::Failed, waiting.reason.clone(), message).with_doom(doom));
        }
        let terminated = container.state.terminated.as_ref().filter(|t| t.exit_code != 0)?;
        let (state, doom, then) = match &*pod.spec.restart_policy {
            // The pod's phase says so when its other containers have ended.
            "Never" => (State::Failed, Doom::Fatal, "it will not be restarted"),
            _ => (State::InProgress, Doom::Transient, "it will be restarted"),
        };
        let message = format!("{}; {then}", ending(container, terminated));
        Some(Judgement::new(state, terminated.reason.clone(), message).with_doom(doom))
    })
}

/// What the kubelet's reasons for waiting are worth; `None`: it is on its way
/// (kubernetes `pkg/kubelet/images/types.go`, `pkg/kubelet/container/sync_result.go`,
/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`).
fn doom_of_waiting(reason: &str) -> Option<Doom> {
    match reason {
        "InvalidImageName" | "ErrImageNeverPull" => Some(Doom::Fatal),
        "CrashLoopBackOff"
        | "ErrImagePull"
        | "ImagePullBackOff"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed"
        | "CreateContainerConfigError"
        | "CreateContainerError"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError"
        | "RunContainerError" => Some(Doom::Persistent),
        _ => None,
    }
}

fn starting(pod: &Pod) -> Judgement {
    let status = &pod.status;
    if let Some(waiting) = containers(pod).find_map(|c| c.state.waiting.as_ref())
        && !waiting.reason.is_empty()
    {
        return Judgement::new(State::InProgress, waiting.reason.clone(), waiting.message.clone());
    }
    match status.conditions.iter().find(|c| &*c.r#type == "Ready") {
        Some(ready) if !ready.reason.is_empty() => {
            Judgement::new(State::InProgress, ready.reason.clone(), ready.message.clone())
        }
        _ if &*status.phase == "Running" => Judgement::new(State::InProgress, "Running", "not ready yet"),
        _ => Judgement::new(State::InProgress, "Pending", "no kubelet has taken the pod up yet"),
    }
}

fn with_ready_containers(judgement: Judgement, pod: &Pod) -> Judgement {
    let ready = pod.status.container_statuses.iter().filter(|c| c.ready).count();
    // Counts of containers, which no pod has 2^63 of.
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    judgement.with_progress(count(ready), count(pod.spec.containers.len()), "ready")
}

fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses)
}

fn ending(container: &Container, terminated: &Terminated) -> String {
    let mut text = format!("container {} ended with exit code {}", container.name, terminated.exit_code);
    for detail in [&terminated.reason, &terminated.message] {
        if !detail.is_empty() {
            text.push_str(": ");
            text.push_str(detail);
        }
    }
    text
}

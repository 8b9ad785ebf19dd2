//! Pods.

mod containers;
mod held;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use self::containers::{Container, InitContainer};
use super::condition::{self, Condition};
use super::view::{Named, Related, View};
use super::{Facts, Ruling, doom};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::{Detail, Record};
use crate::state::{Doom, Judgement, State};

/// How long a pod may be unschedulable before it counts: the scheduler's own
/// retries and slow volumes take that long (kstatus `core.go`, `ScheduleWindow`).
const SCHEDULE_WINDOW: SignedDuration = SignedDuration::from_secs(15);

/// What is read of a pod.
pub(super) type Pod = super::kinds::Facet<Spec, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    /// `Always`, `OnFailure` or `Never`.
    restart_policy: Box<str>,
    node_name: Box<str>,
    init_containers: Vec<InitContainer>,
    /// Counted only.
    containers: Vec<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    phase: Box<str>,
    /// Why the pod failed as a whole, such as `Evicted`.
    reason: String,
    message: String,
    conditions: Vec<Condition>,
    /// Where there will be room when others have gone.
    nominated_node_name: Box<str>,
    init_container_statuses: Vec<Container>,
    container_statuses: Vec<Container>,
}

impl Facts for Pod {
    fn judge(&self, metadata: &Metadata, view: &dyn View, now: Timestamp) -> Ruling {
        let mut own = judge(self, metadata, now);
        own.judgement.restarts = Some(containers::restarts(self));
        if own.judgement.state == State::Ready || is_over(self) {
            return own;
        }
        match node_that_is_not_ready(self, view) {
            Some(node) => nodes_fault(&node, own.judgement).into(),
            None => held::or_held(own, self, metadata, view, now),
        }
    }

    fn lingers(&self, _metadata: &Metadata, view: &dyn View) -> Option<(String, String)> {
        let node = node_that_is_not_ready(self, view)?;
        Some((
            "NodeNotReady".to_owned(),
            format!("being deleted; its node {} does not confirm that it has ended", node.key.name),
        ))
    }

    fn detail(&self, metadata: &Metadata, texts: &mut Interner<str>) -> Detail {
        let quarantined = metadata.annotations.as_ref().is_some_and(|a| !a.quarantine.is_empty());
        Detail::Pod { node: texts.get(&*self.spec.node_name), over: is_over(self), quarantined }
    }
}

/// Whether none of its containers will run again.
fn is_over(pod: &Pod) -> bool {
    matches!(&*pod.status.phase, "Succeeded" | "Failed")
}

fn node_that_is_not_ready(pod: &Pod, view: &dyn View) -> Option<Arc<Record>> {
    if pod.spec.node_name.is_empty() {
        return None;
    }
    match view.named(Related::Nodes, "", &pod.spec.node_name) {
        Named::There(node) if matches!(node.detail, Detail::Node { ready: false, .. }) => Some(node),
        _ => None,
    }
}

/// What nobody runs cannot be judged: the node's, not the pod's fault
/// (kubernetes#139226 asks for the difference). Another node may get its
/// successor, or this one comes back.
fn nodes_fault(node: &Record, own: Judgement) -> Judgement {
    let message = format!("node {} is not ready: {}", node.key.name, node.judgement.message);
    let judgement = Judgement { reason: "NodeNotReady".into(), message: message.into(), ..own };
    Judgement { state: State::InProgress, ..judgement }.with_doom(Doom::Transient)
}

/// By phase (kubernetes `pkg/kubelet/kubelet_pods.go`, `getPhase`), then by the
/// first container that is stuck.
fn judge(pod: &Pod, metadata: &Metadata, now: Timestamp) -> Ruling {
    let status = &pod.status;
    match &*status.phase {
        "Succeeded" => Judgement::new(State::Ready, "Completed", "every container has ended with exit code 0").into(),
        "Failed" => failed(pod, metadata).into(),
        "Unknown" => Judgement::new(State::Unknown, "NodeLost", "the pod's node does not answer").into(),
        _ if condition::find_true(&status.conditions, "Ready").is_some() => {
            let judgement = Judgement::new(State::Ready, "Ready", "every container is ready");
            containers::with_progress(judgement, pod).into()
        }
        _ => match unscheduled(pod, now) {
            Some(ruling) => ruling,
            None => containers::with_progress(containers::judge(pod).unwrap_or_else(|| starting(pod)), pod).into(),
        },
    }
}

/// The pod as a whole is over: it was evicted or the like, or a container
/// failed that is not to be restarted.
fn failed(pod: &Pod, metadata: &Metadata) -> Judgement {
    let status = &pod.status;
    let disrupted = condition::find_true(&status.conditions, "DisruptionTarget");
    let (reason, message) = match (&*status.reason, containers::first_failure(pod), disrupted) {
        ("", Some(ending), None) => ending,
        ("", None, None) => ("PodFailed".to_owned(), status.message.clone()),
        ("", _, Some(disrupted)) => (disrupted.reason_or("DisruptionTarget"), disrupted.says()),
        (reason, ..) => (reason.to_owned(), status.message.clone()),
    };
    let passes = disrupted.is_some() || doom::is_disruption(&reason);
    let (doom, then) = match metadata.controller() {
        Some(controller) if passes => (Doom::Transient, format!("; its {} makes another one", controller.kind)),
        _ => (Doom::Fatal, String::new()),
    };
    Judgement::new(State::Failed, reason, message + &then).with_doom(doom)
}

fn unscheduled(pod: &Pod, now: Timestamp) -> Option<Ruling> {
    let scheduled = condition::find_false(&pod.status.conditions, "PodScheduled")?;
    let in_progress = Judgement::new(State::InProgress, scheduled.reason_or("NotScheduled"), scheduled.says());
    match &*scheduled.reason {
        "SchedulingGated" => return Some(Judgement { state: State::Paused, ..in_progress }.into()),
        // Others are being preempted for it.
        "Unschedulable" if !pod.status.nominated_node_name.is_empty() => {
            return Some(in_progress.with_doom(Doom::Transient).into());
        }
        "Unschedulable" => {}
        _ => return Some(in_progress.into()),
    }
    // A time too far off to count from is no time.
    let counts_from = scheduled.last_transition_time.and_then(|t| t.checked_add(SCHEDULE_WINDOW).ok());
    Some(match counts_from {
        Some(at) if now < at => Ruling::until(in_progress.with_doom(Doom::Transient), at),
        _ => Judgement { state: State::Failed, doom: Doom::Persistent, ..in_progress }.into(),
    })
}

fn starting(pod: &Pod) -> Judgement {
    let status = &pod.status;
    if let Some(initializing) = containers::initializing(pod) {
        return initializing;
    }
    if let Some(waiting) = status.container_statuses.iter().find_map(|c| c.state.waiting.as_ref())
        && !waiting.reason.is_empty()
    {
        return Judgement::new(State::InProgress, waiting.reason.clone(), waiting.message.clone());
    }
    match condition::find(&status.conditions, "Ready") {
        Some(ready) if !ready.reason.is_empty() => {
            Judgement::new(State::InProgress, ready.reason.clone(), ready.message.clone())
        }
        _ if &*status.phase == "Running" => Judgement::new(State::InProgress, "Running", "not ready yet"),
        _ => Judgement::new(State::InProgress, "Pending", "no kubelet has accepted the pod yet"),
    }
}

//! What keeps a pod's containers from being created: volumes, and the sandbox.
//!
//! Its status does not say; events do. They tell when something failed, not that it still does.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Pod, containers};
use crate::object::Metadata;
use crate::record::{Detail, Link, Record, Uid};
use crate::rule::view::{Related, View};
use crate::rule::{Ruling, condition, doom};
use crate::state::{Doom, Judgement, State};

/// A sandbox is tried again after 10 to 15 s (kubernetes `pkg/kubelet/pod_workers.go`), and trying takes time.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// Volumes are tried again after 122 s at most; of what happens more than 25 times, one event in 5 minutes is
/// told (k8s.io/client-go `tools/record/events_cache.go`).
const LONGEST: SignedDuration = SignedDuration::from_mins(8);
/// What is told once and lasts until the volume is attached (kubernetes
/// `pkg/controller/volume/attachdetach/reconciler/reconciler.go`).
const TOLD_ONCE: &str = "Multi-Attach error";

/// The same ruling, or what holds up the pod according to events.
pub(super) fn or_held(own: Ruling, pod: &Pod, metadata: &Metadata, view: &dyn View, now: Timestamp) -> Ruling {
    if own.judgement.state != State::InProgress || !awaits_containers(pod) {
        return own;
    }
    let about = Link::About(Uid::from(&*metadata.uid));
    let events = view.linked(Related::Starts, &metadata.namespace, &about).unwrap_or_default();
    let failures = failures(&events);
    let until = |failure: &Told<'_>| lasts(failure, &failures);
    let holds = |failure: &&Told<'_>| until(failure).is_none_or(|until| until > now);
    let Some(cause) = failures.iter().filter(holds).max_by_key(|event| event.last) else { return own };
    let event = &cause.event.judgement;
    let held = Judgement {
        state: State::Failed,
        reason: event.reason.clone(),
        message: event.message.clone(),
        ..own.judgement
    };
    Ruling { recheck_at: until(cause), ..held.with_doom(Doom::Persistent).into() }
}

/// Whether a kubelet has yet to make its sandbox, which it does when the volumes are mounted.
fn awaits_containers(pod: &Pod) -> bool {
    let has_sandbox = condition::find_true(&pod.status.conditions, "PodReadyToStartContainers").is_some();
    !pod.spec.node_name.is_empty() && !has_sandbox && containers::none_is_created(pod)
}

/// An event, and when it has happened.
struct Told<'a> {
    event: &'a Record,
    first: Timestamp,
    last: Timestamp,
}

impl<'a> Told<'a> {
    fn of(event: &'a Arc<Record>) -> Option<Self> {
        let Detail::Event(happening) = &event.detail else { return None };
        let last = happening.last()?;
        Some(Self { event, first: happening.first().unwrap_or(last), last })
    }

    /// Whether it tells that what had failed goes on: an attached volume says nothing of another.
    fn goes_on_behind(&self, failure: &Self) -> bool {
        let [own, other] = [self, failure].map(|it| &it.event.judgement);
        let is_of_it = own.reason != doom::ATTACHED || volume(&own.message) == volume(&other.message);
        doom::GOES_ON.contains(&&*own.reason) && self.last >= failure.last && is_of_it
    }

    fn holds_up(&self) -> bool {
        let event = &self.event.judgement;
        doom::find(doom::HELD, &event.reason, &event.message) > Some(Doom::Transient)
    }
}

/// What has failed, and has not gone on since.
fn failures(events: &[Arc<Record>]) -> Vec<Told<'_>> {
    let told: Vec<_> = events.iter().filter_map(Told::of).collect();
    let is_over = |failure: &Told<'_>| told.iter().any(|other| other.goes_on_behind(failure));
    let over: Vec<_> = told.iter().map(is_over).collect();
    told.into_iter().zip(over).filter(|(event, is_over)| event.holds_up() && !is_over).map(|(event, _)| event).collect()
}

/// The volume that an event names: `... for volume "pvc-1" ...`.
fn volume(message: &str) -> Option<&str> {
    Some(message.split_once("volume \"")?.1.split_once('"')?.0)
}

/// Until when the last of the failures holds if nothing else is told; `None` if that makes no difference. A kubelet
/// tries volumes again after about as long as it has tried them (kubernetes
/// `pkg/util/goroutinemap/exponentialbackoff`).
fn lasts(cause: &Told<'_>, failures: &[Told<'_>]) -> Option<Timestamp> {
    if cause.event.judgement.message.contains(TOLD_ONCE) {
        return None;
    }
    let first = failures.iter().map(|event| event.first).min()?;
    let holds = cause.last.duration_since(first).saturating_add(AGAIN).clamp(AGAIN, LONGEST);
    Some(cause.last.saturating_add(holds).unwrap_or(Timestamp::MAX))
}

//! Nodes.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{self, Condition};
use super::relations::NODE_LEASES;
use super::view::{Related, View};
use super::{Facts, Ruling, lease};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::{Detail, Link, Record};
use crate::state::{Doom, Judgement, State};

/// What is read of a node.
pub(super) type Node = super::kinds::Facet<Spec, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    unschedulable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    conditions: Vec<Condition>,
    /// What the attach-detach controller has attached.
    volumes_attached: Vec<IgnoredAny>,
    node_info: NodeInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    kubelet_version: Box<str>,
}

/// Why a node is held back that is cordoned, and on which nothing is left.
pub const DRAINED: &str = "Drained";

/// How long a node may take to become ready.
const YOUTH: SignedDuration = SignedDuration::from_mins(2);

/// Of these `True` is bad (kubernetes `pkg/kubelet/nodestatus/setters.go`).
const PRESSURES: [&str; 3] = ["MemoryPressure", "DiskPressure", "PIDPressure"];

impl Facts for Node {
    fn judge(&self, metadata: &Metadata, view: &dyn View, now: Timestamp) -> Ruling {
        let left = self.spec.unschedulable.then(|| self.left(metadata, view));
        if let Some(Left::Nothing) = left {
            let message = "no pods are left to evict, and no volumes are attached";
            return Judgement::new(State::Paused, DRAINED, message).into();
        }
        let judgement = judge(self, left.as_ref());
        if condition::find_true(&self.status.conditions, "Ready").is_none() {
            return while_young(judgement, metadata, now);
        }
        // The node controller tells by `Ready` what it has seen of the Lease; this
        // sees it while that does not work.
        match view.named(Related::Leases, NODE_LEASES, &metadata.name).there().map(|lease| lease.detail.clone()) {
            Some(Detail::Lease(Some(ends))) => match lease::has_ended(ends, NODE_LEASES, view, now) {
                Err(again) => Ruling::until(judgement, again),
                Ok(()) => {
                    let message = format!("its kubelet should have renewed its lease by {ends}, and has not");
                    Judgement::new(State::Failed, "LeaseExpired", message).with_doom(Doom::Persistent).into()
                }
            },
            _ => judgement.into(),
        }
    }

    fn detail(&self, _metadata: &Metadata, texts: &mut Interner<str>) -> Detail {
        let ready = condition::find_true(&self.status.conditions, "Ready").is_some();
        Detail::Node { ready, kubelet: texts.get(&*self.status.node_info.kubelet_version) }
    }
}

/// What is left on a node that is cordoned.
enum Left {
    /// Nobody can see which pods there are.
    NotVisible,
    /// Nothing that a drain takes away.
    Nothing,
    /// So many pods, and so many volumes.
    Some(usize, usize),
}

impl Node {
    fn left(&self, metadata: &Metadata, view: &dyn View) -> Left {
        // Of pods' own namespaces none is meant.
        let pods = view.linked(Related::Pods, "", &Link::Node(metadata.name.as_ref().into()));
        let volumes = self.status.volumes_attached.len();
        match pods.map(|pods| pods.iter().filter(|pod| is_to_go(pod)).count()) {
            None => Left::NotVisible,
            Some(0) if volumes == 0 => Left::Nothing,
            Some(pods) => Left::Some(pods, volumes),
        }
    }
}

/// Whether a drain takes a pod away, or waits for its end: not what its DaemonSet would bring back, nor what the
/// kubelet runs from files (k8s.io/kubectl `pkg/drain/filters.go`; a mirror pod is its node's since 1.17), nor what has
/// ended.
fn is_to_go(pod: &Record) -> bool {
    let stays = pod.owners.iter().any(|owner| owner.controller && matches!(&*owner.kind, "DaemonSet" | "Node"));
    !stays && !pod.detail.is_over()
}

/// A node that has just come is not ready because it is on its way.
fn while_young(judgement: Judgement, metadata: &Metadata, now: Timestamp) -> Ruling {
    let until = metadata.creation_timestamp.and_then(|created| created.checked_add(YOUTH).ok());
    match until.filter(|until| now < *until && judgement.state == State::Failed) {
        Some(until) => {
            Ruling::until(Judgement { state: State::InProgress, ..judgement }.with_doom(Doom::Transient), until)
        }
        None => judgement.into(),
    }
}

fn judge(node: &Node, left: Option<&Left>) -> Judgement {
    let conditions = &node.status.conditions;
    let Some(ready) = condition::find(conditions, "Ready") else {
        return Judgement::new(State::InProgress, "NotRegistered", "its kubelet has not reported yet");
    };
    if !ready.is_true() {
        // `Unknown` is the node controller's word: the kubelet renews no lease.
        let judgement = Judgement::new(State::Failed, ready.reason_or("NodeNotReady"), ready.says());
        return judgement.with_doom(Doom::Persistent);
    }
    if let Some(network) = condition::find_true(conditions, "NetworkUnavailable") {
        return Judgement::new(State::InProgress, "NetworkUnavailable", network.says());
    }
    if let Some(pressure) = PRESSURES.iter().find_map(|pressure| condition::find_true(conditions, pressure)) {
        let judgement = Judgement::new(State::Failed, pressure.r#type.to_string(), pressure.says());
        return judgement.with_doom(Doom::Persistent);
    }
    if let Some(left) = left {
        let message = match left {
            Left::Some(pods, volumes) => {
                format!("spec.unschedulable keeps new pods away; to go: {pods} pods, attached: {volumes} volumes")
            }
            Left::NotVisible | Left::Nothing => "spec.unschedulable keeps new pods away".to_owned(),
        };
        return Judgement::new(State::Paused, "Cordoned", message);
    }
    Judgement::new(State::Ready, "Ready", "its kubelet is ready")
}

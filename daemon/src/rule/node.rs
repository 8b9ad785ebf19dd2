//! Nodes.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::condition::{self, Condition};
use super::relations::NODE_LEASES;
use super::view::{Related, View};
use super::{Facts, Ruling, lease};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::Detail;
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
    node_info: NodeInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    kubelet_version: Box<str>,
}

/// How long a node may take to become ready.
const YOUTH: SignedDuration = SignedDuration::from_mins(2);

/// Of these `True` is bad (kubernetes `pkg/kubelet/nodestatus/setters.go`).
const PRESSURES: [&str; 3] = ["MemoryPressure", "DiskPressure", "PIDPressure"];

impl Facts for Node {
    fn judge(&self, metadata: &Metadata, view: &dyn View, now: Timestamp) -> Ruling {
        let judgement = judge(self);
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

fn judge(node: &Node) -> Judgement {
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
    if node.spec.unschedulable {
        return Judgement::new(State::Paused, "Cordoned", "spec.unschedulable keeps new pods away");
    }
    Judgement::new(State::Ready, "Ready", "its kubelet is ready")
}

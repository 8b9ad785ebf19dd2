//! Which objects the state of others depends on.

use std::sync::Arc;

use super::doom;
use super::view::Related;
use crate::kind::Kind;
use crate::record::{Detail, Key, Link, Owner, Record};

/// The namespace of the Leases by which kubelets say that they are there.
pub(super) const NODE_LEASES: &str = "kube-node-lease";

/// Objects that are to be judged again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependent {
    /// That one.
    Named(Related, Key),
    /// Those that have that link.
    Linked(Related, Link),
    /// All of them.
    Every(Related),
}

/// What the rule for one set looks at.
#[must_use]
pub fn looks_at(set: Related) -> &'static [Related] {
    match set {
        Related::Pods => &[Related::Nodes, Related::Starts],
        Related::Deployments => &[Related::ReplicaSets, Related::Pods],
        Related::ReplicaSets | Related::ReplicationControllers => &[Related::Pods],
        Related::StatefulSets | Related::DaemonSets | Related::Jobs => &[Related::Pods, Related::Refusals],
        Related::Services | Related::MutatingWebhooks | Related::ValidatingWebhooks => &[Related::EndpointSlices],
        Related::Claims => &[Related::StorageClasses],
        _ => &[],
    }
}

/// What it looks at besides if somebody follows that anyway: a Lease is renewed
/// so often that it is not followed for the sake of its node, and pods, which
/// look at their nodes, are for the sake of a drained one only. Workloads come with the
/// Services of a release, whose other Services need none.
fn glances_at(set: Related) -> &'static [Related] {
    match set {
        Related::Nodes => &[Related::Leases, Related::Pods],
        Related::Services => &[Related::Deployments, Related::StatefulSets],
        _ => &[],
    }
}

/// Of what it looks at, that without which it says of no object that it is ready: a
/// view that is to be no older than a question needs them, too.
#[must_use]
pub fn readiness_needs(set: Related) -> &'static [Related] {
    match set {
        Related::Services | Related::MutatingWebhooks | Related::ValidatingWebhooks | Related::Claims => looks_at(set),
        _ => &[],
    }
}

/// Of what it looks at, that by which it may say that an object has failed, and why: what is not so any more is no
/// reason to fail.
#[must_use]
pub fn failure_needs(set: Related) -> &'static [Related] {
    match set {
        Related::Deployments => looks_at(set),
        Related::ReplicaSets
        | Related::ReplicationControllers
        | Related::StatefulSets
        | Related::DaemonSets
        | Related::Jobs => &[Related::Pods],
        _ => &[],
    }
}

/// The sets whose rule looks at `set`.
pub fn looked_at_by(set: Related) -> impl Iterator<Item = Related> {
    Related::ALL.into_iter().filter(move |other| looks_at(*other).contains(&set) || glances_at(*other).contains(&set))
}

/// Adds to `kinds` those that their rules look at, as far as they are among
/// `served`, and whole.
pub fn complete(kinds: &mut Vec<Kind>, served: &[Kind]) {
    let mut place = 0;
    while let Some(kind) = kinds.get(place) {
        let set = Related::find(&kind.group, &kind.kind, None);
        let whole = set.map(looks_at).unwrap_or_default().iter().filter(|other| other.field_selector().is_none());
        for (group, name) in whole.map(|other| other.group_kind()) {
            let found = served.iter().find(|kind| kind.group == group && kind.kind == name);
            if let Some(found) = found.filter(|found| !kinds.contains(found)) {
                kinds.push(found.clone());
            }
        }
        place += 1;
    }
}

/// The objects whose state may depend on that of `record`.
#[must_use]
pub fn dependents(set: Related, record: &Record) -> Vec<Dependent> {
    match set {
        Related::Pods | Related::ReplicaSets => {
            let owners = record.owners.iter().filter_map(|o| owner(record, o));
            owners.chain(node_of(record)).collect()
        }
        Related::Nodes => vec![Dependent::Linked(Related::Pods, Link::Node(record.key.name.clone()))],
        Related::EndpointSlices => record.service().into_iter().flat_map(of_service).collect(),
        Related::Leases if &*record.key.namespace == NODE_LEASES => {
            vec![Dependent::Named(Related::Nodes, Key { namespace: "".into(), name: Arc::clone(&record.key.name) })]
        }
        Related::Refusals => subject(record).into_iter().collect(),
        Related::Starts => starting(record).into_iter().collect(),
        Related::StorageClasses => vec![Dependent::Every(Related::Claims)],
        Related::Deployments | Related::StatefulSets if matches!(record.detail, Detail::Idle(_)) => {
            vec![Dependent::Every(Related::Services)]
        }
        _ => Vec::new(),
    }
}

/// The node of a pod, which may be drained by then.
fn node_of(pod: &Record) -> Option<Dependent> {
    let name = pod.node().filter(|node| !node.is_empty())?;
    Some(Dependent::Named(Related::Nodes, Key { namespace: "".into(), name: Arc::clone(name) }))
}

fn of_service(service: Key) -> [Dependent; 3] {
    [
        Dependent::Named(Related::Services, service),
        Dependent::Every(Related::MutatingWebhooks),
        Dependent::Every(Related::ValidatingWebhooks),
    ]
}

fn owner(record: &Record, owner: &Owner) -> Option<Dependent> {
    let set = workload(&owner.kind).filter(|_| owner.controller)?;
    Some(Dependent::Named(set, Key { namespace: record.key.namespace.clone(), name: owner.name.clone() }))
}

fn subject(record: &Record) -> Option<Dependent> {
    let Detail::Event(event) = &record.detail else { return None };
    let set = workload(&event.kind)?;
    Some(Dependent::Named(set, Key { namespace: record.key.namespace.clone(), name: event.name.clone() }))
}

/// The pod that an event tells something of which its rule reads.
fn starting(record: &Record) -> Option<Dependent> {
    let Detail::Event(event) = &record.detail else { return None };
    let is_read = doom::is_of_starts(&record.judgement.reason) && &*event.kind == "Pod";
    let key = Key { namespace: record.key.namespace.clone(), name: event.name.clone() };
    is_read.then_some(Dependent::Named(Related::Pods, key))
}

/// The workloads that own others. An owner of another group by the same name has
/// other UIDs: what is judged again without need costs a moment.
fn workload(kind: &str) -> Option<Related> {
    match kind {
        "DaemonSet" => Some(Related::DaemonSets),
        "Deployment" => Some(Related::Deployments),
        "Job" => Some(Related::Jobs),
        "ReplicaSet" => Some(Related::ReplicaSets),
        "ReplicationController" => Some(Related::ReplicationControllers),
        "StatefulSet" => Some(Related::StatefulSets),
        _ => None,
    }
}

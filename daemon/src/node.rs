//! Whether a node is usable, part by part.
//!
//! [`report`] is a function of what is [`Known`]: the node, the pods on it, its lease, and the
//! control plane's version. What cannot be seen is not visible, and never taken to be missing.

mod agents;
mod certificates;
mod lease;
mod part;
mod pods;
mod room;
mod taints;
mod versions;

use jiff::Timestamp;

pub use self::agents::Agent;
pub use self::certificates::{SIGNERS, asked_for, node_of};
pub use self::lease::Lease;
pub use self::part::{Finding, Part, PartName};
pub use self::pods::{PodOnNode, Pods};
pub use self::room::{Resource, resources};
pub use self::taints::{BadToleration, Toleration, taints};
pub use self::versions::Versions;

use crate::diagnose::fields::map;
use crate::diagnose::{Object, of_node};

/// What is known when a node is looked at.
#[derive(Debug)]
pub struct Known<'a> {
    /// The time that ages are counted to.
    pub now: Timestamp,
    /// The node.
    pub node: &'a Object,
    /// The API server's version, such as `v1.36.3`, if it says.
    pub control_plane: Option<&'a str>,
    /// Its kubelet's lease.
    pub lease: &'a Lease,
    /// The pods on it.
    pub pods: &'a Pods,
    /// The DaemonSets that make networks or are kube-proxy.
    pub agents: &'a [Agent],
    /// Taints that are meant.
    pub tolerated: &'a [Toleration],
}

/// What was found of a node, part by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The parts, in the order of [`PartName::ALL`].
    pub parts: Vec<Part>,
    /// Pods, by namespace and name, without which it would say less: whoever wants proof of the
    /// report wants proof of these.
    pub rests_on: Vec<(String, String)>,
}

impl Report {
    /// Whether no part is missing, and each of these is there.
    #[must_use]
    pub fn is_usable(&self, required: &[PartName]) -> bool {
        self.parts.iter().all(|part| match part.finding {
            Finding::Ok => true,
            Finding::Missing => false,
            Finding::NotVisible => !required.contains(&part.name),
        })
    }
}

/// What is found of a node.
#[must_use]
pub fn report(known: &Known<'_>) -> Report {
    let (network, networks) = agents::network(known);
    let (proxy, proxies) = agents::proxy(known);
    let (first, evidence) = pods::first(known.pods);
    let parts = vec![
        Part::ok(PartName::Registered, "the API server has it"),
        ready(known.node),
        versions::judge(known.node, known.control_plane),
        lease::judge(known),
        network,
        proxy,
        taints::judge(known.node, known.tolerated),
        room::judge(known.node, known.pods),
        first,
    ];
    let pods = networks.into_iter().chain(proxies).chain(evidence);
    let mut rests_on: Vec<_> = pods.map(|pod| (pod.namespace.clone(), pod.name.clone())).collect();
    rests_on.sort();
    rests_on.dedup();
    Report { parts, rests_on }
}

/// What is found of a node that there is not.
#[must_use]
pub fn absent() -> Report {
    let part = |name| match name {
        PartName::Registered => Part::missing(name, "there is no such node: its kubelet has not registered it"),
        name => Part::not_visible(name, "there is no such node"),
    };
    Report { parts: PartName::ALL.into_iter().map(part).collect(), rests_on: Vec::new() }
}

/// What is found of a node that there is, though what the API server reports about it cannot be read.
#[must_use]
pub fn unreadable() -> Report {
    let part = |name| match name {
        PartName::Registered => Part::ok(name, "the API server has it"),
        PartName::Ready => Part::missing(name, "what the API server reports about it cannot be read"),
        name => Part::not_visible(name, "what the API server reports about it cannot be read"),
    };
    Report { parts: PartName::ALL.into_iter().map(part).collect(), rests_on: Vec::new() }
}

/// Whether its kubelet is ready, has what it needs, and is let stay.
fn ready(node: &Object) -> Part {
    let name = PartName::Ready;
    if node.is_deleted() {
        return Part::missing(name, "it is being deleted");
    }
    match of_node(node).as_slice() {
        [] => Part::ok(name, "its kubelet is ready"),
        causes => Part::missing(name, causes.iter().map(|cause| &*cause.message).collect::<Vec<_>>().join("; ")),
    }
}

/// The roles that a node's labels give it (k8s.io/kubernetes `pkg/printers`, `findNodeRoles`).
#[must_use]
pub fn roles(node: &Object) -> Vec<String> {
    const PREFIX: &str = "node-role.kubernetes.io/";
    const LABEL: &str = "kubernetes.io/role";
    let labels = map(&node.value, "/metadata/labels").into_iter().flatten();
    let role = |(key, value): (&String, &serde_json::Value)| match key.strip_prefix(PREFIX) {
        Some(role) => Some(role.to_owned()),
        None if key == LABEL => value.as_str().map(str::to_owned),
        None => None,
    };
    let mut roles: Vec<_> = labels.filter_map(role).filter(|role| !role.is_empty()).collect();
    roles.sort();
    roles.dedup();
    roles
}

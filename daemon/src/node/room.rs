//! What a node has for pods, and what they ask for.

use super::part::{Part, PartName};
use super::pods::{PodOnNode, Pods};
use crate::diagnose::{Object, allocatable};
use crate::quantity::Quantity;

/// What is looked at.
const RESOURCES: [&str; 3] = ["cpu", "memory", "pods"];

/// How much of a resource a node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Which.
    pub name: &'static str,
    /// What pods can have; `None` if the node does not say.
    pub allocatable: Option<Quantity>,
    /// What its pods ask for; `None` if not all of them are visible.
    pub requested: Option<Quantity>,
}

impl Resource {
    /// A quantity of it as people write it.
    #[must_use]
    pub fn spoken(&self, quantity: Quantity) -> String {
        if self.name == "memory" { quantity.in_bytes() } else { quantity.to_string() }
    }
}

/// What a node has, and what its pods ask for.
#[must_use]
pub fn resources(node: &Object, pods: &Pods) -> Vec<Resource> {
    let resource = |name| Resource {
        name,
        allocatable: allocatable(node, name),
        requested: pods.others.is_none().then(|| requested(pods, name)),
    };
    RESOURCES.into_iter().map(resource).collect()
}

fn requested(pods: &Pods, name: &str) -> Quantity {
    let of = |pod: &PodOnNode| match name {
        "cpu" => pod.cpu,
        "memory" => pod.memory,
        _ => Quantity::whole(1),
    };
    // What has ended asks for nothing.
    pods.pods.iter().filter(|pod| !pod.is_over).map(of).fold(Quantity::default(), |sum, one| sum + one)
}

pub(super) fn judge(node: &Object, pods: &Pods) -> Part {
    let name = PartName::Capacity;
    let resources = resources(node, pods);
    let has = |resource: &&Resource| resource.allocatable.is_some_and(|it| it > Quantity::default());
    let lacks: Vec<_> = resources.iter().filter(|it| !has(it)).map(|it| it.name).collect();
    if !lacks.is_empty() {
        return Part::missing(name, format!("it has no {} for pods", lacks.join(", no ")));
    }
    let is_full = |it: &Resource| it.requested.zip(it.allocatable).is_some_and(|(asked, has)| asked >= has);
    let said: Vec<_> = resources.iter().map(spoken).collect();
    let said = said.join(", ");
    match resources.iter().find(|it| it.name == "pods" && is_full(it)) {
        Some(_) => Part::missing(name, format!("it accepts no more pods: {said}")),
        None => Part::ok(name, said),
    }
}

/// `cpu 1500m of 4`, or `cpu 4`, if it is not known what pods ask for.
fn spoken(resource: &Resource) -> String {
    let has = resource.allocatable.map(|it| resource.spoken(it)).unwrap_or_default();
    match resource.requested {
        Some(requested) => format!("{} {} of {has}", resource.name, resource.spoken(requested)),
        None => format!("{} {has}", resource.name),
    }
}

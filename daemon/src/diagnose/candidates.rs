//! The nodes that a pod is meant for, and what bars them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::affinity::selects_for;
use super::cause::Cause;
use super::fields::{is, list, text};
use super::node;
use super::object::Object;
use super::observation::Observation;
use super::room::{left, request};
use super::target::Pod;
use crate::quantity::Quantity;

/// Nodes that are not well and are told of.
const SHOWN: usize = 3;

/// What keeps pods off a node before anything is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bar {
    /// It is not well.
    Unwell,
    /// It is cordoned.
    Cordoned,
    /// It has a taint, for another reason.
    Taint(String),
}

/// The nodes that a pod's labels and affinity select; `None` if nodes are not known.
pub(super) fn meant<'a>(observation: &'a Observation, pod: &Object) -> Option<Vec<&'a Object>> {
    observation.nodes().next()?;
    Some(observation.nodes().filter(|node| selects_for(pod, node)).collect())
}

/// What bars the nodes that a pod is meant for.
#[derive(Debug, Default)]
pub(super) struct Barred<'a> {
    /// Causes in nodes that are not well.
    pub(super) unwell: Vec<Cause>,
    /// Nodes that are cordoned.
    pub(super) cordoned: Vec<&'a Object>,
    /// Nodes with a taint that the pod does not tolerate, by the taint.
    pub(super) tainted: BTreeMap<String, Vec<&'a Object>>,
}

impl<'a> Barred<'a> {
    /// Of these nodes.
    pub(super) fn of(pod: &Pod<'_>, nodes: &[&'a Object]) -> Self {
        let mut barred = Self::default();
        for node in nodes {
            for bar in bars(pod.object, node) {
                match bar {
                    Bar::Unwell if barred.unwell.len() < SHOWN => barred.unwell.extend(unwell(pod, node)),
                    Bar::Unwell => {}
                    Bar::Cordoned => barred.cordoned.push(node),
                    Bar::Taint(taint) => barred.tainted.entry(taint).or_default().push(node),
                }
            }
        }
        barred
    }
}

/// Causes in those of the nodes that would have room for the pod if they were well.
pub(super) fn missed(observation: &Observation, pod: &Pod<'_>, nodes: &[&Object]) -> Vec<Cause> {
    let would_do = |node: &&&Object| bars(pod.object, node) == [Bar::Unwell] && has_room(observation, pod.object, node);
    nodes.iter().filter(would_do).take(SHOWN).flat_map(|node| unwell(pod, node)).collect()
}

fn unwell(pod: &Pod<'_>, node: &Object) -> Vec<Cause> {
    node::of_node(node).into_iter().map(|cause| node::of_pod(cause, pod)).collect()
}

/// Whether nothing bars a node to a pod that is meant for it.
pub(super) fn is_open_to(pod: &Object, node: &Object) -> bool {
    selects_for(pod, node) && bars(pod, node).is_empty()
}

/// Each once, and in order.
fn bars(pod: &Object, node: &Object) -> Vec<Bar> {
    let taints = list(&node.value, "/spec/taints").iter().filter(|taint| text(taint, "/effect") != "PreferNoSchedule");
    let barring = taints.filter(|taint| !list(&pod.value, "/spec/tolerations").iter().any(|it| tolerates(it, taint)));
    let mut bars: Vec<_> = barring.map(bar).collect();
    let is_tolerated = || {
        let taint = serde_json::json!({"key": CORDON, "effect": "NoSchedule"});
        list(&pod.value, "/spec/tolerations").iter().any(|it| tolerates(it, &taint))
    };
    if is(&node.value, "/spec/unschedulable") && !is_tolerated() {
        bars.push(Bar::Cordoned);
    }
    bars.sort();
    bars.dedup();
    bars
}

/// The taint of a node that is cordoned.
const CORDON: &str = "node.kubernetes.io/unschedulable";

/// Taints by which controllers say what is wrong with a node: k8s.io/api `core/v1`,
/// `well_known_taints.go`.
fn bar(taint: &Value) -> Bar {
    match text(taint, "/key") {
        CORDON => Bar::Cordoned,
        "node.kubernetes.io/not-ready"
        | "node.kubernetes.io/unreachable"
        | "node.kubernetes.io/memory-pressure"
        | "node.kubernetes.io/disk-pressure"
        | "node.kubernetes.io/pid-pressure"
        | "node.kubernetes.io/network-unavailable" => Bar::Unwell,
        key => Bar::Taint(format!("{{{key}: {}}}", text(taint, "/value"))),
    }
}

/// Whether a toleration is of a taint (k8s.io/component-helpers `ToleratesTaint`).
pub(crate) fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let same = |field: &str| text(toleration, field) == text(taint, field);
    let effect = text(toleration, "/effect").is_empty() || same("/effect");
    let key = text(toleration, "/key").is_empty() || same("/key");
    let value = match text(toleration, "/operator") {
        "Exists" => true,
        "" | "Equal" => !text(toleration, "/key").is_empty() && same("/value"),
        // It compares numbers: who uses that is not second-guessed.
        _ => true,
    };
    effect && key && value
}

fn has_room(observation: &Observation, pod: &Object, node: &Object) -> bool {
    let has = |resource: &str| {
        left(observation, node, resource).is_some_and(|(left, _)| left >= request(&pod.value, resource))
    };
    let takes_one = left(observation, node, "pods").is_some_and(|(left, _)| left > Quantity::default());
    has("cpu") && has("memory") && takes_one
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, spec: &Value) -> Object {
        let value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec});
        Object::read(value).unwrap()
    }

    #[test]
    fn a_taint_is_tolerated_as_the_scheduler_tolerates_it() {
        let taint = json!({"key": "gpu", "value": "yes", "effect": "NoSchedule"});
        for (toleration, expected) in [
            (json!({"operator": "Exists"}), true),
            (json!({"key": "gpu", "operator": "Exists"}), true),
            (json!({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}), false),
            (json!({"key": "gpu", "value": "yes"}), true),
            (json!({"key": "gpu", "operator": "Equal", "value": "no"}), false),
            (json!({"key": "disk", "operator": "Exists"}), false),
            (json!({}), false),
        ] {
            assert_eq!(tolerates(&toleration, &taint), expected, "{toleration}");
        }
    }

    #[test]
    fn what_bars_a_node_is_told_by_its_taints() {
        let taints = json!([
            {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
            {"key": "old", "effect": "PreferNoSchedule"},
            {"key": CORDON, "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
        ]);
        let node = object("Node", &json!({"unschedulable": true, "taints": taints}));
        let all = [Bar::Unwell, Bar::Cordoned, Bar::Taint("{gpu: yes}".into())];
        assert_eq!(bars(&object("Pod", &json!({})), &node), all);
        let patient = object("Pod", &json!({"tolerations": [{"operator": "Exists"}]}));
        assert!(bars(&patient, &node).is_empty());
    }
}

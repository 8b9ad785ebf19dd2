//! Which nodes a pod may be on: labels, taints, other pods.

use std::collections::BTreeMap;

use super::cause::Evidence;
use super::fields::{condition, condition_is, is, list, map, text};
use super::object::{Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::selector::{has_labels, selects, selects_node, spoken_labels, spoken_terms};

/// Nodes that are told of.
const SHOWN: usize = 3;
/// Where a pod names the nodes that it must be on.
const REQUIRED: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";

/// Whether it is the node selector that no node meets, or the affinity.
pub(super) fn which(pod: &Object, observation: &Observation) -> Reason {
    let labels = map(&pod.value, "/spec/nodeSelector");
    let terms = list(&pod.value, REQUIRED);
    let nodes = || observation.nodes();
    let selector_fits = labels.is_none_or(|labels| nodes().any(|node| has_labels(node, labels)));
    let affinity_fits = terms.is_empty() || nodes().any(|node| selects_node(terms, node));
    match (selector_fits, affinity_fits) {
        (false, _) => Reason::NodeSelectorUnmatched,
        (true, false) => Reason::NodeAffinityUnmatched,
        // Neither by itself, or the nodes are not known.
        (true, true) if terms.is_empty() => Reason::NodeSelectorUnmatched,
        (true, true) => Reason::NodeAffinityUnmatched,
    }
}

/// Whether a pod's node selector and affinity select a node.
pub(crate) fn selects_for(pod: &Object, node: &Object) -> bool {
    let terms = list(&pod.value, REQUIRED);
    let labels = map(&pod.value, "/spec/nodeSelector");
    labels.is_none_or(|labels| has_labels(node, labels)) && (terms.is_empty() || selects_node(terms, node))
}

/// The node selector, and the labels that nodes have by its keys.
pub(super) fn selector(pod: &Object, observation: &Observation, of: &str) -> (String, Vec<Evidence>) {
    let Some(labels) = map(&pod.value, "/spec/nodeSelector") else {
        return (format!("{of} do not have the labels that the pod selects nodes by"), Vec::new());
    };
    let message = format!("{of} do not have the labels {:?}", spoken_labels(labels));
    let nodes = observation.nodes().take(SHOWN).map(|node| {
        let has: Vec<_> = labels.keys().map(|key| format!("{key}={}", node.label(key))).collect();
        Evidence::field(node, format!("its labels: {}", has.join(",")))
    });
    let wanted = Evidence::field(pod, format!("spec.nodeSelector: {}", spoken_labels(labels)));
    (message, [wanted].into_iter().chain(nodes).collect())
}

/// The node affinity.
pub(super) fn affinity(pod: &Object, observation: &Observation, of: &str) -> (String, Vec<Evidence>) {
    let terms = list(&pod.value, REQUIRED);
    let spoken = spoken_terms(terms);
    let fitting = observation.nodes().filter(|node| selects_node(terms, node)).count();
    let evidence = Evidence::field(pod, format!("required node affinity: {spoken}; {fitting} nodes meet it"));
    (format!("{of} do not meet the pod's node affinity: {spoken}"), vec![evidence])
}

/// Pods that the pod has to be beside, or may not be.
pub(super) fn pods(pod: &Object, of: &str, which: &str) -> (String, Vec<Evidence>) {
    let path = format!("/spec/affinity/{which}/requiredDuringSchedulingIgnoredDuringExecution");
    let terms = list(&pod.value, &path);
    let keys: Vec<_> = terms.iter().map(|term| text(term, "/topologyKey")).collect();
    let keys = keys.join(", ");
    let message = match which {
        "podAffinity" => format!("{of} have no pod that the pod's affinity requires (by {keys})"),
        _ => format!("{of} have a pod that the pod's anti-affinity excludes (by {keys})"),
    };
    let evidence = terms.iter().map(|term| Evidence::field(pod, format!("{which}: {term}")));
    (message, evidence.collect())
}

/// How pods are to be spread, and how they are.
pub(super) fn spread(pod: &Object, observation: &Observation, of: &str) -> (String, Vec<Evidence>) {
    let constraints = list(&pod.value, "/spec/topologySpreadConstraints").iter();
    let hard = constraints.filter(|it| !matches!(text(it, "/whenUnsatisfiable"), "ScheduleAnyway"));
    let mut evidence = Vec::new();
    let mut spoken = Vec::new();
    for constraint in hard {
        let key = text(constraint, "/topologyKey");
        let skew = super::fields::number(constraint, "/maxSkew").unwrap_or(1);
        spoken.push(format!("at most {skew} more by {key}"));
        let mut counts: BTreeMap<&str, usize> = observation.nodes().map(|node| (node.label(key), 0)).collect();
        let without = counts.remove("").is_some();
        let selector = super::fields::at(constraint, "/labelSelector");
        for other in observation.within(kinds::POD, pod.namespace()).filter(|other| selects(selector, other)) {
            let node = observation.find(kinds::NODE, "", text(&other.value, "/spec/nodeName"));
            if let Some(count) = node.and_then(|node| counts.get_mut(node.label(key))) {
                *count += 1;
            }
        }
        let shown = counts.iter().map(|(place, count)| format!("{place}: {count}")).collect::<Vec<_>>().join(", ");
        let lacking = if without { "; nodes without that label do not count" } else { "" };
        evidence.push(Evidence::arithmetic(pod, format!("pods by {key}: {shown}, at most {skew} apart{lacking}")));
    }
    (format!("{of} would spread the pods too unevenly: {}", spoken.join(", ")), evidence)
}

/// The nodes' taints.
pub(super) fn taints<'a>(nodes: impl Iterator<Item = &'a Object>) -> Vec<Evidence> {
    let tainted = nodes.filter(|node| !list(&node.value, "/spec/taints").is_empty()).take(SHOWN);
    let evidence = |node: &Object| {
        let taints = list(&node.value, "/spec/taints")
            .iter()
            .map(|taint| format!("{}={}:{}", text(taint, "/key"), text(taint, "/value"), text(taint, "/effect")));
        Evidence::field(node, format!("its taints: {}", taints.collect::<Vec<_>>().join(", ")))
    };
    tainted.map(evidence).collect()
}

/// Those of the nodes that are cordoned.
pub(super) fn cordoned<'a>(nodes: impl Iterator<Item = &'a Object>) -> Vec<Evidence> {
    let cordoned = nodes.filter(|node| is(&node.value, "/spec/unschedulable")).take(SHOWN);
    cordoned.map(|node| Evidence::field(node, "spec.unschedulable is true")).collect()
}

/// Nodes that are not ready.
pub(super) fn not_ready(observation: &Observation) -> Vec<Evidence> {
    let lost = observation.nodes().filter(|node| !condition_is(&node.value, "Ready", "True"));
    let conditions = lost.filter_map(|node| Some((node, condition(&node.value, "Ready")?)));
    conditions.take(SHOWN).map(|(node, condition)| Evidence::condition(node, condition)).collect()
}

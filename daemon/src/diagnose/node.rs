//! Nodes that are not well, and what they do to their pods.

use std::collections::BTreeSet;

use super::cause::{Cause, Certainty, Evidence};
use super::fields::{brief, condition, is, text, word};
use super::object::{Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::{Pod, Target};

/// What a node can be short of.
const PRESSURES: &[(&str, &str)] =
    &[("MemoryPressure", "memory"), ("DiskPressure", "disk"), ("PIDPressure", "processes")];

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for node in target.members(kinds::NODE) {
        causes.extend(of_node(node));
        if is(&node.value, "/spec/unschedulable") {
            causes.push(cordoned(node));
        }
    }
    for pod in &target.troubled {
        causes.extend(evicted(pod));
        let node = observation.find(kinds::NODE, "", text(&pod.object.value, "/spec/nodeName"));
        let found = node.into_iter().flat_map(of_node);
        causes.extend(found.map(|cause| of_pod(cause, pod)));
    }
    causes.extend(deleted(observation, target));
    causes
}

/// The same, as it is a pod's trouble.
pub(super) fn of_pod(mut cause: Cause, pod: &Pod<'_>) -> Cause {
    // A node that is short of something may be another's trouble.
    if cause.reason == Reason::NodePressure {
        cause = cause.is(Certainty::Likely);
    }
    Cause { affected: BTreeSet::from([pod.object.name.clone()]), is_old: pod.is_old, ..cause }
}

/// Pods that are being deleted, and cannot go because their node is silent.
fn deleted(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let going = target.pods.iter().filter(|pod| pod.object.is_deleted());
    let nodes = going
        .filter_map(|pod| Some((pod, observation.find(kinds::NODE, "", text(&pod.object.value, "/spec/nodeName"))?)));
    nodes.filter_map(|(pod, node)| not_ready(node).map(|cause| of_pod(cause, pod))).collect()
}

/// What is wrong with a node.
pub(crate) fn of_node(node: &Object) -> Vec<Cause> {
    let pressures = PRESSURES.iter().filter_map(|(r#type, of)| pressure(node, r#type, of));
    not_ready(node).into_iter().chain(no_network(node)).chain(pressures).collect()
}

fn not_ready(node: &Object) -> Option<Cause> {
    let name = &node.name.name;
    let ready = condition(&node.value, "Ready");
    let status = ready.map_or("", |ready| text(ready, "/status"));
    if status == "True" {
        return None;
    }
    let message = ready.map_or("", |ready| text(ready, "/message"));
    let (reason, said) = match status {
        "" => (Reason::NodeNotReady, format!("node {name} has not reported yet")),
        "Unknown" => (Reason::NodeNotReady, format!("node {name} does not report: {}", brief(message))),
        _ if is_of_network(message) => {
            (Reason::NetworkUnavailable, format!("the pod network is not ready on node {name}: {}", brief(message)))
        }
        _ => (Reason::NodeNotReady, format!("node {name} is not ready: {}", brief(message))),
    };
    let word = word(name);
    let evidence = ready.map(|ready| Evidence::condition(node, ready));
    let next = [format!("kubectl describe node {word}"), format!("ssh {word} systemctl status kubelet")];
    Some(Cause::new(reason, node, said).because(evidence).then(next))
}

/// Whether a kubelet waits for the pods' network (k8s.io/kubernetes `NetworkReady`).
pub(super) fn is_of_network(message: &str) -> bool {
    let message = message.to_lowercase();
    ["networkready=false", "cni plugin not initialized", "networkpluginnotready", "network is not ready"]
        .iter()
        .any(|words| message.contains(words))
}

fn no_network(node: &Object) -> Option<Cause> {
    let condition = condition(&node.value, "NetworkUnavailable").filter(|it| text(it, "/status") == "True")?;
    let message = format!("node {} has no network for pods: {}", node.name.name, brief(text(condition, "/message")));
    let pods =
        format!("kubectl -n kube-system get pods -o wide --field-selector spec.nodeName={}", word(&node.name.name));
    Some(
        Cause::new(Reason::NetworkUnavailable, node, message)
            .because([Evidence::condition(node, condition)])
            .then([pods]),
    )
}

fn pressure(node: &Object, r#type: &str, of: &str) -> Option<Cause> {
    let condition = condition(&node.value, r#type).filter(|it| text(it, "/status") == "True")?;
    let message = format!("node {} is short of {of}: {}", node.name.name, brief(text(condition, "/message")));
    let word = word(&node.name.name);
    let next = [format!("kubectl describe node {word}"), format!("kubectl top node {word}")];
    let cause =
        Cause::new(Reason::NodePressure, node, message).because([Evidence::condition(node, condition)]).then(next);
    Some(Cause { key: format!("{}{type}", cause.key, r#type = r#type), ..cause })
}

fn cordoned(node: &Object) -> Cause {
    let name = &node.name.name;
    Cause::new(Reason::NodeUnschedulable, node, format!("node {name} is cordoned: it accepts no new pods"))
        .because([Evidence::field(node, "spec.unschedulable is true")])
        .then([format!("kubectl uncordon {}", word(name))])
}

/// A pod that its kubelet has put out (k8s.io/kubernetes `pkg/kubelet/eviction`), or that was
/// ended for another pod's sake.
fn evicted(pod: &Pod<'_>) -> Option<Cause> {
    let value = &pod.object.value;
    let reason = text(value, "/status/reason");
    is_put_out(pod.object).then(|| {
        let node = text(value, "/spec/nodeName");
        let message =
            format!("node {node} has evicted {}: {}", pod.object.name.spoken(), brief(text(value, "/status/message")));
        let said = format!("status.reason: {reason}: {}", brief(text(value, "/status/message")));
        let next = format!("kubectl describe node {}", word(node));
        let cause = Cause::new(Reason::Evicted, pod.object, message).keyed(format!("{}/{node}", pod.key("")));
        Cause { is_old: pod.is_old, ..cause }.because([Evidence::field(pod.object, said)]).then([next])
    })
}

/// Whether a kubelet has put a pod out.
pub(super) fn is_put_out(pod: &Object) -> bool {
    const REASONS: &[&str] =
        &["Evicted", "Preempting", "Terminated", "NodeShutdown", "NodeAffinity", "OutOfcpu", "OutOfmemory"];
    text(&pod.value, "/status/phase") == "Failed" && REASONS.contains(&text(&pod.value, "/status/reason"))
}

//! What every pod needs of the cluster: its network, and its DNS.

use super::cause::{Cause, Certainty, Evidence, EvidenceKind};
use super::containers::{ContainerOfPod, containers, is_ready};
use super::fields::{brief, condition, text, word};
use super::node::is_of_network;
use super::object::{Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::{Pod, Target};

/// Where they run.
pub(super) const NAMESPACE: &str = "kube-system";
/// The label of the DNS's pods (kubernetes.io, "Debugging DNS Resolution").
const DNS: (&str, &str) = ("k8s-app", "kube-dns");
/// What is in the names of pods that make the pods' network.
const NETWORK: &[&str] = &[
    "calico-node",
    "cilium",
    "kube-flannel",
    "weave-net",
    "kindnet",
    "aws-node",
    "azure-cni",
    "antrea-agent",
    "kube-router",
];
/// What is logged where no name is found.
const UNRESOLVED: &[&str] = &[
    "no such host",
    "temporary failure in name resolution",
    "server misbehaving",
    "could not resolve host",
    "can't resolve",
    "bad address",
    "getaddrinfo",
    "name or service not known",
    "i/o timeout",
    "eai_again",
];

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let sandboxes = target.troubled.iter().filter_map(|pod| no_sandbox(observation, pod));
    sandboxes.chain(no_names(observation, target)).collect()
}

/// The pod's own network cannot be made (k8s.io/kubernetes `FailedCreatePodSandBox`,
/// `NetworkNotReady`).
fn no_sandbox(observation: &Observation, pod: &Pod<'_>) -> Option<Cause> {
    let is_it = |reason: &str| matches!(reason, "FailedCreatePodSandBox" | "NetworkNotReady");
    let event = observation.events(pod.object).rfind(|event| is_it(&event.reason))?;
    let has_started = containers(pod.object).iter().any(|container| container.runs() || container.end().is_some());
    let is_network = is_of_network(&event.message) || event.message.contains("network");
    if has_started || !is_network {
        return None;
    }
    let node = text(&pod.object.value, "/spec/nodeName");
    let broken = network_pods(observation).find(|it| text(&it.value, "/spec/nodeName") == node && !is_ready(it));
    let message = format!("node {node} cannot make the pod's network: {}", brief(&event.message));
    let pods = format!("kubectl -n {NAMESPACE} get pods -o wide --field-selector spec.nodeName={}", word(node));
    let cause = Cause::new(Reason::NetworkUnavailable, pod.object, message)
        .keyed(node)
        .because([Evidence::event(pod.object, event)])
        .because(broken.map(unready))
        .then([pods]);
    Some(Cause { is_old: pod.is_old, ..cause })
}

fn unready(pod: &Object) -> Evidence {
    let condition = condition(&pod.value, "Ready");
    condition.map_or_else(|| Evidence::field(pod, "it is not ready"), |condition| Evidence::condition(pod, condition))
}

/// The pods that make the pods' network.
pub(super) fn network_pods(observation: &Observation) -> impl Iterator<Item = &Object> {
    let all =
        [NAMESPACE, "kube-flannel", "calico-system"].into_iter().flat_map(|it| observation.within(kinds::POD, it));
    all.filter(|pod| NETWORK.iter().any(|name| pod.name.name.contains(name)))
}

/// The pods of the cluster's DNS.
pub(super) fn dns_pods(observation: &Observation) -> impl Iterator<Item = &Object> {
    observation.within(kinds::POD, NAMESPACE).filter(|pod| pod.label(DNS.0) == DNS.1)
}

/// Whether lines tell of names that are not found; the one that does.
fn unresolved<'a>(lines: impl DoubleEndedIterator<Item = &'a str>) -> Option<&'a str> {
    lines.rev().find(|line| {
        let line = line.to_lowercase();
        UNRESOLVED.iter().any(|words| line.contains(words))
    })
}

/// What says of a pod that names are not found.
fn unresolved_of(observation: &Observation, pod: &Object) -> Option<Evidence> {
    let (kind, line) = containers(pod).iter().find_map(|container| told(observation, pod, container))?;
    Some(Evidence { kind, object: pod.name.clone(), text: brief(line) })
}

/// What says so of a container: its log, or what a process has left behind at its end
/// (`terminationMessagePolicy`).
fn told<'a>(
    observation: &'a Observation,
    pod: &'a Object,
    container: &ContainerOfPod<'a>,
) -> Option<(EvidenceKind, &'a str)> {
    let log = observation.log(pod, container.name()).iter().map(String::as_str);
    if let Some(line) = unresolved(log) {
        return Some((EvidenceKind::Log, line));
    }
    Some((EvidenceKind::ContainerStatus, unresolved(container.end()?.message().lines())?))
}

/// No name is found, because nobody answers for names.
fn no_names(observation: &Observation, target: &Target<'_>) -> Option<Cause> {
    let pods: Vec<_> = dns_pods(observation).collect();
    if pods.is_empty() || pods.iter().any(|pod| is_ready(pod)) {
        return None;
    }
    // That of the DNS itself is another cause.
    let others = || target.troubled.iter().filter(|pod| !pods.iter().any(|dns| dns.name == pod.object.name));
    let troubled = others().next()?;
    let told = others().find_map(|pod| Some((pod, unresolved_of(observation, pod.object)?)));
    let (affected, evidence) = told.map_or((troubled, None), |(pod, evidence)| (pod, Some(evidence)));
    let certainty = if evidence.is_some() { Certainty::Likely } else { Certainty::Possible };
    let mut cause =
        Cause::new(Reason::DnsUnavailable, pods[0], "none of the pods of the cluster's DNS is ready".to_owned());
    cause.affected = [affected.object.name.clone()].into();
    let diagnose = format!("daymark diagnose -n {NAMESPACE} {}", super::image::owner(pods[0]).short());
    Some(
        cause
            .is(certainty)
            .keyed("dns")
            .because(evidence)
            .because(pods.iter().take(3).map(|pod| unready(pod)))
            .then([diagnose]),
    )
}

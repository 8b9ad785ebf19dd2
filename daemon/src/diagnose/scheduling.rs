//! Pods that the scheduler finds no node for. Its words (k8s.io/kubernetes
//! `pkg/scheduler/framework/types.go`, `FitError`): `0/3 nodes are available: 1 node(s) had untolerated
//! taint {key: value}, 2 Insufficient cpu. preemption: ...`

use std::collections::{BTreeMap, BTreeSet};

use super::affinity;
use super::cause::{Cause, Evidence};
use super::fields::{brief, condition, counted, text, word};
use super::image::owner;
use super::object::Object;
use super::observation::Observation;
use super::quantity::Quantity;
use super::reason::Reason;
use super::room::{allocatable, left, request};
use super::target::{Pod, Target};

/// Nodes that are reckoned with in evidence.
const SHOWN: usize = 3;

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    // What is said of one pod of an owner is said of the others, and is reckoned up once.
    let mut known: BTreeMap<(String, &str), Vec<Cause>> = BTreeMap::new();
    for pod in &target.troubled {
        let Some(scheduled) = condition(&pod.object.value, "PodScheduled") else { continue };
        if text(scheduled, "/status") == "False" {
            let message = text(scheduled, "/message");
            let found = known.entry((pod.key(""), message)).or_insert_with(|| match text(scheduled, "/reason") {
                "SchedulingGated" => vec![gated(pod)],
                _ => causes_of(observation, pod, message),
            });
            let affected = BTreeSet::from([pod.object.name.clone()]);
            let found: Vec<_> = found.iter().map(|it| Cause { affected: affected.clone(), ..it.clone() }).collect();
            let condition = Evidence::condition(pod.object, scheduled);
            causes.extend(
                found.into_iter().map(|cause| Cause { is_old: pod.is_old, ..cause }.because([condition.clone()])),
            );
        }
    }
    causes
}

fn gated(pod: &Pod<'_>) -> Cause {
    let gates = super::fields::list(&pod.object.value, "/spec/schedulingGates").iter().map(|gate| text(gate, "/name"));
    let gates = gates.collect::<Vec<_>>().join(", ");
    Cause::new(Reason::Paused, pod.object, format!("scheduling gates hold the pod: {gates}")).keyed(pod.key(&gates))
}

/// A reason of the scheduler's, and of how many nodes it is one.
#[derive(Debug, PartialEq, Eq)]
struct Obstacle<'a> {
    nodes: usize,
    why: &'a str,
}

/// The reasons in the scheduler's message, and how many nodes there are.
fn read(message: &str) -> (usize, Vec<Obstacle<'_>>) {
    let (head, rest) = message.split_once(" nodes are available: ").unwrap_or(("", message));
    let total = head.rsplit('/').next().and_then(|total| total.parse().ok()).unwrap_or_default();
    let rest = rest.split_once(" preemption: ").map_or(rest, |(before, _)| before).trim().trim_end_matches('.');
    let mut obstacles: Vec<Obstacle<'_>> = Vec::new();
    // What is said of resource claims where there are none.
    for part in parts(rest).into_iter().filter(|part| !part.contains("new claims to deallocate")) {
        let counted = part.split_once(' ').and_then(|(count, why)| Some((count.parse().ok()?, why)));
        match counted {
            Some((nodes, why)) => obstacles.push(Obstacle { nodes, why }),
            None => obstacles.push(Obstacle { nodes: total, why: part }),
        }
    }
    (total, obstacles)
}

/// The parts between commas and sentences that stand in no braces.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let split = |char: char| {
        match char {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        char == ',' && depth == 0
    };
    let between = text.split(split).flat_map(|part| part.split(". "));
    between.map(|part| part.trim().trim_end_matches('.')).filter(|part| !part.is_empty()).collect()
}

fn causes_of(observation: &Observation, pod: &Pod<'_>, message: &str) -> Vec<Cause> {
    let (total, obstacles) = read(message);
    let mut causes: Vec<Cause> = Vec::new();
    for obstacle in &obstacles {
        let cause = cause(observation, pod, obstacle, total);
        let is_of_claims = matches!(cause.reason, Reason::ClaimMissing | Reason::ClaimPending);
        if is_of_claims && super::storage::explains(observation, pod) {
            continue;
        }
        // One taint on each of several nodes is told once.
        if !causes.iter().any(|known| known.reason == cause.reason && known.message == cause.message) {
            causes.push(cause);
        }
    }
    // What keeps the pod from most nodes is what to mend first.
    let most = obstacles.iter().map(|obstacle| obstacle.nodes).max().unwrap_or_default();
    let is_least = |cause: &Cause| {
        let nodes = obstacles.iter().find(|obstacle| reason(pod, observation, obstacle.why) == cause.reason);
        nodes.is_some_and(|obstacle| obstacle.nodes < most)
    };
    let minor: Vec<_> = causes.iter().map(is_least).collect();
    let demoted = |(cause, is_minor): (Cause, bool)| match is_minor {
        true => cause.is(super::Certainty::Likely),
        false => cause,
    };
    causes.into_iter().zip(minor).map(demoted).collect()
}

/// What a reason of the scheduler's is.
fn reason(pod: &Pod<'_>, observation: &Observation, why: &str) -> Reason {
    let has = |words: &str| why.contains(words);
    match () {
        () if has("no nodes available") => Reason::NoNodes,
        () if has("node.kubernetes.io/not-ready") || has("node.kubernetes.io/unreachable") => Reason::NodeNotReady,
        () if has("-pressure") => Reason::NodePressure,
        () if has("node.kubernetes.io/network-unavailable") => Reason::NetworkUnavailable,
        () if has("unschedulable") => Reason::NodeUnschedulable,
        () if has("untolerated taint") || has("taint") => Reason::UntoleratedTaint,
        () if has("Insufficient cpu") => Reason::InsufficientCpu,
        () if has("Insufficient memory") => Reason::InsufficientMemory,
        () if has("Too many pods") => Reason::TooManyPods,
        () if has("Insufficient ") => Reason::InsufficientResource,
        () if has("volume node affinity") || has("no available volume zone") => Reason::VolumeNodeConflict,
        () if has("anti-affinity") => Reason::PodAntiAffinityUnmatched,
        () if has("pod affinity") => Reason::PodAffinityUnmatched,
        () if has("topology spread") => Reason::TopologySpreadUnsatisfiable,
        () if has("affinity/selector") || has("node selector") => affinity::which(pod.object, observation),
        () if has("free ports") => Reason::PortTaken,
        () if has("persistentvolumeclaim") && has("not found") => Reason::ClaimMissing,
        () if has("PersistentVolumeClaims") || has("persistent volumes to bind") => Reason::ClaimPending,
        () => Reason::Unschedulable,
    }
}

fn cause(observation: &Observation, pod: &Pod<'_>, obstacle: &Obstacle<'_>, total: usize) -> Cause {
    let reason = reason(pod, observation, obstacle.why);
    let of = format!("{} of {}", obstacle.nodes, counted(total, "node"));
    let (message, evidence) = match reason {
        Reason::NoNodes => ("the cluster has no nodes".to_owned(), Vec::new()),
        Reason::InsufficientCpu => short(observation, pod, "cpu", &of),
        Reason::InsufficientMemory => short(observation, pod, "memory", &of),
        Reason::TooManyPods => (format!("{of} take no more pods"), rooms(observation, "pods")),
        Reason::NodeUnschedulable => (format!("{of} are cordoned"), affinity::cordoned(observation)),
        Reason::NodeNotReady => (format!("{of} are not ready"), affinity::not_ready(observation)),
        Reason::UntoleratedTaint => {
            let taint =
                obstacle.why.split_once("taint").map_or("", |(_, taint)| taint.trim_start_matches("(s)").trim());
            (format!("the pod does not tolerate the taint {taint} of {of}"), affinity::taints(observation))
        }
        Reason::NodeSelectorUnmatched => affinity::selector(pod.object, observation, &of),
        Reason::NodeAffinityUnmatched => affinity::affinity(pod.object, observation, &of),
        Reason::PodAntiAffinityUnmatched => affinity::pods(pod.object, &of, "podAntiAffinity"),
        Reason::PodAffinityUnmatched => affinity::pods(pod.object, &of, "podAffinity"),
        Reason::TopologySpreadUnsatisfiable => affinity::spread(pod.object, observation, &of),
        Reason::VolumeNodeConflict => super::storage::conflict(observation, pod.object, &of),
        _ => (format!("{of}: {}", brief(obstacle.why)), Vec::new()),
    };
    let cause = Cause::new(reason, pod.object, message).because(evidence).then(next(reason, pod.object));
    cause.keyed(format!("{}/{}", pod.key(""), obstacle.why))
}

/// How a resource is short.
fn short(observation: &Observation, pod: &Pod<'_>, resource: &str, of: &str) -> (String, Vec<Evidence>) {
    let asked = request(&pod.object.value, resource);
    let shown = |quantity: Quantity| if resource == "memory" { quantity.in_bytes() } else { quantity.to_string() };
    let largest = observation.nodes().filter_map(|node| allocatable(node, resource)).max();
    let noun = if resource == "cpu" { "CPU" } else { resource };
    let message = match largest {
        Some(largest) if largest < asked => {
            format!("the pod asks for {} of {noun}, and no node has more than {} in all", shown(asked), shown(largest))
        }
        _ => format!("the pod asks for {} of {noun}, and {of} have less left", shown(asked)),
    };
    let arithmetic = Evidence::arithmetic(pod.object, format!("the pod asks for {} of {noun}", shown(asked)));
    (message, [arithmetic].into_iter().chain(rooms(observation, resource)).collect())
}

/// The nodes that have most left, and how much.
fn rooms(observation: &Observation, resource: &str) -> Vec<Evidence> {
    let mut rooms: Vec<_> =
        observation.nodes().filter_map(|node| Some((left(observation, node, resource)?, node))).collect();
    rooms.sort_by_key(|((left, _), node)| (std::cmp::Reverse(*left), &node.name));
    let evidence = |((_, said), node): ((Quantity, String), &Object)| {
        Evidence::arithmetic(node, format!("node {}: {said}", node.name.name))
    };
    rooms.into_iter().take(SHOWN).map(evidence).collect()
}

fn next(reason: Reason, pod: &Object) -> Vec<String> {
    let owner = owner(pod);
    let edit = owner.kubectl(&format!("edit {}", owner.short()));
    match reason {
        Reason::InsufficientCpu | Reason::InsufficientMemory => {
            let resource = if reason == Reason::InsufficientCpu { "cpu" } else { "memory" };
            vec![
                owner.kubectl(&format!("set resources {} --requests={resource}=LESS", owner.short())),
                "kubectl describe nodes | grep -A 9 'Allocated resources'".to_owned(),
            ]
        }
        Reason::NodeUnschedulable => vec!["kubectl get nodes".to_owned(), "kubectl uncordon NODE".to_owned()],
        Reason::NodeNotReady => vec!["daymark diagnose node/NODE".to_owned()],
        Reason::UntoleratedTaint => {
            vec!["kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints".to_owned(), edit]
        }
        Reason::NodeSelectorUnmatched | Reason::NodeAffinityUnmatched => {
            vec!["kubectl get nodes --show-labels".to_owned(), edit]
        }
        Reason::ClaimMissing | Reason::ClaimPending | Reason::VolumeNodeConflict => {
            vec![pod.name.kubectl("get persistentvolumeclaims")]
        }
        Reason::NoNodes => vec!["kubectl get nodes".to_owned()],
        Reason::TooManyPods => vec!["kubectl get pods -A -o wide --field-selector spec.nodeName=NODE".to_owned()],
        _ => vec![pod.name.kubectl(&format!("describe pod {}", word(&pod.name.name))), edit],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedulers_words_are_taken_apart() {
        let message = "0/5 nodes are available: 1 node(s) had untolerated taint {a/b: c, d}, 1 node(s) were unschedulable, \
            3 Insufficient cpu. preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.";
        let obstacle = |nodes, why| Obstacle { nodes, why };
        let expected = vec![
            obstacle(1, "node(s) had untolerated taint {a/b: c, d}"),
            obstacle(1, "node(s) were unschedulable"),
            obstacle(3, "Insufficient cpu"),
        ];
        assert_eq!(read(message), (5, expected));
        let unbound = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
        assert_eq!(read(unbound).1[0], obstacle(2, "pod has unbound immediate PersistentVolumeClaims"));
        assert_eq!(
            read("no nodes available to schedule pods"),
            (0, vec![obstacle(0, "no nodes available to schedule pods")])
        );
        assert_eq!(read(""), (0, vec![]));
        assert_eq!(read("}{)("), (0, vec![obstacle(0, "}{)(")]));
    }
}

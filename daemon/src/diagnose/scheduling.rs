//! Pods that the scheduler finds no node for.

use std::collections::{BTreeMap, BTreeSet};

use super::affinity;
use super::candidates::{self, Barred};
use super::cause::{Cause, Certainty, Evidence};
use super::fields::{brief, condition, counted, text, word};
use super::image::owner;
use super::object::Object;
use super::observation::Observation;
use super::obstacles::{Filter, Obstacle, read};
use super::reason::Reason;
use super::room::{allocatable, left, request};
use super::target::{Pod, Target};
use crate::quantity::Quantity;

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

fn causes_of(observation: &Observation, pod: &Pod<'_>, message: &str) -> Vec<Cause> {
    let (total, obstacles) = read(message);
    let meant = candidates::meant(observation, pod.object);
    let found: Vec<_> =
        obstacles.into_iter().map(|obstacle| (reason(pod, observation, &obstacle.why), obstacle)).collect();
    let decisive = decisive(found.iter().map(|(reason, _)| *reason), meant.as_deref());
    let mut causes = match (decisive, &meant) {
        (Filter::Open, Some(nodes)) => barred(observation, pod, nodes, total),
        (Filter::Room, Some(nodes)) if found.iter().any(|(reason, _)| is_of_room(*reason)) => {
            candidates::missed(observation, pod, nodes)
        }
        _ => Vec::new(),
    };
    let is_told = decisive == Filter::Open && !causes.is_empty();
    let is_decisive = |reason| Filter::of(reason) == decisive && !is_told;
    let most =
        found.iter().filter(|(reason, _)| is_decisive(*reason)).map(|(_, it)| it.nodes).max().unwrap_or_default();
    for (reason, obstacle) in &found {
        let is_of_claims = matches!(reason, Reason::ClaimMissing | Reason::ClaimPending);
        if (is_of_claims && super::storage::explains(observation, pod)) || (is_told && Filter::of(*reason) == decisive)
        {
            continue;
        }
        let certainty = match is_decisive(*reason) {
            true if obstacle.nodes == most => Certainty::Certain,
            // What keeps the pod from most nodes is what to mend first.
            true => Certainty::Likely,
            false => Certainty::Possible,
        };
        causes.push(cause(observation, pod, *reason, obstacle, total).is(certainty));
    }
    causes
}

/// Whether a node more would help.
fn is_of_room(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::InsufficientCpu | Reason::InsufficientMemory | Reason::InsufficientResource | Reason::TooManyPods
    )
}

/// The question at which the nodes fail that the pod is meant for. Those that fail before are
/// not meant: their taints keep such pods away, or the pod does not select them.
fn decisive(reasons: impl Iterator<Item = Reason>, meant: Option<&[&Object]>) -> Filter {
    match (reasons.map(Filter::of).max().unwrap_or(Filter::Room), meant) {
        (Filter::Room, _) => Filter::Room,
        (_, Some([])) => Filter::Selected,
        (_, Some(_)) => Filter::Open,
        (last, None) => last,
    }
}

/// What bars the nodes that the pod is meant for.
fn barred(observation: &Observation, pod: &Pod<'_>, nodes: &[&Object], total: usize) -> Vec<Cause> {
    let Barred { unwell, cordoned, tainted } = Barred::of(pod, nodes);
    let most = tainted.values().map(Vec::len).chain([cordoned.len()]).max().unwrap_or_default();
    let tainted = tainted
        .into_iter()
        .map(|(taint, nodes)| (Reason::UntoleratedTaint, format!("node(s) had untolerated taint {taint}"), nodes));
    let closed = (Reason::NodeUnschedulable, "node(s) were unschedulable".to_owned(), cordoned);
    let closed = Some(closed).filter(|(_, _, nodes)| !nodes.is_empty());
    let told = tainted.chain(closed).map(|(reason, why, nodes)| {
        let certainty = if nodes.len() == most { Certainty::Certain } else { Certainty::Likely };
        cause(observation, pod, reason, &Obstacle { nodes: nodes.len(), why }, total).is(certainty)
    });
    unwell.into_iter().chain(told).collect()
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
        () if has("PersistentVolume's node affinity")
            || has("volume node affinity")
            || has("no available volume zone") =>
        {
            Reason::VolumeNodeConflict
        }
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

fn cause(observation: &Observation, pod: &Pod<'_>, reason: Reason, obstacle: &Obstacle, total: usize) -> Cause {
    let of = format!("{} of {}", obstacle.nodes, counted(total, "node"));
    let (message, evidence) = match reason {
        Reason::NoNodes => ("the cluster has no nodes".to_owned(), Vec::new()),
        Reason::InsufficientCpu => short(observation, pod, "cpu", &of),
        Reason::InsufficientMemory => short(observation, pod, "memory", &of),
        Reason::TooManyPods => (format!("{of} take no more pods"), rooms(observation, "pods")),
        Reason::NodeUnschedulable => (format!("{of} are cordoned"), affinity::cordoned(observation.nodes())),
        Reason::NodeNotReady => (format!("{of} are not ready"), affinity::not_ready(observation)),
        Reason::UntoleratedTaint => {
            let taint =
                obstacle.why.split_once("taint").map_or("", |(_, taint)| taint.trim_start_matches("(s)").trim());
            let taint = if taint.is_empty() { "a taint".to_owned() } else { format!("the taint {taint}") };
            (format!("the pod does not tolerate {taint} of {of}"), affinity::taints(observation.nodes()))
        }
        Reason::NodeSelectorUnmatched => affinity::selector(pod.object, observation, &of),
        Reason::NodeAffinityUnmatched => affinity::affinity(pod.object, observation, &of),
        Reason::PodAntiAffinityUnmatched => affinity::pods(pod.object, &of, "podAntiAffinity"),
        Reason::PodAffinityUnmatched => affinity::pods(pod.object, &of, "podAffinity"),
        Reason::TopologySpreadUnsatisfiable => affinity::spread(pod.object, observation, &of),
        Reason::VolumeNodeConflict => super::storage::conflict(observation, pod.object, &of),
        _ => (format!("{of}: {}", brief(&obstacle.why)), Vec::new()),
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
    let evidence = |((_, said), node): ((Quantity, String), &Object)| Evidence::arithmetic(node, said);
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

//! Claims, volumes and StorageClasses.

use super::affinity;
use super::cause::{Cause, Certainty, Evidence};
use super::fields::{at, brief, condition_is, list, text, word};
use super::object::{Name, Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::selector::{selects_node, spoken_terms};
use super::target::{Pod, Target};

/// What makes a StorageClass the default (k8s.io/kubernetes `storageutil`).
const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for pod in &target.troubled {
        let found = claims(pod.object).into_iter().flat_map(|name| of_pod(observation, pod, &name));
        let found = found.chain(not_mounted(observation, pod));
        causes.extend(found.map(|cause| Cause { is_old: pod.is_old, ..cause }));
    }
    for claim in target.members(kinds::CLAIM) {
        causes.extend(pending(observation, claim));
    }
    causes
}

/// The claims that a pod names; of ephemeral volumes, those that are made for it.
pub(super) fn claims(pod: &Object) -> Vec<String> {
    let claim = |volume: &serde_json::Value| match text(volume, "/persistentVolumeClaim/claimName") {
        "" if at(volume, "/ephemeral").is_object() => Some(format!("{}-{}", pod.name.name, text(volume, "/name"))),
        "" => None,
        name => Some(name.to_owned()),
    };
    list(&pod.value, "/spec/volumes").iter().filter_map(claim).collect()
}

/// Whether it is said here why a pod has no storage.
pub(super) fn explains(observation: &Observation, pod: &Pod<'_>) -> bool {
    claims(pod.object).iter().any(|name| of_pod(observation, pod, name).is_some())
}

fn of_pod(observation: &Observation, pod: &Pod<'_>, name: &str) -> Option<Cause> {
    let namespace = pod.object.namespace();
    if let Some(claim) = observation.find(kinds::CLAIM, namespace, name) {
        let mut cause = pending(observation, claim)?;
        cause.affected = [pod.object.name.clone()].into();
        return Some(cause);
    }
    let is_missing = observation.lacks(kinds::CLAIM, namespace, name) || {
        let message = super::fields::condition(&pod.object.value, "PodScheduled").map_or("", |it| text(it, "/message"));
        message.contains(&format!("persistentvolumeclaim {name:?} not found"))
    };
    is_missing.then(|| {
        let culprit = Name::of(kinds::CLAIM, namespace, name);
        let named = format!("it names the claim {name:?}");
        let apply = culprit.kubectl("apply -f CLAIM.yaml");
        Cause::new(Reason::ClaimMissing, pod.object, format!("there is no PersistentVolumeClaim {name:?}"))
            .by(culprit.clone())
            .because([Evidence::field(pod.object, named)])
            .then([culprit.kubectl("get persistentvolumeclaims"), apply])
    })
}

/// Why a claim has no volume.
fn pending(observation: &Observation, claim: &Object) -> Option<Cause> {
    let phase = text(&claim.value, "/status/phase");
    if phase == "Bound" || claim.is_deleted() {
        return None;
    }
    let event = observation.events(claim).rfind(|event| event.reason != "Provisioning");
    let evidence = event.map(|event| Evidence::event(claim, event));
    // It is the pod that has to come first, and may be unschedulable for other reasons.
    if event.is_some_and(|event| matches!(&*event.reason, "WaitForFirstConsumer" | "WaitForPodScheduled")) {
        return None;
    }
    let describe = claim.name.kubectl(&format!("describe persistentvolumeclaim {}", word(&claim.name.name)));
    let classes = "kubectl get storageclasses".to_owned();
    let cause = unprovided(observation, claim, event.map_or("", |event| &event.message));
    let known = observation.all(kinds::STORAGE_CLASS).map(|class| class.name.name.as_str()).collect::<Vec<_>>();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let is_known = observation.is_whole(kinds::STORAGE_CLASS, "");
    let known = is_known.then(|| Evidence::field(claim, format!("StorageClasses: {known}")));
    let cause = Cause { affected: [claim.name.clone()].into(), ..cause };
    Some(cause.because(evidence).because(known).then([describe, classes]))
}

/// Why nobody gives a claim a volume, by its class, and by what an event tells.
fn unprovided(observation: &Observation, claim: &Object, told: &str) -> Cause {
    let name = &claim.name.name;
    match at(&claim.value, "/spec/storageClassName").as_str() {
        Some("") => unbound(claim, "it takes only volumes that are there, and none fits"),
        None if has_no_default(observation) || told.contains("no storage class is set") => {
            let message = format!("claim {name:?} names no StorageClass, and there is no default class");
            Cause::new(Reason::ClaimWithoutClass, claim, message)
        }
        Some(class)
            if observation.lacks(kinds::STORAGE_CLASS, "", class) || told.contains("storageclass.storage.k8s.io") =>
        {
            let message = format!("there is no StorageClass {class:?}, which claim {name:?} names");
            let field = Evidence::field(claim, format!("spec.storageClassName: {class}"));
            Cause::new(Reason::StorageClassMissing, claim, message)
                .by(Name::of(kinds::STORAGE_CLASS, "", class))
                .because([field])
        }
        _ if text(&claim.value, "/status/phase") == "Lost" => unbound(claim, "its volume is gone"),
        _ => unbound(claim, "no volume has been created for it yet").is(Certainty::Likely),
    }
}

fn unbound(claim: &Object, why: &str) -> Cause {
    let class = text(&claim.value, "/spec/storageClassName");
    let of = if class.is_empty() { String::new() } else { format!(" of StorageClass {class:?}") };
    Cause::new(Reason::ClaimPending, claim, format!("claim {:?}{of} has no volume: {why}", claim.name.name))
}

fn has_no_default(observation: &Observation) -> bool {
    let is_default = |class: &Object| class.annotation(DEFAULT) == "true";
    observation.is_whole(kinds::STORAGE_CLASS, "") && !observation.all(kinds::STORAGE_CLASS).any(is_default)
}

/// Where a pod's volumes are, and which nodes could take it there.
pub(super) fn conflict(observation: &Observation, pod: &Object, of: &str) -> (String, Vec<Evidence>) {
    let mut evidence = Vec::new();
    let mut places = Vec::new();
    for name in claims(pod) {
        let Some(claim) = observation.find(kinds::CLAIM, pod.namespace(), &name) else { continue };
        let Some(volume) = observation.find(kinds::VOLUME, "", text(&claim.value, "/spec/volumeName")) else {
            continue;
        };
        let terms = list(&volume.value, "/spec/nodeAffinity/required/nodeSelectorTerms");
        if terms.is_empty() {
            continue;
        }
        let nodes: Vec<_> = observation.nodes().filter(|node| selects_node(terms, node)).collect();
        let names = nodes.iter().take(5).map(|node| node.name.name.as_str()).collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { "none".to_owned() } else { names };
        let said = format!(
            "volume {} of claim {name} is where {}; nodes there: {names}",
            volume.name.name,
            spoken_terms(terms)
        );
        evidence.push(Evidence::field(volume, said));
        places.push(format!("claim {name:?} is where {}", spoken_terms(terms)));
    }
    evidence.extend(affinity::cordoned(observation.nodes()));
    let places = if places.is_empty() { String::new() } else { format!(": {}", places.join("; ")) };
    (format!("{of} are not where the pod's volume is{places}"), evidence)
}

/// Volumes that a node cannot attach or mount, for another reason than what they are made of.
fn not_mounted(observation: &Observation, pod: &Pod<'_>) -> Option<Cause> {
    let is_it = |reason: &str| matches!(reason, "FailedMount" | "FailedAttachVolume" | "FailedMapVolume");
    let of_config = ["configmap", "secret", "references non-existent", "timed out waiting for the condition"];
    let is_other = |message: &str| !of_config.iter().any(|words| message.contains(words));
    let event = observation.events(pod.object).rfind(|event| is_it(&event.reason) && is_other(&event.message))?;
    // What was tried again with success is over.
    let is_waiting = !condition_is(&pod.object.value, "PodReadyToStartContainers", "True")
        && text(&pod.object.value, "/status/phase") == "Pending";
    is_waiting.then(|| {
        let message = format!("a volume of {} cannot be mounted: {}", pod.object.name.spoken(), brief(&event.message));
        let describe = pod.object.name.kubectl(&format!("describe pod {}", word(&pod.object.name.name)));
        Cause::new(Reason::VolumeNotMounted, pod.object, message)
            .is(Certainty::Likely)
            .keyed(pod.key(""))
            .because([Evidence::event(pod.object, event)])
            .then([describe, "kubectl get volumeattachments".to_owned()])
    })
}

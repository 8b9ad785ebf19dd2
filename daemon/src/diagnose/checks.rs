//! What a person would check by hand, step by step, and what is known of it already.

use super::cause::Cause;
use super::containers::{containers, is_ready};
use super::fields::{condition_is, counted, text, word};
use super::manifest;
use super::object::{Object, kinds};
use super::observation::Observation;
use super::quota::exhausted;
use super::reason::Reason;
use super::room::{left, request};
use super::system::{dns_pods, network_pods};
use super::target::Target;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it should be.
    Ok,
    /// It is not.
    Bad,
    /// It was not checked.
    NotChecked,
}

/// One question, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which, in a camelCase word.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// What was found, or why it was not checked.
    pub message: String,
    /// What checks it by hand; empty if nothing has to be.
    pub command: String,
}

/// An answer.
pub(super) type Answer = (Outcome, String, String);

/// The questions, in the order in which they are worth asking, and their answers.
pub(super) fn checks(observation: &Observation, targets: &[Target<'_>], causes: &[Cause]) -> Vec<Check> {
    let answers: [(&'static str, Answer); 9] = [
        ("manifest", manifest(observation, targets, causes)),
        ("imageElsewhere", image_elsewhere(observation, targets)),
        ("image", image(targets, causes)),
        ("nodesReachEachOther", network(observation, targets, causes)),
        ("nodesReachControlPlane", control_plane(observation)),
        ("dns", dns(observation, causes)),
        ("room", room(observation, targets, causes)),
        ("quotas", quotas(observation, targets, causes)),
        ("events", events(observation, targets)),
    ];
    let check = |(name, (outcome, message, command))| Check { name, outcome, message, command };
    answers.into_iter().map(check).collect()
}

pub(super) fn ok(message: impl Into<String>) -> Answer {
    (Outcome::Ok, message.into(), String::new())
}

pub(super) fn not_checked(message: impl Into<String>, command: impl Into<String>) -> Answer {
    (Outcome::NotChecked, message.into(), command.into())
}

/// It is bad by causes of these reasons, if there are any.
fn bad(causes: &[Cause], is_it: impl Fn(Reason) -> bool) -> Option<Answer> {
    let cause = causes.iter().find(|cause| is_it(cause.reason))?;
    Some((Outcome::Bad, cause.message.clone(), cause.next.first().cloned().unwrap_or_default()))
}

/// The namespace of all targets; empty if they have several, or none.
fn namespace<'a>(targets: &[Target<'a>]) -> &'a str {
    let first = targets.first().map_or("", |target| target.object.namespace());
    let is_one = targets.iter().all(|target| target.object.namespace() == first);
    if is_one { first } else { "" }
}

fn manifest(observation: &Observation, targets: &[Target<'_>], causes: &[Cause]) -> Answer {
    let is_of_words = |reason| matches!(reason, Reason::InvalidImageName | Reason::LimitRangeViolated);
    let place = match namespace(targets) {
        "" => String::new(),
        namespace => format!(" -n {}", word(namespace)),
    };
    let manifests = &observation.manifests;
    let asked = (!manifests.is_empty()).then(|| {
        let command = format!("kubectl apply{place} --dry-run=server --validate=strict -f FILE");
        manifest::answer(manifests, command)
    });
    match (asked, bad(causes, is_of_words)) {
        (Some(answer), _) if answer.0 == Outcome::Bad => answer,
        (_, Some(bad)) => bad,
        (Some(answer), None) => answer,
        (None, None) => {
            let command = format!("daymark diagnose{place} -f FILE");
            not_checked("only the API server can tell, of the manifest itself", command)
        }
    }
}

/// The images of a target's pods that are not well.
fn images<'a>(targets: &[Target<'a>]) -> Vec<&'a str> {
    let pods = targets.iter().flat_map(|target| target.troubled.iter());
    let mut images: Vec<_> =
        pods.flat_map(|pod| containers(pod.object)).map(|it| it.image()).filter(|it| !it.is_empty()).collect();
    images.sort_unstable();
    images.dedup();
    images
}

fn image_elsewhere(observation: &Observation, targets: &[Target<'_>]) -> Answer {
    let images = images(targets);
    let runs = |image: &&str| {
        let ready = observation.all(kinds::POD).filter(|pod| is_ready(pod));
        ready.flat_map(containers).any(|container| container.image() == *image && container.runs())
    };
    match images.iter().find(|image| !runs(image)) {
        None if images.is_empty() => ok("no pod is unhealthy"),
        None => ok("each image runs in another pod that is looked at"),
        Some(image) => not_checked(
            format!("image {image:?} runs in no pod that is looked at"),
            format!("docker run --rm -it {}", word(image)),
        ),
    }
}

fn image(targets: &[Target<'_>], causes: &[Cause]) -> Answer {
    let is_of_images = |reason| {
        use Reason::{ImageNotFound, ImagePullForbidden, InvalidImageName, RegistryUnreachable};
        matches!(reason, ImageNotFound | ImagePullForbidden | RegistryUnreachable | InvalidImageName)
    };
    let unwell = targets.iter().flat_map(|target| target.troubled.iter()).flat_map(|pod| containers(pod.object));
    // Pulled is what has run, and what the kubelet names by its digest.
    let unpulled = unwell.filter(|it| !it.runs() && it.end().is_none() && text(it.status, "/imageID").is_empty());
    bad(causes, is_of_images).unwrap_or_else(|| match unpulled.map(|it| it.image()).next() {
        None => ok("every image is on its pod's node"),
        Some(image) => not_checked(
            format!("image {image:?} has not been pulled yet"),
            format!("docker manifest inspect {}", word(image)),
        ),
    })
}

fn network(observation: &Observation, targets: &[Target<'_>], causes: &[Cause]) -> Answer {
    if let Some(bad) = bad(causes, |reason| reason == Reason::NetworkUnavailable) {
        return bad;
    }
    let mut broken = network_pods(observation).filter(|pod| !is_ready(pod));
    if let Some(pod) = broken.next() {
        let command = format!("daymark diagnose -n {} {}", word(pod.namespace()), pod.name.short());
        return (Outcome::Bad, format!("{} of the pods' network is not ready", pod.name.spoken()), command);
    }
    let pod = targets.iter().flat_map(|target| target.pods.iter()).next();
    let command = match pod {
        Some(pod) => {
            pod.object.name.kubectl(&format!("exec {} -- nc -z -w 2 ADDRESS PORT", word(&pod.object.name.name)))
        }
        None => "kubectl exec POD -- nc -z -w 2 ADDRESS PORT".to_owned(),
    };
    not_checked("only a connection from a pod on one node to one on another tells", command)
}

fn control_plane(observation: &Observation) -> Answer {
    let (mut all, mut lost) = (0, Vec::new());
    for node in observation.nodes() {
        all += 1;
        if condition_is(&node.value, "Ready", "Unknown") {
            lost.push(node.name.name.as_str());
        }
    }
    match (all, lost.first()) {
        (0, _) => not_checked("no nodes are visible", "kubectl get nodes"),
        (_, None) => ok(format!("{} report to the API server", counted(all, "node"))),
        (_, Some(node)) => {
            let message = format!("{} of {} do not report: {}", lost.len(), counted(all, "node"), lost.join(", "));
            (Outcome::Bad, message, format!("daymark diagnose node/{}", word(node)))
        }
    }
}

fn dns(observation: &Observation, causes: &[Cause]) -> Answer {
    let pods: Vec<&Object> = dns_pods(observation).collect();
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let command = "kubectl run dns --rm -it --restart=Never --image=busybox:1.36 -- nslookup kubernetes.default";
    match (bad(causes, |reason| reason == Reason::DnsUnavailable), pods.len(), ready) {
        (Some(bad), ..) => bad,
        (None, 0, _) => not_checked("no pods of the cluster's DNS are visible", command),
        (None, all, 0) => {
            (Outcome::Bad, format!("none of {} of the cluster's DNS is ready", counted(all, "pod")), command.to_owned())
        }
        (None, all, ready) => ok(format!("{ready} of {} of the cluster's DNS are ready", counted(all, "pod"))),
    }
}

fn room(observation: &Observation, targets: &[Target<'_>], causes: &[Cause]) -> Answer {
    let is_of_room = |reason: Reason| {
        use Reason::{Evicted, InsufficientCpu, InsufficientMemory, InsufficientResource, NodePressure, TooManyPods};
        matches!(
            reason,
            InsufficientCpu | InsufficientMemory | InsufficientResource | TooManyPods | NodePressure | Evicted
        )
    };
    if let Some(bad) = bad(causes, is_of_room) {
        return bad;
    }
    let nodes: Vec<_> = observation.nodes().collect();
    let pressed = nodes.iter().find(|node| {
        ["MemoryPressure", "DiskPressure", "PIDPressure"].iter().any(|it| condition_is(&node.value, it, "True"))
    });
    let command = "kubectl describe nodes | grep -A 9 'Allocated resources'";
    if let Some(node) = pressed {
        let message = format!("node {} is short of memory, disk or processes", node.name.name);
        return (Outcome::Bad, message, format!("kubectl describe node {}", word(&node.name.name)));
    }
    let pod = targets.iter().flat_map(|target| target.troubled.iter().chain(&target.pods)).next();
    let fits = |node: &&&Object| {
        let has = |resource: &str| {
            let asked = pod.map(|pod| request(&pod.object.value, resource)).unwrap_or_default();
            left(observation, node, resource).is_some_and(|(left, _)| left >= asked)
        };
        has("cpu") && has("memory")
    };
    let is_known = nodes.iter().any(|node| left(observation, node, "cpu").is_some());
    match (is_known, nodes.iter().filter(fits).count()) {
        (false, _) => not_checked("what nodes have left is not known: their pods are not all visible", command),
        (true, count) => ok(format!(
            "{count} of {} have CPU and memory left for such a pod, and none is short of disk",
            counted(nodes.len(), "node")
        )),
    }
}

fn quotas(observation: &Observation, targets: &[Target<'_>], causes: &[Cause]) -> Answer {
    let is_of_quotas = |reason| matches!(reason, Reason::QuotaExceeded | Reason::LimitRangeViolated);
    if let Some(bad) = bad(causes, is_of_quotas) {
        return bad;
    }
    let namespace = namespace(targets);
    let place = if namespace.is_empty() { "-A".to_owned() } else { format!("-n {}", word(namespace)) };
    let command = format!("kubectl {place} describe resourcequota,limitrange");
    if !targets.iter().all(|target| observation.is_whole(kinds::QUOTA, target.object.namespace())) || targets.is_empty()
    {
        return not_checked("quotas are not visible", command);
    }
    let all: Vec<_> =
        observation.all(kinds::QUOTA).filter(|it| namespace.is_empty() || it.namespace() == namespace).collect();
    let full = all.iter().flat_map(|quota| exhausted(quota, 0).into_iter().map(move |it| (quota, it))).next();
    match full {
        Some((quota, evidence)) => {
            ok(format!("quota {} is used up, but blocks nobody now: {}", quota.name.name, evidence.text))
        }
        None if all.is_empty() => ok("there are none"),
        None => ok(format!("there is room: of {} none is used up", counted(all.len(), "quota"))),
    }
}

fn events(observation: &Observation, targets: &[Target<'_>]) -> Answer {
    let family = targets.iter().flat_map(|it| it.family.iter().copied().chain(it.pods.iter().map(|pod| pod.object)));
    let members: Vec<&Object> = family.collect();
    let namespace = namespace(targets);
    let command = match targets {
        [one] => one.object.name.kubectl(&format!("events --for {}", one.object.name.short())),
        _ if namespace.is_empty() => "kubectl events -A --types=Warning".to_owned(),
        _ => format!("kubectl -n {} events --types=Warning", word(namespace)),
    };
    if !members.iter().any(|member| observation.has_heard_of(member)) {
        return not_checked("no events were read", command);
    }
    let warnings = members.iter().flat_map(|member| observation.events(member).map(move |it| (member, it)));
    let mut warnings: Vec<_> = warnings.filter(|(_, event)| event.is_warning).collect();
    warnings.sort_by_key(|(_, event)| event.last);
    // One of what was before all was well is no complaint.
    let is_well = targets.iter().all(|target| target.troubled.is_empty() && target.short_of_pods().next().is_none());
    match warnings.last() {
        None => ok("no warnings"),
        Some((member, event)) => {
            let last = format!("{} {}: {}", member.name.spoken(), event.reason, super::fields::brief(&event.message));
            let message = format!("{}, the last: {last}", counted(warnings.len(), "warning"));
            (if is_well { Outcome::Ok } else { Outcome::Bad }, message, command)
        }
    }
}

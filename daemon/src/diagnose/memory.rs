//! Processes that use more memory than they may.

use super::cause::{Cause, Evidence};
use super::containers::{ContainerOfPod, End, containers};
use super::crash::status;
use super::fields::{at, word};
use super::image::owner;
use super::observation::Observation;
use super::reason::Reason;
use super::target::{Pod, Target};
use crate::quantity::Quantity;

/// Whether a container's process was killed by the kernel (k8s.io/kubernetes `OOMKilled`).
pub(super) fn is_out(container: &ContainerOfPod<'_>, observation: &Observation) -> bool {
    container.crash(observation.now).is_some_and(|end| end.reason() == "OOMKilled")
}

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for pod in &target.troubled {
        for container in containers(pod.object) {
            let end = container.end().filter(|_| is_out(&container, observation));
            causes.extend(end.map(|end| cause(observation, pod, &container, end)));
        }
    }
    causes
}

fn cause(observation: &Observation, pod: &Pod<'_>, container: &ContainerOfPod<'_>, end: End<'_>) -> Cause {
    let who = container.spoken();
    let limit = at(container.spec, "/resources/limits").get("memory").and_then(Quantity::read);
    let message = match limit {
        Some(limit) => format!("{who} was killed for using more memory than its limit of {}", limit.in_bytes()),
        None => format!("{who} was killed because its node, or its pod, was out of memory"),
    };
    let asked = at(container.spec, "/resources");
    let (owner, name) = (owner(pod.object), word(container.name()));
    let set = format!("set resources {} -c {name} --limits=memory=MORE", owner.short());
    let top = format!("top pod {} --containers", word(&pod.object.name.name));
    let cause = Cause::new(Reason::OutOfMemory, pod.object, message)
        .keyed(pod.key(container.name()))
        .because([Evidence::container(pod.object, status(container, end))])
        .because([Evidence::field(pod.object, format!("resources of {who}: {asked}"))])
        .because(Evidence::log(pod.object, container.name(), observation.log(pod.object, container.name())))
        .then([owner.kubectl(&set), pod.object.name.kubectl(&top)]);
    Cause { is_old: pod.is_old, ..cause }
}

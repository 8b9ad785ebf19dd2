//! Processes that use more memory than they may.

use super::cause::{Cause, Evidence};
use super::containers::{ContainerOfPod, containers};
use super::crash::status;
use super::fields::{at, text};
use super::image::owner;
use super::observation::Observation;
use super::quantity::Quantity;
use super::reason::Reason;
use super::target::Target;

/// Whether a container's process was killed by the kernel (k8s.io/kubernetes `OOMKilled`).
pub(super) fn is_out(container: &ContainerOfPod<'_>, observation: &Observation) -> bool {
    container.crash(observation.now).is_some_and(|end| end.reason() == "OOMKilled")
}

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for pod in &target.troubled {
        for container in containers(pod.object) {
            let Some(end) = container.end().filter(|_| is_out(&container, observation)) else { continue };
            let limit = at(container.spec, "/resources/limits").get("memory").and_then(Quantity::read);
            let message = match limit {
                Some(limit) => {
                    format!(
                        "{} was killed for using more memory than its limit of {}",
                        container.spoken(),
                        limit.in_bytes()
                    )
                }
                None => format!("{} was killed because its node, or its pod, was out of memory", container.spoken()),
            };
            let asked = at(container.spec, "/resources").to_string();
            let owner = owner(pod.object);
            let set = format!(
                "set resources {} -c {} --limits=memory=MORE",
                owner.short(),
                super::fields::word(container.name())
            );
            let top = format!("top pod {} --containers", super::fields::word(&pod.object.name.name));
            let log = Evidence::log(pod.object, container.name(), observation.log(pod.object, container.name()));
            let cause = Cause::new(Reason::OutOfMemory, pod.object, message)
                .keyed(pod.key(container.name()))
                .because([
                    Evidence::container(pod.object, status(&container, end)),
                    Evidence::field(
                        pod.object,
                        format!("resources of container {}: {asked}", text(container.spec, "/name")),
                    ),
                ])
                .because(log)
                .then([owner.kubectl(&set), pod.object.name.kubectl(&top)]);
            causes.push(Cause { is_old: pod.is_old, ..cause });
        }
    }
    causes
}

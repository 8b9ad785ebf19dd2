//! What pods take of nodes, and what is left: the scheduler's arithmetic.

use serde_json::Value;

use super::fields::{at, list, text};
use super::object::Object;
use super::observation::Observation;
use crate::quantity::Quantity;

/// What pods ask of a node, or have been given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// Cores.
    pub(super) cpu: Quantity,
    /// Bytes.
    pub(super) memory: Quantity,
    /// Pods.
    pub(super) pods: i64,
}

impl Load {
    /// One pod more.
    pub(super) fn add(&mut self, pod: &Value) {
        self.cpu += request(pod, "cpu");
        self.memory += request(pod, "memory");
        self.pods = self.pods.saturating_add(1);
    }
}

/// What a pod asks for of a resource: the sum of its containers and sidecars, or what an init
/// container needs if that is more; and its overhead (k8s.io/component-helpers `resource.PodRequests`).
pub(crate) fn request(pod: &Value, resource: &str) -> Quantity {
    let of = |container: &Value| asked(at(container, "/resources"), resource);
    let mut running = Quantity::default();
    let mut starting = Quantity::default();
    for container in list(pod, "/spec/initContainers") {
        match text(container, "/restartPolicy") {
            "Always" => running += of(container),
            _ => starting = starting.max(running + of(container)),
        }
    }
    for container in list(pod, "/spec/containers") {
        running += of(container);
    }
    let whole = at(pod, "/spec/resources");
    let most = match at(whole, "/requests").get(resource) {
        // What the pod asks for as a whole goes before (KEP-2837).
        Some(_) => asked(whole, resource),
        None => running.max(starting),
    };
    most + Quantity::read(at(pod, &format!("/spec/overhead/{resource}"))).unwrap_or_default()
}

/// A request; where there is a limit alone, that is the request.
fn asked(resources: &Value, resource: &str) -> Quantity {
    let of = |what: &str| at(resources, what).get(resource).and_then(Quantity::read);
    of("/requests").or_else(|| of("/limits")).unwrap_or_default()
}

/// What a node has for pods of a resource.
pub(crate) fn allocatable(node: &Object, resource: &str) -> Option<Quantity> {
    ["/status/allocatable", "/status/capacity"]
        .into_iter()
        .find_map(|path| at(&node.value, path).get(resource).and_then(Quantity::read))
}

/// How much of a resource is left on a node, and in words how that comes.
pub(super) fn left(observation: &Observation, node: &Object, resource: &str) -> Option<(Quantity, String)> {
    let whole = allocatable(node, resource)?;
    let load = observation.load(&node.name.name)?;
    let (taken, shown): (_, fn(Quantity) -> String) = match resource {
        "cpu" => (load.cpu, |it| it.to_string()),
        "memory" => (load.memory, Quantity::in_bytes),
        "pods" => (Quantity::whole(load.pods), |it| it.to_string()),
        _ => return None,
    };
    let left = whole.without(taken);
    let pods = super::fields::counted(usize::try_from(load.pods).unwrap_or_default(), "pod");
    let said = match resource {
        "pods" => format!("it takes {} pods, and has {}", shown(whole), shown(taken)),
        _ => format!("{resource} {} allocatable, {} taken by {pods}, {} left", shown(whole), shown(taken), shown(left)),
    };
    Some((left, said))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_asks_for_what_the_scheduler_reckons() {
        let ask = |cpu: &str| json!({"requests": {"cpu": cpu}});
        let pod = json!({"spec": {
            "initContainers": [
                {"resources": ask("3")},
                {"restartPolicy": "Always", "resources": ask("1")},
                {"resources": ask("100m")},
            ],
            "containers": [{"resources": ask("1")}, {"resources": {"limits": {"cpu": "500m"}}}, {}],
            "overhead": {"cpu": "250m"},
        }});
        assert_eq!(request(&pod, "cpu").to_string(), "3250m");
        assert_eq!(request(&pod, "memory"), Quantity::default());
        let mut of_the_pod = pod;
        of_the_pod["spec"]["resources"] = ask("5");
        assert_eq!(request(&of_the_pod, "cpu").to_string(), "5250m");
    }
}

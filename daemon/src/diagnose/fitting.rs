//! Whether pods would find room on other nodes.

use super::candidates::is_open_to;
use super::fields::{condition_is, counted};
use super::object::{Name, Object};
use super::observation::Observation;
use super::room::{allocatable, request};
use crate::quantity::Quantity;

/// How pods would fit elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitting {
    /// Those that would find no other node.
    pub unplaced: Vec<Name>,
    /// That in a sentence, with the numbers.
    pub message: String,
}

/// What a node has left.
struct Left<'a> {
    node: &'a Object,
    cpu: Quantity,
    memory: Quantity,
    pods: i64,
}

impl Left<'_> {
    fn takes(&mut self, pod: &Object, cpu: Quantity, memory: Quantity) -> bool {
        let takes = self.pods > 0 && self.cpu >= cpu && self.memory >= memory && is_open_to(pod, self.node);
        if takes {
            (self.cpu, self.memory) = (self.cpu.without(cpu), self.memory.without(memory));
            self.pods -= 1;
        }
        takes
    }
}

/// How pods of a node would fit on the others, by what these have left, their taints, and what
/// each pod selects: the largest first, each where it fits first. The scheduler may know
/// reasons of its own. `None` if what nodes have left is not known.
#[must_use]
pub fn elsewhere(observation: &Observation, node: &str, pods: &[&Object]) -> Option<Fitting> {
    let others = observation.nodes().filter(|other| other.name.name != node);
    let ready = others.filter(|other| condition_is(&other.value, "Ready", "True"));
    let mut others = Vec::new();
    for other in ready {
        let load = observation.load(&other.name.name)?;
        let has = |resource: &str| allocatable(other, resource).unwrap_or_default();
        let pods = has("pods").whole_part() - load.pods;
        others.push(Left {
            node: other,
            cpu: has("cpu").without(load.cpu),
            memory: has("memory").without(load.memory),
            pods,
        });
    }
    let asks = |pod: &&Object| (request(&pod.value, "cpu"), request(&pod.value, "memory"));
    let mut pods: Vec<_> = pods.iter().map(|pod| (asks(pod), *pod)).collect();
    pods.sort_by(|(one, a), (two, b)| two.cmp(one).then_with(|| a.name.cmp(&b.name)));
    let (mut cpu, mut memory, mut unplaced) = (Quantity::default(), Quantity::default(), Vec::new());
    let count = pods.len();
    let (free_cpu, free_memory) = others
        .iter()
        .fold((Quantity::default(), Quantity::default()), |(cpu, memory), left| (cpu + left.cpu, memory + left.memory));
    let nodes = counted(others.len(), "other node");
    for ((wants_cpu, wants_memory), pod) in pods {
        cpu += wants_cpu;
        memory += wants_memory;
        if !others.iter_mut().any(|left| left.takes(pod, wants_cpu, wants_memory)) {
            unplaced.push(pod.name.clone());
        }
    }
    let message = format!(
        "{} ask for cpu {cpu} and memory {}; {nodes} that are ready have cpu {free_cpu} and memory {} left{}",
        counted(count, "pod"),
        memory.in_bytes(),
        free_memory.in_bytes(),
        match unplaced.len() {
            0 => String::new(),
            some => format!(", and {} would find no place by that", counted(some, "pod")),
        }
    );
    Some(Fitting { unplaced, message })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, cpu: &str) -> Object {
        let spec = json!({"containers": [{"resources": {"requests": {"cpu": cpu}}}]});
        let metadata = json!({"name": name, "namespace": "n"});
        Object::read(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})).unwrap()
    }

    fn node(name: &str, cpu: &str, spec: &Value) -> Object {
        let status = json!({
            "allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True"}],
        });
        let metadata = json!({"name": name});
        Object::read(json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}))
            .unwrap()
    }

    #[test]
    fn pods_are_put_where_there_is_room() {
        let mut observation = Observation::new(jiff::Timestamp::UNIX_EPOCH);
        for node in [
            node("here", "8", &json!({})),
            node("a", "2", &json!({})),
            node("b", "1", &json!({})),
            node("cordoned", "64", &json!({"unschedulable": true})),
            node("tainted", "64", &json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]})),
        ] {
            observation.add(node);
        }
        let pods = [pod("small", "1"), pod("large", "2"), pod("huge", "4")];
        let pods: Vec<_> = pods.iter().collect();
        assert_eq!(elsewhere(&observation, "here", &pods), None, "what pods take is not known");
        observation.carries_all();
        let fitting = elsewhere(&observation, "here", &pods).unwrap();
        let unplaced: Vec<_> = fitting.unplaced.iter().map(|name| &*name.name).collect();
        assert_eq!(unplaced, ["huge"]);
        assert!(fitting.message.contains("3 pods ask for cpu 7"), "{}", fitting.message);
        observation
            .carries(&json!({"spec": {"nodeName": "b", "containers": [{"resources": {"requests": {"cpu": "1"}}}]}}));
        assert_eq!(elsewhere(&observation, "here", &pods).unwrap().unplaced.len(), 2);
    }
}

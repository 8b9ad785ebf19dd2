//! Nodes.

use std::collections::BTreeMap;

use daymark::api::Filter;
use serde_json::Value;

use super::Described;
use super::document::{Document, Section};
use super::quantity::Quantity;
use super::read::{fields, is_true, items, list, scalar, text};
use super::related::{MOST_ROWS, Question, Role, told};
use crate::targets::escape_field;
use crate::words;

/// What says of a node what it is for, by the part behind it.
const ROLE: &str = "node-role.kubernetes.io/";

/// What a node has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Node");
    section.fact("Roles", roles(object));
    section.fact("Unschedulable", if is_true(object, "/spec/unschedulable") { "true" } else { "" });
    section.facts("Taints", items(object, "/spec/taints").map(taint));
    section.facts("Addresses", items(object, "/status/addresses").map(address));
    section.fact("Pod CIDRs", list(object, "/spec/podCIDRs"));
    section.fact("Provider ID", text(object, "/spec/providerID"));
    let versions = [
        ("Kubelet", "/status/nodeInfo/kubeletVersion"),
        ("Runtime", "/status/nodeInfo/containerRuntimeVersion"),
        ("OS image", "/status/nodeInfo/osImage"),
        ("Kernel", "/status/nodeInfo/kernelVersion"),
        ("Architecture", "/status/nodeInfo/architecture"),
    ];
    for (name, path) in versions {
        section.fact(name, text(object, path));
    }
    let pods = Pods::of(it);
    document
        .section("Resources")
        .table(&["RESOURCE", "CAPACITY", "ALLOCATABLE", "REQUESTED", "LIMITS"], pods.resources(object));
    pods.add(it, document.section("Pods"));
}

/// The pods that run on it, or are about to.
pub fn ask(it: &Described) -> Vec<Question> {
    let node = escape_field(&text(&it.object, "/metadata/name"));
    let field_selector = format!("spec.nodeName={node},status.phase!=Succeeded,status.phase!=Failed");
    let filter = Filter { field_selector, ..it.all("pods") };
    vec![Question::matching("pods", filter).read_as(Role::OnNode)]
}

fn roles(object: &Value) -> String {
    let labels = fields(object, "/metadata/labels");
    let roles: Vec<_> = labels.filter_map(|(name, _)| name.strip_prefix(ROLE)).filter(|it| !it.is_empty()).collect();
    roles.join(", ")
}

fn taint(taint: &Value) -> String {
    match (text(taint, "/key"), text(taint, "/value"), text(taint, "/effect")) {
        (key, value, effect) if value.is_empty() => format!("{key}:{effect}"),
        (key, value, effect) => format!("{key}={value}:{effect}"),
    }
}

fn address(address: &Value) -> String {
    format!("{} {}", text(address, "/type"), text(address, "/address"))
}

/// A node's pods, and what they ask for.
struct Pods<'a> {
    pods: Vec<(&'a daymark::api::Status, Asked)>,
    /// Whether these are all of them.
    complete: bool,
}

/// What a pod asks for, and what it is limited to, by resource.
#[derive(Default)]
struct Asked {
    requests: BTreeMap<String, Quantity>,
    limits: BTreeMap<String, Quantity>,
}

impl<'a> Pods<'a> {
    fn of(it: &'a Described) -> Self {
        let answers = || it.answers(Role::OnNode);
        let pods = answers().flat_map(|answer| &answer.statuses).map(|pod| {
            // One whose JSON is broken asks for nothing that is known.
            let object: Value = serde_json::from_slice(&pod.object).unwrap_or_default();
            let asked = Asked { requests: pod_total(&object, "requests"), limits: pod_total(&object, "limits") };
            (pod, asked)
        });
        let complete = answers().next().is_some() && !answers().any(|answer| answer.more || answer.problem.is_some());
        Self { pods: pods.collect(), complete }
    }

    /// A row for each resource of the node.
    fn resources(&self, object: &Value) -> Vec<Vec<String>> {
        let row = |(name, capacity): (&str, &Value)| {
            let allocatable = fields(object, "/status/allocatable").find(|(other, _)| *other == name);
            let allocatable = allocatable.and_then(|(_, amount)| scalar(amount)).unwrap_or_default();
            let sum = |of: fn(&Asked) -> &BTreeMap<String, Quantity>| {
                let amounts = self.pods.iter().filter_map(|(_, asked)| of(asked).get(name));
                self.share(name, amounts.fold(Quantity::default(), |sum, amount| sum + *amount), &allocatable)
            };
            let (requests, limits) = match name {
                "pods" => {
                    (if self.complete { self.pods.len().to_string() } else { "unknown".to_owned() }, String::new())
                }
                _ => (sum(|asked| &asked.requests), sum(|asked| &asked.limits)),
            };
            vec![name.to_owned(), scalar(capacity).unwrap_or_default(), allocatable, requests, limits]
        };
        fields(object, "/status/capacity").map(row).collect()
    }

    /// `850m (21%)`
    fn share(&self, resource: &str, sum: Quantity, allocatable: &str) -> String {
        if !self.complete {
            return "unknown".to_owned();
        }
        match sum.percent_of(Quantity::parse(allocatable).unwrap_or_default()) {
            Some(percent) => format!("{} ({percent}%)", shown(resource, sum)),
            None => shown(resource, sum),
        }
    }

    fn add(&self, it: &Described, section: &mut Section) {
        let row = |(pod, asked): &(&daymark::api::Status, Asked)| {
            let own = pod.r#ref.clone().unwrap_or_default();
            let amount = |of: &BTreeMap<String, Quantity>, name: &str| {
                of.get(name).map(|amount| shown(name, *amount)).unwrap_or_default()
            };
            let state = (words::state_style(pod.state()), words::state(pod.state()).to_owned());
            let plain = |text: String| (anstyle::Style::new(), text);
            vec![
                plain(own.namespace),
                plain(own.name),
                state,
                plain(pod.reason.clone()),
                plain(amount(&asked.requests, "cpu")),
                plain(amount(&asked.limits, "cpu")),
                plain(amount(&asked.requests, "memory")),
                plain(amount(&asked.limits, "memory")),
            ]
        };
        let header = &["NAMESPACE", "NAME", "STATE", "REASON", "CPU", "CPU LIMIT", "MEMORY", "MEMORY LIMIT"];
        section.painted_table(header, self.pods.iter().take(MOST_ROWS).map(row).collect());
        for answer in it.answers(Role::OnNode) {
            section.lines(told(answer, MOST_ROWS));
        }
    }
}

fn shown(resource: &str, amount: Quantity) -> String {
    let is_bytes = matches!(resource, "memory" | "ephemeral-storage") || resource.starts_with("hugepages-");
    if is_bytes { amount.bytes() } else { amount.cores() }
}

/// What a pod as a whole asks for: what its containers and sidecars ask for together, or what an init
/// container asks for beside the sidecars before it, if that is more; and the overhead. What is said of
/// the pod itself goes before (k8s.io/component-helpers `resource` `PodRequests`, `PodLimits`).
fn pod_total(pod: &Value, what: &str) -> BTreeMap<String, Quantity> {
    let of = |it: &Value, path: &str| -> BTreeMap<String, Quantity> {
        let amounts = fields(it, path);
        let read = |(name, amount): (&str, &Value)| Some((name.to_owned(), Quantity::parse(&scalar(amount)?)?));
        amounts.filter_map(read).collect()
    };
    let path = format!("/resources/{what}");
    let (mut sidecars, mut most) = (BTreeMap::new(), BTreeMap::new());
    for container in items(pod, "/spec/initContainers") {
        if text(container, "/restartPolicy") == "Always" {
            plus(&mut sidecars, &of(container, &path));
            at_least(&mut most, &sidecars);
        } else {
            let mut beside = of(container, &path);
            plus(&mut beside, &sidecars);
            at_least(&mut most, &beside);
        }
    }
    let mut total = sidecars;
    items(pod, "/spec/containers").for_each(|container| plus(&mut total, &of(container, &path)));
    at_least(&mut total, &most);
    total.extend(of(pod, &format!("/spec/resources/{what}")));
    let overhead = of(pod, "/spec/overhead");
    // A pod without a limit does not get one by its overhead.
    let counts = |name: &String| what == "requests" || total.contains_key(name);
    let overhead = overhead.into_iter().filter(|(name, _)| counts(name)).collect();
    plus(&mut total, &overhead);
    total
}

fn plus(total: &mut BTreeMap<String, Quantity>, more: &BTreeMap<String, Quantity>) {
    for (name, amount) in more {
        let sum = total.entry(name.clone()).or_default();
        *sum = *sum + *amount;
    }
}

fn at_least(total: &mut BTreeMap<String, Quantity>, least: &BTreeMap<String, Quantity>) {
    for (name, amount) in least {
        let sum = total.entry(name.clone()).or_default();
        *sum = (*sum).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pods_requests_are_those_of_the_scheduler() {
        let container = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        let sidecar = |cpu: &str| json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}});
        for (init, main, rest, expected) in [
            (json!([]), json!([container("100m"), container("200m")]), json!({}), "300m"),
            (json!([container("1")]), json!([container("200m")]), json!({}), "1"),
            (json!([sidecar("50m")]), json!([container("200m")]), json!({}), "250m"),
            (json!([sidecar("50m"), container("1")]), json!([container("200m")]), json!({}), "1050m"),
            (json!([]), json!([container("200m")]), json!({"overhead": {"cpu": "50m"}}), "250m"),
            (json!([]), json!([container("200m")]), json!({"resources": {"requests": {"cpu": "2"}}}), "2"),
        ] {
            let mut spec = rest;
            (spec["initContainers"], spec["containers"]) = (init, main);
            let total = pod_total(&json!({ "spec": spec }), "requests");
            assert_eq!(total["cpu"].cores(), expected, "{spec}");
        }
    }
}

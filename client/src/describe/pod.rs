//! Pods.

use serde_json::Value;

use super::document::Document;
use super::read::{ago, items, number, pairs, text};
use super::related::Question;
use super::{Described, container, volume};

/// Claims of one pod that are asked for.
const MOST_CLAIMS: usize = 20;

/// The kinds of containers: heading, specifications, statuses.
const CONTAINERS: &[(&str, &str, &str)] = &[
    ("Init containers", "/spec/initContainers", "/status/initContainerStatuses"),
    ("Containers", "/spec/containers", "/status/containerStatuses"),
    ("Ephemeral containers", "/spec/ephemeralContainers", "/status/ephemeralContainerStatuses"),
];

/// What a pod has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Pod");
    section.fact("Phase", text(object, "/status/phase"));
    section.fact("Node", node(object));
    section.fact("Started", ago(object, "/status/startTime", it.now.as_ref()));
    section.fact("IP", ips(object));
    section.fact("Service account", text(object, "/spec/serviceAccountName"));
    section.fact("QoS class", text(object, "/status/qosClass"));
    section.fact("Priority", priority(object));
    section.facts("Readiness gates", items(object, "/spec/readinessGates").map(|gate| text(gate, "/conditionType")));
    section.fact("Restart policy", text(object, "/spec/restartPolicy"));
    section.fact("Node selector", pairs(object, "/spec/nodeSelector").join(","));
    section.facts("Tolerations", items(object, "/spec/tolerations").filter_map(toleration));
    section.facts("Volumes", items(object, "/spec/volumes").map(volume::line));
    for (heading, containers, statuses) in CONTAINERS {
        let section = document.section(heading);
        for container in items(object, containers) {
            let name = text(container, "/name");
            let status = items(object, statuses).find(|status| text(status, "/name") == name);
            container::add(section, container, status, it.now.as_ref());
        }
    }
}

/// Its node, the Services that select it, and its claims.
pub fn ask(it: &Described) -> Vec<Question> {
    let mut questions = Vec::new();
    let node = text(&it.object, "/spec/nodeName");
    if !node.is_empty() {
        questions.push(it.named("node", &node).within(""));
    }
    questions.push(it.services_for("/metadata/labels"));
    let claims = volume::claims(&it.object);
    questions.extend(claims.iter().take(MOST_CLAIMS).map(|claim| it.named("persistentvolumeclaim", claim)));
    questions
}

/// `node-1/10.0.0.1`, as kubectl writes it.
fn node(object: &Value) -> String {
    match (text(object, "/spec/nodeName"), text(object, "/status/hostIP")) {
        (node, _) if node.is_empty() => "none yet".to_owned(),
        (node, address) if address.is_empty() => node,
        (node, address) => format!("{node}/{address}"),
    }
}

fn ips(object: &Value) -> String {
    let all: Vec<_> = items(object, "/status/podIPs").map(|ip| text(ip, "/ip")).collect();
    if all.is_empty() { text(object, "/status/podIP") } else { all.join(", ") }
}

/// Said where there is one.
fn priority(object: &Value) -> String {
    match (number(object, "/spec/priority"), text(object, "/spec/priorityClassName")) {
        (0, class) => class,
        (number, class) => format!("{number} {class}").trim_end().to_owned(),
    }
}

/// `key=value:NoExecute for 300s`. The two that every pod gets say nothing of this one.
fn toleration(toleration: &Value) -> Option<String> {
    let [key, value, effect, seconds] =
        ["/key", "/value", "/effect", "/tolerationSeconds"].map(|path| text(toleration, path));
    let is_usual = matches!(key.as_str(), "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable");
    if is_usual && seconds == "300" {
        return None;
    }
    let key = if key.is_empty() { "all".to_owned() } else { key };
    let value = if value.is_empty() { value } else { format!("={value}") };
    let effect = if effect.is_empty() { effect } else { format!(":{effect}") };
    let time = if seconds.is_empty() { seconds } else { format!(" for {seconds}s") };
    Some(format!("{key}{value}{effect}{time}"))
}

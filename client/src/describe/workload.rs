//! Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers.

use serde_json::Value;

use super::document::Document;
use super::read::{counts, is_true, items, number, pairs, selector, text};
use super::related::Question;
use super::{Described, template};

/// Numbers of pods. A kind has some of them.
const COUNTS: &[(&str, &str)] = &[
    ("/spec/replicas", "desired"),
    ("/status/desiredNumberScheduled", "desired"),
    ("/status/currentNumberScheduled", "scheduled"),
    ("/status/replicas", "total"),
    ("/status/updatedReplicas", "updated"),
    ("/status/updatedNumberScheduled", "updated"),
    ("/status/readyReplicas", "ready"),
    ("/status/numberReady", "ready"),
    ("/status/availableReplicas", "available"),
    ("/status/numberAvailable", "available"),
    ("/status/unavailableReplicas", "unavailable"),
    ("/status/numberUnavailable", "unavailable"),
    ("/status/numberMisscheduled", "misscheduled"),
];

/// What a workload has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Workload");
    section.fact("Replicas", counts(object, COUNTS));
    section.fact("Selector", selecting(object));
    section.fact("Strategy", strategy(object));
    section.fact("Pod management", text(object, "/spec/podManagementPolicy"));
    section.fact("Service", text(object, "/spec/serviceName"));
    section.fact("Revision", revision(object));
    if is_true(object, "/spec/paused") {
        section.fact("Paused", "true");
    }
    section.fact("Min ready", seconds(object, "/spec/minReadySeconds"));
    section.fact("Progress deadline", seconds(object, "/spec/progressDeadlineSeconds"));
    section.facts("Claim templates", items(object, "/spec/volumeClaimTemplates").map(claim));
    template::add(object, "/spec/template", document);
}

/// The Services that select its pods.
pub fn ask(it: &Described) -> Vec<Question> {
    vec![it.services_for("/spec/template/metadata/labels")]
}

fn selecting(object: &Value) -> String {
    match selector(object, "/spec/selector") {
        // That of a ReplicationController is one of labels alone.
        terms if terms.is_empty() => pairs(object, "/spec/selector").join(","),
        terms => terms,
    }
}

/// `RollingUpdate, 25% max unavailable, 25% max surge`
fn strategy(object: &Value) -> String {
    let strategy = object.pointer("/spec/strategy").or_else(|| object.pointer("/spec/updateStrategy"));
    let Some(strategy) = strategy else { return String::new() };
    let update = counts(
        strategy,
        &[("/rollingUpdate/maxUnavailable", "max unavailable"), ("/rollingUpdate/maxSurge", "max surge")],
    );
    let partition = match number(strategy, "/rollingUpdate/partition") {
        0 => String::new(),
        partition => format!("from ordinal {partition} on"),
    };
    let parts = [text(strategy, "/type"), update, partition];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn revision(object: &Value) -> String {
    let [current, update] = ["/status/currentRevision", "/status/updateRevision"].map(|path| text(object, path));
    match (current, update) {
        (current, update) if update.is_empty() || current == update => {
            let annotation = "/metadata/annotations/deployment.kubernetes.io~1revision";
            if current.is_empty() { text(object, annotation) } else { current }
        }
        (current, update) => format!("{current}, to become {update}"),
    }
}

fn seconds(object: &Value, path: &str) -> String {
    match text(object, path).as_str() {
        "" | "0" => String::new(),
        seconds => format!("{seconds}s"),
    }
}

fn claim(template: &Value) -> String {
    let [name, size, class] = ["/metadata/name", "/spec/resources/requests/storage", "/spec/storageClassName"]
        .map(|path| text(template, path));
    format!("{name}: {size} {class}").trim_end().to_owned()
}

//! The pods on a node: what of them tells of it.

use serde_json::Value;

use super::part::{Part, PartName};
use crate::diagnose::fields::{at, brief, condition, is, list, map, text};
use crate::diagnose::request;
use crate::quantity::Quantity;

/// The annotation of what stands for a pod that a kubelet runs by itself (k8s.io/kubernetes
/// `pkg/kubelet/types`, `ConfigMirrorAnnotationKey`).
const MIRROR: &str = "kubernetes.io/config.mirror";

/// The pods on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// Those that are visible.
    pub pods: Vec<PodOnNode>,
    /// Why there may be others; `None` if these are all.
    pub others: Option<String>,
}

/// What a pod tells of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodOnNode {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The DaemonSet that it is of; empty if it is of none.
    pub daemon_set: String,
    /// Its label `k8s-app`; empty if it has none.
    pub app: String,
    /// Whether its kubelet runs it by itself.
    pub is_static: bool,
    /// Whether it is ready, and not being deleted.
    pub is_ready: bool,
    /// Whether none of its containers will run again.
    pub is_over: bool,
    /// Whether its containers have started: their images were pulled and their volumes mounted.
    pub has_started: bool,
    /// Whether it has volumes.
    pub has_volumes: bool,
    /// Whether a kubelet probes it.
    pub is_probed: bool,
    /// Why it is not ready, in a few words.
    pub waits: String,
    /// Cores that it asks for.
    pub cpu: Quantity,
    /// Bytes that it asks for.
    pub memory: Quantity,
}

impl PodOnNode {
    /// What a pod's JSON tells.
    #[must_use]
    pub fn read(pod: &Value) -> Self {
        let metadata = |field: &str| text(pod, &format!("/metadata/{field}")).to_owned();
        let owners = list(pod, "/metadata/ownerReferences");
        let daemon_set = owners.iter().find(|owner| is(owner, "/controller") && text(owner, "/kind") == "DaemonSet");
        let annotations = map(pod, "/metadata/annotations");
        let labels = map(pod, "/metadata/labels");
        let statuses = list(pod, "/status/containerStatuses");
        let has_started = |status: &Value| {
            ["/state/running", "/state/terminated", "/lastState/terminated"]
                .iter()
                .any(|path| at(status, path).is_object())
        };
        let ready = condition(pod, "Ready");
        let is_deleted = !text(pod, "/metadata/deletionTimestamp").is_empty();
        Self {
            namespace: metadata("namespace"),
            name: metadata("name"),
            daemon_set: daemon_set.map_or("", |owner| text(owner, "/name")).to_owned(),
            app: labels.and_then(|it| it.get("k8s-app")).and_then(Value::as_str).unwrap_or_default().to_owned(),
            is_static: annotations.is_some_and(|it| it.contains_key(MIRROR)),
            is_ready: ready.is_some_and(|it| text(it, "/status") == "True") && !is_deleted,
            is_over: matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"),
            has_started: !statuses.is_empty() && statuses.iter().all(has_started),
            has_volumes: !list(pod, "/spec/volumes").is_empty(),
            is_probed: list(pod, "/spec/containers").iter().any(is_probed),
            waits: waits(pod, is_deleted),
            cpu: request(pod, "cpu"),
            memory: request(pod, "memory"),
        }
    }

    /// As it is called in a sentence.
    pub(super) fn spoken(&self) -> String {
        format!("pod {}/{}", self.namespace, self.name)
    }
}

fn is_probed(container: &Value) -> bool {
    ["/readinessProbe", "/livenessProbe", "/startupProbe"].iter().any(|path| at(container, path).is_object())
}

/// Why it is not ready: what a container waits for, or else its condition says.
fn waits(pod: &Value, is_deleted: bool) -> String {
    if is_deleted {
        return "is being deleted".to_owned();
    }
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"].into_iter();
    let waiting = statuses.flat_map(|path| list(pod, path)).map(|status| text(status, "/state/waiting/reason"));
    let waiting = waiting.chain(condition(pod, "Ready").map(|ready| text(ready, "/reason")));
    match waiting.into_iter().find(|reason| !reason.is_empty()) {
        Some(reason) => format!("is not ready: {}", brief(reason)),
        None => "is not ready".to_owned(),
    }
}

/// Whether a pod that came by the API server has been pulled, mounted and probed, and which: that is
/// what a kubelet is for.
pub(super) fn first(all: &Pods) -> (Part, Option<&PodOnNode>) {
    let name = PartName::FirstPod;
    let others = || all.pods.iter().filter(|pod| !pod.is_static);
    let has_worked = |pod: &&PodOnNode| pod.is_ready && pod.has_started;
    let proves = |pod: &&PodOnNode| (pod.is_probed, pod.has_volumes);
    let best = others().filter(has_worked).max_by_key(proves);
    let part = match best {
        Some(pod) if pod.is_probed && pod.has_volumes => {
            Part::ok(name, format!("{} was pulled, mounted and probed", pod.spoken()))
        }
        Some(pod) => {
            let lacks = if pod.is_probed { "volumes" } else { "probes" };
            Part::not_visible(name, format!("{} runs, but has no {lacks}: it proves less", pod.spoken()))
        }
        None if all.others.is_some() => Part::not_visible(name, unseen(all)),
        None => match others().find(|pod| !pod.is_over) {
            Some(pod) => Part::not_visible(name, format!("none has become ready yet: {} {}", pod.spoken(), pod.waits)),
            None => Part::not_visible(name, "no pod has come to it yet"),
        },
    };
    (part, best)
}

/// Why there may be pods that are not seen.
pub(super) fn unseen(all: &Pods) -> String {
    all.others.clone().unwrap_or_default()
}

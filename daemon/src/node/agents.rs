//! The pods that every node needs: those that make the pods' network, and kube-proxy.

use serde_json::Value;

use super::Known;
use super::part::{Part, PartName};
use super::pods::{PodOnNode, unseen};
use crate::diagnose::fields::{list, text};
use crate::diagnose::{Object, selects_for, tolerates};

/// DaemonSets whose pods make the pods' network, by the beginnings of their names in the projects'
/// own manifests: Calico and Canal, Cilium, Flannel, Weave Net, kind, Amazon's VPC CNI, Azure's CNI,
/// Antrea, kube-router, OVN-Kubernetes.
const NETWORKS: &[&str] = &[
    "calico-node",
    "canal",
    "cilium",
    "kube-flannel",
    "weave-net",
    "kindnet",
    "aws-node",
    "azure-cni",
    "azure-cns",
    "antrea-agent",
    "kube-router",
    "ovnkube-node",
];
/// DaemonSets that are called so, and make no network.
const OTHERS: &[&str] = &["cilium-envoy", "cilium-node-init"];
/// Those that may do kube-proxy's work as well.
const REPLACE_PROXY: &[&str] = &["cilium", "kube-router", "calico-node", "antrea-agent", "ovnkube-node"];
/// kube-proxy, as a DaemonSet or as a static pod.
const PROXY: &str = "kube-proxy";
/// Taints of the node's own life, which the DaemonSet controller has its pods tolerate
/// (k8s.io/kubernetes `pkg/controller/daemon/util`, `AddOrUpdateDaemonPodTolerations`).
const OF_NODE: &str = "node.kubernetes.io/";

/// A DaemonSet whose pods nodes need.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What its pods are made of, read as a pod.
    template: Object,
}

impl Agent {
    /// Whether a DaemonSet of that name is one.
    #[must_use]
    pub fn is_called(name: &str) -> bool {
        is_network(name) || is_proxy(name)
    }

    /// The agent of a DaemonSet.
    #[must_use]
    pub fn of(daemon_set: Object) -> Self {
        let Object { name, uid, mut value, .. } = daemon_set;
        let template = value.pointer_mut("/spec/template").map(Value::take).unwrap_or_default();
        let (namespace, called) = (name.namespace.clone(), name.name.clone());
        Self { namespace, name: called, template: Object { name, uid, value: template, verdict: None } }
    }

    /// Whether a node is to have one of its pods.
    fn is_for(&self, node: &Object) -> bool {
        let tolerations = list(&self.template.value, "/spec/tolerations");
        let bars =
            |taint: &&Value| text(taint, "/effect") != "PreferNoSchedule" && !text(taint, "/key").starts_with(OF_NODE);
        let mut taints = list(&node.value, "/spec/taints").iter().filter(bars);
        selects_for(&self.template, node) && taints.all(|taint| tolerations.iter().any(|it| tolerates(it, taint)))
    }
}

fn is_network(name: &str) -> bool {
    NETWORKS.iter().any(|network| name.starts_with(network)) && !OTHERS.contains(&name)
}

fn is_proxy(name: &str) -> bool {
    name.starts_with(PROXY)
}

/// Whether the pods' network is made on a node, and by which pods.
pub(super) fn network<'a>(known: &Known<'a>) -> (Part, Vec<&'a PodOnNode>) {
    let is_it = |pod: &PodOnNode| is_network(&pod.daemon_set) || (!pod.daemon_set.is_empty() && is_network(&pod.app));
    let pods: Vec<_> = known.pods.pods.iter().filter(|pod| is_it(pod)).collect();
    let nothing = "none of its pods is known to provide the pod network: whether there is one is not visible";
    (judge(known, PartName::Network, (&pods, is_network), nothing.to_owned()), pods)
}

/// Whether kube-proxy runs on a node, and as which pods.
pub(super) fn proxy<'a>(known: &Known<'a>) -> (Part, Vec<&'a PodOnNode>) {
    let is_it = |pod: &PodOnNode| {
        let is_own = pod.is_static && is_proxy(&pod.name);
        is_proxy(&pod.daemon_set) || is_own || (!pod.daemon_set.is_empty() && is_proxy(&pod.app))
    };
    let pods: Vec<_> = known.pods.pods.iter().filter(|pod| is_it(pod)).collect();
    let replaces = |pod: &&PodOnNode| REPLACE_PROXY.iter().any(|name| pod.daemon_set.starts_with(name));
    let nothing = match known.pods.pods.iter().find(replaces) {
        Some(pod) => format!("kube-proxy is not among its pods; {} may do its work", pod.daemon_set),
        None => "kube-proxy is not among its pods: whether it runs is not visible".to_owned(),
    };
    (judge(known, PartName::Proxy, (&pods, is_proxy), nothing), pods)
}

/// Whether all of some pods are ready; if there are none, whether there are to be any.
fn judge(known: &Known<'_>, name: PartName, of: (&[&PodOnNode], fn(&str) -> bool), nothing: String) -> Part {
    let (pods, is_called) = of;
    if let Some(pod) = pods.iter().find(|pod| !pod.is_ready) {
        return Part::missing(name, format!("{} {}", pod.spoken(), pod.waits));
    }
    if !pods.is_empty() {
        let spoken: Vec<_> = pods.iter().map(|pod| pod.spoken()).collect();
        return Part::ok(
            name,
            format!("{} {}", spoken.join(", "), if pods.len() == 1 { "is ready" } else { "are ready" }),
        );
    }
    if known.pods.others.is_some() {
        return Part::not_visible(name, unseen(known.pods));
    }
    match known.agents.iter().find(|agent| is_called(&agent.name) && agent.is_for(known.node)) {
        Some(Agent { namespace, name: called, .. }) => {
            Part::missing(name, format!("daemonset {namespace}/{called} has no pod on it yet"))
        }
        None => Part::not_visible(name, nothing),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        Object::read(value).unwrap()
    }

    #[test]
    fn a_daemon_set_is_for_nodes_that_it_selects_and_whose_taints_it_tolerates() {
        let agent = |spec: Value| {
            let template = json!({"spec": spec});
            Agent::of(object(json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
                "metadata": {"name": "kube-proxy", "namespace": "kube-system"}, "spec": {"template": template}})))
        };
        let node = object(json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "n1", "labels": {"kubernetes.io/os": "linux"}},
            "spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"},
                {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]}}));
        let tolerant = json!([{"operator": "Exists"}]);
        let on = |os: &str| json!({"nodeSelector": {"kubernetes.io/os": os}, "tolerations": tolerant});
        assert!(agent(on("linux")).is_for(&node));
        assert!(!agent(on("windows")).is_for(&node));
        assert!(!agent(json!({})).is_for(&node));
    }
}

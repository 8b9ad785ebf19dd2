//! What is read of a node and its pods, as it is now.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Options;
use super::plan::Facts;
use crate::access::authorizer::Right;
use crate::act::actor::{Actor, NotDone};
use crate::act::read::{found, list_all, object, permitted};
use crate::diagnose::Object;
use crate::diagnose::fields::{is, list, text};
use crate::kind::escape;
use crate::record::Key;

/// What the API serves of pods: whether they can be evicted.
#[derive(Deserialize)]
struct Served {
    resources: Vec<ServedResource>,
}

#[derive(Deserialize)]
struct ServedResource {
    name: String,
}

/// What is looked at again and again while a node is drained.
pub(super) struct Look {
    /// The node's pods, of those that are meant.
    pub(super) pods: Vec<Object>,
    /// The node, if it could be read.
    pub(super) node: Option<Object>,
}

/// Reads what a plan is made of.
///
/// # Errors
/// If the actor may not read the node or its pods, there is no such node, or the API server
/// refuses.
pub async fn facts(
    actor: &Actor,
    (name, uid): (&str, &str),
    options: &Options,
    now: Timestamp,
) -> Result<Facts, NotDone> {
    actor.may(Right::to_any("get", "", "nodes", None).of(&name.into())).await?;
    actor.may(Right::to_any("list", "", "pods", None)).await?;
    let node = object("v1", "Node", actor.read(&node_path(name)).await?);
    let node = node.filter(|node| uid.is_empty() || node.uid == uid);
    let node = node.ok_or_else(|| NotDone::Another { what: format!("node {name}").into() })?;
    let pods = pods(actor, name, &options.pod_selector).await?;
    let mut facts =
        Facts { node, pods, budgets: Vec::new(), lost_daemon_sets: BTreeSet::new(), not_visible: Vec::new(), now };
    budgets(actor, &mut facts).await?;
    daemon_sets(actor, &mut facts).await?;
    Ok(facts)
}

/// Whether the API server evicts pods: a very old one does not.
///
/// # Errors
/// If it does not say.
pub async fn evicts(actor: &Actor) -> Result<bool, NotDone> {
    let served: Served = actor.read("/api/v1").await?;
    Ok(served.resources.iter().any(|resource| resource.name == "pods/eviction"))
}

/// Looks at a node and its pods. What is known of the pods counts without the node.
pub(super) async fn look(actor: &Actor, node: &str, selector: &str) -> Result<Look, NotDone> {
    let pods = pods(actor, node, selector).await?;
    let node = actor.read(&node_path(node)).await.ok().and_then(|node| object("v1", "Node", node));
    Ok(Look { pods, node })
}

fn node_path(name: &str) -> String {
    format!("/api/v1/nodes/{}", escape(name))
}

/// The pods of a node.
async fn pods(actor: &Actor, node: &str, selector: &str) -> Result<Vec<Object>, NotDone> {
    let selected = if selector.is_empty() { String::new() } else { format!("&labelSelector={}", escape(selector)) };
    let path = format!("/api/v1/pods?fieldSelector={}{selected}", escape(&format!("spec.nodeName={node}")));
    list_all(actor, &path, ("v1", "Pod")).await
}

/// The budgets of the pods' namespaces, as far as they may be seen.
async fn budgets(actor: &Actor, facts: &mut Facts) -> Result<(), NotDone> {
    const KIND: (&str, &str) = ("policy/v1", "PodDisruptionBudget");
    let right = |namespace: Option<&str>| Right::to_any("list", "policy", "poddisruptionbudgets", namespace);
    let namespaces: BTreeSet<_> = facts.pods.iter().map(|pod| pod.name.namespace.clone()).collect();
    if permitted(actor.may(right(None)).await)? {
        let all = list_all(actor, "/apis/policy/v1/poddisruptionbudgets?", KIND).await?;
        facts.budgets = all.into_iter().filter(|budget| namespaces.contains(&budget.name.namespace)).collect();
        return Ok(());
    }
    for namespace in namespaces {
        if permitted(actor.may(right(Some(&namespace))).await)? {
            let path = format!("/apis/policy/v1/namespaces/{}/poddisruptionbudgets?", escape(&namespace));
            facts.budgets.extend(list_all(actor, &path, KIND).await?);
        } else {
            facts.not_visible.push(format!("the disruption budgets of namespace {namespace:?}: you may not list them"));
        }
    }
    Ok(())
}

/// Which of the DaemonSets that pods name are gone.
async fn daemon_sets(actor: &Actor, facts: &mut Facts) -> Result<(), NotDone> {
    let mut named = BTreeMap::new();
    for pod in &facts.pods {
        let owners = list(&pod.value, "/metadata/ownerReferences").iter();
        let controllers = owners.filter(|owner| is(owner, "/controller") && text(owner, "/kind") == "DaemonSet");
        named.extend(controllers.map(|owner| {
            (Key::new(pod.name.namespace.as_str(), text(owner, "/name")), text(owner, "/uid").to_owned())
        }));
    }
    for (key, uid) in named {
        let (namespace, name) = (&*key.namespace, &*key.name);
        if !permitted(actor.may(Right::to_any("get", "apps", "daemonsets", Some(namespace)).of(&key.name)).await)? {
            let message = format!("whether DaemonSet {namespace}/{name} is still there: you may not get it");
            facts.not_visible.push(message);
            continue;
        }
        let path = format!("/apis/apps/v1/namespaces/{}/daemonsets/{}", escape(namespace), escape(name));
        let there = found(actor.read::<Value>(&path).await)?;
        if there.is_none_or(|there| text(&there, "/metadata/uid") != uid) {
            facts.lost_daemon_sets.insert(key);
        }
    }
    Ok(())
}

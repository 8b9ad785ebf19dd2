//! What is read of a pod and of what selects it, as it is now.

use std::sync::Arc;

use serde_json::Value;

use super::plan::{Facts, selector_of};
use crate::access::authorizer::Right;
use crate::act::actor::{Actor, NotDone};
use crate::act::controller::Controller;
use crate::act::read::{found, list_all, object, permitted};
use crate::diagnose::Object;
use crate::diagnose::fields::{is, list, text};
use crate::kind::{Kind, escape};
use crate::record::{Key, SERVICE};

const SLICES: (&str, &str) = ("discovery.k8s.io/v1", "EndpointSlice");

/// What manages a pod, and the kind of that, if the cluster has it.
pub type Managing = Option<(Controller, Option<Arc<Kind>>)>;

/// What it takes to change a pod's labels.
#[must_use]
pub fn right(pods: &Kind, key: &Key) -> Right {
    Right::to("patch", pods, Some(&key.namespace)).of(&key.name)
}

/// Where a pod is.
pub(super) fn path(key: &Key) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", escape(&key.namespace), escape(&key.name))
}

/// A pod, which is to have that UID, or any if that is empty.
///
/// # Errors
/// If the actor may not, there is no such pod, or the API server refuses.
pub async fn pod(actor: &Actor, key: &Key, uid: &str) -> Result<Object, NotDone> {
    actor.may(Right::to_any("get", "", "pods", Some(&key.namespace)).of(&key.name)).await?;
    let pod = object("v1", "Pod", actor.read(&path(key)).await?);
    let pod = pod.filter(|pod| uid.is_empty() || pod.uid == uid);
    pod.ok_or_else(|| NotDone::Another { what: format!("pod {}", key.name).into() })
}

/// Whether the actor may do all that a quarantine takes, so that none is left half done.
///
/// # Errors
/// If it may not, or that is not known.
pub async fn may(actor: &Actor, pods: &Kind, key: &Key, managing: &Managing) -> Result<(), NotDone> {
    let namespace = Some(&*key.namespace);
    actor.may(right(pods, key)).await?;
    actor.may(Right::to_any("list", "", "services", namespace)).await?;
    actor.may(Right::to_any("list", "discovery.k8s.io", "endpointslices", namespace)).await?;
    may_look(actor, key, managing).await
}

/// Whether the actor may look at what manages the pod, and at its other pods.
///
/// # Errors
/// As before.
pub(super) async fn may_look(actor: &Actor, key: &Key, managing: &Managing) -> Result<(), NotDone> {
    let namespace = Some(&*key.namespace);
    if let Some((controller, Some(kind))) = managing {
        actor.may(Right::to("get", kind, namespace).of(&controller.name.as_str().into())).await?;
        actor.may(Right::to_any("list", "", "pods", namespace)).await?;
    }
    Ok(())
}

/// Reads what a plan is made of.
///
/// # Errors
/// If the API server refuses.
pub async fn facts(actor: &Actor, pod: Object, managing: &Managing) -> Result<Facts, NotDone> {
    let namespace = pod.name.namespace.clone();
    let path = format!("/api/v1/namespaces/{}/services?", escape(&namespace));
    let services = list_all(actor, &path, ("v1", "Service")).await?;
    let (manager, managed) = match managing {
        None => (None, Vec::new()),
        Some((controller, kind)) => managed(actor, &namespace, controller, kind.as_deref()).await?,
    };
    let controller = managing.as_ref().map(|(controller, _)| controller.clone());
    let mut not_visible = Vec::new();
    let budgets = beside(actor, &namespace, ("policy", "PodDisruptionBudget"), &mut not_visible).await?;
    let policies = beside(actor, &namespace, ("networking.k8s.io", "NetworkPolicy"), &mut not_visible).await?;
    Ok(Facts { pod, services, controller, manager, managed, budgets, policies, not_visible })
}

/// What selects pods besides, as far as the actor may see it.
async fn beside(
    actor: &Actor,
    namespace: &str,
    (group, kind): (&str, &str),
    not_visible: &mut Vec<String>,
) -> Result<Vec<Object>, NotDone> {
    let plural = match kind {
        "NetworkPolicy" => "networkpolicies",
        _ => "poddisruptionbudgets",
    };
    if !permitted(actor.may(Right::to_any("list", group, plural, Some(namespace))).await)? {
        not_visible.push(format!("the {plural} of namespace {namespace:?}: you may not list them"));
        return Ok(Vec::new());
    }
    let version = format!("{group}/v1");
    let path = format!("/apis/{version}/namespaces/{}/{plural}?", escape(namespace));
    // A cluster may have no such kind.
    Ok(found(list_all(actor, &path, (&version, kind)).await)?.unwrap_or_default())
}

/// What manages pods, unless it is gone, and the pods that it manages.
pub(super) async fn managed(
    actor: &Actor,
    namespace: &str,
    controller: &Controller,
    kind: Option<&Kind>,
) -> Result<(Option<Object>, Vec<Object>), NotDone> {
    let Some(kind) = kind else { return Ok((None, Vec::new())) };
    let path = format!("{}/{}", kind.path(Some(namespace)), escape(&controller.name));
    let manager = found(actor.read::<Value>(&path).await)?;
    let manager =
        manager.and_then(|it| object(&kind.api_version(), &kind.kind, it)).filter(|it| it.uid == controller.uid);
    let Some(selector) = manager.as_ref().and_then(selector_of) else { return Ok((manager, Vec::new())) };
    let mut pods = pods(actor, namespace, &selector.to_string()).await?;
    pods.retain(|pod| controller.manages(pod));
    Ok((manager, pods))
}

/// The pods of a namespace that a selector selects.
pub(super) async fn pods(actor: &Actor, namespace: &str, selector: &str) -> Result<Vec<Object>, NotDone> {
    let (namespace, selector) = (escape(namespace), escape(selector));
    list_all(actor, &format!("/api/v1/namespaces/{namespace}/pods?labelSelector={selector}"), ("v1", "Pod")).await
}

/// The pods that a Service's EndpointSlices have, by their UIDs, and whether each is ready there.
pub(super) async fn endpoints(actor: &Actor, namespace: &str, service: &str) -> Result<Vec<(String, bool)>, NotDone> {
    let selector = format!("{SERVICE}={service}");
    let (namespace, selector) = (escape(namespace), escape(&selector));
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector={selector}");
    let slices = list_all(actor, &path, SLICES).await?;
    let endpoints = slices.iter().flat_map(|slice| list(&slice.value, "/endpoints"));
    // One that does not say whether it is ready is (discovery/v1, `EndpointConditions`).
    let is_ready =
        |endpoint: &Value| endpoint.pointer("/conditions/ready").is_none_or(|_| is(endpoint, "/conditions/ready"));
    let mut pods: Vec<_> =
        endpoints.map(|endpoint| (text(endpoint, "/targetRef/uid").to_owned(), is_ready(endpoint))).collect();
    // A pod of two families of addresses is in two slices.
    pods.sort_unstable();
    pods.dedup();
    Ok(pods)
}

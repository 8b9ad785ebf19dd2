//! Nodes that get no more pods.

use serde::Deserialize;
use serde_json::json;

use super::actor::{Actor, NotDone};
use crate::access::authorizer::Right;
use crate::kind::{Kind, escape};

/// Whether a node is to get pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// It is: uncordoned.
    On,
    /// It is not: cordoned.
    Off,
}

/// A node before a change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Node {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    uid: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    unschedulable: bool,
}

/// What has become of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Its UID.
    pub uid: String,
    /// Whether it was otherwise before.
    pub changed: bool,
}

/// What it takes to do it.
#[must_use]
pub fn right(nodes: &Kind, name: &str) -> Right {
    Right::to("patch", nodes, None).of(&name.into())
}

/// Has a node get pods, or none; `uid` is the node's that is meant, or empty for any of that name.
///
/// # Errors
/// If the actor may not, there is no such node, or the API server refuses.
pub async fn schedule(
    actor: &Actor,
    nodes: &Kind,
    (name, uid): (&str, &str),
    scheduling: Scheduling,
    dry_run: bool,
) -> Result<Scheduled, NotDone> {
    actor.may(Right::to("get", nodes, None).of(&name.into())).await?;
    actor.may(right(nodes, name)).await?;
    let path = format!("{}/{}", nodes.path(None), escape(name));
    let before: Node = actor.read(&path).await?;
    let unschedulable = scheduling == Scheduling::Off;
    let is_meant = uid.is_empty() || uid == before.metadata.uid;
    if is_meant && before.spec.unschedulable == unschedulable {
        return Ok(Scheduled { uid: before.metadata.uid, changed: false });
    }
    // The API server refuses another node of that name: a UID never changes.
    let uid = if uid.is_empty() { before.metadata.uid } else { uid.to_owned() };
    let patch = json!({ "metadata": { "uid": uid }, "spec": { "unschedulable": unschedulable.then_some(true) } });
    let path = if dry_run { format!("{path}?dryRun=All") } else { path };
    actor.patch(&path, &patch).await?;
    Ok(Scheduled { uid, changed: true })
}

//! Pods that are put back: they get the labels that they had.

use jiff::Timestamp;
use serde_json::{Map, json};

use super::ANNOTATION;
use super::mark::Mark;
use super::plan::{Change, selector_of};
use super::ranking::{is_active, node, of_daemon_set, of_replica_set};
use super::read::{self, Managing, path};
use super::replacement::wanted;
use super::search::applied;
use super::selector::{Selector, labels_of};
use crate::act::actor::{Actor, NotDone};
use crate::act::controller::Controller;
use crate::act::read::permitted;
use crate::diagnose::Object;
use crate::diagnose::fields::text;
use crate::kind::Kind;
use crate::record::Key;

/// How often a pod is looked at anew that changes just then.
const TRIES: usize = 5;

/// What has become of a pod.
#[derive(Clone, Debug)]
pub struct Released {
    /// Its UID.
    pub uid: String,
    /// What was changed.
    pub changes: Vec<Change>,
    /// What managed it, and will again.
    pub controller: Option<Controller>,
    /// The pod that the controller will probably remove.
    pub removed: Option<Object>,
    /// That in a sentence.
    pub message: String,
}

/// A pod that was not put back.
#[derive(Debug, thiserror::Error)]
pub enum NotReleased {
    /// It is not in quarantine.
    #[error("pod {0} is not in quarantine{1}")]
    NotQuarantined(String, String),
    /// Somebody else has changed its labels since.
    #[error("pod {0} is not released, and nothing was changed: {1}")]
    LabelsChanged(String, String),
    /// The API server has not done it.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

/// What a pod in quarantine says of that.
fn mark(pod: &Object) -> Result<Mark, NotReleased> {
    let not = |why: String| NotReleased::NotQuarantined(pod.name.name.clone(), why);
    match Mark::of(pod) {
        Ok(Some(mark)) => Ok(mark),
        Ok(None) => Err(not(String::new())),
        Err(error) => Err(not(format!(": {error}; remove it, and set the labels yourself"))),
    }
}

/// A pod that is to be put back, which is to have that UID, or any if that is empty; and what it
/// says of its quarantine.
///
/// # Errors
/// If the actor may not put it back, it is not in quarantine, or the API server refuses.
pub async fn find(actor: &Actor, pods: &Kind, key: &Key, uid: &str) -> Result<(Object, Mark), NotReleased> {
    actor.may(read::right(pods, key)).await?;
    let pod = read::pod(actor, key, uid).await?;
    let mark = mark(&pod)?;
    Ok((pod, mark))
}

/// Puts a pod back that was found before, and that `managing` managed.
///
/// # Errors
/// If it is not in quarantine any more, its labels were changed since, or the API server refuses.
pub async fn release(
    actor: &Actor,
    mut pod: Object,
    managing: &Managing,
    (now, dry_run): (Timestamp, bool),
) -> Result<Released, NotReleased> {
    let key = Key::new(pod.name.namespace.as_str(), pod.name.name.as_str());
    let query = if dry_run { "?dryRun=All" } else { "" };
    let path = format!("{}{query}", path(&key));
    let uid = pod.uid.clone();
    for _ in 0..TRIES {
        let changes = back(&pod, &mark(&pod)?)?;
        let fate = fate(actor, &pod, &changes, managing, now).await?;
        let labels: Map<_, _> = changes.iter().map(|it| (it.key.clone(), json!(it.after))).collect();
        let metadata = json!({
            "uid": uid,
            "resourceVersion": text(&pod.value, "/metadata/resourceVersion"),
            "labels": labels,
            "annotations": { ANNOTATION: null },
        });
        match actor.patch(&path, &json!({ "metadata": metadata })).await {
            Ok(_) => {
                let controller = managing.as_ref().map(|(controller, _)| controller.clone());
                let Fate { removed, message } = fate;
                return Ok(Released { uid, changes, controller, removed, message });
            }
            // It has changed: its labels may have, too.
            Err(NotDone::Refused(refusal)) if refusal.status == Some(409) => {}
            Err(error) => return Err(error.into()),
        }
        pod = read::pod(actor, &key, &uid).await?;
    }
    let why = "it keeps changing: try again".to_owned();
    Err(NotReleased::LabelsChanged(pod.name.name, why))
}

/// The changes that undo those of a quarantine.
fn back(pod: &Object, mark: &Mark) -> Result<Vec<Change>, NotReleased> {
    let labels = labels_of(pod);
    let told = |value: Option<&String>| value.map_or_else(|| "not there".to_owned(), |value| format!("{value:?}"));
    for (key, was) in &mark.labels {
        let now = labels.get(key);
        if now != was.after.as_ref() {
            let (now, after) = (told(now), told(was.after.as_ref()));
            let why = format!(
                "somebody has changed label {key} since: it is {now}, but should be {after}; set it to that, or set the labels yourself"
            );
            return Err(NotReleased::LabelsChanged(pod.name.name.clone(), why));
        }
    }
    let undo = |Change { key, before, after }: Change| Change { key, before: after, after: before };
    Ok(mark.changes().into_iter().map(undo).collect())
}

/// What becomes of the pod and of its controller's others.
struct Fate {
    removed: Option<Object>,
    message: String,
}

impl Fate {
    fn nobody(message: String) -> Self {
        Self { removed: None, message }
    }
}

async fn fate(
    actor: &Actor,
    pod: &Object,
    changes: &[Change],
    managing: &Managing,
    now: Timestamp,
) -> Result<Fate, NotDone> {
    let Some((controller, kind)) = managing else {
        return Ok(Fate::nobody("it had no controller, so no other pod is removed".to_owned()));
    };
    let namespace = &pod.name.namespace;
    let key = Key::new(namespace.as_str(), pod.name.name.as_str());
    if !permitted(read::may_look(actor, &key, managing).await)? {
        return Ok(Fate::nobody(format!(
            "{} may remove a pod then: which one is not known, because you may not see its pods",
            controller.spoken()
        )));
    }
    let (manager, mut pods) = read::managed(actor, namespace, controller, kind.as_deref()).await?;
    let Some((manager, selector)) = manager.as_ref().and_then(|it| Some((it, selector_of(it)?))) else {
        return Ok(Fate::nobody(format!("{} is gone: it has no controller any more", controller.spoken())));
    };
    let edits = changes.iter().map(|it| (it.key.clone(), it.after.clone())).collect();
    if !selector.matches(&applied(&labels_of(pod), &edits)) {
        return Ok(Fate::nobody(format!("{} does not select it any more: nothing manages it", controller.spoken())));
    }
    let mut related = read::pods(actor, namespace, &related(&selector).to_string()).await?;
    for all in [&mut pods, &mut related] {
        all.retain(|other| other.uid != pod.uid);
        all.push(pod.clone());
    }
    Ok(decided(pod, (controller, manager), &pods, &related, now))
}

/// What selects the pods of a ReplicaSet's Deployment, besides its own.
fn related(selector: &Selector) -> Selector {
    selector.without("pod-template-hash")
}

/// Which pod goes, of those that there will be.
fn decided(
    pod: &Object,
    (controller, manager): (&Controller, &Object),
    pods: &[Object],
    related: &[Object],
    now: Timestamp,
) -> Fate {
    let name = controller.spoken();
    let active: Vec<_> = pods.iter().filter(|pod| is_active(pod)).collect();
    let count = |pods: &[&Object]| i64::try_from(pods.len()).unwrap_or(i64::MAX);
    let (order, wanted) = match &*controller.kind {
        "ReplicaSet" | "ReplicationController" => (of_replica_set(&active, related, now), wanted(manager)),
        "DaemonSet" => {
            let here: Vec<_> = active.into_iter().filter(|other| node(other) == node(pod)).collect();
            (of_daemon_set(&here), Some(1))
        }
        _ => return Fate::nobody(format!("{name} manages it again, and may remove one of its pods")),
    };
    let Some(wanted) = wanted else { return Fate::nobody(format!("{name} manages it again")) };
    let (excess, has) = (count(&order) - wanted, count(&order));
    let Some(first) = order.first().filter(|_| excess > 0) else {
        return Fate::nobody(format!("{name} manages it again, and has a place for it: no pod is removed"));
    };
    let own = if first.uid == pod.uid { ", which is this one" } else { "" };
    let more = if excess > 1 { format!(" and {} more", excess - 1) } else { String::new() };
    let message = format!(
        "{name} has {has} pods then, but should have {wanted}: it will probably remove {}{own}{more}",
        first.name.name
    );
    Fate { removed: Some((*first).clone()), message }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::act::quarantine::plan::spoken;

    fn pod(name: &str, labels: &Value, note: &Value) -> Object {
        let metadata = json!({"name": name, "namespace": "n", "uid": name, "labels": labels, "annotations": note});
        let status = json!({"phase": "Running"});
        Object::read(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": name}, "status": status}))
            .unwrap()
    }

    fn note(labels: &Value) -> Value {
        json!({ANNOTATION: json!({"labels": labels, "by": "a", "at": Timestamp::UNIX_EPOCH}).to_string()})
    }

    #[test]
    fn labels_come_back_unless_somebody_has_changed_them() {
        let changed =
            note(&json!({"app": {"before": "web", "after": "x"}, "tier": {"before": "a"}, "y": {"after": "z"}}));
        let taken = pod("p", &json!({"app": "x", "y": "z", "other": "b"}), &changed);
        let back = |pod: &Object| back(pod, &mark(pod).unwrap()).map(|changes| spoken(&changes));
        assert_eq!(back(&taken).unwrap(), "app: x → web, tier: (none) → a, y: z → (none)");
        for labels in [json!({"app": "x"}), json!({"app": "v", "y": "z"}), json!({"app": "x", "y": "z", "tier": "c"})] {
            let error = back(&pod("p", &labels, &changed)).unwrap_err();
            assert!(matches!(&error, NotReleased::LabelsChanged(_, why) if why.contains("since")), "{error}");
        }
        for (annotations, part) in
            [(json!({}), "is not in quarantine"), (json!({ANNOTATION: "x"}), "remove it, and set the labels yourself")]
        {
            let error = mark(&pod("p", &json!({}), &annotations)).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn what_goes_is_told() {
        let controller =
            |kind: &str| Controller { group: "apps".into(), kind: kind.into(), name: "web".into(), uid: "o".into() };
        let manager = |kind: &str, replicas: i64| {
            Object::read(json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": {"replicas": replicas}}))
                .unwrap()
        };
        let pods = [pod("b", &json!({}), &json!({})), pod("a", &json!({}), &json!({}))];
        let fate = |kind: &str, replicas| {
            let manager = manager(kind, replicas);
            let fate = decided(&pods[1], (&controller(kind), &manager), &pods, &pods, Timestamp::UNIX_EPOCH);
            (fate.removed.map(|pod| pod.name.name), fate.message)
        };
        let (removed, message) = fate("ReplicaSet", 1);
        assert_eq!(removed.as_deref(), Some("b"), "{message}");
        assert!(fate("ReplicaSet", 2).0.is_none());
        let (removed, message) = fate("ReplicaSet", 0);
        assert!(removed.is_some() && message.contains("and 1 more"), "{message}");
        // Each is on a node of its own.
        assert!(fate("DaemonSet", 0).0.is_none());
        assert!(fate("Job", 0).1.contains("may remove"));
        let alone = decided(
            &pods[1],
            (&controller("ReplicaSet"), &manager("ReplicaSet", 0)),
            &pods[1..],
            &pods,
            Timestamp::UNIX_EPOCH,
        );
        assert!(alone.message.contains("which is this one"), "{}", alone.message);
    }
}

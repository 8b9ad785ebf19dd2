//! What comes in the place of a pod that was taken away from its controller. Pure.

use std::collections::HashSet;

use super::ranking::{is_active, is_ready};
use crate::act::controller::Controller;
use crate::act::operation::StepState;
use crate::diagnose::Object;
use crate::diagnose::fields::{condition_is, is, number, text};

/// How far a controller is with a pod's replacement.
#[derive(Clone, Debug)]
pub(super) enum Replacement {
    /// It has the pod still.
    Held,
    /// It is gone itself.
    Gone,
    /// There is none, or one that is not ready.
    Awaited(Option<Object>),
    /// It is ready.
    Ready(Object),
    /// None is needed: so many pods are ready, of so many that there are to be.
    Needless(usize, i64),
}

/// What was read of a controller.
#[derive(Debug)]
pub(super) struct Managed {
    /// As it is now, unless it is gone.
    pub(super) manager: Option<Object>,
    /// Its pods.
    pub(super) pods: Vec<Object>,
}

impl Replacement {
    /// That of a pod; `known` are the UIDs of pods that the controller had before.
    pub(super) fn of(pod: &Object, controller: &Controller, managed: &Managed, known: &HashSet<String>) -> Self {
        let Some(manager) = &managed.manager else { return Self::Gone };
        if controller.manages(pod) {
            return Self::Held;
        }
        let is_new = |pod: &&Object| !known.contains(&pod.uid);
        let is_well =
            |pod: &&Object| is_active(pod) && is_ready(pod) || text(&pod.value, "/status/phase") == "Succeeded";
        if let Some(ready) = managed.pods.iter().filter(is_new).find(is_well) {
            return Self::Ready(ready.clone());
        }
        let ready = managed.pods.iter().filter(|pod| is_active(pod) && is_ready(pod)).count();
        match wanted(manager) {
            Some(wanted) if i64::try_from(ready).is_ok_and(|ready| ready >= wanted) => Self::Needless(ready, wanted),
            _ => Self::Awaited(managed.pods.iter().filter(is_new).max_by_key(|pod| pod.created()).cloned()),
        }
    }

    /// How far that is, in a state, a word and a sentence.
    pub(super) fn told(&self) -> (StepState, &'static str, String) {
        match self {
            Self::Held => (StepState::Running, "Holding", "it still has the pod".to_owned()),
            Self::Gone => (StepState::Done, "Gone", "it is gone: no other pod replaces it".to_owned()),
            Self::Awaited(None) => {
                (StepState::Running, "Replacing", "it has released the pod, and has no other yet".to_owned())
            }
            Self::Awaited(Some(pod)) => {
                let phase = text(&pod.value, "/status/phase");
                (StepState::Running, "Replacing", format!("pod {} is not ready yet ({phase})", pod.name.name))
            }
            Self::Ready(pod) => (StepState::Done, "Replaced", format!("pod {} is ready", pod.name.name)),
            Self::Needless(ready, wanted) => {
                (StepState::Done, "Replaced", format!("{ready} of {wanted} pods are ready without it"))
            }
        }
    }
}

/// How many pods a controller is to have now; `None` if it does not say.
pub(super) fn wanted(manager: &Object) -> Option<i64> {
    let value = &manager.value;
    match &*manager.name.kind {
        "DaemonSet" => number(value, "/status/desiredNumberScheduled"),
        "Job" if is(value, "/spec/suspend") => Some(0),
        "Job" if ["Complete", "Failed"].iter().any(|it| condition_is(value, it, "True")) => Some(0),
        "Job" => {
            let succeeded = number(value, "/status/succeeded").unwrap_or(0);
            let left = number(value, "/spec/completions").map_or(i64::MAX, |completions| completions - succeeded);
            Some(number(value, "/spec/parallelism").unwrap_or(1).min(left))
        }
        "ReplicaSet" | "ReplicationController" => Some(number(value, "/spec/replicas").unwrap_or(1)),
        _ => number(value, "/spec/replicas"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn controller() -> Controller {
        Controller { group: "apps".into(), kind: "ReplicaSet".into(), name: "web".into(), uid: "o".into() }
    }

    fn pod(uid: &str, owner: &str, ready: &str) -> Object {
        let owners =
            json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": owner, "controller": true}]);
        Object::read(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": uid, "uid": uid, "ownerReferences": owners},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    fn manager(kind: &str, rest: &Value) -> Object {
        let mut value = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "uid": "o"}});
        value.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        Object::read(value).unwrap()
    }

    fn reason(pod_is_held: bool, pods: Vec<Object>) -> &'static str {
        let taken = pod("taken", if pod_is_held { "o" } else { "" }, "True");
        let known = ["taken", "old"].map(str::to_owned).into();
        let managed = Managed { manager: Some(manager("ReplicaSet", &json!({"spec": {"replicas": 2}}))), pods };
        Replacement::of(&taken, &controller(), &managed, &known).told().1
    }

    #[test]
    fn a_replacement_is_new_and_ready() {
        let old = || pod("old", "o", "True");
        assert_eq!(reason(true, vec![pod("taken", "o", "True"), old()]), "Holding");
        assert_eq!(reason(false, vec![old()]), "Replacing");
        assert_eq!(reason(false, vec![old(), pod("new", "o", "False")]), "Replacing");
        assert_eq!(reason(false, vec![old(), pod("new", "o", "True")]), "Replaced");
        // One that is new is enough, whatever is wrong with the others.
        assert_eq!(reason(false, vec![pod("old", "o", "False"), pod("new", "o", "True")]), "Replaced");
        // There were too many.
        assert_eq!(reason(false, vec![old(), pod("old", "o", "True")]), "Replaced");
        let gone = Managed { manager: None, pods: Vec::new() };
        assert_eq!(Replacement::of(&old(), &controller(), &gone, &HashSet::new()).told().1, "Gone");
    }

    #[test]
    fn controllers_say_how_many_pods_there_are_to_be() {
        for (kind, rest, expected) in [
            ("ReplicaSet", json!({}), Some(1)),
            ("ReplicaSet", json!({"spec": {"replicas": 3}}), Some(3)),
            ("DaemonSet", json!({"status": {"desiredNumberScheduled": 5}}), Some(5)),
            ("Job", json!({}), Some(1)),
            ("Job", json!({"spec": {"parallelism": 4, "completions": 6}, "status": {"succeeded": 4}}), Some(2)),
            ("Job", json!({"spec": {"suspend": true}}), Some(0)),
            ("Job", json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}}), Some(0)),
            ("Widget", json!({}), None),
        ] {
            assert_eq!(wanted(&manager(kind, &rest)), expected, "{kind} {rest}");
        }
    }
}

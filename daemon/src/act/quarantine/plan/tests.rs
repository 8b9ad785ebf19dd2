use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

fn object(api_version: &str, kind: &str, name: &str, metadata: &Value, spec: &Value) -> Object {
    let mut value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "n", "uid": name}, "spec": spec});
    value["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    Object::read(value).unwrap()
}

fn service(name: &str, selector: &Value) -> Object {
    object("v1", "Service", name, &json!({}), &json!({"selector": selector}))
}

/// A pod of a controller with that selector, and what was read of both.
fn facts(kind: &str, selector: &Value) -> Facts {
    let owner = json!({"apiVersion": "apps/v1", "kind": kind, "name": "owner", "uid": "o", "controller": true});
    let labels = json!({"app": "web", "pod-template-hash": "5d"});
    let pod = object("v1", "Pod", "p", &json!({"labels": labels, "ownerReferences": [owner]}), &json!({}));
    Facts {
        controller: Controller::of(&pod),
        manager: Some(object("apps/v1", kind, "owner", &json!({}), &json!({"selector": selector, "replicas": 4}))),
        services: vec![
            service("web", &json!({"app": "web"})),
            service("api", &json!({"app": "api"})),
            service("none", &json!({})),
        ],
        pod,
        managed: Vec::new(),
        budgets: Vec::new(),
        policies: Vec::new(),
        not_visible: Vec::new(),
    }
}

fn of_replica_set() -> Facts {
    facts("ReplicaSet", &json!({"matchLabels": {"app": "web", "pod-template-hash": "5d"}}))
}

fn set(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn unfit(facts: &Facts) -> String {
    match Plan::of(facts, &Labels::new()) {
        Err(Unfit::Pod(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pod_leaves_its_services_and_its_controller() {
    let plan = Plan::of(&of_replica_set(), &Labels::new()).unwrap();
    assert_eq!(plan.spoken(), "app: web → web-quarantined");
    assert_eq!(plan.services.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["web"]);
    assert_eq!(plan.controller.map(|it| it.spoken()).as_deref(), Some("ReplicaSet owner"));
    assert_eq!(plan.notes, Vec::<String>::new());
    let replication_controller = facts("ReplicationController", &json!({"app": "web"}));
    assert_eq!(Plan::of(&replication_controller, &Labels::new()).unwrap().spoken(), "app: web → web-quarantined");
}

#[test]
fn own_values_have_to_do_it() {
    let plan = Plan::of(&of_replica_set(), &set(&[("app", "notworking")])).unwrap();
    assert_eq!(plan.spoken(), "app: web → notworking");
    for (pairs, part) in [
        (&[("tier", "x")][..], "selected by Service web, ReplicaSet owner"),
        (&[("app", "api")], "selected by Service api"),
        (&[("pod-template-hash", "x")], "selected by Service web"),
        (&[("app", "not working")], "label app cannot be"),
        (&[("a b", "x")], "cannot be called"),
    ] {
        match Plan::of(&of_replica_set(), &set(pairs)) {
            Err(Unfit::Request(message)) => assert!(message.contains(part), "{message}"),
            other => panic!("{pairs:?}: {other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_replaced_is_left_alone() {
    assert!(unfit(&facts("StatefulSet", &json!({"matchLabels": {"app": "web"}}))).contains("StatefulSet owner"));
    let with = |metadata: Value| {
        let mut facts = of_replica_set();
        facts.pod.value["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        facts
    };
    assert!(unfit(&with(json!({"annotations": {MIRROR: "x"}}))).contains("kubelet"));
    assert!(unfit(&with(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}))).contains("being deleted"));
    assert!(unfit(&with(json!({"annotations": {ANNOTATION: "x"}}))).contains(ANNOTATION));
    let mark = json!({"labels": {}, "by": "user \"jane\"", "at": Timestamp::UNIX_EPOCH}).to_string();
    assert!(unfit(&with(json!({"annotations": {ANNOTATION: mark}}))).contains("by user \"jane\" at 1970"));
    let mut ended = of_replica_set();
    ended.pod.value["status"] = json!({"phase": "Failed"});
    assert!(unfit(&ended).contains("terminated"));
    let orphan = Facts { manager: None, ..of_replica_set() };
    assert!(unfit(&orphan).contains("garbage collector"));
}

#[test]
fn what_nothing_selects_is_left_alone_unless_labels_are_set() {
    let free = Facts { controller: None, manager: None, services: Vec::new(), ..of_replica_set() };
    assert!(unfit(&free).contains("nothing to take it out of"));
    let plan = Plan::of(&free, &set(&[("app", "x")])).unwrap();
    assert_eq!((plan.spoken(), plan.controller), ("app: web → x".to_owned(), None));
    assert!(plan.notes[0].contains("it has no controller"), "{:?}", plan.notes);
}

#[test]
fn what_follows_besides_is_told() {
    let mut facts = facts("DaemonSet", &json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}));
    let selector = json!({"matchLabels": {"app": "web"}});
    facts.budgets = vec![object("policy/v1", "PodDisruptionBudget", "b", &json!({}), &json!({"selector": selector}))];
    let policy = |name: &str, selector: &Value| {
        object("networking.k8s.io/v1", "NetworkPolicy", name, &json!({}), &json!({"podSelector": selector}))
    };
    facts.policies = vec![policy("closed", &selector), policy("all", &json!({}))];
    facts.not_visible = vec!["x: you may not".into()];
    let plan = Plan::of(&facts, &Labels::new()).unwrap();
    assert_eq!(plan.spoken(), "app: web → (none)");
    let told = plan.notes.join("\n");
    for part in ["PodDisruptionBudget b no longer", "NetworkPolicy closed no longer", "same node", "not looked at: x"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("policy all"), "{told}");
}

#[test]
fn a_controller_that_does_not_say_what_it_selects_keeps_its_pod() {
    let plan = Plan::of(&facts("Widget", &json!({"labels": ["web"]})), &Labels::new()).unwrap();
    assert_eq!((plan.controller, plan.services.len()), (None, 1));
    assert!(plan.notes[0].contains("it keeps this one"), "{:?}", plan.notes);
}

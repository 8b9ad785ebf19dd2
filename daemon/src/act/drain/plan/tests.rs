use serde_json::{Value, json};

use super::*;

fn object(api_version: &str, kind: &str, name: &str, rest: &Value) -> Object {
    let mut value =
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "n", "uid": name}});
    for (field, more) in rest.as_object().unwrap() {
        match (field.as_str(), more) {
            ("metadata", Value::Object(more)) => {
                value["metadata"].as_object_mut().unwrap().extend(more.clone());
            }
            _ => value[field] = more.clone(),
        }
    }
    Object::read(value).unwrap()
}

fn owned_by(kind: &str) -> Value {
    json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": "owner", "uid": "o", "controller": true}]})
}

fn pod(name: &str, metadata: &Value) -> Object {
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    object("v1", "Pod", name, &json!({"metadata": metadata, "status": status}))
}

fn facts(pods: Vec<Object>, budgets: Vec<Object>) -> Facts {
    let node = object("v1", "Node", "n1", &json!({}));
    let now = "2026-01-01T00:01:00Z".parse().unwrap();
    Facts { node, pods, budgets, lost_daemon_sets: BTreeSet::new(), not_visible: Vec::new(), now }
}

fn fates(facts: &Facts, options: &Options) -> Vec<(String, Fate, &'static str)> {
    let plan = Plan::of(facts, options);
    plan.pods.iter().map(|pod| (pod.key.name.to_string(), pod.fate, pod.reason)).collect()
}

fn fate_of(pod: Object, options: &Options) -> (Fate, &'static str) {
    let all = fates(&facts(vec![pod], Vec::new()), options);
    (all[0].1, all[0].2)
}

fn all() -> Options {
    Options { ignore_daemonsets: true, delete_emptydir_data: true, force: true, ..Options::default() }
}

#[test]
fn pods_go_that_come_back_and_what_would_be_lost_blocks() {
    let none = Options::default();
    let with_volume = |owner: &Value| {
        object("v1", "Pod", "p", &json!({"metadata": owner, "spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}))
    };
    let mirror = pod("p", &json!({"annotations": {MIRROR: "x"}}));
    let over = object("v1", "Pod", "p", &json!({"status": {"phase": "Succeeded"}}));
    for (pod, without, with) in [
        (pod("p", &owned_by("ReplicaSet")), (Fate::Goes, "Evictable"), (Fate::Goes, "Evictable")),
        (pod("p", &owned_by("DaemonSet")), (Fate::Blocks, "DaemonSet"), (Fate::Stays, "DaemonSet")),
        (pod("p", &json!({})), (Fate::Blocks, "Unmanaged"), (Fate::Goes, "Evictable")),
        (with_volume(&owned_by("ReplicaSet")), (Fate::Blocks, "LocalStorage"), (Fate::Goes, "Evictable")),
        (mirror, (Fate::Stays, "Mirror"), (Fate::Stays, "Mirror")),
        (over, (Fate::Goes, "Ended"), (Fate::Goes, "Ended")),
    ] {
        assert_eq!(fate_of(pod.clone(), &none), without);
        assert_eq!(fate_of(pod, &all()), with);
    }
}

#[test]
fn a_pod_that_should_have_ended_long_ago_is_left_and_blocks_nothing() {
    let patient = Options::default();
    let skipping = Options { skip_wait_for_delete_timeout: 30, ..patient.clone() };
    let ended = "2026-01-01T00:00:00Z";
    let of_daemon_set =
        json!({"deletionTimestamp": ended, "ownerReferences": owned_by("DaemonSet")["ownerReferences"]});
    for (metadata, without) in [
        (json!({"deletionTimestamp": ended}), (Fate::Blocks, "Unmanaged")),
        (of_daemon_set, (Fate::Blocks, "DaemonSet")),
    ] {
        assert_eq!(fate_of(pod("p", &metadata), &patient), without);
        assert_eq!(fate_of(pod("p", &metadata), &skipping), (Fate::Stays, NOT_AWAITED));
    }
    let ends = json!({"deletionTimestamp": "2026-01-01T00:00:31Z"});
    assert_eq!(fate_of(pod("p", &ends), &skipping).0, Fate::Blocks, "it has time yet");
}

#[test]
fn a_pod_of_a_daemon_set_that_is_gone_goes_by_force() {
    let mut facts = facts(vec![pod("p", &owned_by("DaemonSet"))], Vec::new());
    facts.lost_daemon_sets.insert(Key::new("n", "owner"));
    assert_eq!(fates(&facts, &Options::default())[0].2, "Orphaned");
    let plan = Plan::of(&facts, &all());
    assert_eq!(plan.pods[0].fate, Fate::Goes);
    assert!(plan.pods[0].message.contains("is not recreated"));
}

fn budget(name: &str, selector: &Value, (healthy, desired, expected, allowed): (i64, i64, i64, i64)) -> Object {
    let status = json!({
        "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected, "disruptionsAllowed": allowed,
    });
    let spec = json!({"selector": selector, "minAvailable": desired});
    object("policy/v1", "PodDisruptionBudget", name, &json!({"spec": spec, "status": status}))
}

fn labelled(name: &str) -> Object {
    let mut metadata = owned_by("ReplicaSet");
    metadata["labels"] = json!({"app": "web"});
    pod(name, &metadata)
}

#[test]
fn budgets_are_told_with_their_arithmetic() {
    let web = json!({"matchLabels": {"app": "web"}});
    let pods = || vec![labelled("a"), labelled("b"), pod("c", &owned_by("ReplicaSet"))];
    let facts = facts(
        pods(),
        vec![budget("web", &web, (3, 2, 3, 1)), budget("other", &json!({"matchLabels": {"a": "b"}}), (1, 1, 1, 0))],
    );
    let plan = Plan::of(&facts, &Options::default());
    assert_eq!(plan.budgets.len(), 1, "the other selects nothing here");
    let budget = &plan.budgets[0];
    assert_eq!((budget.here, budget.is_never()), (2, false));
    assert_eq!(budget.message(), "allows 1 disruption now: 3 of 3 pods are healthy, 2 have to be (minAvailable: 2)");
    let of: Vec<_> = plan.pods.iter().map(|pod| pod.budgets.len()).collect();
    assert_eq!(of, [1, 1, 0]);
}

#[test]
fn a_budget_that_wants_all_never_allows_any() {
    let facts = facts(vec![labelled("a")], vec![budget("web", &json!({}), (1, 1, 1, 0))]);
    let plan = Plan::of(&facts, &Options::default());
    assert!(plan.budgets[0].is_never());
    assert!(plan.budgets[0].message().starts_with("never allows a disruption: 1 of 1 pod is healthy, 1 have to be"));
}

#[test]
fn pods_that_have_not_begun_are_no_matter_of_budgets() {
    let mut pending = labelled("a");
    pending.value["status"] = json!({"phase": "Pending"});
    let facts = facts(vec![pending], vec![budget("web", &json!({}), (0, 1, 1, 0))]);
    assert!(Plan::of(&facts, &Options::default()).budgets.is_empty());
}

#[test]
fn the_eviction_api_takes_no_pod_of_two_budgets() {
    let facts =
        facts(vec![labelled("a")], vec![budget("x", &json!({}), (2, 1, 2, 1)), budget("y", &json!({}), (2, 1, 2, 1))]);
    assert_eq!(fates(&facts, &Options::default()), [("a".to_owned(), Fate::Blocks, "SeveralBudgets")]);
    let forced = Options { disable_eviction: true, ..Options::default() };
    assert_eq!(fates(&facts, &forced), [("a".to_owned(), Fate::Goes, "Evictable")]);
}

#[test]
fn a_pod_in_quarantine_is_told_to_be() {
    let pod = pod("p", &json!({"annotations": {ANNOTATION: "{}"}}));
    let plan = Plan::of(&facts(vec![pod], Vec::new()), &all());
    assert!(plan.pods[0].quarantined && plan.pods[0].message.starts_with("in quarantine; it has no controller"));
}

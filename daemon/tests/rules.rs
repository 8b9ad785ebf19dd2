//! What the rules say of objects, as the API server would give them.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "support/kinds.rs"]
mod kinds;

use daymarkd::decode::decode;
use daymarkd::rule::{Ruling, judge};
use daymarkd::state::{Doom, State};
use jiff::Timestamp;
use serde_json::{Value, json};

use kinds::kinds;

const NOW: &str = "2026-01-01T00:01:00Z";

fn rule(kind: &str, mut object: Value) -> Ruling {
    let kind = kinds().into_iter().find(|k| k.answers_to(kind)).unwrap();
    let metadata = &mut object["metadata"];
    for (field, value) in [("name", "a"), ("namespace", "n"), ("uid", "u"), ("resourceVersion", "1")] {
        metadata[field] = value.into();
    }
    let object = decode(&kind, object.to_string().as_bytes()).unwrap().object;
    judge(&object, NOW.parse().unwrap())
}

fn says(kind: &str, object: &Value, state: State, reason: &str, doom: Doom) {
    let judgement = rule(kind, object.clone()).judgement;
    assert_eq!((judgement.state, &*judgement.reason, judgement.doom), (state, reason, doom), "{object}");
}

/// A Deployment of three, its status' fields in the order in which the
/// controller moves them.
fn deployment(observed: i64, replicas: i64, updated: i64, available: i64) -> Value {
    json!({
        "metadata": {"generation": 2},
        "spec": {"replicas": 3},
        "status": {"observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available},
    })
}

#[test]
fn a_deployment_is_ready_when_rollout_status_says_so_and_not_before() {
    let (progress, ready) = (State::InProgress, State::Ready);
    for (object, state, reason) in [
        // All is as it should be, but for the generation before.
        (deployment(1, 3, 3, 3), progress, "GenerationNotObserved"),
        (deployment(2, 3, 1, 3), progress, "RollingOut"),
        (deployment(2, 4, 3, 3), progress, "OldReplicasRemain"),
        (deployment(2, 3, 3, 2), progress, "ReplicasUnavailable"),
        (deployment(2, 3, 3, 3), ready, "RolloutComplete"),
        // No status at all yet.
        (json!({"metadata": {"generation": 1}, "spec": {}}), progress, "GenerationNotObserved"),
    ] {
        says("deploy", &object, state, reason, Doom::None);
    }
    let mut to_zero = deployment(2, 0, 0, 0);
    to_zero["spec"]["replicas"] = 0.into();
    says("deploy", &to_zero, ready, "RolloutComplete", Doom::None);
    // `replicas` defaults to 1: zero updated ones are not enough.
    let unset = json!({"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1}});
    says("deploy", &unset, progress, "RollingOut", Doom::None);
}

#[test]
fn a_deployment_past_its_deadline_has_failed_for_its_own_generation_only() {
    let mut object = deployment(2, 3, 1, 0);
    object["status"]["conditions"] = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]);
    says("deploy", &object, State::Failed, "ProgressDeadlineExceeded", Doom::Fatal);
    object["metadata"]["generation"] = 3.into();
    says("deploy", &object, State::InProgress, "GenerationNotObserved", Doom::None);
}

#[test]
fn pods_that_are_refused_are_a_failure_that_may_pass() {
    let refused =
        json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]);
    let mut object = deployment(2, 0, 0, 0);
    object["status"]["conditions"] = refused;
    says("deploy", &object, State::Failed, "FailedCreate", Doom::Persistent);
    says("rs", &object, State::Failed, "FailedCreate", Doom::Persistent);
    object["status"]["conditions"][0]["status"] = "False".into();
    says("deploy", &object, State::InProgress, "RollingOut", Doom::None);
}

#[test]
fn what_is_held_back_is_paused() {
    let mut object = deployment(2, 3, 1, 3);
    object["spec"]["paused"] = true.into();
    says("deploy", &object, State::Paused, "DeploymentPaused", Doom::None);
    says("job", &json!({"metadata": {}, "spec": {"suspend": true}}), State::Paused, "JobSuspended", Doom::None);
}

#[test]
fn what_is_being_deleted_is_terminating_whatever_else_it_is() {
    for kind in ["pod", "deploy", "rs", "job"] {
        let mut object = deployment(2, 3, 3, 3);
        object["metadata"]["deletionTimestamp"] = NOW.into();
        object["metadata"]["finalizers"] = json!(["example.com/hold"]);
        let ruling = rule(kind, object);
        assert_eq!(ruling.judgement.state, State::Terminating, "{kind}");
        assert!(ruling.judgement.message.contains("example.com/hold"), "{ruling:?}");
    }
}

#[test]
fn a_replica_set_counts_to_available() {
    let set = |replicas: i64, ready: i64, available: i64| {
        json!({
            "metadata": {"generation": 1}, "spec": {"replicas": 2},
            "status": {"observedGeneration": 1, "replicas": replicas, "readyReplicas": ready, "availableReplicas": available},
        })
    };
    for (object, state, reason) in [
        (set(1, 0, 0), State::InProgress, "PodsMissing"),
        (set(2, 1, 0), State::InProgress, "PodsNotReady"),
        (set(2, 2, 1), State::InProgress, "PodsUnavailable"),
        (set(3, 3, 3), State::InProgress, "ScalingDown"),
        (set(2, 2, 2), State::Ready, "PodsAvailable"),
    ] {
        says("rs", &object, state, reason, Doom::None);
    }
}

#[test]
fn only_a_jobs_conditions_end_it() {
    let job = |status: Value| json!({"metadata": {}, "spec": {"completions": 2, "backoffLimit": 0}, "status": status});
    let condition =
        |r#type: &str, status: &str, reason: &str| json!([{"type": r#type, "status": status, "reason": reason}]);
    for (status, state, reason, doom) in [
        (json!({}), State::InProgress, "NotStarted", Doom::None),
        // More failures than backoffLimit, but the controller has not decided.
        (json!({"startTime": NOW, "failed": 5}), State::InProgress, "Running", Doom::None),
        (json!({"startTime": NOW, "succeeded": 2}), State::InProgress, "Running", Doom::None),
        (
            json!({"conditions": condition("Failed", "False", "x"), "startTime": NOW}),
            State::InProgress,
            "Running",
            Doom::None,
        ),
        (
            json!({"conditions": condition("Failed", "True", "BackoffLimitExceeded")}),
            State::Failed,
            "BackoffLimitExceeded",
            Doom::Fatal,
        ),
        (
            json!({"conditions": condition("FailureTarget", "True", "PodFailurePolicy")}),
            State::Failed,
            "PodFailurePolicy",
            Doom::Fatal,
        ),
        (json!({"conditions": condition("Complete", "True", "")}), State::Ready, "Complete", Doom::None),
        // Resumed after a suspension.
        (
            json!({"conditions": condition("Suspended", "False", "JobResumed"), "startTime": NOW}),
            State::InProgress,
            "Running",
            Doom::None,
        ),
    ] {
        says("job", &job(status), state, reason, doom);
    }
}

fn pod(phase: &str, container: Value, conditions: Value) -> Value {
    json!({
        "metadata": {}, "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": phase, "conditions": conditions, "containerStatuses": [container]},
    })
}

#[test]
fn a_pod_is_what_its_stuck_container_is() {
    let waiting = |reason: &str| json!({"name": "main", "state": {"waiting": {"reason": reason, "message": "m"}}});
    for (reason, state, doom) in [
        ("ContainerCreating", State::InProgress, Doom::None),
        ("CrashLoopBackOff", State::Failed, Doom::Persistent),
        ("ImagePullBackOff", State::Failed, Doom::Persistent),
        ("ErrImagePull", State::Failed, Doom::Persistent),
        ("CreateContainerConfigError", State::Failed, Doom::Persistent),
        ("InvalidImageName", State::Failed, Doom::Fatal),
    ] {
        says("pod", &pod("Pending", waiting(reason), json!([])), state, reason, doom);
    }
    let mut crashed = waiting("CrashLoopBackOff");
    crashed["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let message = rule("pod", pod("Running", crashed, json!([]))).judgement.message;
    assert!(message.contains("exit code 137") && message.contains("OOMKilled"), "{message}");

    let ended = json!({"name": "main", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}});
    says("pod", &pod("Running", ended.clone(), json!([])), State::InProgress, "Error", Doom::Transient);
    let mut never = pod("Running", ended.clone(), json!([]));
    never["spec"]["restartPolicy"] = "Never".into();
    says("pod", &never, State::Failed, "Error", Doom::Fatal);
    says("pod", &pod("Failed", ended, json!([])), State::Failed, "Error", Doom::Fatal);
}

#[test]
fn an_init_container_that_is_stuck_comes_first() {
    let mut object =
        pod("Pending", json!({"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}), json!([]));
    says("pod", &object, State::InProgress, "PodInitializing", Doom::None);
    object["status"]["initContainerStatuses"] =
        json!([{"name": "init", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]);
    says("pod", &object, State::Failed, "CrashLoopBackOff", Doom::Persistent);
}

#[test]
fn a_pod_is_ready_by_its_condition_and_phase() {
    let running = json!({"name": "main", "ready": true, "state": {"running": {}}});
    let condition =
        |status: &str| json!([{"type": "Ready", "status": status, "reason": "ContainersNotReady", "message": "m"}]);
    says("pod", &pod("Running", running.clone(), condition("True")), State::Ready, "Ready", Doom::None);
    says(
        "pod",
        &pod("Running", running.clone(), condition("False")),
        State::InProgress,
        "ContainersNotReady",
        Doom::None,
    );
    says("pod", &pod("Running", running.clone(), json!([])), State::InProgress, "Running", Doom::None);
    says("pod", &pod("Succeeded", running.clone(), condition("False")), State::Ready, "Completed", Doom::None);
    says("pod", &pod("Unknown", running, json!([])), State::Unknown, "NodeLost", Doom::None);
    let evicted = json!({"metadata": {}, "spec": {}, "status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}});
    says("pod", &evicted, State::Failed, "Evicted", Doom::Fatal);
}

#[test]
fn an_unschedulable_pod_is_given_fifteen_seconds_and_judged_again() {
    let unscheduled = |since: &str| {
        let condition = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available", "lastTransitionTime": since}]);
        rule("pod", pod("Pending", json!({"name": "main"}), condition))
    };
    let fresh = unscheduled("2026-01-01T00:00:50Z");
    assert_eq!((fresh.judgement.state, fresh.judgement.doom), (State::InProgress, Doom::Transient));
    assert_eq!(fresh.recheck_at, Some("2026-01-01T00:01:05Z".parse::<Timestamp>().unwrap()));
    let old = unscheduled("2026-01-01T00:00:45Z");
    assert_eq!((old.judgement.state, old.judgement.doom), (State::Failed, Doom::Persistent));
    assert_eq!(old.recheck_at, None);
}

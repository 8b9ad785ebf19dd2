//! Objects that the daemon's rules judge as wanted.

use daymark_proto::v1::State;
use serde_json::{Value, json};

use super::Collection;

/// The namespace of the objects.
pub const NAMESPACE: &str = "n";
/// The annotation that says what the daemon should judge of an object.
const EXPECTED: &str = "tests.daymark.dev/state";

/// An object of generation 1 that is ready, in progress (also for any other
/// state), or has failed.
#[must_use]
pub fn object(collection: Collection, name: &str, state: State) -> Value {
    let (spec, status) = match collection {
        Collection::Pods => (json!({"containers": [{"name": "c"}]}), pod_status(state)),
        Collection::Deployments => (json!({"replicas": 3}), deployment_status(state)),
        Collection::ReplicaSets => (json!({"replicas": 3}), replica_set_status(state)),
        Collection::Jobs => (json!({"completions": 1}), job_status(state)),
        // Its EndpointSlice says whether it is ready.
        Collection::Services => (json!({"clusterIP": "10.0.0.1", "selector": {"app": name}}), json!({})),
        Collection::EndpointSlices | Collection::Events | Collection::Nodes => (json!({}), json!({})),
    };
    let mut object = json!({
        "metadata": {
            "namespace": NAMESPACE,
            "name": name,
            "generation": 1,
            "annotations": {EXPECTED: state.as_str_name()},
        },
        "spec": spec,
        "status": status,
    });
    if collection == Collection::EndpointSlices {
        object["metadata"]["labels"] = json!({"kubernetes.io/service-name": name});
        object["endpoints"] = json!([{"conditions": {"ready": state == State::Ready}}]);
    }
    object
}

/// What the daemon should judge of an object that [`object`] made.
#[must_use]
pub fn expected_state(object: &Value) -> State {
    let name = object["metadata"]["annotations"][EXPECTED].as_str().unwrap_or_default();
    State::from_str_name(name).unwrap_or_default()
}

fn pod_status(state: State) -> Value {
    match state {
        State::Ready => json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
        State::Failed => json!({"phase": "Failed", "message": "it was evicted", "reason": "Evicted"}),
        _ => json!({"phase": "Pending"}),
    }
}

fn deployment_status(state: State) -> Value {
    let done = if state == State::Ready { 3 } else { 1 };
    let reason = if state == State::Failed { "ProgressDeadlineExceeded" } else { "ReplicaSetUpdated" };
    json!({
        "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": done, "availableReplicas": done,
        "conditions": [{"type": "Progressing", "status": "True", "reason": reason, "message": "as it says"}],
    })
}

fn replica_set_status(state: State) -> Value {
    let done = if state == State::Ready { 3 } else { 1 };
    let failing = if state == State::Failed { "True" } else { "False" };
    json!({
        "observedGeneration": 1, "replicas": 3, "readyReplicas": done, "availableReplicas": done,
        "conditions": [{"type": "ReplicaFailure", "status": failing, "reason": "FailedCreate", "message": "quota"}],
    })
}

fn job_status(state: State) -> Value {
    let condition = |r#type: &str| json!([{"type": r#type, "status": "True", "reason": r#type, "message": "over"}]);
    match state {
        State::Ready => {
            json!({"startTime": "2026-01-01T00:00:00Z", "succeeded": 1, "conditions": condition("Complete")})
        }
        State::Failed => json!({"startTime": "2026-01-01T00:00:00Z", "failed": 1, "conditions": condition("Failed")}),
        _ => json!({"startTime": "2026-01-01T00:00:00Z", "active": 1}),
    }
}

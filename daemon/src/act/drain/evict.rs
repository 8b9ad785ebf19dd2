//! One pod that is made to go.

use serde_json::{Value, json};

use super::Options;
use crate::access::authorizer::Right;
use crate::act::actor::{Actor, NotDone};
use crate::act::operation::Target;
use crate::kind::escape;
use crate::source::apiserver::requests::Refusal;

/// What has become of a pod that was to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is going.
    Going,
    /// It is gone, or another pod has its name.
    Gone,
    /// A budget does not allow it now.
    Budget(String),
    /// Something else is in the way, which may pass.
    Held { reason: &'static str, message: String },
    /// It cannot be done.
    Failed(String),
}

/// Asks for a pod to go: that one, and no other of its name.
pub(super) async fn evict(actor: &Actor, pod: &Target, options: &Options) -> Outcome {
    let (namespace, name) = (&*pod.key.namespace, &*pod.key.name);
    let pods = Right::to_any(if options.disable_eviction { "delete" } else { "create" }, "", "pods", Some(namespace));
    let right =
        if options.disable_eviction { pods.of(&pod.key.name) } else { pods.below("eviction").of(&pod.key.name) };
    if let Err(error) = actor.may(right).await {
        return outcome(error);
    }
    let path = format!("/api/v1/namespaces/{}/pods/{}", escape(namespace), escape(name));
    let how = how(&pod.uid, options);
    let done = match options.disable_eviction {
        true => actor.delete(&path, &how).await,
        false => {
            let eviction = json!({
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": { "name": name, "namespace": namespace },
                "deleteOptions": how,
            });
            actor.post(&format!("{path}/eviction"), &eviction).await
        }
    };
    match done {
        Ok(_) => Outcome::Going,
        Err(error) => outcome(error),
    }
}

fn how(uid: &str, options: &Options) -> Value {
    let mut how = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": uid } });
    if let Some(seconds) = options.grace_period {
        how["gracePeriodSeconds"] = seconds.into();
    }
    if options.dry_run {
        how["dryRun"] = json!(["All"]);
    }
    how
}

fn outcome(error: NotDone) -> Outcome {
    match error {
        NotDone::Refused(refusal) => refused(&refusal),
        NotDone::Unreviewed(_) => Outcome::Held { reason: "Unreviewed", message: error.to_string() },
        NotDone::Denied { .. } | NotDone::Another { .. } => Outcome::Failed(error.to_string()),
    }
}

/// `pkg/registry/core/pod/storage/eviction.go` of Kubernetes says by which answers budgets
/// speak.
fn refused(refusal: &Refusal) -> Outcome {
    let message = || refusal.message.clone();
    match refusal.status {
        Some(404 | 409) => Outcome::Gone,
        Some(429) if refusal.is_because_of("DisruptionBudget") => {
            let causes = refusal.causes.iter().filter(|(reason, _)| reason == "DisruptionBudget");
            let causes: Vec<_> = causes.map(|(_, message)| message.as_str()).collect();
            Outcome::Budget(causes.join("; "))
        }
        Some(429) => Outcome::Held { reason: "Throttled", message: message() },
        Some(403) if refusal.is_because_of("NamespaceTerminating") => {
            Outcome::Held { reason: "NamespaceTerminating", message: message() }
        }
        Some(500) if refusal.message.contains("more than one PodDisruptionBudget") => Outcome::Failed(message()),
        _ if refusal.may_pass() => Outcome::Held { reason: "NotAnswered", message: refusal.to_string() },
        _ => Outcome::Failed(message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Problem, ProblemReason};

    fn refusal(status: Option<u16>, cause: &str, message: &str) -> Refusal {
        let reason = if status.is_none() { ProblemReason::Unreachable } else { ProblemReason::Refused };
        Refusal {
            status,
            is_explained: true,
            reason: String::new(),
            message: message.into(),
            causes: vec![(cause.into(), "the budget web needs 2 healthy pods and has 2 currently".into())],
            problem: Problem::new(reason, message),
        }
    }

    #[test]
    fn answers_tell_what_passes_from_what_does_not() {
        let held = |reason| Outcome::Held { reason, message: "m".into() };
        for (status, cause, message, expected) in [
            (Some(404), "", "m", Outcome::Gone),
            (Some(409), "", "m", Outcome::Gone),
            (
                Some(429),
                "DisruptionBudget",
                "m",
                Outcome::Budget("the budget web needs 2 healthy pods and has 2 currently".into()),
            ),
            (Some(429), "", "m", held("Throttled")),
            (Some(403), "NamespaceTerminating", "m", held("NamespaceTerminating")),
            (Some(403), "", "m", Outcome::Failed("m".into())),
            (Some(503), "", "m", held("NotAnswered")),
            (None, "", "m", held("NotAnswered")),
            (Some(422), "", "m", Outcome::Failed("m".into())),
        ] {
            assert_eq!(refused(&refusal(status, cause, message)), expected, "{status:?} {cause}");
        }
        let two = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        assert_eq!(refused(&refusal(Some(500), "", two)), Outcome::Failed(two.into()));
    }
}

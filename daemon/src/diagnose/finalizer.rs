//! Objects that are being deleted, and wait for their finalizers.

use jiff::SignedDuration;

use super::cause::{Cause, Certainty, Evidence};
use super::fields::{condition_is, list, text, time, word};
use super::object::{Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::Target;

/// What is there for longer does not pass by itself, usually.
const LONG: SignedDuration = SignedDuration::from_secs(60);
/// What has just begun is not worth a word.
const SHORT: SignedDuration = SignedDuration::from_secs(2);
/// Conditions of a namespace that say what remains (k8s.io/kubernetes `pkg/controller/namespace`).
const REMAINS: &[&str] = &[
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionContentFailure",
];

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let family = target.family.iter().copied();
    let members = family.chain(target.pods.iter().map(|pod| pod.object));
    members.filter(|member| member.is_deleted()).filter_map(|member| stuck(observation, member)).collect()
}

fn stuck(observation: &Observation, object: &Object) -> Option<Cause> {
    let since = observation.now.duration_since(time(&object.value, "/metadata/deletionTimestamp")?);
    let finalizers =
        |path: &str| list(&object.value, path).iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>();
    let of_metadata = finalizers("/metadata/finalizers");
    let of_namespace = if object.is_a(kinds::NAMESPACE) { finalizers("/spec/finalizers") } else { Vec::new() };
    let remains = || REMAINS.iter().filter(|it| condition_is(&object.value, it, "True"));
    let is_namespace = !of_namespace.is_empty() && remains().next().is_some();
    if since < SHORT || (of_metadata.is_empty() && !is_namespace) {
        return None;
    }
    let names = of_metadata.iter().chain(&of_namespace).copied().collect::<Vec<_>>().join(", ");
    let meaning = of_metadata.iter().find_map(|name| meaning(name)).unwrap_or_default();
    let message = format!(
        "{} was deleted {}s ago, and waits for its finalizers: {names}{meaning}",
        object.name.spoken(),
        since.as_secs()
    );
    let conditions = remains().filter_map(|it| super::fields::condition(&object.value, it));
    let certainty = if since < LONG { Certainty::Likely } else { Certainty::Certain };
    let field = Evidence::field(
        object,
        format!(
            "metadata.deletionTimestamp: {}, finalizers: {names}",
            text(&object.value, "/metadata/deletionTimestamp")
        ),
    );
    let cause = Cause::new(Reason::FinalizerStuck, object, message).is(certainty);
    Some(cause.because([field]).because(conditions.map(|it| Evidence::condition(object, it))).then(next(object)))
}

fn next(object: &Object) -> Vec<String> {
    if object.is_a(kinds::NAMESPACE) {
        let get = "kubectl get --ignore-not-found --show-kind -n";
        let list = "kubectl api-resources --verbs=list --namespaced -o name";
        return vec![format!("{list} | xargs -n 1 {get} {}", word(&object.name.name))];
    }
    let short = object.name.short();
    vec![
        object.name.kubectl(&format!("get {short} -o jsonpath='{{.metadata.finalizers}}'")),
        // Who does so leaves undone what the finalizer stands for.
        object.name.kubectl(&format!("patch {short} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'")),
    ]
}

/// What Kubernetes' own finalizers wait for.
fn meaning(finalizer: &str) -> Option<&'static str> {
    match finalizer {
        "kubernetes.io/pvc-protection" => Some(" (a pod still uses the claim)"),
        "kubernetes.io/pv-protection" => Some(" (a claim still uses the volume)"),
        "foregroundDeletion" => Some(" (what it owns goes first)"),
        "orphan" => Some(" (what it owns is let go first)"),
        "batch.kubernetes.io/job-tracking" => Some(" (the Job has not counted it yet)"),
        _ => None,
    }
}

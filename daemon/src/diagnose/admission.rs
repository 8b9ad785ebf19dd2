//! Pods that admission does not let in: webhooks that do not answer, those that say no, and what
//! has to be there first. The words are the API server's (k8s.io/apiserver `pkg/admission`).

use super::cause::{Cause, Certainty, Evidence};
use super::fields::{at, brief, text, word};
use super::object::{Name, kinds};
use super::observation::Observation;
use super::quota::forbidden;
use super::reason::Reason;
use super::refusal::{Refusal, quoted, refusals};
use super::target::Target;
use crate::rule::doom;

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let others = refusals(observation, target).into_iter().filter(|refusal| !super::quota::is_it(&refusal.message));
    others.map(|refusal| cause(observation, &refusal)).collect()
}

fn cause(observation: &Observation, refusal: &Refusal<'_>) -> Cause {
    let Refusal { workload, message, evidence } = refusal;
    let cause = match () {
        () if message.contains(doom::NO_ANSWER) => unavailable(observation, refusal),
        () if message.contains(doom::NO_ACCOUNT) => no_account(observation, refusal),
        () if doom::NO_CLASS.iter().any(|words| message.contains(words)) => {
            let text = format!("what the pod refers to does not exist: {}", brief(forbidden(message)));
            Cause::new(Reason::DependencyMissing, workload, text)
        }
        () => denied(refusal),
    };
    cause.because([evidence.clone()])
}

/// `Internal error occurred: failed calling webhook "NAME": failed to call webhook: Post
/// "https://SERVICE.NAMESPACE.svc:443/...": no endpoints available for service "SERVICE"`
fn unavailable(observation: &Observation, refusal: &Refusal<'_>) -> Cause {
    let Refusal { workload, message, .. } = refusal;
    let name = quoted(message, &format!("{} ", doom::NO_ANSWER)).unwrap_or_default();
    let why = message.rsplit("\": ").next().unwrap_or(message);
    let text = format!("admission webhook {name:?} is required, and does not answer: {}", brief(why));
    let host = message
        .split_once("https://")
        .map_or("", |(_, rest)| rest.split([':', '/', '?', '"']).next().unwrap_or_default());
    let mut labels = host.split('.');
    let service = labels.next().zip(labels.next()).filter(|_| host.contains(".svc"));
    let mut cause = Cause::new(Reason::WebhookUnavailable, workload, text).keyed(name);
    if let Some((service, namespace)) = service {
        let culprit = Name::of(kinds::SERVICE, namespace, service);
        let is_missing = observation.lacks(kinds::SERVICE, namespace, service);
        let said = if is_missing { "there is no such Service" } else { "the webhook's Service" };
        let evidence = Evidence { kind: super::EvidenceKind::Field, object: culprit.clone(), text: said.to_owned() };
        let diagnose = format!("daymark diagnose -n {} service/{}", word(namespace), word(service));
        cause = Cause { object: culprit, ..cause }.because([evidence]).then([diagnose]);
    }
    cause.then(["kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations".to_owned()])
}

/// `error looking up service account NAMESPACE/NAME: serviceaccount "NAME" not found`
fn no_account(observation: &Observation, refusal: &Refusal<'_>) -> Cause {
    let Refusal { workload, message, .. } = refusal;
    let named = text(at(&workload.value, "/spec/template/spec"), "/serviceAccountName");
    let name = quoted(message, "serviceaccount ").unwrap_or(if named.is_empty() { "default" } else { named });
    let culprit = Name::of(kinds::SERVICE_ACCOUNT, workload.namespace(), name);
    let is_there = observation.find(kinds::SERVICE_ACCOUNT, workload.namespace(), name).is_some();
    let certainty = if is_there { Certainty::Possible } else { Certainty::Certain };
    let create = culprit.kubectl(&format!("create serviceaccount {}", word(name)));
    Cause::new(
        Reason::DependencyMissing,
        workload,
        format!("there is no ServiceAccount {name:?}, which the pods are to run as"),
    )
    .by(culprit)
    .is(certainty)
    .then([create])
}

/// Somebody says no: a webhook, a policy, a standard.
fn denied(refusal: &Refusal<'_>) -> Cause {
    let Refusal { workload, message, .. } = refusal;
    let why = brief(forbidden(message));
    let (by, next) = match (quoted(message, "admission webhook "), quoted(message, "ValidatingAdmissionPolicy ")) {
        (Some(webhook), _) => (
            format!("admission webhook {webhook:?}"),
            "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations".to_owned(),
        ),
        (None, Some(policy)) => {
            (format!("policy {policy:?}"), format!("kubectl describe validatingadmissionpolicy {}", word(policy)))
        }
        (None, None) if message.contains("violates PodSecurity") => {
            ("Pod Security".to_owned(), format!("kubectl get namespace {} --show-labels", word(workload.namespace())))
        }
        (None, None) => {
            ("the API server".to_owned(), workload.name.kubectl(&format!("describe {}", workload.name.short())))
        }
    };
    // What a webhook says may hold names of pods, which differ.
    Cause::new(Reason::AdmissionDenied, workload, format!("{by} does not let the pods be created: {why}"))
        .keyed(format!("{}/{by}", workload.namespace()))
        .then([next])
}

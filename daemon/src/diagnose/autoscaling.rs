//! HorizontalPodAutoscalers that get no metrics (k8s.io/kubernetes `pkg/controller/podautoscaler`).

use super::cause::{Cause, Certainty, Evidence};
use super::fields::{brief, condition, text, word};
use super::object::{Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::{Target, scaled};

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let own = target.members(kinds::AUTOSCALER).map(|autoscaler| (autoscaler, Certainty::Certain));
    let namespace = target.object.namespace();
    let of_target =
        |autoscaler: &&Object| scaled(observation, autoscaler).is_some_and(|it| it.name == target.object.name);
    let others = observation.within(kinds::AUTOSCALER, namespace).filter(of_target);
    let all = own.chain(others.map(|autoscaler| (autoscaler, Certainty::Likely)));
    all.filter_map(|(autoscaler, certainty)| cause(observation, autoscaler).map(|cause| cause.is(certainty))).collect()
}

fn cause(observation: &Observation, autoscaler: &Object) -> Option<Cause> {
    let is_off = |r#type: &str| condition(&autoscaler.value, r#type).filter(|it| text(it, "/status") == "False");
    let condition = is_off("ScalingActive").or_else(|| is_off("AbleToScale"))?;
    let reason = text(condition, "/reason");
    // Scaled to nothing by hand, it rests.
    if reason == "ScalingDisabled" {
        return None;
    }
    let name = &autoscaler.name;
    let why = brief(text(condition, "/message"));
    let message = match reason {
        "FailedGetScale" => format!("{} has nothing to scale: {why}", name.spoken()),
        "InvalidSelector" | "AmbiguousSelector" => {
            format!("{} cannot tell whose pods to measure: {why}", name.spoken())
        }
        _ => format!("{} gets no metrics: {why}", name.spoken()),
    };
    let event = observation.events(autoscaler).rfind(|event| event.is_warning);
    let describe = name.kubectl(&format!("describe {}", word(&name.short())));
    let mut next = vec![describe];
    match () {
        () if why.contains("missing request for") => {
            next.extend(
                scaled(observation, autoscaler)
                    .map(|it| it.name.kubectl(&format!("set resources {} --requests=cpu=100m", it.name.short()))),
            );
        }
        () if why.contains("custom.metrics") || why.contains("external.metrics") => {
            next.push("kubectl get apiservices | grep metrics.k8s.io".to_owned());
        }
        () => next.extend(["kubectl get apiservice v1beta1.metrics.k8s.io".to_owned(), "kubectl top pods".to_owned()]),
    }
    let evidence =
        [Evidence::condition(autoscaler, condition)].into_iter().chain(event.map(|it| Evidence::event(autoscaler, it)));
    Some(Cause::new(Reason::HpaWithoutMetrics, autoscaler, message).because(evidence).then(next))
}

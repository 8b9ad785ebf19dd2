//! Jobs that have failed.

use super::cause::{Cause, Evidence};
use super::containers::containers;
use super::crash::status;
use super::fields::{brief, condition, is, text, word};
use super::object::{Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::Target;

/// Pods whose ends are told.
const PODS: usize = 2;

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for job in target.members(kinds::JOB) {
        if is(&job.value, "/spec/suspend") {
            let message = format!("{} is suspended", job.name.spoken());
            let resume = format!("patch {} --type=merge -p '{{\"spec\":{{\"suspend\":false}}}}'", job.name.short());
            let field = Evidence::field(job, "spec.suspend is true");
            causes.push(Cause::new(Reason::Paused, job, message).because([field]).then([job.name.kubectl(&resume)]));
        }
        causes.extend(failed(observation, job));
    }
    causes
}

/// What a Job has come to, if it has failed.
pub(super) fn failed(observation: &Observation, job: &Object) -> Option<Cause> {
    let failure = condition(&job.value, "Failed").filter(|failure| text(failure, "/status") == "True")?;
    let reason = text(failure, "/reason");
    let why = match reason {
        "BackoffLimitExceeded" => "its pods have failed more often than backoffLimit allows".to_owned(),
        "DeadlineExceeded" => "it was active for longer than activeDeadlineSeconds".to_owned(),
        "PodFailurePolicy" => format!("its podFailurePolicy ends it: {}", brief(text(failure, "/message"))),
        _ => brief(text(failure, "/message")),
    };
    let pods: Vec<_> = observation.owned_by(job).filter(|pod| pod.is_a(kinds::POD)).collect();
    let ends = pods.iter().flat_map(|pod| {
        let ended = containers(pod).into_iter().filter_map(|it| Some((it, it.end().filter(|end| end.code() != 0)?)));
        ended.map(|(container, end)| (*pod, container, end)).collect::<Vec<_>>()
    });
    let ends: Vec<_> = ends.take(PODS).collect();
    let code = ends.first().map(|(_, container, end)| format!(": {}", status(container, *end))).unwrap_or_default();
    let logs = ends
        .iter()
        .filter_map(|(pod, container, _)| Evidence::log(pod, container.name(), observation.log(pod, container.name())));
    let statuses = ends.iter().map(|(pod, container, end)| Evidence::container(pod, status(container, *end)));
    let name = word(&job.name.name);
    let cause = Cause::new(Reason::JobFailed, job, format!("{} has failed, {why}{code}", job.name.spoken()))
        .because([Evidence::condition(job, failure)])
        .because(statuses)
        .because(logs)
        .then([
            job.name.kubectl(&format!("logs job/{name} --all-pods --prefix")),
            job.name.kubectl(&format!("describe job {name}")),
        ]);
    Some(cause)
}

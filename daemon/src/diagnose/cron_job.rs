//! CronJobs whose runs fail, or do not begin.

use super::cause::{Cause, Certainty, Evidence};
use super::fields::{brief, condition_is, counted, is, text, time, word};
use super::object::{Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::Target;

/// Events of runs that do not begin (k8s.io/kubernetes `pkg/controller/cronjob`).
const NOT_BEGUN: &[&str] =
    &["FailedCreate", "FailedNeedsStart", "TooManyMissedTimes", "UnparseableCronJobSchedule", "UnknownTimeZone"];

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for cron_job in target.members(kinds::CRON_JOB) {
        if is(&cron_job.value, "/spec/suspend") {
            let message = format!("{} is suspended: no runs begin", cron_job.name.spoken());
            let resume =
                format!("patch {} --type=merge -p '{{\"spec\":{{\"suspend\":false}}}}'", cron_job.name.short());
            let field = Evidence::field(cron_job, "spec.suspend is true");
            causes.push(
                Cause::new(Reason::Paused, cron_job, message).because([field]).then([cron_job.name.kubectl(&resume)]),
            );
        }
        causes.extend(failing(observation, cron_job).or_else(|| not_begun(observation, cron_job)));
    }
    causes
}

fn failing(observation: &Observation, cron_job: &Object) -> Option<Cause> {
    let mut jobs: Vec<_> = observation.owned_by(cron_job).filter(|job| job.is_a(kinds::JOB)).collect();
    jobs.sort_by_key(|job| (std::cmp::Reverse(job.created()), &job.name));
    let ended = |job: &&&Object| ["Complete", "Failed"].iter().any(|it| condition_is(&job.value, it, "True"));
    let ended: Vec<_> = jobs.iter().filter(ended).copied().collect();
    let failures: Vec<_> = ended.iter().copied().take_while(|job| condition_is(&job.value, "Failed", "True")).collect();
    let newest = failures.first()?;
    let inner = super::job::failed(observation, newest);
    let why = inner.as_ref().map(|cause| format!(": {}", cause.message)).unwrap_or_default();
    let runs = match failures.len() {
        1 => "the last run has failed".to_owned(),
        count => format!("the last {} have failed", counted(count, "run")),
    };
    let last = match time(&cron_job.value, "/status/lastSuccessfulTime") {
        Some(time) => format!("lastSuccessfulTime: {time}"),
        None => "it has no lastSuccessfulTime".to_owned(),
    };
    let again = format!("create job NAME --from=cronjob/{}", word(&cron_job.name.name));
    let cause = Cause::new(Reason::CronJobFailing, cron_job, format!("{runs}{why}"))
        .because([Evidence::field(cron_job, last)])
        .because(inner.iter().flat_map(|cause| cause.evidence.clone()))
        .then(inner.iter().flat_map(|cause| cause.next.clone()).take(1))
        .then([cron_job.name.kubectl(&again)]);
    Some(cause)
}

/// Its controller says why no run begins, and it has not begun one since.
fn not_begun(observation: &Observation, cron_job: &Object) -> Option<Cause> {
    let event = observation.events(cron_job).rfind(|event| NOT_BEGUN.contains(&&*event.reason))?;
    let last = time(&cron_job.value, "/status/lastScheduleTime");
    let is_over = last.zip(event.last).is_some_and(|(last, told)| last > told);
    let message = format!("a run does not begin: {}", brief(&event.message));
    let schedule = Evidence::field(cron_job, format!("spec.schedule: {}", text(&cron_job.value, "/spec/schedule")));
    let describe = cron_job.name.kubectl(&format!("describe cronjob {}", word(&cron_job.name.name)));
    (!is_over).then(|| {
        Cause::new(Reason::CronJobFailing, cron_job, message)
            .is(Certainty::Likely)
            .because([Evidence::event(cron_job, event), schedule])
            .then([describe])
    })
}

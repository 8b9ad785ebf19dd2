//! Jobs.

use std::borrow::Cow;

use crate::object::condition_true;
use crate::object::workload::Job;
use crate::state::{Doom, Judgement, State};

/// Only the conditions decide: counting failed pods against `backoffLimit`
/// misses restarts in place, and a Job is not over before its condition says so
/// (kubernetes `pkg/controller/job/job_controller.go`).
pub(super) fn judge(job: &Job) -> Judgement {
    let (spec, status) = (&job.spec, &job.status);
    // Without `completions` one success is enough.
    let wanted = spec.completions.unwrap_or(1);
    let progress = |judgement: Judgement| judgement.with_progress(status.succeeded, wanted, "succeeded");
    for r#type in ["Failed", "FailureTarget"] {
        if let Some(failed) = condition_true(&status.conditions, r#type) {
            let judgement = Judgement::new(State::Failed, failed.reason.clone(), failed.message.clone());
            return progress(judgement.with_doom(Doom::Fatal));
        }
    }
    if let Some(complete) = condition_true(&status.conditions, "Complete") {
        let message = match &*complete.message {
            "" => Cow::Borrowed("the job has completed"),
            message => Cow::Owned(message.to_owned()),
        };
        return progress(Judgement::new(State::Ready, "Complete", message));
    }
    if spec.suspend {
        return Judgement::new(State::Paused, "JobSuspended", "spec.suspend holds the job back");
    }
    if status.start_time.is_none() {
        return Judgement::new(State::InProgress, "NotStarted", "the job controller has not taken the job up yet");
    }
    let message = format!(
        "{} of {wanted} pods have succeeded, {} are active, {} have failed",
        status.succeeded, status.active, status.failed
    );
    progress(Judgement::new(State::InProgress, "Running", message))
}

//! Jobs.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::condition::{self, Condition};
use super::lenient::Filled;
use super::view::View;
use super::{Facts, Ruling, doom, pods_below, refusal};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::{Detail, Uid};
use crate::state::{Doom, Judgement, State};

/// What is read of a Job.
pub(super) type Job = super::kinds::Facet<Spec, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    /// How many pods must succeed; without it, any one.
    completions: Option<i64>,
    suspend: bool,
    /// Which indexes are enough.
    success_policy: Filled,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    start_time: Option<Timestamp>,
    active: i64,
    succeeded: i64,
    failed: i64,
    /// Of an indexed Job, the indexes that have failed for good, as `1,3-5`.
    failed_indexes: Box<str>,
    conditions: Vec<Condition>,
}

impl Facts for Job {
    fn judge(&self, metadata: &Metadata, view: &dyn View, now: Timestamp) -> Ruling {
        let own = judge(self);
        if !matches!(own.state, State::InProgress | State::Failed) {
            return own.into();
        }
        let uid = Uid::from(&*metadata.uid);
        let mut pods = pods_below::of(&uid, &metadata.namespace, view);
        if own.state == State::Failed {
            pods.retain(|pod| pod.judgement.state == State::Failed);
            return pods_below::blame(own, &pods).into();
        }
        // Pods that have failed are counted, and made anew: that is the Job's
        // business. One that is stuck before it can run is nobody's.
        let mut cannot_start = pods_below::not_over(&pods);
        cannot_start.retain(|pod| doom::keeps_from_starting(&pod.judgement.reason));
        let blamed = pods_below::blame(own, &cannot_start);
        match self.status.active == 0 && blamed.doom <= Doom::Transient {
            true => refusal::or_refused(blamed, self.status.start_time, metadata, &pods, view, now),
            false => blamed.into(),
        }
    }

    fn detail(&self, _metadata: &Metadata, _texts: &mut Interner<str>) -> Detail {
        let ended = |r#type: &&str| condition::find_true(&self.status.conditions, r#type).is_some();
        match ["Failed", "Complete"].iter().any(ended) {
            true => Detail::Over(Arc::new(judge(self))),
            false => Detail::None,
        }
    }
}

/// Only the conditions decide: counting failed pods against `backoffLimit`
/// misses restarts in place, and a Job is not over before its condition says so
/// (kubernetes `pkg/controller/job/job_controller.go`).
fn judge(job: &Job) -> Judgement {
    let (spec, status) = (&job.spec, &job.status);
    let conditions = &status.conditions;
    // Without `completions` one success is enough.
    let wanted = spec.completions.unwrap_or(1);
    let progress = |judgement: Judgement| judgement.with_progress(status.succeeded, wanted, "succeeded");
    for r#type in ["Failed", "FailureTarget"] {
        if let Some(failed) = condition::find_true(conditions, r#type) {
            let judgement = Judgement::new(State::Failed, failed.reason_or("JobFailed"), failed.says());
            return progress(judgement.with_doom(Doom::Fatal));
        }
    }
    if let Some(complete) = condition::find_true(conditions, "Complete") {
        let message =
            if complete.message.is_empty() { "the job has completed".to_owned() } else { complete.message.clone() };
        return progress(Judgement::new(State::Ready, "Complete", message));
    }
    if let Some(met) = condition::find_true(conditions, "SuccessCriteriaMet") {
        let message = format!("{}; its last pods have yet to terminate", met.says());
        return progress(Judgement::new(State::InProgress, "SuccessCriteriaMet", message));
    }
    if spec.suspend {
        return Judgement::new(State::Paused, "JobSuspended", "spec.suspend holds the job back");
    }
    if status.start_time.is_none() {
        return Judgement::new(State::InProgress, "NotStarted", "the job controller has not started the job yet");
    }
    progress(running(spec, status, wanted))
}

fn running(spec: &Spec, status: &Status, wanted: i64) -> Judgement {
    let mut message = format!(
        "{} of {wanted} pods have succeeded, {} are active, {} have failed",
        status.succeeded, status.active, status.failed
    );
    if !status.failed_indexes.is_empty() {
        message.push_str(&format!("; indexes {} have failed for good", status.failed_indexes));
    }
    // The others still run, but the Job will fail (`backoffLimitPerIndex`), unless
    // fewer indexes are enough.
    if !status.failed_indexes.is_empty() && !spec.success_policy.0 {
        return Judgement::new(State::Failed, "FailedIndexes", message).with_doom(Doom::Fatal);
    }
    Judgement::new(State::InProgress, "Running", message)
}

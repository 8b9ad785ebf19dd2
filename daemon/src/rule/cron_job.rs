//! CronJobs.

use jiff::Timestamp;
use serde::Deserialize;

use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Judgement, State};

/// The reason of one that runs no Jobs because its specification says so.
pub(super) const SUSPENDED: &str = "CronJobSuspended";

/// What is read of a CronJob.
pub(super) type CronJob = super::kinds::Facet<Spec, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    schedule: Box<str>,
    suspend: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    /// Counted only.
    active: Vec<serde::de::IgnoredAny>,
    last_schedule_time: Option<Timestamp>,
}

impl Facts for CronJob {
    /// Its Jobs succeed or fail by themselves: one that failed yesterday says
    /// nothing of what was applied today.
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let Self { spec, status } = self;
        if spec.suspend {
            return Judgement::new(State::Paused, SUSPENDED, "spec.suspend holds its jobs back").into();
        }
        let last =
            status.last_schedule_time.map_or_else(|| "not scheduled yet".into(), |at| format!("last scheduled {at}"));
        let message = format!("schedule {}; {last}; {} active", spec.schedule, status.active.len());
        Judgement::new(State::Ready, "Scheduled", message).into()
    }
}

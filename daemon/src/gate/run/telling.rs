//! What is told of a gate, while it works and at its end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Run, Tools, Work};
use crate::cause::Cause;
use crate::gate::course::{Course, Standing};
use crate::gate::ending::Ending;
use crate::gate::report::{Report, Stands};
use crate::gate::tally::Place;
use crate::gate::{Outcome, Verdict};

/// Watchers are told no more often than that.
pub(super) const BETWEEN_REPORTS: Duration = Duration::from_millis(50);

impl Run {
    /// Tells watchers, if there is news and they were not told just now.
    pub(super) fn report_at_times(&self, work: &mut Work, now: Timestamp) {
        let is_time = work.reported.is_none_or(|reported| reported.elapsed() >= BETWEEN_REPORTS);
        if work.has_news && is_time {
            self.report.send_replace(Arc::new(self.stand(now)));
            (work.reported, work.has_news) = (Some(Instant::now()), false);
        }
    }

    fn stand(&self, now: Timestamp) -> Report {
        let stands = |(place, course, standing): (&Place, &Course, Standing)| Stands {
            place: place.clone(),
            seen: course.seen().cloned(),
            standing,
        };
        let objects = self.tally.objects(now).map(stands).collect();
        Report { armed: self.tally.is_armed(), proven: self.tally.is_proven(), objects, ..Report::default() }
    }

    pub(super) async fn end(self, verdict: Verdict) -> Ending {
        let mut report = self.stand(verdict.at);
        if !self.may_see {
            report.objects.clear();
        }
        report.cause = self.cause(&verdict).await.map(Arc::new);
        report.keep_states_only();
        let message = self.tools.investigator.redacted(&verdict.message);
        let verdict = Verdict { message, ..verdict };
        let Tools { keeper, account, .. } = self.tools;
        Ending { gate: self.gate, verdict, report, watchers: self.report, keeper, account }
    }

    async fn cause(&self, verdict: &Verdict) -> Option<Cause> {
        let (cache, key) = verdict.culprit.as_ref()?;
        let cache = self.selection().caches.get(*cache)?;
        let has_failed = verdict.outcome == Outcome::Failed;
        let failure = has_failed.then_some((&*verdict.reason, &*verdict.message));
        let investigator = &self.tools.investigator;
        let mut cause = investigator.investigate(&self.gate.caller, cache.cache(), key, failure, self.ends).await?;
        let failed = self.tally.objects(verdict.at).filter(|(.., standing)| matches!(standing, Standing::Failed(_)));
        cause.others = failed.count().saturating_sub(usize::from(has_failed));
        Some(cause)
    }
}

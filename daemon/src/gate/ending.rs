//! A gate that has come to its verdict, and tells it when it is kept.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::account::Account;
use super::register::Gate;
use super::reopening::Reopening;
use super::report::Report;
use super::run::{Run, Tools};
use super::store::keeper::Keeper;
use super::store::{Ended, Entry};
use super::{Outcome, Verdict};
use crate::clock::{Clock, between};
use crate::panics::caught;

/// How long it may take to keep a verdict, before it is told.
const PATIENCE: Duration = Duration::from_millis(500);

/// A gate that has come to its verdict, of which nobody knows yet.
#[derive(Debug)]
pub struct Ending {
    pub(super) gate: Arc<Gate>,
    pub(super) verdict: Verdict,
    /// All else that is told.
    pub(super) report: Report,
    pub(super) watchers: watch::Sender<Arc<Report>>,
    pub(super) keeper: Keeper,
    pub(super) account: Arc<Account>,
}

impl Ending {
    /// Keeps what `summary` makes of it, and tells it then. It is told, too, if it
    /// cannot be kept, or not soon.
    pub async fn tell(self, summary: impl FnOnce(&Gate, &Report) -> Vec<u8> + Send) {
        let Self { gate, verdict, report, watchers, keeper, account } = self;
        let at = verdict.at;
        account.ended(verdict.outcome, between(gate.opened, at));
        let report = Report { verdict: Some(verdict), ..report };
        if keeper.is_durable() {
            let ended = Ended { name: gate.name, asked: gate.asked.clone(), at, summary: summary(&gate, &report) };
            // A disk that hangs is not waited for: what it is given is written when it goes on.
            match timeout(PATIENCE, keeper.keep(Entry::Ended(ended))).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("a gate's outcome is told, and not kept: {error}"),
                Err(_) => tracing::warn!(
                    "a gate's outcome is told before it is kept, because that takes longer than {PATIENCE:?}"
                ),
            }
        }
        watchers.send_replace(Arc::new(report));
    }
}

/// How a gate ends if what follows it panics: nobody waits for it for ever.
#[derive(Debug)]
pub struct Fault {
    gate: Arc<Gate>,
    watchers: watch::Sender<Arc<Report>>,
    keeper: Keeper,
    account: Arc<Account>,
    clock: Clock,
}

impl From<&Run> for Fault {
    fn from(run: &Run) -> Self {
        Self::of(&run.gate, &run.report, &run.tools)
    }
}

impl From<&Reopening> for Fault {
    fn from(reopening: &Reopening) -> Self {
        Self::of(&reopening.gate, &reopening.report, &reopening.tools)
    }
}

impl Fault {
    fn of(gate: &Arc<Gate>, watchers: &watch::Sender<Arc<Report>>, tools: &Tools) -> Self {
        let (gate, watchers, clock) = (Arc::clone(gate), watchers.clone(), tools.clock.clone());
        Self { gate, watchers, clock, keeper: tools.keeper.clone(), account: Arc::clone(&tools.account) }
    }

    /// Follows the gate; if that panics before its end is told, `tell` is to tell that it is undecided.
    pub async fn unless<F: Future<Output = ()>>(
        self,
        following: impl Future<Output = ()>,
        tell: impl FnOnce(Ending) -> F,
    ) {
        if caught("what follows a gate", following).await.is_err()
            && let Some(ending) = self.ending()
        {
            tell(ending).await;
        }
    }

    /// Without objects: one of them may have led to it.
    fn ending(self) -> Option<Ending> {
        let Self { gate, watchers, keeper, account, clock } = self;
        let report = {
            let told = watchers.borrow();
            Report { armed: told.armed, proven: told.proven, verdict: told.verdict.clone(), ..Report::default() }
        };
        if report.verdict.is_some() {
            return None;
        }
        let message = "a fault in the daemon has ended it: open the gate again";
        let verdict = Verdict::plain(Outcome::Undecided, "InternalFault", message, clock.now());
        Some(Ending { gate, verdict, report, watchers, keeper, account })
    }
}

impl Verdict {
    /// Of no object.
    pub(super) fn plain(outcome: Outcome, reason: &str, message: impl Into<String>, at: jiff::Timestamp) -> Self {
        Self { outcome, reason: reason.to_owned(), message: message.into(), at, culprit: None }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::access::Caller;
    use crate::gate::store::Opened;
    use crate::gate::token::Name;

    fn gate() -> (Arc<Gate>, Fault) {
        let clock = Clock::System;
        let (name, now) = (Name::of("token"), clock.now());
        let opened = Opened { name, asked: None, opened: now, deadline: now, request: Vec::new() };
        let (gate, watchers) = Gate::sample(&opened, Caller::Owner);
        let fault = Fault { gate: Arc::clone(&gate), watchers, keeper: Keeper::none(), account: Arc::default(), clock };
        (gate, fault)
    }

    fn tell(ending: Ending) -> impl Future<Output = ()> {
        ending.tell(|_, _| Vec::new())
    }

    #[tokio::test]
    async fn a_gate_whose_follower_panics_is_undecided() {
        let (gate, fault) = gate();
        let mut report = gate.report();
        fault.unless(async { panic!("a fault") }, tell).await;
        let report = report.wait_for(|report| report.verdict.is_some()).await.unwrap();
        let verdict = report.verdict.as_ref().unwrap();
        assert_eq!((verdict.outcome, &*verdict.reason), (Outcome::Undecided, "InternalFault"));
    }

    #[tokio::test]
    async fn what_was_told_is_not_told_otherwise() {
        let (gate, fault) = gate();
        let passed = Verdict::plain(Outcome::Passed, "Met", "", Clock::System.now());
        let watchers = fault.watchers.clone();
        let following = async {
            watchers.send_replace(Arc::new(Report { verdict: Some(passed), ..Report::default() }));
            panic!("a fault")
        };
        fault.unless(following, tell).await;
        assert_eq!(gate.report().borrow().verdict.as_ref().unwrap().outcome, Outcome::Passed);
    }

    #[tokio::test]
    async fn a_gate_that_is_followed_to_its_end_is_left_alone() {
        let (gate, fault) = gate();
        fault.unless(ready(()), tell).await;
        assert!(gate.report().borrow().verdict.is_none());
    }
}

//! A gate that has come to its verdict, and tells it when it is kept.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::account::Account;
use super::register::Gate;
use super::report::Report;
use super::store::keeper::Keeper;
use super::store::{Ended, Entry};
use super::{Outcome, Verdict};
use crate::clock::between;

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

impl Verdict {
    /// Of no object.
    pub(super) fn plain(outcome: Outcome, reason: &str, message: impl Into<String>, at: jiff::Timestamp) -> Self {
        Self { outcome, reason: reason.to_owned(), message: message.into(), at, culprit: None }
    }
}

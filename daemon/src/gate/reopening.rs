//! A gate that an earlier daemon has opened, and that is to go on.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::ending::Ending;
use super::register::Gate;
use super::report::Report;
use super::run::{Command, Tools};
use super::{Outcome, Verdict};

/// A gate that an earlier daemon has opened. Whoever has its token finds it, but
/// nobody looks at its objects yet.
#[derive(Debug)]
pub struct Reopening {
    /// The request that has opened it.
    pub request: Vec<u8>,
    /// What it is armed with, if it is.
    pub armed: Option<Vec<u8>>,
    pub(super) gate: Arc<Gate>,
    pub(super) report: watch::Sender<Arc<Report>>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) tools: Tools,
    /// When a daemon was heard of last.
    pub(super) last: Option<Timestamp>,
}

/// How a gate has ended that was not reopened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Somebody has cancelled it.
    Cancelled,
    /// Its deadline has come.
    Late,
}

impl Reopening {
    /// Returns when it ends without being reopened.
    pub async fn over(&mut self) -> Over {
        loop {
            let command = tokio::select! {
                biased;
                command = self.commands.recv() => command,
                () = self.tools.clock.sleep_until(self.gate.deadline) => return Over::Late,
            };
            match command {
                // Who arms it waits until it is reopened.
                Some(Command::Arm(..)) => {}
                Some(Command::Cancel) | None => return Over::Cancelled,
            }
        }
    }

    /// Somebody has cancelled it.
    #[must_use]
    pub fn cancelled(self) -> Ending {
        self.end(Outcome::Cancelled, "Cancelled", "somebody has cancelled it")
    }

    /// Whether its deadline passed before this daemon was there.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.tools.clock.now() >= self.gate.deadline
    }

    /// Its deadline passed before this daemon was there.
    #[must_use]
    pub fn absent(self) -> Ending {
        let now = self.tools.clock.now();
        let last = self.last.map_or("never".to_owned(), |last| format!("at {last:.0}"));
        let message =
            format!("no daemon was running at its deadline: one was last heard of {last}, the next at {now:.0}");
        self.end(Outcome::Undecided, "DaemonAbsent", message)
    }

    /// It cannot be judged any more, for that reason.
    #[must_use]
    pub fn refused(self, why: &str) -> Ending {
        let message = format!("the daemon restarted and cannot continue: {why}");
        self.end(Outcome::Undecided, "NotReopened", message)
    }

    fn end(self, outcome: Outcome, reason: &str, message: impl Into<String>) -> Ending {
        let Self { gate, report, tools, .. } = self;
        let verdict = Verdict::plain(outcome, reason, message, tools.clock.now());
        let stands = Report::clone(&report.borrow());
        Ending { gate, verdict, report: stands, watchers: report, keeper: tools.keeper, account: tools.account }
    }
}

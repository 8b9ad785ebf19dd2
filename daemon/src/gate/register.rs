//! The gates that there are, by their tokens.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::course::Applied;
use super::policy::Policy;
use super::run::{Command, Report, Run, Tools};
use super::tally::{Place, Tally};
use crate::kind::Kind;
use crate::record::Key;
use crate::subscription::{Scope, Selection};

/// Gates that are open at a time. Twice as many are known, open or ended.
const MOST: usize = 10_000;
/// How long a verdict is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// Gates that wait to be followed; then who opens one more waits.
const OPENINGS: usize = 16;
/// Commands that wait for a gate.
const COMMANDS: usize = 4;

/// A gate, open or ended.
#[derive(Debug)]
pub struct Gate {
    /// When it was opened.
    pub opened: Timestamp,
    /// When it ends at the latest.
    pub deadline: Timestamp,
    /// Whether it is armed by somebody.
    pub awaits_arming: bool,
    /// The kinds of its objects, by their places, and the namespace that each is of.
    pub kinds: Vec<(Arc<Kind>, Option<Box<str>>)>,
    report: watch::Receiver<Arc<Report>>,
    commands: mpsc::Sender<Command>,
}

impl Gate {
    /// How it stands, now and from now on.
    #[must_use]
    pub fn report(&self) -> watch::Receiver<Arc<Report>> {
        self.report.clone()
    }

    /// Ends it, if it is open.
    pub async fn cancel(&self) {
        // One that has ended takes no commands, and needs none.
        let _open = self.commands.send(Command::Cancel).await;
    }

    /// Says what was applied.
    ///
    /// # Errors
    /// If it is too late for that.
    pub async fn arm(&self, applied: Vec<(Place, Applied)>) -> Result<(), NotArmed> {
        let (taken, answer) = oneshot::channel();
        self.commands.send(Command::Arm(applied, taken)).await.map_err(|_| NotArmed::Ended)?;
        // A gate that ends takes what it has not answered along.
        match answer.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotArmed::Twice),
            Err(_) => Err(NotArmed::Ended),
        }
    }

    /// The place of an object of that kind and name.
    #[must_use]
    pub fn place(&self, kind: &Kind, key: &Key) -> Option<Place> {
        let holds = |(known, namespace): &(Arc<Kind>, Option<Box<str>>)| {
            **known == *kind && namespace.as_deref().is_none_or(|only| *only == *key.namespace)
        };
        Some((self.kinds.iter().position(holds)?, key.clone()))
    }

    fn is_kept(&self, now: Timestamp) -> bool {
        self.ended_at().is_none_or(|ended| now.duration_since(ended) < KEPT)
    }

    fn ended_at(&self) -> Option<Timestamp> {
        self.report.borrow().verdict.as_ref().map(|verdict| verdict.at)
    }
}

/// Why a gate is not armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotArmed {
    /// It has its outcome.
    #[error("the gate has ended")]
    Ended,
    /// Somebody has armed it.
    #[error("the gate is armed already")]
    Twice,
}

/// Why no gate is opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// There are too many.
    #[error("{MOST} gates are open, and no more are served: try again later")]
    TooMany,
    /// There is no randomness for a token.
    #[error("no token can be made: {0}")]
    NoToken(#[from] io::Error),
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Stopping,
}

/// The gates that there are.
#[derive(Debug)]
pub struct Gates {
    tools: Tools,
    by_token: Mutex<HashMap<String, Arc<Gate>>>,
    openings: mpsc::Sender<Run>,
}

impl Gates {
    /// None yet; those that are opened come out of the receiver, to be followed.
    #[must_use]
    pub fn new(tools: Tools) -> (Self, mpsc::Receiver<Run>) {
        let (openings, opened) = mpsc::channel(OPENINGS);
        (Self { tools, by_token: Mutex::default(), openings }, opened)
    }

    /// Opens a gate, and says its token.
    ///
    /// # Errors
    /// If there are too many, or the daemon stops.
    pub async fn open(
        &self,
        selection: Selection,
        policy: Policy,
        await_arming: bool,
    ) -> Result<(String, Arc<Gate>), NotOpened> {
        let opening = self.openings.reserve().await.map_err(|_| NotOpened::Stopping)?;
        let token = crate::access::secret()?;
        let opened = self.tools.clock.now();
        let named = match &selection.scope {
            Scope::Named(named) => Some(named.iter().map(|named| (named.cache, named.key.clone())).collect()),
            Scope::All | Scope::Namespaces(_) => None,
        };
        let ends = Instant::now() + policy.deadline.unsigned_abs();
        let tally = Tally::new(policy, named, await_arming, opened);
        let of =
            |cache: &crate::caches::Lease| (Arc::clone(&cache.collection().kind), cache.collection().namespace.clone());
        let (report, reported) = watch::channel(Arc::new(Report { armed: !await_arming, ..Report::default() }));
        let (sender, commands) = mpsc::channel(COMMANDS);
        let gate = Arc::new(Gate {
            opened,
            deadline: tally.deadline(),
            awaits_arming: await_arming,
            kinds: selection.caches.iter().map(of).collect(),
            report: reported,
            commands: sender,
        });
        self.keep(&token, &gate, opened)?;
        let (selection, tools) = (Arc::new(selection), self.tools.clone());
        opening.send(Run { selection, tally, tools, commands, report, ends });
        Ok((token, gate))
    }

    /// The gate of that token.
    #[must_use]
    pub fn find(&self, token: &str) -> Option<Arc<Gate>> {
        let now = self.tools.clock.now();
        self.by_token.lock().get(token).filter(|gate| gate.is_kept(now)).cloned()
    }

    fn keep(&self, token: &str, gate: &Arc<Gate>, now: Timestamp) -> Result<(), NotOpened> {
        let mut by_token = self.by_token.lock();
        by_token.retain(|_, gate| gate.is_kept(now));
        if by_token.values().filter(|gate| gate.ended_at().is_none()).count() >= MOST {
            return Err(NotOpened::TooMany);
        }
        if by_token.len() >= 2 * MOST {
            // The oldest verdict makes room.
            let ended = by_token.iter().filter_map(|(token, gate)| Some((gate.ended_at()?, token.clone())));
            if let Some((_, oldest)) = ended.min() {
                by_token.remove(&oldest);
            }
        }
        by_token.insert(token.to_owned(), Arc::clone(gate));
        Ok(())
    }
}

//! The gates that there are, by their tokens.

mod counts;
mod known;

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use self::known::{Kept, Known};
use super::Verdict;
use super::course::{Applied, is_to_end};
use super::family::{Family, Targets};
use super::policy::Policy;
use super::reopening::Reopening;
use super::report::Report;
use super::run::{Command, Run, Tools, Unkept};
use super::store::keeper::NotKept;
use super::store::{Ended, Opened};
use super::tally::{Place, Tally};
use super::token::{Asked, Name};
use super::whereabouts::Whereabouts;
use super::withdrawn::Withdrawn;
use crate::access::{Caller, shares};
use crate::caches::Lease;
use crate::clock::between;
use crate::subscription::{Groups, Predicate, Scope, Selection};

/// Gates that are open at a time. Twice as many are known, open or ended.
const MOST: usize = 10_000;
/// How long a verdict is kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(1);
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
    /// Who has opened it.
    pub caller: Caller,
    /// How it is called where its token is not to be read.
    pub(super) name: Name,
    pub(super) asked: Option<Asked>,
    whereabouts: OnceLock<Whereabouts>,
    report: watch::Receiver<Arc<Report>>,
    commands: mpsc::Sender<Command>,
    stored: watch::Receiver<Stored>,
}

/// Whether a gate's opening is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    NotYet,
    Yes,
    Not(NotKept),
}

/// What is at the other ends of a gate.
struct Ends {
    report: watch::Sender<Arc<Report>>,
    commands: mpsc::Receiver<Command>,
    stored: watch::Sender<Stored>,
}

impl Gate {
    fn new(gate: &Opened, caller: Caller, awaits_arming: bool, report: Report, stored: Stored) -> (Arc<Self>, Ends) {
        let (report_to, report) = watch::channel(Arc::new(report));
        let (commands, commanded) = mpsc::channel(COMMANDS);
        let (stored_to, stored) = watch::channel(stored);
        let gate = Self {
            opened: gate.opened,
            deadline: gate.deadline,
            awaits_arming,
            caller,
            name: gate.name,
            asked: gate.asked.clone(),
            whereabouts: OnceLock::new(),
            report,
            commands,
            stored,
        };
        (Arc::new(gate), Ends { report: report_to, commands: commanded, stored: stored_to })
    }

    /// Where its objects are; not known before it is reopened.
    #[must_use]
    pub fn whereabouts(&self) -> Option<&Whereabouts> {
        self.whereabouts.get()
    }

    /// Whether somebody looks at its objects: not before it is reopened.
    #[must_use]
    pub fn is_looked_at(&self) -> bool {
        self.whereabouts.get().is_some()
    }

    fn look_at(&self, opening: &Opening) {
        let targets = opening.family.as_ref().map(Family::targets);
        self.whereabouts.get_or_init(|| Whereabouts::of(&opening.selection, targets));
    }

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

    /// Says what was applied, as `request` does, which is kept.
    ///
    /// # Errors
    /// If it is too late for that, or cannot be kept.
    pub async fn arm(&self, applied: Vec<(Place, Applied)>, request: Vec<u8>) -> Result<(), NotArmed> {
        let (taken, answer) = oneshot::channel();
        self.commands.send(Command::Arm(applied, request, taken)).await.map_err(|_| NotArmed::Ended)?;
        // A gate that ends takes what it has not answered along.
        answer.await.map_err(|_| NotArmed::Ended)?
    }

    /// Returns when its opening is kept.
    async fn stored(&self) -> Result<(), NotOpened> {
        let mut stored = self.stored.clone();
        let stored = stored.wait_for(|stored| *stored != Stored::NotYet).await;
        match &*stored.map_err(|_| NotOpened::Stopping)? {
            Stored::Not(why) => Err(NotOpened::NotKept(why.clone())),
            Stored::Yes | Stored::NotYet => Ok(()),
        }
    }

    fn is_kept(&self, now: Timestamp) -> bool {
        let was_opened = !matches!(*self.stored.borrow(), Stored::Not(_));
        was_opened && self.ended_at().is_none_or(|ended| now.duration_since(ended) < KEPT)
    }

    /// How many objects it tells of.
    fn size(&self) -> usize {
        self.report.borrow().objects.len()
    }

    fn ended_at(&self) -> Option<Timestamp> {
        self.report.borrow().verdict.as_ref().map(|verdict| verdict.at)
    }
}

/// Why a gate is not armed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotArmed {
    /// It has its outcome.
    #[error("the gate has ended")]
    Ended,
    /// Somebody has armed it.
    #[error("the gate is armed already")]
    Twice,
    /// It would not outlive the daemon.
    #[error("the gate is not armed, because that cannot be kept: {0}")]
    NotKept(NotKept),
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
    /// It would not outlive the daemon.
    #[error("no gate is opened, because it cannot be kept: {0}")]
    NotKept(NotKept),
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Stopping,
}

/// A gate that is to be opened.
#[derive(Debug)]
pub struct Opening {
    /// Its objects.
    pub selection: Selection,
    /// How it is judged.
    pub policy: Policy,
    /// What its criteria ask of each version.
    pub expressions: Vec<Predicate>,
    /// Whether nothing is decided before it is armed.
    pub await_arming: bool,
    /// What was applied, if that is known already.
    pub applied: Vec<(Place, Applied)>,
    /// Which objects of the selection are meant, if what they own is judged, too.
    pub family: Option<Family>,
    /// Who asks.
    pub caller: Caller,
    /// What is followed besides for its criteria.
    pub beside: Vec<Lease>,
    /// When it may not be asked any more.
    pub withdrawn: Withdrawn,
    /// Of what the caller may have; none for who acts as the daemon does.
    pub place: Option<shares::Place>,
}

/// The request that opens a gate.
#[derive(Debug)]
pub struct Request {
    /// Whoever says the same means the same gate; empty for nobody.
    pub id: String,
    /// What it asks, to be kept.
    pub bytes: Vec<u8>,
}

/// What is known of a gate that has ended under an earlier daemon.
#[derive(Debug)]
pub struct Outline {
    /// When it was opened.
    pub opened: Timestamp,
    /// When it was to end at the latest.
    pub deadline: Timestamp,
    /// Who has opened it.
    pub caller: Caller,
}

/// The gates that there are.
#[derive(Debug)]
pub struct Gates {
    tools: Tools,
    /// What gates on the same objects read is found out once.
    groups: Groups,
    known: Mutex<Known>,
    openings: mpsc::Sender<Run>,
}

impl Gates {
    /// None yet; those that are opened come out of the receiver, to be followed.
    #[must_use]
    pub fn new(tools: Tools) -> (Self, mpsc::Receiver<Run>) {
        let (openings, opened) = mpsc::channel(OPENINGS);
        (Self { tools, groups: Groups::default(), known: Mutex::default(), openings }, opened)
    }

    /// Opens a gate, and says its token, when it is kept; one that the same request
    /// has opened is found again.
    ///
    /// # Errors
    /// If there are too many, it cannot be kept, or the daemon stops.
    pub async fn open(&self, opening: Opening, request: Request) -> Result<(String, Arc<Gate>), NotOpened> {
        let place = self.openings.reserve().await.map_err(|_| NotOpened::Stopping)?;
        let token = crate::access::secret()?;
        let now = self.tools.clock.now();
        let opened = Opened {
            name: Name::of(&token),
            asked: Asked::new(&request.id, &token),
            opened: now,
            deadline: now.saturating_add(opening.policy.deadline).unwrap_or(Timestamp::MAX),
            request: request.bytes,
        };
        let report = Report { armed: !opening.await_arming, ..Report::default() };
        let (gate, ends) = Gate::new(&opened, opening.caller.clone(), opening.await_arming, report, Stored::NotYet);
        gate.look_at(&opening);
        let kept = self.known.lock().keep(&gate, &request.id, now)?;
        let forgotten = match kept {
            Kept::Known(token, gate) => return gate.stored().await.map(|()| (token, gate)),
            Kept::New(forgotten) => forgotten,
        };
        let Ends { report, commands, stored } = ends;
        let unkept = Unkept { opened, forgotten, stored };
        place.send(self.run(Arc::clone(&gate), opening, (report, commands), now, Some(unkept)));
        gate.stored().await.map(|()| (token, gate))
    }

    fn run(
        &self,
        gate: Arc<Gate>,
        opening: Opening,
        (report, commands): (watch::Sender<Arc<Report>>, mpsc::Receiver<Command>),
        now: Timestamp,
        unkept: Option<Unkept>,
    ) -> Run {
        let Opening {
            selection,
            policy,
            expressions,
            await_arming,
            applied,
            family,
            caller: _,
            beside,
            withdrawn,
            place,
        } = opening;
        let named = named(family.as_ref(), &selection);
        let ends = Instant::now() + between(now, gate.deadline);
        let may_be_gone = is_to_end(&policy) && names_a_job(named.as_deref(), &selection);
        let mut tally = Tally::new(policy, named, await_arming, now).until(gate.deadline).with(family);
        if may_be_gone {
            tally = tally.from_a_proof();
        }
        if !applied.is_empty() {
            tally.arm(applied, now);
        }
        let (group, tools) = (self.groups.join(&self.tools.log, selection), self.tools.clone());
        Run {
            gate,
            group,
            tally,
            expressions,
            tools,
            commands,
            report,
            ends,
            withdrawn,
            may_see: true,
            _place: place,
            _beside: beside,
            unkept,
        }
    }

    /// Knows a gate again that has ended.
    pub fn know_ended(&self, ended: Ended, outline: Outline, verdict: Verdict) {
        let Outline { opened, deadline, caller } = outline;
        let Ended { name, asked, at: _, summary } = ended;
        let report = Report { verdict: Some(verdict), summary: Some(Bytes::from(summary)), ..Report::default() };
        let opened = Opened { name, asked, opened, deadline, request: Vec::new() };
        let (gate, _) = Gate::new(&opened, caller, true, report, Stored::Yes);
        self.known.lock().insert(gate);
    }

    /// Knows a gate again that is open; it is to be reopened.
    #[must_use]
    pub fn know_open(
        &self,
        opened: Opened,
        caller: Caller,
        awaits_arming: bool,
        armed: Option<Vec<u8>>,
        last: Option<Timestamp>,
    ) -> Reopening {
        let report = Report { armed: !awaits_arming || armed.is_some(), ..Report::default() };
        let (gate, ends) = Gate::new(&opened, caller, awaits_arming, report, Stored::Yes);
        self.known.lock().insert(Arc::clone(&gate));
        let (request, tools) = (opened.request, self.tools.clone());
        Reopening { request, armed, gate, report: ends.report, commands: ends.commands, tools, last }
    }

    /// Looks at its objects from now on. What has to last begins anew, because nobody
    /// has looked meanwhile; the deadline is as it was.
    #[must_use]
    pub fn reopen(&self, reopening: Reopening, opening: Opening) -> Run {
        let Reopening { gate, report, commands, .. } = reopening;
        gate.look_at(&opening);
        // Who arms it waits for that.
        report.send_modify(|_| {});
        self.run(gate, opening, (report, commands), self.tools.clock.now(), None)
    }

    /// Whether gates outlive the daemon.
    #[must_use]
    pub fn are_durable(&self) -> bool {
        self.tools.keeper.is_durable()
    }

    /// Nothing more is kept.
    pub async fn stop_keeping(&self) {
        self.tools.keeper.stop().await;
    }

    /// The gate of that token, if it is the caller's.
    #[must_use]
    pub fn find(&self, token: &str, caller: &Caller) -> Option<Arc<Gate>> {
        let now = self.tools.clock.now();
        self.known.lock().find(Name::of(token), now).filter(|gate| caller.owns_what_is_of(&gate.caller))
    }
}

/// Whether one of them is a Job, which may be removed as soon as it has ended.
fn names_a_job(named: Option<&[Place]>, selection: &Selection) -> bool {
    let is_job = |(cache, _): &Place| selection.caches.get(*cache).is_some_and(|lease| lease.kind().is_jobs());
    named.is_some_and(|named| named.iter().any(is_job))
}

/// The objects that a gate is about, if it names them.
fn named(family: Option<&Family>, selection: &Selection) -> Option<Vec<Place>> {
    match (family.map(Family::targets), &selection.scope) {
        (Some(Targets::Named(named)), _) => Some(named.keys().cloned().collect()),
        (_, Scope::Named(named)) => Some(named.iter().map(|named| (named.cache, named.key.clone())).collect()),
        (Some(Targets::Selected { .. }) | None, _) => None,
    }
}

#[cfg(test)]
mod samples;

//! A gate at work: what the log tells, and the time, come to a verdict.

mod telling;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use self::telling::BETWEEN_REPORTS;
use super::account::Account;
use super::course::Applied;
use super::ending::Ending;
use super::register::{Gate, NotArmed, Stored};
use super::report::Report;
use super::seen::{Looks, Seen};
use super::store::keeper::Keeper;
use super::store::{Entry, Opened};
use super::tally::{Place, Tally};
use super::token::Name;
use super::withdrawn::{Lost, Withdrawn};
use super::{Outcome, Verdict};
use crate::access::shares;
use crate::caches::{Lease, first_closed};
use crate::cause::Investigator;
use crate::clock::{Clock, reaches};
use crate::event_log::{self, EventLog, Revision};
use crate::predicate::PredicateError;
use crate::proof::{Finds, Prover, Unproven};
use crate::record::Record;
use crate::subscription::feed::Portion;
use crate::subscription::{Delivery, Feed, Group, Interruption, Item, Items, Predicate, Relation, Selection};

/// What is asked of a gate at work.
#[derive(Debug)]
pub enum Command {
    /// These were applied, as that request says, which is kept. It counts once.
    Arm(Vec<(Place, Applied)>, Vec<u8>, oneshot::Sender<Result<(), NotArmed>>),
    /// It is to end.
    Cancel,
}

/// What a gate works with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// What happens.
    pub log: Arc<EventLog>,
    /// Whether the view is new enough.
    pub prover: Arc<Prover>,
    /// Finds out what broke.
    pub investigator: Arc<Investigator>,
    /// What expressions say.
    pub looks: Arc<Looks>,
    /// The time.
    pub clock: Clock,
    /// Keeps what is to outlive the daemon.
    pub keeper: Keeper,
    /// Counts those that have ended.
    pub account: Arc<Account>,
}

/// A gate that is not kept yet: its opening is not told before.
#[derive(Debug)]
pub(super) struct Unkept {
    pub(super) opened: Opened,
    /// Those need not be kept any more.
    pub(super) forgotten: Vec<Name>,
    pub(super) stored: watch::Sender<Stored>,
}

/// A gate that is to be followed to its end.
pub struct Run {
    pub(super) gate: Arc<Gate>,
    pub(super) group: Arc<Group>,
    pub(super) tally: Tally,
    /// What its criteria ask of each version.
    pub(super) expressions: Vec<Predicate>,
    pub(super) tools: Tools,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) report: watch::Sender<Arc<Report>>,
    /// When it ends at the latest by the machine's time: a recording's may run faster,
    /// or slower.
    pub(super) ends: Instant,
    pub(super) withdrawn: Withdrawn,
    /// Whether whoever has opened it may see its objects.
    pub(super) may_see: bool,
    pub(super) _place: Option<shares::Place>,
    /// What is followed besides.
    pub(super) _beside: Vec<Lease>,
    pub(super) unkept: Option<Unkept>,
}

/// What is under way for a gate.
struct Work {
    feed: Feed,
    /// A proof of what has that number.
    proof: Option<(u64, BoxFuture<'static, Result<(), Unproven>>)>,
    /// When everything up to there is taken in, what has that number is proven.
    proven: Option<(u64, Revision)>,
    closed: BoxFuture<'static, ()>,
    reported: Option<Instant>,
    has_news: bool,
}

/// What a gate waits for.
enum Step {
    Asked(Option<Command>),
    Proven(u64, Result<(), Unproven>),
    Told(Result<Portion, Interruption>),
    Closed,
    Due,
    Report,
    Late,
    Withdrawn(Lost),
}

impl Run {
    /// Follows the gate to its end; none, if it cannot be kept.
    pub async fn run(mut self) -> Option<Ending> {
        if let Some(unkept) = self.unkept.take() {
            self.keep(unkept).await?;
        }
        let mut work = self.begin();
        let verdict = match self.begin_anew(&mut work.feed).await {
            Ok(()) => self.decide(&mut work).await,
            Err(verdict) => verdict,
        };
        drop(work);
        Some(Box::pin(self.end(verdict)).await)
    }

    async fn keep(&self, Unkept { opened, forgotten, stored }: Unkept) -> Option<()> {
        let kept = self.tools.keeper.keep(Entry::Opened(opened, forgotten)).await;
        let is_kept = kept.is_ok();
        stored.send_replace(kept.map_or_else(Stored::Not, |()| Stored::Yes));
        is_kept.then_some(())
    }

    fn begin(&self) -> Work {
        Work {
            feed: Feed::new(Arc::clone(&self.group), 0),
            proof: None,
            proven: None,
            closed: first_closed(&self.selection().caches).map(drop).boxed(),
            reported: None,
            has_news: true,
        }
    }

    fn selection(&self) -> &Arc<Selection> {
        self.group.selection()
    }

    async fn decide(&mut self, work: &mut Work) -> Verdict {
        loop {
            if let Err(verdict) = self.read_up(work).await {
                return verdict;
            }
            // One look at the clock, so that what falls due is either past or still to come.
            let now = self.tools.clock.now();
            if let Some(verdict) = self.tally.verdict(now) {
                return verdict;
            }
            if let (None, Some(number)) = (&work.proof, self.tally.unproven()) {
                let prover = Arc::clone(&self.tools.prover);
                work.proof = Some((number, prover.prove(Arc::clone(self.selection()), Finds::Nothing).boxed()));
            }
            self.report_at_times(work, now);
            let step = self.step(work, now).await;
            work.has_news |= !matches!(step, Step::Report);
            if let Err(verdict) = self.take_step(step, work).await {
                return verdict;
            }
        }
    }

    /// Takes in what a proof has seen, if one has ended.
    async fn read_up(&mut self, work: &mut Work) -> Result<(), Verdict> {
        while let Some((number, up_to)) = work.proven {
            match work.feed.reaches(up_to).await {
                Ok(true) => {
                    self.tally.prove(number, self.tools.clock.now());
                    work.proven = None;
                }
                Ok(false) => {}
                Err(interruption) => self.interrupted(interruption, &mut work.feed).await?,
            }
            while let Some(portion) = work.feed.pop() {
                self.take(&portion).await?;
            }
        }
        Ok(())
    }

    async fn step(&mut self, work: &mut Work, now: Timestamp) -> Step {
        let proof = async {
            match &mut work.proof {
                Some((number, proof)) => (*number, proof.await),
                None => std::future::pending().await,
            }
        };
        let report = work.reported.filter(|_| work.has_news).map(|reported| reported + BETWEEN_REPORTS);
        let due = self.tally.due(now);
        tokio::select! {
            biased;
            command = self.commands.recv() => Step::Asked(command),
            () = &mut work.closed => Step::Closed,
            // These however much is told.
            why = self.withdrawn.wait() => Step::Withdrawn(why),
            (number, proven) = proof => Step::Proven(number, proven),
            () = sleep_until(self.ends) => Step::Late,
            told = work.feed.next() => Step::Told(told),
            () = self.tools.clock.sleep_until(due) => Step::Due,
            () = reaches(report) => Step::Report,
        }
    }

    /// Does what is to be done next, or ends it.
    async fn take_step(&mut self, step: Step, work: &mut Work) -> Result<(), Verdict> {
        match step {
            Step::Asked(Some(Command::Arm(applied, request, taken))) => {
                let armed = self.arm(applied, request).await;
                if armed.is_ok() {
                    work.reported = None;
                }
                // Who asked may have gone.
                let _heard = taken.send(armed);
                Ok(())
            }
            Step::Asked(Some(Command::Cancel) | None) => {
                Err(self.ended(Outcome::Cancelled, "Cancelled", "somebody has cancelled it"))
            }
            Step::Proven(number, Ok(())) => {
                work.proof = None;
                // What the proof has seen is in the log by now.
                work.proven = Some((number, self.tools.log.head()));
                Ok(())
            }
            Step::Proven(_, Err(error)) => Err(self.ended(Outcome::Undecided, "NotProven", error.to_string())),
            Step::Told(Ok(portion)) => self.take(&portion).await,
            Step::Told(Err(interruption)) => self.interrupted(interruption, &mut work.feed).await,
            Step::Closed => Err(self.kind_changed()),
            Step::Due | Step::Report => Ok(()),
            Step::Late => Err(self.late()),
            Step::Withdrawn(why) => {
                self.may_see = false;
                Err(match why {
                    Lost::Forbidden(why) => self.ended(Outcome::Undecided, "Forbidden", why),
                    Lost::Unknown(why) => self.ended(Outcome::Undecided, "RightsUnknown", why),
                })
            }
        }
    }

    async fn arm(&mut self, applied: Vec<(Place, Applied)>, request: Vec<u8>) -> Result<(), NotArmed> {
        if self.tally.is_armed_with(&applied) {
            return Ok(());
        }
        if self.tally.is_armed() {
            return Err(NotArmed::Twice);
        }
        let kept = self.tools.keeper.keep(Entry::Armed(self.gate.name, request));
        // It may be kept all the same, and is not told: whoever arms it again is.
        let kept = timeout_at(self.ends, kept).await.map_err(|_| NotArmed::Ended)?;
        kept.map_err(NotArmed::NotKept)?;
        self.tally.arm(applied, self.tools.clock.now());
        Ok(())
    }

    async fn take(&mut self, portion: &Portion) -> Result<(), Verdict> {
        let caches = &self.selection().caches;
        let place_of = |entry: &event_log::Entry| caches.iter().position(|cache| cache.id() == entry.cache);
        let is_there = |relation: &Relation| matches!(relation, Relation::Entered | Relation::Changed);
        let deliveries: Vec<_> =
            portion.piece().deliveries.iter().filter_map(|it| Some((place_of(&it.0)?, it))).collect();
        let there = deliveries.iter().filter(|(_, (_, relation))| is_there(relation));
        let record = |(cache, (entry, _)): &(usize, &Delivery)| Some((*cache, Arc::clone(entry.change.record()?)));
        let mut seen = self.look(there.filter_map(record).collect()).await?.into_iter();
        for (cache, (entry, relation)) in deliveries {
            match entry.change.record() {
                None => self.tally.doubt(Some(cache), entry.change.at),
                Some(record) => {
                    let seen = if is_there(relation) { seen.next() } else { None };
                    self.tally.learn((cache, record.key.clone()), seen, entry.change.at);
                }
            }
        }
        Ok(())
    }

    /// What the criteria say of these versions, by their caches. Where others keep the
    /// workers busy, it is asked again until the deadline.
    async fn look(&self, versions: Vec<(usize, Arc<Record>)>) -> Result<Vec<Seen>, Verdict> {
        let is_asked =
            |(cache, record): &(usize, Arc<Record>)| self.tally.asks_for(&(*cache, record.key.clone()), record);
        let asked: Vec<_> = versions.iter().map(is_asked).collect();
        let wanted = versions.iter().zip(&asked).filter(|(_, asked)| **asked);
        let records: Vec<_> = wanted.map(|((_, record), _)| Arc::clone(record)).collect();
        let looked = async {
            loop {
                match self.tools.looks.at(&self.expressions, records.clone()).await {
                    Err(PredicateError::Busy) => {}
                    looked => return looked,
                }
            }
        };
        let mut seen = match timeout_at(self.ends, looked).await {
            Ok(Ok(seen)) => seen.into_iter(),
            Ok(Err(error)) => return Err(self.ended(Outcome::Undecided, "NotEvaluated", error.to_string())),
            Err(_) => return Err(self.late()),
        };
        let each = versions.into_iter().zip(asked);
        let seen = each
            .map(|((_, record), asked)| if asked { seen.next() } else { None }.unwrap_or_else(|| Seen::plain(record)));
        Ok(seen.collect())
    }

    /// Takes everything as it is now.
    async fn begin_anew(&mut self, feed: &mut Feed) -> Result<(), Verdict> {
        let selection = Arc::clone(self.selection());
        let (mut items, revision) = Items::take(&selection, &self.tools.log);
        feed.skip_to(revision);
        let (mut places, mut versions) = (Vec::new(), Vec::new());
        loop {
            match items.next(&selection).await {
                Ok(Some(Item::Present(cache, record))) => {
                    places.push((cache, record.key.clone()));
                    versions.push((cache, record));
                }
                Ok(Some(Item::Absent(..) | Item::Unread(..))) => {}
                Ok(None) => break,
                Err(error) => return Err(self.ended(Outcome::Undecided, "NotEvaluated", error.to_string())),
            }
        }
        let told: BTreeMap<_, _> = places.into_iter().zip(self.look(versions).await?).collect();
        self.tally.begin_anew(told, self.tools.clock.now());
        Ok(())
    }

    /// The log has gone on without this.
    async fn interrupted(&mut self, interruption: Interruption, feed: &mut Feed) -> Result<(), Verdict> {
        match interruption {
            Interruption::Expired if self.selection().caches.iter().any(|cache| cache.closed().is_cancelled()) => {
                Err(self.kind_changed())
            }
            Interruption::Expired => self.begin_anew(feed).await,
            Interruption::Predicate(error) => Err(self.ended(Outcome::Undecided, "NotEvaluated", error.to_string())),
        }
    }

    fn late(&self) -> Verdict {
        self.tally.undecided(self.tools.clock.now())
    }

    fn kind_changed(&self) -> Verdict {
        let message = "a kind is now watched in a different way: open the gate again";
        self.ended(Outcome::Undecided, "KindChanged", message)
    }

    fn ended(&self, outcome: Outcome, reason: &str, message: impl Into<String>) -> Verdict {
        Verdict::plain(outcome, reason, message, self.tools.clock.now())
    }
}

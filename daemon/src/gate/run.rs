//! A gate at work: what the log tells, and the time, come to a verdict.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, select_all};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::course::{Applied, Standing};
use super::tally::{Place, Tally};
use super::{Outcome, Verdict};
use crate::clock::Clock;
use crate::event_log::{EventLog, Revision};
use crate::proof::{Prover, Unproven};
use crate::record::Record;
use crate::subscription::feed::Portion;
use crate::subscription::{Feed, Group, Interruption, Item, Items, Relation, Selection};

/// How a gate stands.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Whether it may end.
    pub armed: bool,
    /// Whether the view is proven.
    pub proven: bool,
    /// Its objects.
    pub objects: Vec<Stands>,
    /// How it has ended, if it has.
    pub verdict: Option<Verdict>,
}

impl Report {
    fn keep_states_only(&mut self) {
        for stands in &mut self.objects {
            stands.seen = stands.seen.take().map(|record| Arc::new(record.without_body()));
        }
    }
}

/// How one object stands.
#[derive(Clone, Debug)]
pub struct Stands {
    /// Which.
    pub place: Place,
    /// Its newest version; none if it does not exist.
    pub seen: Option<Arc<Record>>,
    /// How it stands.
    pub standing: Standing,
}

impl Stands {
    /// Whether a watcher is told the same of both.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let version = |it: &Self| it.seen.as_ref().map(|record| (record.uid.clone(), record.judgement.clone()));
        self.standing == other.standing && version(self) == version(other)
    }
}

/// What is asked of a gate at work.
#[derive(Debug)]
pub enum Command {
    /// These were applied. Answered with whether that counts: it does once.
    Arm(Vec<(Place, Applied)>, oneshot::Sender<bool>),
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
    /// The time.
    pub clock: Clock,
}

/// A gate that is to be followed to its end.
pub struct Run {
    pub(super) selection: Arc<Selection>,
    pub(super) tally: Tally,
    pub(super) tools: Tools,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) report: watch::Sender<Arc<Report>>,
    /// When it ends at the latest by the machine's time: a recording's stands still
    /// at its end.
    pub(super) ends: Instant,
}

/// What a gate waits for.
enum Step {
    Asked(Option<Command>),
    Proven(Result<(), Unproven>),
    Told(Result<Portion, Interruption>),
    Closed,
    Due,
    Late,
}

impl Run {
    /// Follows the gate to its end.
    pub async fn run(mut self) {
        let group = Arc::new(Group::new(&self.tools.log, Arc::clone(&self.selection)));
        let mut feed = Feed::new(group, 0);
        let mut proof = self.tally.is_armed().then(|| self.prove());
        // When everything up to there is taken in, the view is proven.
        let mut proven_at: Option<Revision> = None;
        let mut verdict = self.begin_anew(&mut feed).await.err();
        while verdict.is_none() {
            if let Some(at) = proven_at {
                match feed.reaches(at).await {
                    Ok(true) => {
                        self.tally.prove(true);
                        proven_at = None;
                    }
                    Ok(false) => {}
                    Err(interruption) => verdict = self.interrupted(interruption, &mut feed).await,
                }
                while let Some(portion) = feed.pop() {
                    self.take(&portion);
                }
            }
            // One look at the clock, so that what falls due is either past or still to come.
            let now = self.tools.clock.now();
            verdict = verdict.or_else(|| self.tally.verdict(now));
            self.publish(now, None);
            if verdict.is_some() || proven_at.is_some() {
                continue;
            }
            match self.step(&mut feed, &mut proof, now).await {
                Step::Asked(Some(Command::Arm(applied, taken))) => {
                    let is_first = !self.tally.is_armed();
                    if is_first {
                        self.tally.arm(applied, self.tools.clock.now());
                        proof = Some(self.prove());
                    }
                    // Who asked may have gone.
                    let _heard = taken.send(is_first);
                }
                Step::Asked(Some(Command::Cancel) | None) => {
                    verdict = self.ended(Outcome::Cancelled, "Cancelled", "somebody has cancelled it".to_owned());
                }
                Step::Proven(Ok(())) => {
                    proof = None;
                    // What the proof has seen is in the log by now.
                    proven_at = Some(self.tools.log.head());
                }
                Step::Proven(Err(error)) => verdict = self.ended(Outcome::Undecided, "NotProven", error.to_string()),
                Step::Told(Ok(portion)) => self.take(&portion),
                Step::Told(Err(interruption)) => verdict = self.interrupted(interruption, &mut feed).await,
                Step::Closed => verdict = self.ended(Outcome::Undecided, "KindChanged", changed()),
                Step::Due => {}
                Step::Late => verdict = Some(self.tally.undecided(self.tools.clock.now())),
            }
        }
        self.publish(self.tools.clock.now(), verdict);
        // It is kept for long, and nobody asks for more than states.
        self.report.send_modify(|report| Arc::make_mut(report).keep_states_only());
    }

    fn prove(&self) -> BoxFuture<'static, Result<(), Unproven>> {
        Arc::clone(&self.tools.prover).prove(Arc::clone(&self.selection)).boxed()
    }

    async fn step(
        &mut self,
        feed: &mut Feed,
        proof: &mut Option<BoxFuture<'static, Result<(), Unproven>>>,
        now: Timestamp,
    ) -> Step {
        let proof = async {
            match proof {
                Some(proof) => proof.await,
                None => std::future::pending().await,
            }
        };
        let closed = select_all(self.selection.caches.iter().map(|cache| cache.closed().cancelled().boxed()));
        let due = self.tally.due(now);
        tokio::select! {
            biased;
            command = self.commands.recv() => Step::Asked(command),
            _ = closed => Step::Closed,
            proven = proof => Step::Proven(proven),
            told = feed.next() => Step::Told(told),
            () = self.tools.clock.sleep_until(due) => Step::Due,
            () = tokio::time::sleep_until(self.ends) => Step::Late,
        }
    }

    fn take(&mut self, portion: &Portion) {
        for (entry, relation) in &portion.piece().deliveries {
            let place = self.selection.caches.iter().position(|cache| cache.id() == entry.cache);
            let (Some(cache), Some(record)) = (place, entry.change.record()) else { continue };
            let seen = match relation {
                Relation::Entered | Relation::Changed => Some(Arc::clone(record)),
                Relation::Left | Relation::Deleted => None,
                Relation::Gap => continue,
            };
            self.tally.learn((cache, record.key.clone()), seen, entry.change.at);
        }
    }

    /// Takes everything as it is now.
    async fn begin_anew(&mut self, feed: &mut Feed) -> Result<(), Verdict> {
        let (mut items, revision) = Items::take(&self.selection, &self.tools.log);
        feed.skip_to(revision);
        let mut told = BTreeMap::new();
        loop {
            match items.next(&self.selection).await {
                Ok(Some(Item::Present(cache, record))) => _ = told.insert((cache, record.key.clone()), record),
                Ok(Some(Item::Absent(..) | Item::Unread(..))) => {}
                Ok(None) => break,
                Err(error) => return Err(self.verdict(Outcome::Undecided, "NotEvaluated", error.to_string())),
            }
        }
        self.tally.begin_anew(&told, self.tools.clock.now());
        Ok(())
    }

    /// The log has gone on without this.
    async fn interrupted(&mut self, interruption: Interruption, feed: &mut Feed) -> Option<Verdict> {
        match interruption {
            Interruption::Expired if self.selection.caches.iter().any(|cache| cache.closed().is_cancelled()) => {
                self.ended(Outcome::Undecided, "KindChanged", changed())
            }
            Interruption::Expired => self.begin_anew(feed).await.err(),
            Interruption::Predicate(error) => self.ended(Outcome::Undecided, "NotEvaluated", error.to_string()),
        }
    }

    fn ended(&self, outcome: Outcome, reason: &str, message: String) -> Option<Verdict> {
        Some(self.verdict(outcome, reason, message))
    }

    fn verdict(&self, outcome: Outcome, reason: &str, message: String) -> Verdict {
        Verdict { outcome, reason: reason.to_owned(), message, at: self.tools.clock.now() }
    }

    fn publish(&self, now: Timestamp, verdict: Option<Verdict>) {
        let stands = |(place, course, standing): (&Place, &super::course::Course, Standing)| Stands {
            place: place.clone(),
            seen: course.seen().cloned(),
            standing,
        };
        let objects = self.tally.objects(now).map(stands).collect();
        let (armed, proven) = (self.tally.is_armed(), self.tally.is_proven());
        self.report.send_replace(Arc::new(Report { armed, proven, objects, verdict }));
    }
}

fn changed() -> String {
    "a kind is followed otherwise than before: open the gate again".to_owned()
}

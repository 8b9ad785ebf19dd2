//! One object of a gate, over time.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::failure_clock::FailureClock;
use super::policy::{Criterion, Policy};
use super::seen::Seen;
use crate::record::{Detail, Record, Uid};
use crate::rule::{DRAINED, is_settled};
use crate::state::{Doom, Judgement, State};
use crate::wishes::Wishes;

/// How an object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not as it is needed, or not for long enough. Why, where its state does not
    /// say so.
    Waiting(String),
    /// As it is needed.
    Met,
    /// It has failed.
    Failed(Failing),
}

/// By what an object has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failing {
    /// By its kind's rule: its state says why.
    #[error("")]
    ByRule,
    /// It is what the gate is to fail on.
    #[error("it meets a criterion that the gate fails on")]
    AsAsked,
    /// A container was restarted so often.
    #[error("restarted {0} times")]
    Restarts(u32),
    /// Nothing has changed since then.
    #[error("no progress since {0}")]
    NoProgress(Timestamp),
    /// Nobody can tell how it is to be judged.
    #[error("{0}")]
    WrongAnnotation(Box<str>),
}

/// What an apply has returned of an object: evidence that is older counts for
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Its UID, if only that object counts.
    pub uid: Option<Uid>,
    /// Its generation.
    pub generation: i64,
    /// Its version.
    pub resource_version: u64,
}

/// One object of a gate, over time.
#[derive(Debug)]
pub struct Course {
    /// Its newest version; none if it does not exist.
    seen: Option<Seen>,
    first: First,
    /// Whether it was read since it was asked for: what is seen is no older.
    is_read: bool,
    applied: Option<Applied>,
    met_since: Option<Timestamp>,
    failing: FailureClock,
    moved_at: Timestamp,
    /// How often its containers had been restarted when they counted least.
    restarts: Option<u32>,
}

/// The object that was there first, whose deletion is waited for: one by the same
/// name is another.
#[derive(Debug)]
enum First {
    /// What is there may be older than the question.
    Unproven,
    /// It was this one.
    Was(Uid),
    /// There was none.
    Nobody,
}

impl Course {
    /// Of an object of which nothing is known yet.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self {
            seen: None,
            first: First::Unproven,
            is_read: false,
            applied: None,
            met_since: None,
            failing: FailureClock::default(),
            moved_at: at,
            restarts: None,
        }
    }

    /// Its newest version.
    #[must_use]
    pub fn seen(&self) -> Option<&Arc<Record>> {
        self.seen.as_ref().map(|seen| &seen.record)
    }

    /// The UID of what is there.
    #[must_use]
    pub fn uid(&self) -> Option<&Uid> {
        self.seen().map(|seen| &seen.uid)
    }

    /// Everything that a read has seen which began after the question is taken in.
    pub fn take_as_read(&mut self) {
        self.is_read = true;
    }

    /// The gate is armed: it begins anew, with what was applied of this object, if
    /// anything was.
    pub fn arm(&mut self, applied: Option<Applied>, policy: &Policy, at: Timestamp) {
        if let Some(uid) = applied.as_ref().and_then(|applied| applied.uid.clone()) {
            self.first = First::Was(uid);
        }
        (self.applied, self.is_read) = (applied, false);
        if self.seen().is_some_and(|seen| self.has_ended(seen, policy)) {
            self.seen = self.seen.take().map(as_it_ended);
        }
        self.forget();
        self.moved_at = at;
        self.note(policy, at);
    }

    /// What is seen is no older than the question.
    pub fn pin(&mut self, policy: &Policy, at: Timestamp) {
        if matches!(self.first, First::Unproven) {
            self.first = self.seen().map_or(First::Nobody, |seen| First::Was(seen.uid.clone()));
            self.note(policy, at);
        }
    }

    /// Something may have happened that was not seen: it has not been so without
    /// interruption.
    pub fn doubt(&mut self, policy: &Policy, at: Timestamp) {
        self.met_since = None;
        // What is so may be so from now on.
        self.note(policy, at);
    }

    /// Takes in its newest version.
    pub fn learn(&mut self, seen: Option<Seen>, policy: &Policy, at: Timestamp) {
        let is_another = seen.as_ref().is_none_or(|seen| !self.is_applied(&seen.record.uid));
        if is_another && self.outlives_its_object(policy) {
            return;
        }
        let has_ended = seen.as_ref().is_some_and(|seen| self.has_ended(&seen.record, policy));
        let seen = if has_ended { seen.map(as_it_ended) } else { seen };
        let (before, now) = (self.seen(), seen.as_ref().map(|seen| &seen.record));
        let is_another = match (before, now) {
            // To be deleted is another generation, but not of what has ended.
            (Some(before), Some(now)) => before.uid != now.uid || (before.generation != now.generation && !has_ended),
            (None, None) => false,
            _ => true,
        };
        let differs = |(before, now): (&Arc<Record>, &Arc<Record>)| before.judgement.differs(&now.judgement);
        let has_moved = is_another || before.zip(now).is_some_and(differs);
        if is_another {
            self.forget();
        }
        if has_moved {
            self.moved_at = at;
        }
        self.seen = seen;
        self.note(policy, at);
    }

    /// Whether it is a Job that has ended, and now goes: so it has ended, whatever becomes of it, and its TTL may remove it before
    /// anybody could look. One that went already when it was asked for makes room for another: it has to have been applied, or
    /// to have stood when it was read.
    fn has_ended(&self, now: &Record, policy: &Policy) -> bool {
        let goes = now.judgement.state == State::Terminating && matches!(now.detail, Detail::Over(_));
        let stands = |before: &Arc<Record>| before.uid == now.uid && before.judgement.state != State::Terminating;
        let stood = self.is_read && self.seen().is_some_and(stands);
        goes && (stood || self.is_applied(&now.uid)) && is_to_end(policy)
    }

    /// Whether what was applied had ended before it was gone, so that the gate was decided: whatever has its name by now. Of what was
    /// not applied nobody can say that it was still there when it was asked for.
    fn outlives_its_object(&self, policy: &Policy) -> bool {
        let Some(before) = self.seen().filter(|before| self.is_applied(&before.uid)) else { return false };
        let has_ended = matches!(before.detail, Detail::Over(_)) && before.judgement.state != State::Terminating;
        has_ended && is_to_end(policy) && (self.is_met(policy) || self.fails_with(Doom::Fatal))
    }

    fn is_applied(&self, uid: &Uid) -> bool {
        self.applied.as_ref().and_then(|applied| applied.uid.as_ref()) == Some(uid)
    }

    fn note(&mut self, policy: &Policy, at: Timestamp) {
        match self.is_met(policy) {
            true => _ = self.met_since.get_or_insert(at),
            false => self.met_since = None,
        }
        let counts = self.counts().map(|seen| Arc::clone(&seen.record));
        let judgement = counts.as_ref().map(|record| &record.judgement);
        self.failing.note(judgement, self.tolerate(policy), at);
        // A new revision's pods begin at none.
        let restarts = judgement.and_then(|judgement| judgement.restarts);
        self.restarts = self.restarts.into_iter().chain(restarts).min();
    }

    /// What was noted was of another.
    fn forget(&mut self) {
        (self.met_since, self.failing, self.restarts) = (None, FailureClock::default(), None);
    }

    /// Its newest version, if that is no older than what was applied.
    fn counts(&self) -> Option<&Seen> {
        let seen = self.seen.as_ref()?;
        let record = &seen.record;
        let new_enough = self.applied.as_ref().is_none_or(|applied| {
            applied.uid.as_ref().is_none_or(|uid| *uid == record.uid)
                && record.generation >= applied.generation
                && record.resource_version >= applied.resource_version
        });
        new_enough.then_some(seen)
    }

    fn is_met(&self, policy: &Policy) -> bool {
        if self.wishes().is_some_and(|wishes| wishes.ignore) {
            return true;
        }
        let is = |criterion: &Criterion| self.is(*criterion);
        policy.goal.all.iter().all(is) && (policy.goal.any.is_empty() || policy.goal.any.iter().any(is))
    }

    fn is(&self, criterion: Criterion) -> bool {
        let seen = self.counts();
        let state = seen.map(|seen| seen.record.judgement.state);
        match criterion {
            Criterion::Ready => state == Some(State::Ready),
            Criterion::Settled => seen.is_some_and(|seen| is_settled(&seen.record.judgement)),
            Criterion::Exists => state.is_some_and(|state| state != State::Terminating),
            Criterion::Deleted => match &self.first {
                First::Unproven => false,
                First::Nobody => true,
                First::Was(first) => self.seen().is_none_or(|seen| seen.uid != *first),
            },
            Criterion::Drained => seen.is_some_and(|seen| &*seen.record.judgement.reason == DRAINED),
            Criterion::Holds(number) => seen.is_some_and(|seen| seen.holds.get(number) == Some(&true)),
        }
    }

    fn fails_with(&self, doom: Doom) -> bool {
        let fails = |judgement: &Judgement| judgement.state == State::Failed && judgement.doom == doom;
        self.counts().is_some_and(|seen| fails(&seen.record.judgement))
    }

    fn wishes(&self) -> Option<&Wishes> {
        self.counts()?.record.wishes.as_deref()
    }

    fn stable_for(&self, policy: &Policy) -> SignedDuration {
        self.wishes().and_then(|wishes| wishes.stable_for).unwrap_or(policy.stable_for)
    }

    fn no_progress(&self, policy: &Policy) -> Option<SignedDuration> {
        self.wishes().and_then(|wishes| wishes.no_progress).or(policy.no_progress)
    }

    fn tolerate(&self, policy: &Policy) -> SignedDuration {
        self.wishes().and_then(|wishes| wishes.tolerate).unwrap_or(policy.tolerate)
    }

    /// Whether what its kind's rule calls failed counts: of what is to go, or to be empty, it does not.
    fn is_judged_by_rules(&self, policy: &Policy) -> bool {
        let ignores = policy.ignore_failures || self.wishes().is_some_and(|wishes| wishes.ignore_failures);
        !ignores && !policy.goal.asks(Criterion::Deleted) && !policy.goal.asks(Criterion::Drained)
    }

    /// Until when its failure is tolerated, if it has failed.
    fn tolerated_until(&self, policy: &Policy) -> Option<Timestamp> {
        let (doom, long) = match () {
            () if !self.is_judged_by_rules(policy) => return None,
            () if self.fails_with(Doom::Persistent) => (Doom::Persistent, self.tolerate(policy)),
            () if self.fails_with(Doom::Fatal) => {
                let has_ended = self.seen().is_some_and(|record| record.detail.is_over());
                let fatal_after = self.wishes().and_then(|wishes| wishes.fatal_after).unwrap_or(policy.fatal_after);
                (Doom::Fatal, if has_ended { SignedDuration::ZERO } else { fatal_after })
            }
            () => return None,
        };
        self.failing.since(doom)?.checked_add(long).ok()
    }

    /// How often it was restarted while it was looked at, if that is too often.
    fn too_many_restarts(&self, policy: &Policy) -> Option<u32> {
        let judgement = &self.counts()?.record.judgement;
        let restarts = judgement.restarts?.saturating_sub(self.restarts.unwrap_or(0));
        let most = self.wishes().and_then(|wishes| wishes.restarts).unwrap_or(policy.restarts);
        let counts = self.is_judged_by_rules(policy) && matches!(judgement.state, State::Failed | State::InProgress);
        (counts && restarts > most).then_some(restarts)
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self, policy: &Policy, now: Timestamp) -> Standing {
        let lasts = |since: Timestamp, long: SignedDuration| now.duration_since(since) >= long;
        if let Some(wrong) = self.wishes().and_then(|wishes| wishes.wrong.clone()) {
            return Standing::Failed(Failing::WrongAnnotation(wrong));
        }
        let ignored = self.wishes().is_some_and(|wishes| wishes.ignore);
        if !ignored && policy.fail_on.iter().any(|criterion| self.is(*criterion)) {
            return Standing::Failed(Failing::AsAsked);
        }
        if let Some(since) = self.met_since {
            let stable_for = self.stable_for(policy);
            return match ignored || lasts(since, stable_for) {
                true => Standing::Met,
                false => Standing::Waiting(format!("not for {stable_for:#} yet")),
            };
        }
        if self.tolerated_until(policy).is_some_and(|until| now >= until) {
            return Standing::Failed(Failing::ByRule);
        }
        if let Some(restarts) = self.too_many_restarts(policy) {
            return Standing::Failed(Failing::Restarts(restarts));
        }
        if self.no_progress(policy).is_some_and(|long| lasts(self.moved_at, long)) {
            return Standing::Failed(Failing::NoProgress(self.moved_at));
        }
        Standing::Waiting(self.waits_for(policy))
    }

    /// What is missing, where its state does not say so.
    fn waits_for(&self, policy: &Policy) -> String {
        match (&self.seen, self.counts()) {
            (Some(_), None) => "it is not what was applied".to_owned(),
            (Some(_), Some(seen)) if seen.record.judgement.state == State::Ready => {
                let missing = if policy.goal.asks(Criterion::Deleted) {
                    "it still exists"
                } else {
                    "ready, but not as asked for"
                };
                missing.to_owned()
            }
            _ => String::new(),
        }
    }

    /// When it may stand otherwise by time alone.
    #[must_use]
    pub fn due(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        let after = |since: Option<Timestamp>, long: SignedDuration| since?.checked_add(long).ok();
        let still = self.met_since.is_none().then_some(self.moved_at);
        [
            after(self.met_since, self.stable_for(policy)),
            self.tolerated_until(policy),
            self.no_progress(policy).and_then(|long| after(still, long)),
        ]
        .into_iter()
        .flatten()
        .filter(|at| *at > now)
        .min()
    }
}

/// Whether a gate asks for an end alone, and not for whether something is there.
pub(super) fn is_to_end(policy: &Policy) -> bool {
    let asks = |criterion| policy.goal.asks(criterion);
    policy.fail_on.is_empty() && !asks(Criterion::Deleted) && !asks(Criterion::Exists)
}

/// A Job that goes as it had ended, with what is said of it now.
fn as_it_ended(seen: Seen) -> Seen {
    let Detail::Over(end) = &seen.record.detail else { return seen };
    let record = seen.record.judged_again((**end).clone().into());
    Seen { record: Arc::new(record), holds: seen.holds }
}

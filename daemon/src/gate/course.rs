//! One object of a gate, over time.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::policy::{Goal, Policy};
use crate::record::{Record, Uid};
use crate::state::{Doom, State};

/// How an object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not as it is needed, or not for long enough. Why, where its state does not
    /// say so.
    Waiting(String),
    /// As it is needed.
    Met,
    /// It has failed. Why, where its state does not say so.
    Failed(String),
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
    seen: Option<Arc<Record>>,
    /// The object that was there first: one by the same name is another.
    first: Option<Uid>,
    applied: Option<Applied>,
    met_since: Option<Timestamp>,
    failing_since: Option<Timestamp>,
    moved_at: Timestamp,
}

impl Course {
    /// Of an object of which nothing is known yet.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self { seen: None, first: None, applied: None, met_since: None, failing_since: None, moved_at: at }
    }

    /// Its newest version.
    #[must_use]
    pub fn seen(&self) -> Option<&Arc<Record>> {
        self.seen.as_ref()
    }

    /// The gate is armed: it begins anew, with what was applied of this object, if
    /// anything was.
    pub fn arm(&mut self, applied: Option<Applied>, policy: &Policy, at: Timestamp) {
        self.applied = applied;
        (self.met_since, self.failing_since, self.moved_at) = (None, None, at);
        self.note(policy, at);
    }

    /// Takes in its newest version.
    pub fn learn(&mut self, seen: Option<Arc<Record>>, policy: &Policy, at: Timestamp) {
        let is_another = match (&self.seen, &seen) {
            (Some(before), Some(now)) => before.uid != now.uid || before.generation != now.generation,
            (None, None) => false,
            _ => true,
        };
        let has_moved = is_another
            || self
                .seen
                .as_ref()
                .zip(seen.as_ref())
                .is_some_and(|(before, now)| before.judgement.differs(&now.judgement));
        if is_another {
            (self.met_since, self.failing_since) = (None, None);
        }
        if has_moved {
            self.moved_at = at;
        }
        if let (None, Some(now)) = (&self.first, &seen) {
            self.first = Some(now.uid.clone());
        }
        self.seen = seen;
        self.note(policy, at);
    }

    fn note(&mut self, policy: &Policy, at: Timestamp) {
        match self.is_met(policy) {
            true => _ = self.met_since.get_or_insert(at),
            false => self.met_since = None,
        }
        let state = self.counts().map(|record| record.judgement.state);
        // What is only on its way again, as between two crashes, has not recovered.
        if !matches!(state, Some(State::Failed | State::InProgress | State::Unknown)) {
            self.failing_since = None;
        }
        if self.fails_with(Doom::Persistent) {
            self.failing_since.get_or_insert(at);
        }
    }

    /// Its newest version, if that is no older than what was applied.
    fn counts(&self) -> Option<&Arc<Record>> {
        let record = self.seen.as_ref()?;
        let new_enough = self.applied.as_ref().is_none_or(|applied| {
            applied.uid.as_ref().is_none_or(|uid| *uid == record.uid)
                && record.generation >= applied.generation
                && record.resource_version >= applied.resource_version
        });
        new_enough.then_some(record)
    }

    fn is_met(&self, policy: &Policy) -> bool {
        let state = self.counts().map(|record| record.judgement.state);
        match policy.goal {
            Goal::Ready => state == Some(State::Ready),
            Goal::Exists => state.is_some_and(|state| state != State::Terminating),
            // Another object by that name is not the one that was to go.
            Goal::Deleted => self.seen.as_ref().is_none_or(|seen| self.first.as_ref() != Some(&seen.uid)),
        }
    }

    fn fails_with(&self, doom: Doom) -> bool {
        self.counts().is_some_and(|record| record.judgement.state == State::Failed && record.judgement.doom == doom)
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self, policy: &Policy, now: Timestamp) -> Standing {
        let lasts = |since: Option<Timestamp>, long: SignedDuration| {
            since.is_some_and(|since| now.duration_since(since) >= long)
        };
        if let Some(since) = self.met_since {
            return match lasts(Some(since), policy.stable_for) {
                true => Standing::Met,
                false => Standing::Waiting(format!("not for {:#} yet", policy.stable_for)),
            };
        }
        if policy.goal == Goal::Ready && !policy.ignore_failures {
            let borne = self.fails_with(Doom::Persistent) && lasts(self.failing_since, policy.tolerate);
            if borne || self.fails_with(Doom::Fatal) {
                return Standing::Failed(String::new());
            }
        }
        if policy.no_progress.is_some_and(|long| lasts(Some(self.moved_at), long)) {
            return Standing::Failed(format!("no progress since {}", self.moved_at));
        }
        let old = self.seen.is_some() && self.counts().is_none();
        Standing::Waiting(if old { "it is not what was applied".to_owned() } else { String::new() })
    }

    /// When it may stand otherwise by time alone.
    #[must_use]
    pub fn due(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        let after = |since: Option<Timestamp>, long: SignedDuration| since?.checked_add(long).ok();
        let failing = self.failing_since.filter(|_| self.fails_with(Doom::Persistent) && !policy.ignore_failures);
        let still = self.met_since.is_none().then_some(self.moved_at);
        [
            after(self.met_since, policy.stable_for),
            after(failing, policy.tolerate),
            policy.no_progress.and_then(|long| after(still, long)),
        ]
        .into_iter()
        .flatten()
        .filter(|at| *at > now)
        .min()
    }
}

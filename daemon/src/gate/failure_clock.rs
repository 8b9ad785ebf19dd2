//! For how long an object has failed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::state::{Doom, Judgement, State};

/// For how long an object has failed, of the failures that do not pass by themselves.
#[derive(Debug, Default)]
pub(super) struct FailureClock {
    /// Since when it fails, by whatever.
    since: Option<Timestamp>,
    /// Since when it fails by what waiting cannot fix.
    fatal_since: Option<Timestamp>,
    /// Since when it is on its way again, if it has failed before.
    recovering_since: Option<Timestamp>,
    /// The most that was ever done, of each thing that is counted.
    most_done: BTreeMap<&'static str, i64>,
}

impl FailureClock {
    /// Takes in its newest version, if there is one. What is only on its way again, as between two
    /// crashes, has not recovered: unless it is for as long as a failure is tolerated.
    pub(super) fn note(&mut self, judgement: Option<&Judgement>, tolerate: SignedDuration, at: Timestamp) {
        // What failed before has healed: if something fails now, it is something else.
        if judgement.is_some_and(|judgement| self.is_further_than_ever(judgement)) {
            self.stop();
        }
        match judgement.map(|judgement| (judgement.state, judgement.doom)) {
            Some((State::Failed, doom @ (Doom::Persistent | Doom::Fatal))) => {
                let recovering = self.recovering_since.take();
                if recovering.is_some_and(|since| at.duration_since(since) >= tolerate) {
                    self.stop();
                }
                self.since.get_or_insert(at);
                if doom == Doom::Fatal {
                    self.fatal_since.get_or_insert(at);
                }
            }
            Some((State::Failed | State::InProgress | State::Unknown, _)) => {
                if self.since.is_some() {
                    self.recovering_since.get_or_insert(at);
                }
            }
            _ => self.stop(),
        }
    }

    /// Since when it has failed in that way.
    pub(super) fn since(&self, doom: Doom) -> Option<Timestamp> {
        match doom {
            Doom::Fatal => self.fatal_since,
            Doom::Persistent => self.since,
            Doom::None | Doom::Transient => None,
        }
    }

    fn stop(&mut self) {
        (self.since, self.fatal_since, self.recovering_since) = (None, None, None);
    }

    fn is_further_than_ever(&mut self, judgement: &Judgement) -> bool {
        let Some(progress) = &judgement.progress else { return false };
        let most = self.most_done.entry(progress.unit).or_insert(progress.done);
        let before = std::mem::replace(most, progress.done.max(*most));
        progress.done > before
    }
}

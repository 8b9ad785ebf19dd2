//! How many gates there are.

use super::Gates;
use crate::gate::Outcome;
use crate::gate::account::Count;

impl Gates {
    /// How many are open.
    #[must_use]
    pub fn open_now(&self) -> usize {
        let now = self.tools.clock.now();
        self.known.lock().all().filter(|gate| gate.ended_at().is_none() && gate.is_kept(now)).count()
    }

    /// Those that have ended like that, since the daemon has started.
    #[must_use]
    pub fn ended(&self, outcome: Outcome) -> Count {
        self.tools.account.count(outcome)
    }
}

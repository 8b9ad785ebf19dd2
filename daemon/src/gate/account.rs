//! How many gates have ended, how, and after how long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Outcome;

/// Every outcome, and how it is called.
pub const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::Passed, "passed"),
    (Outcome::Failed, "failed"),
    (Outcome::Undecided, "undecided"),
    (Outcome::Cancelled, "cancelled"),
];

/// Gates are counted by how many seconds they were open at most; the last of these have no limit.
pub const LIMITS: [f64; 11] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, f64::INFINITY];

/// Counts gates that have ended, since the daemon has started.
#[derive(Debug, Default)]
pub struct Account {
    passed: Ended,
    failed: Ended,
    undecided: Ended,
    cancelled: Ended,
}

#[derive(Debug, Default)]
struct Ended {
    by_limit: [AtomicU64; LIMITS.len()],
    milliseconds: AtomicU64,
}

/// The gates of one outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// Those that were open for no longer than a limit, and for longer than the one before it.
    pub by_limit: [u64; LIMITS.len()],
    /// How long all of them were open, in seconds.
    pub seconds: f64,
}

impl Count {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.by_limit.iter().sum()
    }
}

impl Account {
    fn of(&self, outcome: Outcome) -> &Ended {
        match outcome {
            Outcome::Passed => &self.passed,
            Outcome::Failed => &self.failed,
            Outcome::Undecided => &self.undecided,
            Outcome::Cancelled => &self.cancelled,
        }
    }

    /// One more.
    pub fn ended(&self, outcome: Outcome, open: Duration) {
        let ended = self.of(outcome);
        let seconds = open.as_secs_f64();
        if let Some((_, count)) = LIMITS.iter().zip(&ended.by_limit).find(|(limit, _)| seconds <= **limit) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let milliseconds = u64::try_from(open.as_millis()).unwrap_or(u64::MAX);
        ended.milliseconds.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Those of that outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> Count {
        let ended = self.of(outcome);
        let by_limit = ended.by_limit.each_ref().map(|count| count.load(Ordering::Relaxed));
        Count { by_limit, seconds: Duration::from_millis(ended.milliseconds.load(Ordering::Relaxed)).as_secs_f64() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_counted_once_by_how_long_it_was_open() {
        let account = Account::default();
        for milliseconds in [0, 1000, 1001, 4_000_000] {
            account.ended(Outcome::Passed, Duration::from_millis(milliseconds));
        }
        let count = account.count(Outcome::Passed);
        assert_eq!((count.by_limit, count.all()), ([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], 4));
        assert!((count.seconds - 4002.001).abs() < 1e-9);
        assert_eq!(account.count(Outcome::Failed).all(), 0);
    }
}

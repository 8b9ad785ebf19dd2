//! For how long what somebody may is taken for granted: until it is asked again, and while
//! nobody says.

use std::time::Duration;

use tokio::time::Instant;

/// While the cluster does not say what somebody may, who was let in goes on for so many times as
/// long as an answer counts, and no longer: what is told meanwhile may be of a right that was
/// withdrawn.
pub const GRACE: u32 = 10;

/// That somebody may, as it was known last.
#[derive(Clone, Debug)]
pub struct Trust {
    known: Instant,
    ask_every: Duration,
    grace: Duration,
}

impl Trust {
    /// It is known now; a right that is withdrawn `lasts` so long at most.
    #[must_use]
    pub(super) fn new(lasts: Duration) -> Self {
        Self { known: Instant::now(), ask_every: lasts / 2, grace: lasts * GRACE }
    }

    /// When it is to be asked next.
    #[must_use]
    pub fn ask_at(&self) -> Instant {
        Instant::now() + self.ask_every
    }

    /// It is known again.
    pub fn is_known(&mut self) {
        self.known = Instant::now();
    }

    /// Whether it was not known for longer than it is taken for granted.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.known.elapsed() >= self.grace
    }
}

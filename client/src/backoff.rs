//! How long to wait before the next try.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Waits that double up to a limit. Each is drawn between half of it and all of
/// it, so that clients which lost the same daemon do not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next wait.
    pub(crate) fn step(&mut self) -> Duration {
        let whole = self.next;
        self.next = LONGEST.min(whole * 2);
        whole.mul_f64(0.5 + 0.5 * fraction())
    }

    /// Begins anew after a success.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }
}

/// A number in [0, 1): the standard library seeds each hasher differently.
fn fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::new();
        for step in 0..20 {
            let whole = LONGEST.min(FIRST * 2_u32.pow(step.min(10)));
            let wait = backoff.step();
            assert!(wait >= whole / 2 && wait <= whole, "step {step}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.step() <= FIRST);
    }
}

//! How long to wait before the next try.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::Error;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Waits before further tries, for errors that [`recovery`](crate::recovery) says may pass. They double
/// up to a limit, and none is shorter than the daemon asks for. Each is drawn between its least and
/// twice that, so that clients which lost the same daemon do not come back at once.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The wait after `error`.
    #[must_use]
    pub fn wait(&mut self, error: &Error) -> Duration {
        let whole = self.next;
        self.next = LONGEST.min(whole * 2);
        let asked = error.rpc().and_then(|error| error.retry_after).unwrap_or_default();
        let least = asked.max(whole / 2);
        least.saturating_add(least.min(LONGEST).mul_f64(fraction()))
    }

    /// Begins anew after a success.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// A number in [0, 1). The standard library draws keys for each thread, and changes them for each hasher.
fn fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic::Code;

    use super::*;
    use crate::RpcError;

    #[test]
    fn waits_grow_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        for step in 0..20 {
            let whole = LONGEST.min(FIRST * 2_u32.pow(step.min(10)));
            let wait = backoff.wait(&Error::ended());
            assert!(wait >= whole / 2 && wait <= whole, "step {step}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.wait(&Error::ended()) <= FIRST);
    }

    #[test]
    fn a_wait_is_as_long_as_the_daemon_asks_for_and_not_the_same_for_all() {
        let busy = |asked| {
            let (reason, message) = (String::new(), String::new());
            let retry_after = Some(asked);
            Error::Rpc(RpcError {
                code: Code::ResourceExhausted,
                reason,
                message,
                metadata: HashMap::new(),
                retry_after,
            })
        };
        let asked = Duration::from_secs(60);
        let waits: Vec<_> = (0..20).map(|_| Backoff::default().wait(&busy(asked))).collect();
        assert!(waits.iter().all(|wait| *wait >= asked && *wait <= asked + LONGEST), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
        let short = Duration::from_millis(1);
        assert!(Backoff::default().wait(&busy(short)) >= FIRST / 2);
        assert_eq!(Backoff::default().wait(&busy(Duration::MAX)), Duration::MAX);
    }
}

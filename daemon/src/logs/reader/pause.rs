//! How long to wait before a log is opened again.

use std::time::Duration;

/// Waits: doubled from the first up to the last, with jitter.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// The longest that an API server's `Retry-After` is obeyed.
const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait before the next try.
pub(super) struct Pause {
    next: Duration,
    asked: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next: WAITS.0, asked: Duration::ZERO }
    }
}

impl Pause {
    /// The API server asks for so long a wait.
    pub(super) fn asked(&mut self, asked: Option<Duration>) {
        self.asked = asked.unwrap_or_default().min(LONGEST);
    }

    /// Waits, the next time for longer.
    pub(super) async fn rest(&mut self) {
        let wait = self.next.mul_f64(0.5 + fastrand::f64() / 2.0) + std::mem::take(&mut self.asked);
        self.next = (self.next * 2).min(WAITS.1);
        tokio::time::sleep(wait).await;
    }
}

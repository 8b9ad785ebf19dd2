//! How often something may be done.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// So many at once, and as many again after each interval: a token bucket.
#[derive(Debug)]
pub(super) struct Rate {
    burst: u32,
    /// For one more.
    interval: Duration,
    /// When the bucket is full again.
    full_at: Mutex<Instant>,
}

impl Rate {
    pub(super) fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval, full_at: Mutex::new(Instant::now()) }
    }

    /// Whether it may be done now, and then it counts as done.
    pub(super) fn take(&self) -> bool {
        let (now, mut full_at) = (Instant::now(), self.full_at.lock());
        let next = (*full_at).max(now) + self.interval;
        let may = next <= now + self.interval * self.burst;
        if may {
            *full_at = next;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_followed_by_one_for_each_interval() {
        let rate = Rate::new(3, Duration::from_secs(1));
        assert_eq!([(); 5].map(|()| rate.take()), [true, true, true, false, false]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!([(); 2].map(|()| rate.take()), [true, false]);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!([(); 4].map(|()| rate.take()), [true, true, true, false]);
    }
}

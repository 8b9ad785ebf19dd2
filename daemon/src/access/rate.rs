//! How often something may be done.

use std::collections::HashMap;
use std::hash::Hash;
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

/// Those who are told apart; who has taken nothing for a while makes room.
const MOST: usize = 10_000;

/// The same for each of many.
#[derive(Debug)]
pub(super) struct Rates<K> {
    burst: u32,
    interval: Duration,
    each: Mutex<HashMap<K, Rate>>,
}

impl<K: Eq + Hash> Rates<K> {
    pub(super) fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval, each: Mutex::default() }
    }

    /// Whether it may be done for that one now, and then it counts as done. While there are too
    /// many, it may not for one more.
    pub(super) fn take(&self, who: K) -> bool {
        let (now, mut each) = (Instant::now(), self.each.lock());
        if each.len() >= MOST {
            each.retain(|_, rate| *rate.full_at.get_mut() > now);
        }
        if each.len() >= MOST && !each.contains_key(&who) {
            return false;
        }
        each.entry(who).or_insert_with(|| Rate::new(self.burst, self.interval)).take()
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

    #[tokio::test(start_paused = true)]
    async fn each_has_a_burst_and_who_has_rested_is_forgotten() {
        let rates = Rates::new(1, Duration::from_secs(1));
        assert_eq!([1, 1, 2].map(|who| rates.take(who)), [true, false, true]);
        for who in 0..MOST {
            rates.take(who);
        }
        assert!(!rates.take(MOST), "there are too many");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(rates.take(MOST));
        assert_eq!(rates.each.lock().len(), 1);
    }
}

//! The one source of time: for rules, ages and replays.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the time and waits for it. Clones tell the same time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's time.
    System,
    /// A recording's own time.
    Replay(Arc<ReplayClock>),
}

/// A recording's time: it runs `speed` times as fast as the machine's and
/// stands still at the recording's end.
#[derive(Debug)]
pub struct ReplayClock {
    started: Instant,
    from: Timestamp,
    until: Timestamp,
    speed: f64,
}

impl Clock {
    /// A clock that starts now at `from` and ends at `until`.
    ///
    /// `speed` is finite and above zero.
    #[must_use]
    pub fn replay(from: Timestamp, until: Timestamp, speed: f64) -> Self {
        Self::Replay(Arc::new(ReplayClock { started: Instant::now(), from, until, speed }))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Replay(clock) => clock.now(),
        }
    }

    /// Returns at `time`; never, if that is past a recording's end.
    pub async fn sleep_until(&self, time: Timestamp) {
        match self {
            Self::System => tokio::time::sleep(between(Timestamp::now(), time)).await,
            Self::Replay(clock) if time > clock.until => std::future::pending().await,
            Self::Replay(clock) => {
                let wait = between(clock.from, time).div_f64(clock.speed);
                tokio::time::sleep_until(clock.started + wait).await;
            }
        }
    }
}

impl ReplayClock {
    fn now(&self) -> Timestamp {
        // Saturating: a high speed soon exceeds what a Duration holds.
        let whole = between(self.from, self.until);
        let elapsed = self.started.elapsed().as_secs_f64() * self.speed;
        if elapsed >= whole.as_secs_f64() {
            return self.until;
        }
        self.from + Duration::from_secs_f64(elapsed)
    }
}

/// The time from `from` to `to`; zero if `to` is earlier.
#[must_use]
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_replay_runs_at_its_speed_and_stands_still_at_its_end() {
        let from: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let until = from + Duration::from_secs(60);
        let clock = Clock::replay(from, until, 10.0);
        let started = Instant::now();
        clock.sleep_until(from + Duration::from_secs(20)).await;
        assert_eq!(started.elapsed().as_secs(), 2);
        assert_eq!(between(from, clock.now()).as_secs(), 20);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(clock.now(), until);
    }
}

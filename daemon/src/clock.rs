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
/// stands still at the recording's end, or goes on as fast as the machine's.
#[derive(Clone, Debug)]
pub struct ReplayClock {
    started: Instant,
    from: Timestamp,
    until: Timestamp,
    speed: f64,
    goes_on: bool,
}

impl Clock {
    /// A clock that starts now at `from` and ends at `until`.
    ///
    /// `speed` is finite and above zero.
    #[must_use]
    pub fn replay(from: Timestamp, until: Timestamp, speed: f64) -> Self {
        Self::Replay(Arc::new(ReplayClock { started: Instant::now(), from, until, speed, goes_on: false }))
    }

    /// The same time, for whoever waits: it goes on behind a recording's end, where
    /// nothing happens any more, but what has to last does.
    #[must_use]
    pub fn going_on(&self) -> Self {
        match self {
            Self::System => Self::System,
            Self::Replay(clock) => Self::Replay(Arc::new(ReplayClock { goes_on: true, ..(**clock).clone() })),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Replay(clock) => clock.now(),
        }
    }

    /// Returns at `time`; never, if there is none.
    pub async fn reaches(&self, time: Option<Timestamp>) {
        match time {
            Some(time) => self.sleep_until(time).await,
            None => std::future::pending().await,
        }
    }

    /// Returns at `time`; never, if that is past a recording's end.
    pub async fn sleep_until(&self, time: Timestamp) {
        match self {
            Self::System => tokio::time::sleep(between(Timestamp::now(), time)).await,
            Self::Replay(clock) => match clock.instant(time) {
                Some(instant) => tokio::time::sleep_until(instant).await,
                None => std::future::pending().await,
            },
        }
    }
}

impl ReplayClock {
    fn now(&self) -> Timestamp {
        // Saturating: a high speed soon exceeds what a Duration holds.
        let whole = between(self.from, self.until);
        let elapsed = self.started.elapsed().as_secs_f64() * self.speed;
        if elapsed < whole.as_secs_f64() {
            return self.from + Duration::from_secs_f64(elapsed);
        }
        let behind = if self.goes_on { self.end().elapsed() } else { Duration::ZERO };
        self.until.saturating_add(behind).unwrap_or(Timestamp::MAX)
    }

    /// When the recording ends.
    fn end(&self) -> Instant {
        self.started + between(self.from, self.until).div_f64(self.speed)
    }

    /// When it is `time`; never, if it stands still before.
    fn instant(&self, time: Timestamp) -> Option<Instant> {
        match time > self.until {
            false => Some(self.started + between(self.from, time).div_f64(self.speed)),
            true if self.goes_on => self.end().checked_add(between(self.until, time)),
            true => None,
        }
    }
}

/// Returns at `time`, by the machine's time; never, if there is none.
pub async fn reaches(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The time from `from` to `to`; zero if `to` is earlier.
#[must_use]
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_time_that_there_is_not_never_comes() {
        let (second, now) = (Duration::from_secs(1), Clock::System.now());
        tokio::time::advance(second).await;
        assert!(reaches(None).now_or_never().is_none());
        assert!(Clock::System.reaches(None).now_or_never().is_none());
        assert!(reaches(Some(Instant::now())).now_or_never().is_some());
        let mut waits = reaches(Some(Instant::now() + second)).boxed();
        assert!((&mut waits).now_or_never().is_none());
        tokio::time::advance(second).await;
        assert!(waits.now_or_never().is_some());
        Clock::System.reaches(Some(now)).await;
    }

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

    #[tokio::test(start_paused = true)]
    async fn who_waits_goes_on_behind_the_end() {
        let from: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let until = from + Duration::from_secs(60);
        let clock = Clock::replay(from, until, 10.0).going_on();
        let started = Instant::now();
        clock.sleep_until(from + Duration::from_secs(50)).await;
        assert_eq!((started.elapsed().as_secs(), between(from, clock.now()).as_secs()), (5, 50));
        clock.sleep_until(until + Duration::from_secs(30)).await;
        assert_eq!((started.elapsed().as_secs(), between(until, clock.now()).as_secs()), (36, 30));
    }
}

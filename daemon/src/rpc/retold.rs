//! Streams that tell the same thing again, when it has become another: how it is found out, and when.

use std::time::Duration;

use daymark_proto::Encoded;
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::error::draining;
use crate::event_log::{EventLog, Revision};

/// If nothing has happened, it is looked again after so many rests: not all that counts is followed.
const ANYWAY: u32 = 5;
/// Whoever has something found out again and again rests so much longer than that takes, so that it has a part of a
/// processor only; and the longest rest.
const REST: (u32, Duration) = (10, Duration::from_secs(30));

/// Somebody who is told something again and again.
pub(super) trait Retelling: Send + Sized + 'static {
    /// What is found out.
    type Found: Send;
    /// What is told of it.
    type Message: Send + 'static;

    /// What is to be told next, when it is.
    fn again(&mut self) -> impl Future<Output = Result<Self::Found, Status>> + Send;

    /// Tells it.
    fn tell(&mut self, found: Self::Found) -> Encoded<Self::Message>;
}

/// What is told, `first` first, until it cannot be found out.
pub(super) fn stream<R: Retelling>(
    retelling: R,
    first: R::Found,
) -> BoxStream<'static, Result<Encoded<R::Message>, Status>> {
    stream::unfold(Some((retelling, Some(first))), |state| async {
        let (mut retelling, first) = state?;
        let found = match first {
            Some(first) => Ok(first),
            None => retelling.again().await,
        };
        Some(match found {
            Ok(found) => (Ok(retelling.tell(found)), Some((retelling, None))),
            Err(status) => (Err(status), None),
        })
    })
    .boxed()
}

/// When it is time to look again.
#[derive(Debug)]
pub(super) struct Rhythm {
    least: Duration,
    rest: Duration,
    /// What had happened when the last look began.
    seen: Revision,
}

impl Rhythm {
    /// With at least so long a rest between two looks.
    pub(super) fn new(least: Duration) -> Self {
        Self { least, rest: least, seen: 0 }
    }

    /// A look begins.
    pub(super) fn looks(&mut self, log: &EventLog) {
        self.seen = log.head();
    }

    /// It has taken so long.
    pub(super) fn looked(&mut self, took: Duration) {
        let (times, longest) = REST;
        self.rest = took.saturating_mul(times).clamp(self.least, longest);
    }

    /// What a look has brought; nothing if the daemon has too much to do: it comes again, later.
    pub(super) fn found<T>(&mut self, looked: Result<T, Status>) -> Result<Option<T>, Status> {
        match looked {
            Err(busy) if busy.code() == Code::ResourceExhausted => {
                self.looked(Duration::MAX);
                // Whatever has happened was not looked at.
                self.seen = 0;
                Ok(None)
            }
            looked => looked.map(Some),
        }
    }

    /// Returns when something has changed in the cluster since the last look began, or may have unseen.
    pub(super) async fn something_happens(&self, log: &EventLog, drain: &CancellationToken) -> Result<(), Status> {
        for _ in 0..ANYWAY {
            tokio::select! {
                biased;
                () = drain.cancelled() => return Err(draining()),
                () = tokio::time::sleep(self.rest) => {}
            }
            if log.head() != self.seen {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::event_log::Capacity;

    const SECOND: Duration = Duration::from_secs(1);

    struct Counting(i64);

    impl Retelling for Counting {
        type Found = i64;
        type Message = prost_types::Duration;

        async fn again(&mut self) -> Result<i64, Status> {
            if self.0 < 3 { Ok(self.0 + 1) } else { Err(Status::internal("it ends")) }
        }

        fn tell(&mut self, seconds: i64) -> Encoded<prost_types::Duration> {
            self.0 = seconds;
            Encoded::new(&prost_types::Duration { seconds, nanos: 0 })
        }
    }

    #[tokio::test]
    async fn what_is_told_begins_with_the_first_and_ends_with_an_error() {
        let told: Vec<_> = stream(Counting(0), 2).map(|told| told.map_err(|status| status.code())).collect().await;
        assert_eq!(told.len(), 3);
        assert!(told[0].is_ok() && told[1].is_ok());
        assert_eq!(told[2].as_ref().err(), Some(&Code::Internal));
    }

    /// How long it takes until it is looked again, after a look that has taken so long.
    async fn rests(took: Duration, changes: bool) -> Duration {
        let (log, drain) = (EventLog::new(Capacity { entries: 10, bytes: usize::MAX }), CancellationToken::new());
        let mut rhythm = Rhythm::new(SECOND);
        rhythm.looks(&log);
        if changes {
            // While it is looked.
            let ring = log.open_ring();
            log.begin_anew(ring);
            log.note_gap(ring, crate::clock::Clock::System.now());
        }
        rhythm.looked(took);
        let begun = Instant::now();
        rhythm.something_happens(&log, &drain).await.unwrap();
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_looked_again_soon_after_a_change_and_some_time_without() {
        assert_eq!(rests(Duration::ZERO, true).await, SECOND);
        assert_eq!(rests(SECOND, true).await, 10 * SECOND);
        assert_eq!(rests(Duration::MAX, true).await, 30 * SECOND);
        assert_eq!(rests(Duration::ZERO, false).await, ANYWAY * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_the_daemon_busy_comes_again_and_other_errors_are_told() {
        let mut rhythm = Rhythm::new(SECOND);
        assert_eq!(rhythm.found(Ok(1)).unwrap(), Some(1));
        assert_eq!(rhythm.rest, SECOND);
        assert_eq!(rhythm.found::<()>(Err(Status::resource_exhausted("busy"))).unwrap(), None);
        assert_eq!(rhythm.rest, REST.1);
        assert_eq!(rhythm.found::<()>(Err(Status::not_found("gone"))).unwrap_err().code(), Code::NotFound);
        let (log, drain) = (EventLog::new(Capacity { entries: 1, bytes: 1 }), CancellationToken::new());
        let _ring = log.open_ring();
        rhythm.looks(&log);
        assert_eq!(rhythm.found::<()>(Err(Status::resource_exhausted("busy"))).unwrap(), None);
        let begun = Instant::now();
        rhythm.something_happens(&log, &drain).await.unwrap();
        assert_eq!(begun.elapsed(), REST.1, "what has happened before that is still to be looked at");
        drain.cancel();
        assert_eq!(rhythm.something_happens(&log, &drain).await.unwrap_err().code(), Code::Unavailable);
    }
}

//! Takes what is to be kept to the store: all that waits, in one write.

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::{Entry, GateStore, StoreError};
use crate::clock::Clock;

/// Entries that are written at once.
const AT_ONCE: usize = 64;
/// Entries that wait to be written: of each gate that may be open its opening or what it is armed with, and
/// its end, and as many again of those that nobody waits for any more.
const WAITING: usize = 40_000;

/// Something was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotKept(String);

impl NotKept {
    fn stopped() -> Self {
        Self("nothing is written any more".to_owned())
    }
}

/// Takes what is to be kept. Clones take it to the same store.
#[derive(Clone, Debug)]
pub struct Keeper(Option<mpsc::Sender<Job>>);

#[derive(Debug)]
enum Job {
    Keep(Entry, oneshot::Sender<Result<(), NotKept>>),
    Stop,
}

/// The writing side: it blocks its thread, and ends when it is told to.
#[derive(Debug)]
pub struct Keeping {
    store: Box<dyn GateStore>,
    jobs: mpsc::Receiver<Job>,
    clock: Clock,
    is_failing: bool,
}

impl Keeper {
    /// Keeps nothing beyond this run of the daemon.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Keeps everything in `store`.
    #[must_use]
    pub fn new(store: Box<dyn GateStore>, clock: Clock) -> (Self, Keeping) {
        let (sender, jobs) = mpsc::channel(WAITING);
        (Self(Some(sender)), Keeping { store, jobs, clock, is_failing: false })
    }

    /// Whether anything outlives this run of the daemon.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.0.is_some()
    }

    /// Has it kept, whoever waits for that; what is returned says whether it is. At once, if
    /// nothing is kept.
    pub fn keep(&self, entry: Entry) -> impl Future<Output = Result<(), NotKept>> + Send + use<> {
        let kept = self.put(entry);
        async move {
            match kept? {
                Some(kept) => kept.await.map_err(|_| NotKept::stopped())?,
                None => Ok(()),
            }
        }
    }

    /// Where it is said that it is kept, if anything is.
    fn put(&self, entry: Entry) -> Result<Option<oneshot::Receiver<Result<(), NotKept>>>, NotKept> {
        let Some(jobs) = &self.0 else { return Ok(None) };
        let (done, kept) = oneshot::channel();
        jobs.try_send(Job::Keep(entry, done)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotKept("too much waits to be written".to_owned()),
            mpsc::error::TrySendError::Closed(_) => NotKept::stopped(),
        })?;
        Ok(Some(kept))
    }

    /// Makes the writing side end, once it has written what came before.
    pub async fn stop(&self) {
        if let Some(jobs) = &self.0 {
            // One that is gone has ended.
            let _ended = jobs.send(Job::Stop).await;
        }
    }
}

impl Keeping {
    /// What earlier daemons have kept, without what ended before `since`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load(&mut self, since: Timestamp) -> Result<super::Loaded, StoreError> {
        self.store.load(since)
    }

    /// Writes what comes until it is told to stop.
    pub fn run(mut self) {
        let mut goes_on = true;
        while goes_on && let Some(first) = self.jobs.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < AT_ONCE
                && let Ok(job) = self.jobs.try_recv()
            {
                jobs.push(job);
            }
            goes_on = self.write(jobs);
        }
    }

    /// One write, whatever it is; says whether more is to come. The last one tells
    /// until when a daemon was there.
    fn write(&mut self, jobs: Vec<Job>) -> bool {
        let before = jobs.len();
        let keep = |job| match job {
            Job::Keep(entry, done) => Some((entry, done)),
            Job::Stop => None,
        };
        let (entries, waiting): (Vec<_>, Vec<_>) = jobs.into_iter().filter_map(keep).unzip();
        let goes_on = entries.len() == before;
        let written = self.store.write(&entries, self.clock.now());
        self.tell(&written);
        let written = written.map_err(|error| NotKept(error.to_string()));
        for done in waiting {
            // Who asked may have gone.
            let _heard = done.send(written.clone());
        }
        goes_on
    }

    /// Says once that gates are not kept, and once that they are again.
    fn tell(&mut self, written: &Result<(), StoreError>) {
        match written {
            Err(error) if !self.is_failing => {
                tracing::warn!("{error}: none is opened, and what becomes of those that are is not kept");
            }
            Ok(()) if self.is_failing => tracing::info!("gates are kept again"),
            _ => {}
        }
        self.is_failing = written.is_err();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use parking_lot::Mutex;

    use super::*;
    use crate::gate::store::Loaded;
    use crate::gate::token::Name;

    #[derive(Clone, Debug, Default)]
    struct Written(Arc<Mutex<Vec<Entry>>>);

    impl GateStore for Written {
        fn load(&mut self, _: Timestamp) -> Result<Loaded, StoreError> {
            Ok(Loaded::default())
        }

        fn write(&mut self, entries: &[Entry], _: Timestamp) -> Result<(), StoreError> {
            self.0.lock().extend_from_slice(entries);
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_is_to_be_kept_is_kept_also_if_nobody_waits_for_it_any_more() {
        let written = Written::default();
        // It does not write yet: its disk hangs.
        let (keeper, keeping) = Keeper::new(Box::new(written.clone()), Clock::System);
        let entries: Vec<_> =
            (0..2 * AT_ONCE).map(|n| Entry::Armed(Name::of(&n.to_string()), n.to_string().into_bytes())).collect();
        for entry in &entries {
            assert_eq!(keeper.keep(entry.clone()).now_or_never(), None);
        }
        let writing = tokio::task::spawn_blocking(|| keeping.run());
        keeper.stop().await;
        writing.await.unwrap();
        assert_eq!(*written.0.lock(), entries);
        assert_eq!(keeper.keep(entries[0].clone()).await, Err(NotKept::stopped()));
    }
}

//! Takes what is to be kept to the store: all that waits, in one write.

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::{Entry, GateStore, StoreError};
use crate::clock::Clock;

/// Entries that wait to be written; then who has one more waits.
const QUEUE: usize = 64;

/// Something was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotKept(String);

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
        let (sender, jobs) = mpsc::channel(QUEUE);
        (Self(Some(sender)), Keeping { store, jobs, clock, is_failing: false })
    }

    /// Whether anything outlives this run of the daemon.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.0.is_some()
    }

    /// Returns when it is kept; at once, if nothing is.
    ///
    /// # Errors
    /// If it is not kept.
    pub async fn keep(&self, entry: Entry) -> Result<(), NotKept> {
        let Some(jobs) = &self.0 else { return Ok(()) };
        let stopped = || NotKept("nothing is written any more".to_owned());
        let (done, kept) = oneshot::channel();
        jobs.send(Job::Keep(entry, done)).await.map_err(|_| stopped())?;
        kept.await.map_err(|_| stopped())?
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
            while jobs.len() < QUEUE
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

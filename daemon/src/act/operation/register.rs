//! The operations that there are.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{End, Operation, Progress, Report, Stage, Stop, Target};
use crate::access::Caller;
use crate::access::authorizer::Right;
use crate::act::Act;
use crate::clock::Clock;

/// Operations that go on at a time; and those of one caller.
const MOST: usize = 100;
const OF_ONE: usize = 20;
/// Operations that are known, going on or ended.
const KNOWN: usize = 1000;
/// How long an operation is known that has ended.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// Operations that wait for a task.
const STARTS: usize = 16;
/// Digits of an id.
const DIGITS: usize = 12;

/// What is to be started.
#[derive(Debug)]
pub struct Start {
    /// Whoever says the same means the same operation; empty for nobody.
    pub request: String,
    /// What is done.
    pub act: Act,
    /// To what.
    pub target: Target,
    /// For whom.
    pub caller: Caller,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether it goes on when nobody watches.
    pub detached: bool,
    /// What it takes to see it.
    pub seen_by: Vec<Right>,
    /// What it takes to cancel it.
    pub cancelled_by: Right,
}

/// Why nothing is started.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// There are too many.
    #[error("{MOST} operations are running, or {OF_ONE} of this caller, and no more are started: try again later")]
    TooMany,
    /// There is no randomness for an id.
    #[error("no id can be made: {0}")]
    NoId(#[from] io::Error),
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Stopping,
}

/// An operation's work, which somebody is to do.
pub struct Work(BoxFuture<'static, ()>);

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

impl Work {
    /// Does it to its end.
    pub async fn run(self) {
        self.0.await;
    }
}

/// The operations that there are.
#[derive(Debug)]
pub struct Operations {
    clock: Clock,
    known: Mutex<VecDeque<Arc<Operation>>>,
    starts: mpsc::Sender<Work>,
}

impl Operations {
    /// None yet; the work of those that are started comes out of the receiver.
    #[must_use]
    pub fn new(clock: Clock) -> (Self, mpsc::Receiver<Work>) {
        let (starts, started) = mpsc::channel(STARTS);
        (Self { clock, known: Mutex::default(), starts }, started)
    }

    /// Starts an operation; one that the same request has started is found again, and `work` not
    /// begun.
    ///
    /// # Errors
    /// If there are too many, or the daemon stops.
    pub async fn start<F>(
        &self,
        start: Start,
        work: impl FnOnce(Arc<Report>, Stop) -> F + Send,
    ) -> Result<Arc<Operation>, NotStarted>
    where
        F: Future<Output = End> + Send + 'static,
    {
        let place = self.starts.reserve().await.map_err(|_| NotStarted::Stopping)?;
        let id = format!("{}-{}", start.act, crate::access::secret()?.get(..DIGITS).unwrap_or_default());
        let (now, timeout) = (self.clock.now(), start.timeout);
        let (operation, report) = operation(id, start, now);
        if let Some(known) = self.know(&operation, now)? {
            return Ok(known);
        }
        let stop = Stop::new(Arc::clone(&operation), Instant::now() + timeout);
        let clock = self.clock.clone();
        let work = work(Arc::clone(&report), stop);
        place.send(Work(
            async move {
                let end = End::of(work).await;
                report.end(end, clock.now());
            }
            .boxed(),
        ));
        Ok(operation)
    }

    /// Knows an operation from now on, unless the same request has started one before.
    fn know(&self, operation: &Arc<Operation>, now: Timestamp) -> Result<Option<Arc<Operation>>, NotStarted> {
        let mut known = self.known.lock();
        known.retain(|known| ended(known).is_none_or(|ended| now.duration_since(ended) < KEPT));
        let same = |known: &&Arc<Operation>| {
            !operation.request.is_empty()
                && known.request == operation.request
                && known.act == operation.act
                && known.caller == operation.caller
        };
        if let Some(known) = known.iter().find(same) {
            return Ok(Some(Arc::clone(known)));
        }
        let running = known.iter().filter(|known| known.is_running());
        let (mut all, mut own) = (0, 0);
        for known in running {
            all += 1;
            own += usize::from(operation.caller.owns_what_is_of(&known.caller));
        }
        if all >= MOST || matches!(operation.caller, Caller::User(_)) && own >= OF_ONE {
            return Err(NotStarted::TooMany);
        }
        if known.len() >= KNOWN
            && let Some(oldest) = known.iter().position(|known| !known.is_running())
        {
            known.remove(oldest);
        }
        known.push_back(Arc::clone(operation));
        Ok(None)
    }

    /// What the same request has started before for that caller.
    #[must_use]
    pub fn started(&self, request: &str, act: Act, caller: &Caller) -> Option<Arc<Operation>> {
        let known = self.known.lock();
        let is_it = |known: &&Arc<Operation>| {
            !request.is_empty() && *known.request == *request && known.act == act && known.caller == *caller
        };
        known.iter().find(is_it).cloned()
    }

    /// The operation of that id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Operation>> {
        self.known.lock().iter().find(|known| *known.id == *id).cloned()
    }

    /// Those that are known, the newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Operation>> {
        self.known.lock().iter().rev().cloned().collect()
    }
}

fn ended(operation: &Operation) -> Option<Timestamp> {
    operation.progress.borrow().ended
}

fn operation(id: String, start: Start, now: Timestamp) -> (Arc<Operation>, Arc<Report>) {
    let Start { request, act, target, caller, timeout, detached, seen_by, cancelled_by } = start;
    let progress =
        Progress { stage: Stage::Running, reason: "Started", message: String::new(), ended: None, steps: Vec::new() };
    let (sender, progress) = watch::channel(Arc::new(progress));
    let deadline = SignedDuration::try_from(timeout).ok().and_then(|timeout| now.checked_add(timeout).ok());
    let operation = Operation {
        id: id.into(),
        act,
        target,
        caller,
        started: now,
        deadline: deadline.unwrap_or(Timestamp::MAX),
        detached,
        seen_by,
        cancelled_by,
        request: request.into(),
        progress,
        watchers: watch::Sender::new(0),
        cancelled: CancellationToken::new(),
    };
    (Arc::new(operation), Arc::new(Report { progress: sender }))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::act::operation::Why;
    use crate::kind::Kind;
    use crate::record::Key;

    fn start(request: &str, caller: &Caller, detached: bool) -> Start {
        let kind = Arc::new(Kind {
            group: String::new(),
            version: "v1".into(),
            resource: "nodes".into(),
            singular: "node".into(),
            kind: "Node".into(),
            short_names: Vec::new(),
            namespaced: false,
            has_status: true,
        });
        let target = Target { kind, key: Key::new("", "n1"), uid: "u".into() };
        Start {
            request: request.into(),
            act: Act::Drain,
            target,
            caller: caller.clone(),
            timeout: Duration::from_secs(600),
            detached,
            seen_by: Vec::new(),
            cancelled_by: Right::to_any("patch", "", "nodes", None),
        }
    }

    fn end() -> End {
        End { stage: Stage::Succeeded, reason: "Done", message: "done".into() }
    }

    fn user(name: &str) -> Caller {
        Caller::User(Arc::new(crate::access::identity::Identity::new(name, Vec::new())))
    }

    #[tokio::test]
    async fn the_same_request_means_the_same_operation_of_its_caller_alone() {
        let (operations, mut works) = Operations::new(Clock::System);
        let first = operations.start(start("r", &Caller::Owner, true), |_, _| ready(end())).await.unwrap();
        works.recv().await.unwrap().run().await;
        let again = operations.start(start("r", &Caller::Owner, true), |_, _| pending::<End>()).await.unwrap();
        assert_eq!(first.id, again.id);
        assert!(!again.is_running());
        for other in [start("r", &user("jane"), true), start("", &Caller::Owner, true)] {
            let other = operations.start(other, |_, _| ready(end())).await.unwrap();
            assert_ne!(first.id, other.id);
        }
        assert_eq!(operations.all().len(), 3);
    }

    #[tokio::test]
    async fn work_that_panics_has_failed_and_is_waited_for_by_nobody() {
        let (operations, mut works) = Operations::new(Clock::System);
        let work = |_, _| async { panic!("a fault") };
        let operation = operations.start(start("", &Caller::Owner, true), work).await.unwrap();
        let mut progress = operation.progress();
        works.recv().await.unwrap().run().await;
        assert!(progress.changed().await.is_ok(), "it has an end of its own");
        let progress = progress.borrow();
        assert_eq!((progress.stage, progress.reason), (Stage::Failed, "InternalFault"));
        assert!(progress.ended.is_some() && !operation.is_running());
    }

    #[tokio::test]
    async fn a_user_has_a_share() {
        let (operations, mut works) = Operations::new(Clock::System);
        let mut held = Vec::new();
        for _ in 0..OF_ONE {
            operations.start(start("", &user("jane"), true), |_, _| pending::<End>()).await.unwrap();
            held.push(works.recv().await.unwrap());
        }
        let more = operations.start(start("", &user("jane"), true), |_, _| pending::<End>()).await;
        assert!(matches!(more, Err(NotStarted::TooMany)));
        operations.start(start("", &user("joe"), true), |_, _| pending::<End>()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_watches_ends_unless_it_is_detached() {
        let (operations, mut works) = Operations::new(Clock::System);
        let why = |why| End { stage: Stage::Cancelled, reason: "Stopped", message: format!("{why:?}") };
        let left = operations
            .start(start("", &Caller::Owner, false), move |_, stop| async move { why(stop.asked().await) })
            .await
            .unwrap();
        let watcher = left.watched();
        let work = tokio::spawn(works.recv().await.unwrap().run());
        tokio::time::advance(Duration::from_secs(300)).await;
        assert!(left.is_running());
        drop(watcher);
        work.await.unwrap();
        assert_eq!(left.progress().borrow().message, format!("{:?}", Why::Unwatched));

        let detached = operations
            .start(start("", &Caller::Owner, true), move |_, stop| async move { why(stop.asked().await) })
            .await
            .unwrap();
        works.recv().await.unwrap().run().await;
        assert_eq!(detached.progress().borrow().message, format!("{:?}", Why::Late));
    }
}

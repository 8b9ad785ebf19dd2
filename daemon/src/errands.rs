//! Work that goes on whoever waits for it: a stream whose reader stalls is not polled, and what it did
//! by itself would stand still, with whatever it holds.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use crate::panics::{Panicked, caught};

/// Errands that wait for a task; there is one for each soon.
const WAITING: usize = 1024;

/// What is done to its end.
pub type Errand = BoxFuture<'static, ()>;

/// Whom work is handed to.
#[derive(Clone, Debug)]
pub struct Errands(mpsc::Sender<Errand>);

/// Nothing is done any more, or not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// Too much is to be done.
    #[error("too much is to be done at the same time")]
    Busy,
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Stopping,
    /// It has panicked.
    #[error("a fault in the daemon has ended it")]
    Panicked,
}

impl Errands {
    /// Nothing is done yet; what is to be is received.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Errand>) {
        let (errands, received) = mpsc::channel(WAITING);
        (Self(errands), received)
    }

    /// Has that done by a task of its own, unless nobody waits for it any more.
    ///
    /// # Errors
    /// If it is not.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, NotDone> {
        let (mut answer, answered) = oneshot::channel();
        let errand = async move {
            let done = tokio::select! {
                () = answer.closed() => return,
                done = caught("work for a request", work) => done,
            };
            // Who waited may have gone just now.
            let _heard = answer.send(done);
        };
        self.0.try_send(errand.boxed()).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotDone::Busy,
            mpsc::error::TrySendError::Closed(_) => NotDone::Stopping,
        })?;
        match answered.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Panicked)) => Err(NotDone::Panicked),
            Err(_) => Err(NotDone::Stopping),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_whoever_waits_and_ends_if_nobody_does() {
        let (errands, mut received) = Errands::new();
        let mut waits = errands.run(async { 1 }).boxed();
        assert_eq!((&mut waits).now_or_never(), None);
        received.recv().await.unwrap().await;
        assert_eq!(waits.await, Ok(1), "it was done before it was asked again");

        let held = Arc::new(());
        let holds = Arc::clone(&held);
        let mut waits = errands
            .run(async move {
                pending::<()>().await;
                drop(holds)
            })
            .boxed();
        assert_eq!((&mut waits).now_or_never(), None);
        let errand = received.recv().await.unwrap();
        drop(waits);
        errand.await;
        assert_eq!(Arc::strong_count(&held), 1);

        drop(received);
        assert_eq!(errands.run(async {}).await, Err(NotDone::Stopping));
    }

    #[tokio::test]
    async fn who_waits_for_work_that_panics_is_told_so() {
        let (errands, mut received) = Errands::new();
        let mut waits = errands.run(async { panic!("a fault") }).boxed();
        assert_eq!((&mut waits).now_or_never(), None::<Result<(), NotDone>>);
        received.recv().await.unwrap().await;
        assert_eq!(waits.await, Err(NotDone::Panicked));
    }
}

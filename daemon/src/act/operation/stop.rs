//! What ends an operation before it is done.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Operation;

/// How long an operation goes on that nobody watches: a client that lost its connection comes
/// back within that.
const UNWATCHED: Duration = Duration::from_secs(30);

/// Why an operation is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was cancelled.
    Cancelled,
    /// Nobody has watched it for a while.
    Unwatched,
    /// Its time is over.
    Late,
}

/// Tells an operation when it is to end.
#[derive(Debug)]
pub struct Stop {
    operation: Arc<Operation>,
    deadline: Instant,
}

impl Stop {
    pub(super) fn new(operation: Arc<Operation>, deadline: Instant) -> Self {
        Self { operation, deadline }
    }

    /// Resolves when it is to end. The future knows for how long nobody has watched.
    pub async fn asked(self) -> Why {
        tokio::select! {
            biased;
            () = self.operation.cancelled.cancelled() => Why::Cancelled,
            () = sleep_until(self.deadline) => Why::Late,
            () = self.unwatched() => Why::Unwatched,
        }
    }

    async fn unwatched(&self) {
        if self.operation.detached {
            return pending().await;
        }
        let mut watchers = self.operation.watchers.subscribe();
        loop {
            // The operation, which it belongs to, lives for as long as this.
            drop(watchers.wait_for(|watchers| *watchers == 0).await);
            tokio::select! {
                biased;
                _ = watchers.wait_for(|watchers| *watchers > 0) => {}
                () = sleep(UNWATCHED) => return,
            }
        }
    }
}

//! When the daemon is ready, and how it ends.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::caches::Lease;

/// Whether the daemon is ready: what all health checks are told.
#[derive(Debug)]
pub struct Readiness {
    serving: AtomicBool,
    drain: CancellationToken,
}

impl Readiness {
    /// Not yet; and no more, once `drain` is cancelled.
    #[must_use]
    pub fn new(drain: CancellationToken) -> Self {
        Self { serving: AtomicBool::new(false), drain }
    }

    /// Whether what is to be served at all times can be.
    pub fn set(&self, serving: bool) {
        self.serving.store(serving, Ordering::Relaxed);
    }

    /// Whether it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.serving.load(Ordering::Relaxed) && !self.drain.is_cancelled()
    }
}

/// Returns when every one of the caches holds a whole list, but for kinds that
/// the API server does not give: what it does give can be served.
pub async fn ready(caches: &[Lease]) {
    for cache in caches {
        match cache.settled().await {
            None => tracing::info!(kind = %cache.collection(), "synced"),
            Some(problem) => tracing::warn!(kind = %cache.collection(), "not served: {}", problem.message),
        }
    }
}

/// SIGTERM and SIGINT, which this process handles from now on.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Handles them.
    ///
    /// # Errors
    /// If the system does not let them be handled: the daemon would end in the midst of its work.
    pub fn handle() -> io::Result<Self> {
        Self::of([SignalKind::terminate(), SignalKind::interrupt()])
    }

    fn of([terminate, interrupt]: [SignalKind; 2]) -> io::Result<Self> {
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    /// Cancels `drain` at the first of them, and `abort` at the second.
    pub async fn cancel(mut self, drain: CancellationToken, abort: CancellationToken) {
        for token in [drain, abort] {
            tokio::select! {
                _ = self.terminate.recv() => tracing::info!("SIGTERM"),
                _ = self.interrupt.recv() => tracing::info!("SIGINT"),
            }
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use rustix::process::{Signal as Sent, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_aborts() {
        let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
        let mut cancels = Signals::handle().unwrap().cancel(drain.clone(), abort.clone()).boxed();
        assert!((&mut cancels).now_or_never().is_none());
        kill_process(getpid(), Sent::TERM).unwrap();
        tokio::select! {
            () = &mut cancels => {}
            () = drain.cancelled() => {}
        }
        assert!(drain.is_cancelled() && !abort.is_cancelled());
        kill_process(getpid(), Sent::INT).unwrap();
        cancels.await;
        assert!(abort.is_cancelled());
    }

    #[tokio::test]
    async fn signals_that_cannot_be_handled_are_an_error() {
        const SIGKILL: i32 = 9;
        assert!(Signals::of([SignalKind::terminate(), SignalKind::from_raw(SIGKILL)]).is_err());
    }

    #[test]
    fn a_daemon_that_stops_is_not_ready() {
        let drain = CancellationToken::new();
        let readiness = Readiness::new(drain.clone());
        assert!(!readiness.is_ready());
        readiness.set(true);
        assert!(readiness.is_ready());
        drain.cancel();
        assert!(!readiness.is_ready());
    }
}

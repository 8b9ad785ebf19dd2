//! When the daemon is ready, and how it ends.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
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

/// Cancels `drain` at the first SIGTERM or SIGINT, and `abort` at the second.
///
/// # Errors
/// If the system does not let signals be handled.
pub async fn signals(drain: CancellationToken, abort: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    for token in [drain, abort] {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM"),
            _ = interrupt.recv() => tracing::info!("SIGINT"),
        }
        token.cancel();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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

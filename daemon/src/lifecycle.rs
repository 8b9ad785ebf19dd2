//! When the daemon is ready, and how it ends.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::caches::Lease;

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

//! Work that somebody has asked for, and that may have a fault: when it panics, whoever waits for it is told,
//! and the daemon, which others use, goes on.

use std::panic::AssertUnwindSafe;

use futures::{FutureExt as _, TryFutureExt as _};

/// It has panicked. What the panic says is told by the process's panic hook, and by nobody else: it may hold
/// something of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

/// What comes of the work, which is called `what` in the log. It shares nothing that a panic leaves half
/// done, but for what is locked while it is changed.
pub fn caught<T>(what: &'static str, work: impl Future<Output = T>) -> impl Future<Output = Result<T, Panicked>> {
    AssertUnwindSafe(work).catch_unwind().map_err(move |_payload| {
        tracing::error!("{what} has panicked: that is a fault in the daemon, which goes on without it");
        Panicked
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_its_work_alone() {
        assert_eq!(caught("it", async { 1 }).await, Ok(1));
        let panics = async {
            tokio::task::yield_now().await;
            panic!("a fault")
        };
        assert_eq!(caught::<u8>("it", panics).await, Err(Panicked));
    }
}

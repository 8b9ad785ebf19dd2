//! The right to ask, which may be withdrawn while a gate is open.

use std::fmt;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;

/// Resolves when whoever has opened a gate may not see its objects any more, with the
/// reason.
pub struct Withdrawn(Mutex<BoxFuture<'static, String>>);

impl Withdrawn {
    /// When that future resolves.
    pub fn when(future: impl Future<Output = String> + Send + 'static) -> Self {
        // Never locked: a gate is looked at by several threads, one after the other.
        Self(Mutex::new(future.boxed()))
    }

    /// Never: whoever acts as the daemon does.
    #[must_use]
    pub fn never() -> Self {
        Self::when(std::future::pending())
    }

    /// Returns when it is.
    pub(super) async fn wait(&mut self) -> String {
        self.0.get_mut().await
    }
}

impl fmt::Debug for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Withdrawn(…)")
    }
}

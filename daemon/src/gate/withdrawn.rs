//! The right to ask, which may be withdrawn while a gate is open.

use std::fmt;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;

/// Why whoever has opened a gate is not to see its objects any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The right was withdrawn.
    Forbidden(String),
    /// For long nobody has said whether it was.
    Unknown(String),
}

/// Resolves when whoever has opened a gate is not to see its objects any more.
pub struct Withdrawn(Mutex<BoxFuture<'static, Lost>>);

impl Withdrawn {
    /// When that future resolves.
    pub fn when(future: impl Future<Output = Lost> + Send + 'static) -> Self {
        // Never locked: a gate is looked at by several threads, one after the other.
        Self(Mutex::new(future.boxed()))
    }

    /// Never: whoever acts as the daemon does.
    #[must_use]
    pub fn never() -> Self {
        Self::when(std::future::pending())
    }

    /// Returns when it is.
    pub(super) async fn wait(&mut self) -> Lost {
        self.0.get_mut().await
    }
}

impl fmt::Debug for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Withdrawn(…)")
    }
}

//! How many streams are open, and how many may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::Status;

use super::error::{Reason, come_again, shared_out};
use crate::access::Caller;
use crate::access::shares::{Place, Shares};

/// Counts streams.
#[derive(Clone, Debug)]
pub struct Streams {
    open: Arc<AtomicUsize>,
    most: usize,
    shares: Arc<Shares>,
}

/// One stream, for as long as it is held.
#[derive(Debug)]
pub(super) struct Permit {
    open: Arc<AtomicUsize>,
    _of_its_caller: Option<Place>,
}

impl Streams {
    /// At most so many, and of each caller no more than its share.
    #[must_use]
    pub fn new(most: usize, shares: Arc<Shares>) -> Self {
        Self { open: Arc::default(), most, shares }
    }

    /// How many there are.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// One more.
    pub(super) fn begin(&self, caller: &Caller) -> Result<Permit, Status> {
        let of_its_caller = self.shares.stream(caller).map_err(|exceeded| shared_out(&exceeded))?;
        let permit = Permit { open: Arc::clone(&self.open), _of_its_caller: of_its_caller };
        if self.open.fetch_add(1, Ordering::Relaxed) < self.most {
            return Ok(permit);
        }
        let message = format!("{} streams are open, and no more are served: try again later", self.most);
        Err(come_again(Reason::TooManyStreams, message))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

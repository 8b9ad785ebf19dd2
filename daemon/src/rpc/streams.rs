//! How many streams are open, and how many may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::Status;

use super::error::{Reason, come_again};

/// Counts streams.
#[derive(Clone, Debug)]
pub struct Streams {
    open: Arc<AtomicUsize>,
    most: usize,
}

/// One stream, for as long as it is held.
#[derive(Debug)]
pub(super) struct Permit(Arc<AtomicUsize>);

impl Streams {
    /// At most so many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { open: Arc::default(), most }
    }

    /// How many there are.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// One more.
    pub(super) fn begin(&self) -> Result<Permit, Status> {
        let permit = Permit(Arc::clone(&self.open));
        if self.open.fetch_add(1, Ordering::Relaxed) < self.most {
            return Ok(permit);
        }
        let message = format!("{} streams are open, and no more are served: try again later", self.most);
        Err(come_again(Reason::TooManyStreams, message))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

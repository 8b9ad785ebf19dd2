//! How many streams are open, and how many may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::error::{Reason, status};

/// Before a client that is turned away may come again.
const COME_AGAIN: Duration = Duration::from_secs(5);

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
        let refused = status(Code::ResourceExhausted, Reason::TooManyStreams, message, []);
        let mut details: ErrorDetails = refused.get_error_details();
        details.set_retry_info(Some(COME_AGAIN));
        Err(Status::with_error_details(refused.code(), refused.message(), details))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

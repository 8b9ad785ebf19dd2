//! When a stream that broke off is opened again.

use std::pin::Pin;

use tokio::time::Sleep;

use crate::backoff::Backoff;
use crate::{Client, Error};

/// When a stream that broke off is opened again, and with which credentials.
pub(super) struct Retry {
    backoff: Backoff,
    /// Until the next try: kept, so that whoever looks away meanwhile neither misses its end nor puts it off.
    pause: Option<Pin<Box<Sleep>>>,
    /// Whether the daemon has taken the credentials since they were last renewed.
    admitted: bool,
}

impl Retry {
    /// The first try is made at once.
    pub(super) fn new() -> Self {
        Self { backoff: Backoff::default(), pause: None, admitted: false }
    }

    /// Waits until the next try is to be made. Dropping the future loses nothing.
    pub(super) async fn pause(&mut self) {
        if let Some(pause) = &mut self.pause {
            pause.await;
        }
    }

    /// The daemon has taken the credentials.
    pub(super) fn admitted(&mut self) {
        self.admitted = true;
    }

    /// The next loss is another one.
    pub(super) fn progressed(&mut self) {
        self.backoff.reset();
    }

    /// The next try is made a while after `error`.
    pub(super) fn put_off(&mut self, error: &Error) {
        self.pause = Some(Box::pin(tokio::time::sleep(self.backoff.wait(error))));
    }

    /// Whether other credentials, with which the next try is made, may prevent `error`: once after they
    /// were taken, because they may have expired.
    pub(super) fn renews(&mut self, client: &Client, error: &Error) -> bool {
        std::mem::take(&mut self.admitted) && client.renews(error)
    }
}

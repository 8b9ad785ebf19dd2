//! A stream that is opened again when it breaks off.

use tonic::Streaming;

use crate::retry::Retry;
use crate::{Client, Error};

/// A stream that is opened again when it breaks off, from the beginning: for what tells all of it
/// first, so that nothing is lost.
#[derive(Debug)]
pub(crate) struct Reopened<M> {
    client: Client,
    stream: Option<Streaming<M>>,
    retry: Retry,
    /// Whether `Lost` was told, and nothing has come since.
    lost: bool,
}

/// What such a stream brings.
#[derive(Debug)]
pub(crate) enum Came<M> {
    /// A message.
    Message(M),
    /// It broke off; it will be opened again. Told once, however many tries it takes.
    Lost(Error),
}

impl<M> Reopened<M> {
    /// It is opened when something is first asked of it.
    pub(crate) fn new(client: Client) -> Self {
        Self { client, stream: None, retry: Retry::new(), lost: false }
    }

    /// What comes next; `open` opens it if it is not. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting.
    pub(crate) async fn next(
        &mut self,
        open: impl AsyncFn(&Client) -> Result<Streaming<M>, Error>,
    ) -> Result<Came<M>, Error> {
        loop {
            let error = match self.message(&open).await {
                Ok(message) => {
                    self.retry.came();
                    self.lost = false;
                    return Ok(Came::Message(message));
                }
                Err(error) => error,
            };
            self.stream = None;
            let error = self.retry.lost(&self.client, error)?;
            if !std::mem::replace(&mut self.lost, true) {
                return Ok(Came::Lost(error));
            }
        }
    }

    async fn message(&mut self, open: impl AsyncFn(&Client) -> Result<Streaming<M>, Error>) -> Result<M, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                self.retry.pause().await;
                self.stream.insert(open(&self.client).await?)
            }
        };
        let message = stream.message().await.map_err(|status| self.client.error(&status))?;
        message.ok_or_else(Error::ended)
    }
}

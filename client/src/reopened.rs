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
}

/// What such a stream brings.
#[derive(Debug)]
pub(crate) enum Came<M> {
    /// A message.
    Message(M),
    /// It broke off; it will be opened again.
    Lost(Error),
}

impl<M> Reopened<M> {
    /// It is opened when something is first asked of it.
    pub(crate) fn new(client: Client) -> Self {
        Self { client, stream: None, retry: Retry::new() }
    }

    /// What comes next; `open` opens it if it is not. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting.
    pub(crate) async fn next(
        &mut self,
        open: impl AsyncFnOnce(&Client) -> Result<Streaming<M>, Error>,
    ) -> Result<Came<M>, Error> {
        let error = match self.message(open).await {
            Ok(message) => {
                self.retry.came();
                return Ok(Came::Message(message));
            }
            Err(error) => error,
        };
        self.stream = None;
        self.retry.lost(&self.client, error).map(Came::Lost)
    }

    async fn message(&mut self, open: impl AsyncFnOnce(&Client) -> Result<Streaming<M>, Error>) -> Result<M, Error> {
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

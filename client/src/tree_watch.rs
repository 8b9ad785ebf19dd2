//! Following an object with all that it owns.

use daymark_proto::v1::{WatchTreeRequest, WatchTreeResponse};
use tonic::Streaming;

use crate::retry::Retry;
use crate::{Client, Error};

/// A tree that is followed. Each message is the whole tree, so that nothing is lost
/// when the connection is.
#[derive(Debug)]
pub struct TreeWatch {
    client: Client,
    request: WatchTreeRequest,
    stream: Option<Streaming<WatchTreeResponse>>,
    retry: Retry,
}

/// What following a tree brings.
#[derive(Debug)]
pub enum TreeEvent {
    /// How it is by now.
    Told(Box<WatchTreeResponse>),
    /// The stream broke off; it will be opened again.
    Lost(Error),
}

impl TreeWatch {
    pub(crate) fn new(client: Client, request: WatchTreeRequest) -> Self {
        Self { client, request, stream: None, retry: Retry::new() }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if there is no such object.
    pub async fn next(&mut self) -> Result<TreeEvent, Error> {
        let error = loop {
            let Some(stream) = &mut self.stream else {
                self.retry.pause().await;
                match self.client.open_tree(self.request.clone()).await {
                    Ok(stream) => self.stream = Some(stream),
                    Err(error) => break error,
                }
                continue;
            };
            match stream.message().await {
                Ok(Some(message)) => {
                    self.retry.came();
                    return Ok(TreeEvent::Told(Box::new(message)));
                }
                Ok(None) => break Error::Broken { problem: "the stream ended without a reason".to_owned() },
                Err(status) => break self.client.error(&status),
            }
        };
        self.stream = None;
        self.retry.lost(&self.client, error).map(TreeEvent::Lost)
    }
}

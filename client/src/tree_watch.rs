//! Following an object with all that it owns.

use std::time::Duration;

use daymark_proto::v1::{WatchTreeRequest, WatchTreeResponse};
use tonic::Streaming;

use crate::backoff::Backoff;
use crate::{Client, Error, Recovery, recovery};

/// A tree that is followed. Each message is the whole tree, so that nothing is lost
/// when the connection is.
#[derive(Debug)]
pub struct TreeWatch {
    client: Client,
    request: WatchTreeRequest,
    stream: Option<Streaming<WatchTreeResponse>>,
    backoff: Backoff,
    /// How long to wait before it is opened again.
    pause: Duration,
    /// Whether the daemon has taken the credentials since they were last renewed.
    admitted: bool,
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
        Self { client, request, stream: None, backoff: Backoff::new(), pause: Duration::ZERO, admitted: false }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if there is no such object.
    pub async fn next(&mut self) -> Result<TreeEvent, Error> {
        let error = loop {
            let Some(stream) = &mut self.stream else {
                tokio::time::sleep(self.pause).await;
                match self.client.open_tree(self.request.clone()).await {
                    Ok(stream) => self.stream = Some(stream),
                    Err(error) => break error,
                }
                continue;
            };
            match stream.message().await {
                Ok(Some(message)) => {
                    self.backoff.reset();
                    self.admitted = true;
                    return Ok(TreeEvent::Told(Box::new(message)));
                }
                Ok(None) => break Error::Broken { problem: "the stream ended without a reason".to_owned() },
                Err(status) => break self.client.error(&status),
            }
        };
        self.stream = None;
        if recovery(&error) == Recovery::Stop {
            // They may have expired; the next try has others, and is the only one.
            if !std::mem::take(&mut self.admitted) || !self.client.renews(&error) {
                return Err(error);
            }
        }
        self.pause = self.backoff.step();
        Ok(TreeEvent::Lost(error))
    }
}

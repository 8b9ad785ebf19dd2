//! Following an operation to its end.

use daymark_proto::v1::{OperationStage, WatchOperationResponse};
use tonic::Streaming;

use crate::retry::Retry;
use crate::{Client, Error};

/// An operation that is followed to its end. What each message has of steps is what differs, or,
/// after a break, all of them again.
#[derive(Debug)]
pub struct OperationWatch {
    client: Client,
    id: String,
    stream: Option<Streaming<WatchOperationResponse>>,
    retry: Retry,
    over: bool,
}

/// What following an operation brings.
#[derive(Debug)]
pub enum OperationEvent {
    /// How it stands by now.
    Told(Box<WatchOperationResponse>),
    /// The stream broke off; it will be opened again.
    Lost(Error),
}

impl OperationWatch {
    pub(crate) fn new(client: Client, id: String) -> Self {
        Self { client, id, stream: None, retry: Retry::new(), over: false }
    }

    /// What comes next; `None` behind the end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if the daemon knows it no longer.
    pub async fn next(&mut self) -> Result<Option<OperationEvent>, Error> {
        if self.over {
            return Ok(None);
        }
        let error = loop {
            let Some(stream) = &mut self.stream else {
                self.retry.pause().await;
                match self.client.open_operation_watch(&self.id).await {
                    Ok(stream) => self.stream = Some(stream),
                    Err(error) => break error,
                }
                continue;
            };
            match stream.message().await {
                Ok(Some(message)) => {
                    self.retry.came();
                    let stage = message.operation.as_ref().map(daymark_proto::v1::Operation::stage);
                    self.over = !matches!(stage, Some(OperationStage::Running | OperationStage::Unspecified) | None);
                    return Ok(Some(OperationEvent::Told(Box::new(message))));
                }
                Ok(None) => break Error::Broken { problem: "the stream ended before the operation".to_owned() },
                Err(status) => break self.client.error(&status),
            }
        };
        self.stream = None;
        self.retry.lost(&self.client, error).map(|error| Some(OperationEvent::Lost(error)))
    }
}

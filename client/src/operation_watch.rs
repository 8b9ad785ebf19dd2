//! Following an operation to its end.

use daymark_proto::v1::{OperationStage, WatchOperationResponse};

use crate::reopened::{Came, Reopened};
use crate::{Client, Error};

/// An operation that is followed to its end. What each message has of steps is what differs, or,
/// after a break, all of them again.
#[derive(Debug)]
pub struct OperationWatch {
    id: String,
    stream: Reopened<WatchOperationResponse>,
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
        Self { id, stream: Reopened::new(client), over: false }
    }

    /// What comes next; `None` behind the end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if the daemon knows it no longer.
    pub async fn next(&mut self) -> Result<Option<OperationEvent>, Error> {
        if self.over {
            return Ok(None);
        }
        let id = &self.id;
        let came = self.stream.next(async |client| client.open_operation_watch(id).await).await?;
        Ok(Some(match came {
            Came::Message(message) => {
                self.over = message.operation.as_ref().is_some_and(|operation| {
                    !matches!(operation.stage(), OperationStage::Running | OperationStage::Unspecified)
                });
                OperationEvent::Told(Box::new(message))
            }
            Came::Lost(error) => OperationEvent::Lost(error),
        }))
    }
}

//! Following an object with all that it owns.

use daymark_proto::v1::{WatchTreeRequest, WatchTreeResponse};

use crate::reopened::{Came, Reopened};
use crate::{Client, Error};

/// A tree that is followed. Each message is the whole tree, so that nothing is lost
/// when the connection is.
#[derive(Debug)]
pub struct TreeWatch {
    request: WatchTreeRequest,
    stream: Reopened<WatchTreeResponse>,
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
        Self { request, stream: Reopened::new(client) }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if there is no such object.
    pub async fn next(&mut self) -> Result<TreeEvent, Error> {
        let request = &self.request;
        let came = self.stream.next(async |client| client.open_tree(request.clone()).await).await?;
        Ok(match came {
            Came::Message(message) => TreeEvent::Told(Box::new(message)),
            Came::Lost(error) => TreeEvent::Lost(error),
        })
    }
}

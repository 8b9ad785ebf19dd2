//! Following whether nodes are usable.

use daymark_proto::v1::{WatchNodesRequest, WatchNodesResponse};

use crate::reopened::{Came, Reopened};
use crate::{Client, Error};

/// Nodes that are followed. Each message is all that is told of them, so that nothing is lost
/// when the connection is.
#[derive(Debug)]
pub struct NodeWatch {
    request: WatchNodesRequest,
    stream: Reopened<WatchNodesResponse>,
}

/// What following nodes brings.
#[derive(Debug)]
pub enum NodeEvent {
    /// How they are by now.
    Told(Box<WatchNodesResponse>),
    /// The stream broke off; it will be opened again.
    Lost(Error),
}

impl NodeWatch {
    pub(crate) fn new(client: Client, request: WatchNodesRequest) -> Self {
        Self { request, stream: Reopened::new(client) }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting, such as `PERMISSION_DENIED`.
    pub async fn next(&mut self) -> Result<NodeEvent, Error> {
        let request = &self.request;
        let came = self.stream.next(async |client| client.open_node_watch(request.clone()).await).await?;
        Ok(match came {
            Came::Message(message) => NodeEvent::Told(Box::new(message)),
            Came::Lost(error) => NodeEvent::Lost(error),
        })
    }
}

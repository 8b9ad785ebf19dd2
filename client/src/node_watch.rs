//! Following whether nodes are usable.

use daymark_proto::v1::{WatchNodesRequest, WatchNodesResponse};
use tonic::Streaming;

use crate::retry::Retry;
use crate::{Client, Error};

/// Nodes that are followed. Each message is all that is told of them, so that nothing is lost
/// when the connection is.
#[derive(Debug)]
pub struct NodeWatch {
    client: Client,
    request: WatchNodesRequest,
    stream: Option<Streaming<WatchNodesResponse>>,
    retry: Retry,
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
        Self { client, request, stream: None, retry: Retry::new() }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting, such as `PERMISSION_DENIED`.
    pub async fn next(&mut self) -> Result<NodeEvent, Error> {
        if self.stream.is_none() {
            self.retry.pause().await;
            match self.client.open_node_watch(self.request.clone()).await {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => return self.lost(error),
            }
        }
        let Some(stream) = &mut self.stream else { return self.lost(Error::ended()) };
        match stream.message().await {
            Ok(Some(message)) => {
                self.retry.came();
                Ok(NodeEvent::Told(Box::new(message)))
            }
            Ok(None) => self.lost(Error::ended()),
            Err(status) => {
                let error = self.client.error(&status);
                self.lost(error)
            }
        }
    }

    fn lost(&mut self, error: Error) -> Result<NodeEvent, Error> {
        self.stream = None;
        self.retry.lost(&self.client, error).map(NodeEvent::Lost)
    }
}

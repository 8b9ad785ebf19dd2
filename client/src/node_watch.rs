//! Following whether nodes are usable.

use std::time::Duration;

use daymark_proto::v1::{WatchNodesRequest, WatchNodesResponse};
use tonic::Streaming;

use crate::backoff::Backoff;
use crate::{Client, Error, Recovery, recovery};

/// Nodes that are followed. Each message is all that is told of them, so that nothing is lost
/// when the connection is.
#[derive(Debug)]
pub struct NodeWatch {
    client: Client,
    request: WatchNodesRequest,
    stream: Option<Streaming<WatchNodesResponse>>,
    backoff: Backoff,
    /// How long to wait before it is opened again.
    pause: Duration,
    /// Whether the daemon has taken the credentials since they were last renewed.
    admitted: bool,
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
        Self { client, request, stream: None, backoff: Backoff::new(), pause: Duration::ZERO, admitted: false }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting, such as `PERMISSION_DENIED`.
    pub async fn next(&mut self) -> Result<NodeEvent, Error> {
        if self.stream.is_none() {
            tokio::time::sleep(self.pause).await;
            match self.client.open_node_watch(self.request.clone()).await {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => return self.lost(error),
            }
        }
        let Some(stream) = &mut self.stream else { return self.lost(Error::ended()) };
        match stream.message().await {
            Ok(Some(message)) => {
                self.backoff.reset();
                self.admitted = true;
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
        // Credentials may have expired; the next try has others, and is the only one.
        if recovery(&error) == Recovery::Stop && (!std::mem::take(&mut self.admitted) || !self.client.renews(&error)) {
            return Err(error);
        }
        self.pause = self.backoff.step();
        Ok(NodeEvent::Lost(error))
    }
}

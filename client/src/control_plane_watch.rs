//! Following a control plane.

use std::time::Duration;

use daymark_proto::v1::{WatchControlPlaneRequest, WatchControlPlaneResponse};
use tonic::Streaming;

use crate::backoff::Backoff;
use crate::{Client, Error, Recovery, recovery};

/// A control plane that is followed. Each message is the whole of it, so that nothing is lost when
/// the connection is.
#[derive(Debug)]
pub struct ControlPlaneWatch {
    client: Client,
    request: WatchControlPlaneRequest,
    stream: Option<Streaming<WatchControlPlaneResponse>>,
    backoff: Backoff,
    /// How long to wait before it is opened again.
    pause: Duration,
    /// Whether the daemon has taken the credentials since they were last renewed.
    admitted: bool,
}

/// What following a control plane brings.
#[derive(Debug)]
pub enum ControlPlaneEvent {
    /// How it is by now.
    Told(Box<WatchControlPlaneResponse>),
    /// The stream broke off; it will be opened again.
    Lost(Error),
}

impl ControlPlaneWatch {
    pub(crate) fn new(client: Client, request: WatchControlPlaneRequest) -> Self {
        Self { client, request, stream: None, backoff: Backoff::new(), pause: Duration::ZERO, admitted: false }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting.
    pub async fn next(&mut self) -> Result<ControlPlaneEvent, Error> {
        if self.stream.is_none() {
            tokio::time::sleep(self.pause).await;
            match self.client.open_control_plane_watch(self.request.clone()).await {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => return self.lost(error),
            }
        }
        let Some(stream) = &mut self.stream else { return self.lost(Error::ended()) };
        match stream.message().await {
            Ok(Some(message)) => {
                self.backoff.reset();
                self.admitted = true;
                Ok(ControlPlaneEvent::Told(Box::new(message)))
            }
            Ok(None) => self.lost(Error::ended()),
            Err(status) => {
                let error = self.client.error(&status);
                self.lost(error)
            }
        }
    }

    fn lost(&mut self, error: Error) -> Result<ControlPlaneEvent, Error> {
        self.stream = None;
        // Credentials may have expired; the next try has others, and is the only one.
        if recovery(&error) == Recovery::Stop && (!std::mem::take(&mut self.admitted) || !self.client.renews(&error)) {
            return Err(error);
        }
        self.pause = self.backoff.step();
        Ok(ControlPlaneEvent::Lost(error))
    }
}

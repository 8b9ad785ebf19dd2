//! Following a control plane.

use daymark_proto::v1::{WatchControlPlaneRequest, WatchControlPlaneResponse};

use crate::reopened::{Came, Reopened};
use crate::{Client, Error};

/// A control plane that is followed. Each message is the whole of it, so that nothing is lost when
/// the connection is.
#[derive(Debug)]
pub struct ControlPlaneWatch {
    request: WatchControlPlaneRequest,
    stream: Reopened<WatchControlPlaneResponse>,
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
        Self { request, stream: Reopened::new(client) }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting.
    pub async fn next(&mut self) -> Result<ControlPlaneEvent, Error> {
        let request = &self.request;
        let came = self.stream.next(async |client| client.open_control_plane_watch(request.clone()).await).await?;
        Ok(match came {
            Came::Message(message) => ControlPlaneEvent::Told(Box::new(message)),
            Came::Lost(error) => ControlPlaneEvent::Lost(error),
        })
    }
}

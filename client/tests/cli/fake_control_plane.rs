//! The control planes that a daemon tells of which plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::control_plane_service_server::ControlPlaneService;
use daymark_proto::v1::{
    ControlPlane, GetControlPlaneRequest, GetControlPlaneResponse, WatchControlPlaneRequest, WatchControlPlaneResponse,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

/// What the daemon tells.
#[derive(Default)]
pub struct ControlPlaneScript {
    /// The answers, in the order of the calls.
    pub answers: VecDeque<Result<ControlPlane, Status>>,
    /// The streams, in the order of the calls. One that ends with an error is broken by it;
    /// others go on, in silence.
    pub streams: VecDeque<Vec<Result<ControlPlane, Status>>>,
}

/// What is told, and was asked.
#[derive(Default)]
pub struct ControlPlanes {
    pub script: Mutex<ControlPlaneScript>,
    pub seen: Mutex<Vec<WatchControlPlaneRequest>>,
}

pub struct Service(pub Arc<ControlPlanes>);

#[tonic::async_trait]
impl ControlPlaneService for Service {
    async fn get_control_plane(
        &self,
        _: Request<GetControlPlaneRequest>,
    ) -> Result<Response<GetControlPlaneResponse>, Status> {
        let answer = self.0.script.lock().unwrap().answers.pop_front();
        let told = answer.unwrap_or_else(|| Err(Status::internal("not in the script")))?;
        Ok(Response::new(GetControlPlaneResponse { control_plane: Some(told) }))
    }

    type WatchControlPlaneStream =
        Pin<Box<dyn Stream<Item = Result<Encoded<WatchControlPlaneResponse>, Status>> + Send>>;

    async fn watch_control_plane(
        &self,
        request: Request<WatchControlPlaneRequest>,
    ) -> Result<Response<Self::WatchControlPlaneStream>, Status> {
        self.0.seen.lock().unwrap().push(request.into_inner());
        let steps = self.0.script.lock().unwrap().streams.pop_front().unwrap_or_default();
        let message = |told| Encoded::new(&WatchControlPlaneResponse { control_plane: Some(told) });
        let messages = futures::stream::iter(steps).map(move |step| step.map(message));
        Ok(Response::new(Box::pin(messages.chain(futures::stream::pending()))))
    }
}

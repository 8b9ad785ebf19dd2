//! Calls that tell how a cluster's control plane is.

use daymark_proto::v1::control_plane_service_client::ControlPlaneServiceClient;
use daymark_proto::v1::{
    GetControlPlaneRequest, GetControlPlaneResponse, WatchControlPlaneRequest, WatchControlPlaneResponse,
};
use tonic::transport::Channel;
use tonic::{Response, Streaming};

use super::{Client, MESSAGE_LIMIT};
use crate::{ControlPlaneWatch, Error};

impl Client {
    /// How the control plane is.
    ///
    /// # Errors
    /// Those of the call. That the API server does not answer is none, but told.
    pub async fn control_plane(&self, request: GetControlPlaneRequest) -> Result<GetControlPlaneResponse, Error> {
        let mut service = self.control_plane_service();
        self.call(request, async move |request| service.get_control_plane(request).await).await
    }

    /// Follows how the control plane is, also over a connection that breaks.
    #[must_use]
    pub fn watch_control_plane(&self, request: WatchControlPlaneRequest) -> ControlPlaneWatch {
        ControlPlaneWatch::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) async fn open_control_plane_watch(
        &self,
        request: WatchControlPlaneRequest,
    ) -> Result<Streaming<WatchControlPlaneResponse>, Error> {
        let request = self.request(request).await?;
        let response = self.control_plane_service().watch_control_plane(request).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    fn control_plane_service(&self) -> ControlPlaneServiceClient<Channel> {
        ControlPlaneServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
}

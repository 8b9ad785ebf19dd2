//! Calls that tell how a cluster's control plane is.

use daymark_proto::v1::control_plane_service_client::ControlPlaneServiceClient;
use daymark_proto::v1::{
    GetControlPlaneRequest, GetControlPlaneResponse, WatchControlPlaneRequest, WatchControlPlaneResponse,
};
use tonic::transport::Channel;

use super::{Client, MESSAGE_LIMIT};
use crate::followed::{Follow, Follows};
use crate::resumed::Opening;
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
        Follow::new(self.clone(), request)
    }

    fn control_plane_service(&self) -> ControlPlaneServiceClient<Channel> {
        ControlPlaneServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
}

impl Follows for WatchControlPlaneRequest {
    type Message = WatchControlPlaneResponse;

    fn open(&self, client: &Client) -> Opening<WatchControlPlaneResponse> {
        let mut service = client.control_plane_service();
        client.stream(self.clone(), |request| async move { service.watch_control_plane(request).await })
    }
}

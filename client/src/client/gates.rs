//! Calls of gates.

use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::{
    ArmGateRequest, ArmGateResponse, CancelGateRequest, CancelGateResponse, GetGateRequest, GetGateResponse,
    OpenGateRequest, OpenGateResponse, Outcome, WatchGateRequest, WatchGateResponse,
};
use tonic::transport::Channel;

use super::{Client, MESSAGE_LIMIT};
use crate::followed::{FollowToEnd, Follows, FollowsToEnd};
use crate::resumed::Opening;
use crate::{Error, GateWatch};

impl Client {
    /// Opens a gate.
    ///
    /// # Errors
    /// Those of the call; `INVALID_ARGUMENT` if the policy is none.
    pub async fn open_gate(&self, request: OpenGateRequest) -> Result<OpenGateResponse, Error> {
        let mut service = self.gate_service();
        self.call(request, async move |request| service.open_gate(request).await).await
    }

    /// Tells a gate what was applied.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such gate.
    pub async fn arm_gate(&self, request: ArmGateRequest) -> Result<ArmGateResponse, Error> {
        let mut service = self.gate_service();
        self.call(request, async move |request| service.arm_gate(request).await).await
    }

    /// How a gate stands.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such gate.
    pub async fn get_gate(&self, request: GetGateRequest) -> Result<GetGateResponse, Error> {
        let mut service = self.gate_service();
        self.call(request, async move |request| service.get_gate(request).await).await
    }

    /// Ends a gate.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such gate.
    pub async fn cancel_gate(&self, request: CancelGateRequest) -> Result<CancelGateResponse, Error> {
        let mut service = self.gate_service();
        self.call(request, async move |request| service.cancel_gate(request).await).await
    }

    /// Follows a gate to its verdict, also over a connection that breaks.
    #[must_use]
    pub fn watch_gate(&self, token: &str) -> GateWatch {
        FollowToEnd::new(self.clone(), WatchGateRequest { token: token.to_owned() })
    }

    fn gate_service(&self) -> GateServiceClient<Channel> {
        GateServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
}

impl Follows for WatchGateRequest {
    type Message = WatchGateResponse;

    fn open(&self, client: &Client) -> Opening<WatchGateResponse> {
        let mut service = client.gate_service();
        client.stream(self.clone(), |request| async move { service.watch_gate(request).await })
    }
}

impl FollowsToEnd for WatchGateRequest {
    fn is_last(message: &WatchGateResponse) -> bool {
        message.gate.as_ref().is_some_and(|gate| gate.outcome() != Outcome::Unspecified)
    }
}

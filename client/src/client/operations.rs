//! Calls that change a cluster, and those of what they start.

use daymark_proto::v1::node_service_client::NodeServiceClient;
use daymark_proto::v1::operation_service_client::OperationServiceClient;
use daymark_proto::v1::{
    CancelOperationRequest, CancelOperationResponse, CordonRequest, CordonResponse, ListOperationsRequest,
    ListOperationsResponse, Operation, OperationStage, PlanDrainRequest, PlanDrainResponse, StartDrainRequest,
    StartDrainResponse, UncordonRequest, UncordonResponse, WatchOperationRequest, WatchOperationResponse,
};
use tonic::transport::Channel;

use super::{Client, MESSAGE_LIMIT};
use crate::followed::{FollowToEnd, Follows, FollowsToEnd};
use crate::resumed::Opening;
use crate::{Error, OperationWatch};

impl Client {
    /// Has no more pods scheduled to a node.
    ///
    /// # Errors
    /// Those of the call; `PERMISSION_DENIED`, if the caller may not.
    pub async fn cordon(&self, request: CordonRequest) -> Result<CordonResponse, Error> {
        let mut service = self.node_service();
        self.call(request, async move |request| service.cordon(request).await).await
    }

    /// Has pods scheduled to a node again.
    ///
    /// # Errors
    /// As those of [`Client::cordon`].
    pub async fn uncordon(&self, request: UncordonRequest) -> Result<UncordonResponse, Error> {
        let mut service = self.node_service();
        self.call(request, async move |request| service.uncordon(request).await).await
    }

    /// What a drain would do.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND`, if there is no such node.
    pub async fn plan_drain(&self, request: PlanDrainRequest) -> Result<PlanDrainResponse, Error> {
        let mut service = self.node_service();
        self.call(request, async move |request| service.plan_drain(request).await).await
    }

    /// Begins to drain a node. The same `request_id` means the same drain.
    ///
    /// # Errors
    /// Those of the call; `FAILED_PRECONDITION` / `DRAIN_BLOCKED`, if something is in the way.
    pub async fn start_drain(&self, request: StartDrainRequest) -> Result<StartDrainResponse, Error> {
        let mut service = self.node_service();
        self.call(request, async move |request| service.start_drain(request).await).await
    }

    /// A page of the operations that the daemon knows.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn list_operations(&self, request: ListOperationsRequest) -> Result<ListOperationsResponse, Error> {
        let mut service = self.operation_service();
        self.call(request, async move |request| service.list_operations(request).await).await
    }

    /// Ends an operation.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND`, if there is no such operation.
    pub async fn cancel_operation(&self, id: &str) -> Result<CancelOperationResponse, Error> {
        let mut service = self.operation_service();
        let request = CancelOperationRequest { id: id.to_owned() };
        self.call(request, async move |request| service.cancel_operation(request).await).await
    }

    /// Follows an operation to its end, also over a connection that breaks.
    #[must_use]
    pub fn watch_operation(&self, id: &str) -> OperationWatch {
        FollowToEnd::new(self.clone(), WatchOperationRequest { id: id.to_owned() })
    }

    fn node_service(&self) -> NodeServiceClient<Channel> {
        NodeServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    fn operation_service(&self) -> OperationServiceClient<Channel> {
        OperationServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
}

impl Follows for WatchOperationRequest {
    type Message = WatchOperationResponse;

    fn open(&self, client: &Client) -> Opening<WatchOperationResponse> {
        let mut service = client.operation_service();
        client.stream(self.clone(), |request| async move { service.watch_operation(request).await })
    }
}

impl FollowsToEnd for WatchOperationRequest {
    fn is_last(message: &WatchOperationResponse) -> bool {
        let stage = message.operation.as_ref().map(Operation::stage);
        !matches!(stage, None | Some(OperationStage::Running | OperationStage::Unspecified))
    }
}

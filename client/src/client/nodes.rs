//! Calls about nodes.

use daymark_proto::v1::node_readiness_service_client::NodeReadinessServiceClient;
use daymark_proto::v1::{ListNodesRequest, ListNodesResponse, WatchNodesRequest, WatchNodesResponse};
use tonic::transport::Channel;

use super::{Client, MESSAGE_LIMIT};
use crate::followed::{Follow, Follows};
use crate::resumed::Opening;
use crate::{Error, NodeWatch};

impl Client {
    /// What is known of nodes: every page in one answer. `page_token` is set by this function.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn list_nodes(&self, mut request: ListNodesRequest) -> Result<ListNodesResponse, Error> {
        request.page_token.clear();
        let mut all = self.node_page(request.clone()).await?;
        while !all.next_page_token.is_empty() {
            request.page_token = std::mem::take(&mut all.next_page_token);
            let page = self.node_page(request.clone()).await?;
            all.nodes.extend(page.nodes);
            all.next_page_token = page.next_page_token;
        }
        Ok(all)
    }

    async fn node_page(&self, request: ListNodesRequest) -> Result<ListNodesResponse, Error> {
        let mut service = self.node_readiness_service();
        self.call(request, async move |request| service.list_nodes(request).await).await
    }

    /// Follows whether nodes are usable, also over a connection that breaks.
    #[must_use]
    pub fn watch_nodes(&self, request: WatchNodesRequest) -> NodeWatch {
        Follow::new(self.clone(), request)
    }

    fn node_readiness_service(&self) -> NodeReadinessServiceClient<Channel> {
        NodeReadinessServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
}

impl Follows for WatchNodesRequest {
    type Message = WatchNodesResponse;

    fn open(&self, client: &Client) -> Opening<WatchNodesResponse> {
        let mut service = client.node_readiness_service();
        client.stream(self.clone(), |request| async move { service.watch_nodes(request).await })
    }
}

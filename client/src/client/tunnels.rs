//! Calls that carry connections and requests into the cluster.

use daymark_proto::v1::forward_request::Message;
use daymark_proto::v1::proxy_service_client::ProxyServiceClient;
use daymark_proto::v1::tunnel_service_client::TunnelServiceClient;
use daymark_proto::v1::{FetchRequest, ForwardRequest, ForwardTarget, ResolveRequest, ResolveResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::{Client, MESSAGE_LIMIT};
use crate::Error;
use crate::tunnel::{Fetched, Tunnel};

/// Messages that wait to be sent to the daemon.
const WAITING: usize = 2;

impl Client {
    /// What ports of an object mean.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such object or port, `FAILED_PRECONDITION` if nothing can be
    /// forwarded to it now.
    pub async fn resolve_ports(&self, request: ResolveRequest) -> Result<ResolveResponse, Error> {
        let mut service = self.tunnel_service();
        self.call(request, async move |request| service.resolve(request).await).await
    }

    /// Opens a connection to a port of an object.
    ///
    /// # Errors
    /// Those of the call, as for [`Client::resolve_ports`]; `UNAVAILABLE` if no pod takes it.
    pub async fn open_tunnel(&self, target: ForwardTarget) -> Result<Tunnel, Error> {
        let (sender, requests) = mpsc::channel(WAITING);
        let first = ForwardRequest { message: Some(Message::Target(target)) };
        // There is room for it, and who receives is here.
        let _sent = sender.send(first).await;
        let mut service = self.tunnel_service();
        let requests = ReceiverStream::new(requests);
        let answers = self.call(requests, async move |request| service.forward(request).await).await?;
        Ok(Tunnel::new(self.clone(), sender, answers))
    }

    /// Passes a GET or HEAD on to the API server. The answer is told as it comes.
    ///
    /// # Errors
    /// Those of the call. That the API server refuses is no error.
    pub async fn fetch(&self, request: FetchRequest) -> Result<Fetched, Error> {
        let mut service = ProxyServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        let answers = self.call(request, async move |request| service.fetch(request).await).await?;
        Fetched::read(self.clone(), answers).await
    }

    fn tunnel_service(&self) -> TunnelServiceClient<Channel> {
        TunnelServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
}

//! A connection to a daemon, and the calls that have one answer.

use std::time::Duration;

use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::server_service_client::ServerServiceClient;
use daymark_proto::v1::status_service_client::StatusServiceClient;
use daymark_proto::v1::{
    ArmGateRequest, ArmGateResponse, CancelGateRequest, CancelGateResponse, GetGateRequest, GetGateResponse,
    OpenGateRequest, OpenGateResponse, WatchGateRequest, WatchGateResponse,
};
use daymark_proto::v1::{
    GetServerInfoRequest, GetServerInfoResponse, GetStatusRequest, GetStatusResponse, ListCachesRequest,
    ListCachesResponse, ListStatusesRequest, ListStatusesResponse, WatchStatusesRequest, WatchStatusesResponse,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

use crate::{Address, Error, GateWatch, Token, Watch, socket};

/// The daemon allows a ping in every 10 s; twice that keeps clear of the limit.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One object may be large: etcd takes some MiB, and an operator may allow more.
const MESSAGE_LIMIT: usize = 64 << 20;

/// How a [`Client`] behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sent with every call.
    pub token: Option<Token>,
    /// How long a call with one answer may take, and how long connecting may.
    pub request_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { token: None, request_timeout: Duration::from_secs(30) }
    }
}

/// A connection to a daemon. Cloning shares it. If it breaks, the next call
/// opens it again.
#[derive(Debug, Clone)]
pub struct Client {
    address: Address,
    channel: Channel,
    options: Options,
}

impl Client {
    /// Connects to the daemon at `address`.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when nobody answers there, [`Error::Untrusted`]
    /// when a unix socket, its folder or the process behind it belongs to
    /// another user than this one or root.
    pub async fn connect(address: Address, options: Options) -> Result<Self, Error> {
        let endpoint =
            endpoint(&address, options.request_timeout).map_err(|error| Error::from_connect(&address, &error))?;
        let target = address.clone();
        let connector = tower::service_fn(move |_| {
            let target = target.clone();
            async move { socket::open(&target).await }
        });
        let channel =
            endpoint.connect_with_connector(connector).await.map_err(|error| Error::from_connect(&address, &error))?;
        Ok(Self { address, channel, options })
    }

    /// Where the daemon listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// One object's status.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such object.
    pub async fn get_status(&self, request: GetStatusRequest) -> Result<GetStatusResponse, Error> {
        let mut service = self.status_service();
        self.answer(service.get_status(self.request(request))).await
    }

    /// The statuses of all objects that match: every page in one answer, with
    /// the cursor of the first page. `page_token` is set by this function.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn list_statuses(&self, mut request: ListStatusesRequest) -> Result<ListStatusesResponse, Error> {
        let mut service = self.status_service();
        request.page_token.clear();
        let mut all = self.answer(service.list_statuses(self.request(request.clone()))).await?;
        while !all.next_page_token.is_empty() {
            request.page_token = std::mem::take(&mut all.next_page_token);
            let page = self.answer(service.list_statuses(self.request(request.clone()))).await?;
            all.statuses.extend(page.statuses);
            for kind in page.unreachable {
                if !all.unreachable.contains(&kind) {
                    all.unreachable.push(kind);
                }
            }
            all.next_page_token = page.next_page_token;
        }
        Ok(all)
    }

    /// What the daemon is and which clusters it serves.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn server_info(&self) -> Result<GetServerInfoResponse, Error> {
        let mut service = ServerServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        self.answer(service.get_server_info(self.request(GetServerInfoRequest {}))).await
    }

    /// What the daemon follows, and how well.
    ///
    /// # Errors
    /// As for every call.
    pub async fn list_caches(&self) -> Result<ListCachesResponse, Error> {
        let mut service = ServerServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        self.answer(service.list_caches(self.request(ListCachesRequest {}))).await
    }

    /// Opens a gate.
    ///
    /// # Errors
    /// Those of the call; `INVALID_ARGUMENT` if the policy is none.
    pub async fn open_gate(&self, request: OpenGateRequest) -> Result<OpenGateResponse, Error> {
        let mut service = self.gate_service();
        self.answer(service.open_gate(self.request(request))).await
    }

    /// Tells a gate what was applied.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such gate.
    pub async fn arm_gate(&self, request: ArmGateRequest) -> Result<ArmGateResponse, Error> {
        let mut service = self.gate_service();
        self.answer(service.arm_gate(self.request(request))).await
    }

    /// How a gate stands.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such gate.
    pub async fn get_gate(&self, request: GetGateRequest) -> Result<GetGateResponse, Error> {
        let mut service = self.gate_service();
        self.answer(service.get_gate(self.request(request))).await
    }

    /// Ends a gate.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such gate.
    pub async fn cancel_gate(&self, request: CancelGateRequest) -> Result<CancelGateResponse, Error> {
        let mut service = self.gate_service();
        self.answer(service.cancel_gate(self.request(request))).await
    }

    /// Follows a gate to its verdict, also over a connection that breaks.
    #[must_use]
    pub fn watch_gate(&self, token: &str) -> GateWatch {
        GateWatch::new(self.clone(), token.to_owned())
    }

    /// Opens one stream.
    pub(crate) async fn open_gate_watch(&self, token: &str) -> Result<Streaming<WatchGateResponse>, Error> {
        let request = self.request(WatchGateRequest { token: token.to_owned() });
        let response = self.gate_service().watch_gate(request).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    fn gate_service(&self) -> GateServiceClient<Channel> {
        GateServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// Follows the objects that match, over a stream that resumes by itself.
    pub fn watch(&self, request: WatchStatusesRequest) -> Watch {
        Watch::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) async fn open_watch(
        &self,
        request: WatchStatusesRequest,
    ) -> Result<Streaming<WatchStatusesResponse>, Error> {
        let mut service = self.status_service();
        let response = service.watch_statuses(self.request(request)).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    /// What a failed call or stream means.
    pub(crate) fn error(&self, status: &Status) -> Error {
        Error::from_status(&self.address, status)
    }

    fn status_service(&self) -> StatusServiceClient<Channel> {
        StatusServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(token) = &self.options.token {
            request.metadata_mut().insert("authorization", token.header());
        }
        request
    }

    async fn answer<M>(&self, call: impl Future<Output = Result<Response<M>, Status>>) -> Result<M, Error> {
        let limit = self.options.request_timeout;
        match tokio::time::timeout(limit, call).await {
            Ok(outcome) => outcome.map(Response::into_inner).map_err(|status| self.error(&status)),
            Err(_) => Err(Error::TimedOut { limit }),
        }
    }
}

fn endpoint(address: &Address, timeout: Duration) -> Result<Endpoint, tonic::transport::Error> {
    let uri = match address {
        // The socket has no host; the name only fills the request's authority.
        Address::Unix(_) => "http://localhost".to_owned(),
        Address::Tcp(authority) => format!("http://{authority}"),
    };
    let endpoint = Endpoint::from_shared(uri)?
        .user_agent(concat!("daymark/", env!("CARGO_PKG_VERSION")))?
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true);
    Ok(endpoint)
}

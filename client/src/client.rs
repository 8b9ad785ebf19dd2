//! A connection to a daemon, and the calls that have one answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::completion_service_client::CompletionServiceClient;
use daymark_proto::v1::diagnosis_service_client::DiagnosisServiceClient;
use daymark_proto::v1::event_service_client::EventServiceClient;
use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::log_service_client::LogServiceClient;
use daymark_proto::v1::server_service_client::ServerServiceClient;
use daymark_proto::v1::status_service_client::StatusServiceClient;
use daymark_proto::v1::table_service_client::TableServiceClient;
use daymark_proto::v1::tree_service_client::TreeServiceClient;
use daymark_proto::v1::{
    ArmGateRequest, ArmGateResponse, CancelGateRequest, CancelGateResponse, CompleteRequest, CompleteResponse,
    GetGateRequest, GetGateResponse, OpenGateRequest, OpenGateResponse, WatchGateRequest, WatchGateResponse,
};
use daymark_proto::v1::{DiagnoseRequest, DiagnoseResponse, Filter, WatchDiagnosisRequest, WatchDiagnosisResponse};
use daymark_proto::v1::{
    GetServerInfoRequest, GetServerInfoResponse, GetStatusRequest, GetStatusResponse, ListCachesRequest,
    ListCachesResponse, ListStatusesRequest, ListStatusesResponse, ListTablesRequest, ListTablesResponse,
    StreamLogsRequest, StreamLogsResponse, WatchStatusesRequest, WatchStatusesResponse, WatchTreeRequest,
    WatchTreeResponse,
};
use daymark_proto::v1::{ListEventsRequest, ListEventsResponse, WatchEventsRequest, WatchEventsResponse};
use http::header::AUTHORIZATION;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::address::bare_host;
use crate::connect::{Connector, Known};
use crate::{
    Address, DiagnosisWatch, Error, EventWatch, GateWatch, LogWatch, Options, OptionsError, TlsPeer, TreeWatch, Watch,
};

/// The daemon allows a ping in every 10 s; twice that keeps clear of the limit.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// One object may be large: etcd takes some MiB, and an operator may allow more.
const MESSAGE_LIMIT: usize = 64 << 20;

/// The pages of a list.
#[derive(Debug)]
pub struct Pages<'a> {
    client: &'a Client,
    /// What to ask for next; nothing behind the last page.
    request: Option<ListStatusesRequest>,
}

impl Pages<'_> {
    /// The next page; `None` behind the last.
    ///
    /// # Errors
    /// Those of the call. A page that failed can be asked for again.
    pub async fn next(&mut self) -> Result<Option<ListStatusesResponse>, Error> {
        let Some(request) = &mut self.request else { return Ok(None) };
        let page = self.client.list_page(request.clone()).await?;
        request.page_token.clone_from(&page.next_page_token);
        if page.next_page_token.is_empty() {
            self.request = None;
        }
        Ok(Some(page))
    }
}

/// A connection to a daemon. Cloning shares it. If it breaks, the next call
/// opens it again.
#[derive(Debug, Clone)]
pub struct Client {
    address: Address,
    channel: Channel,
    options: Options,
    known: Arc<Known>,
}

impl Client {
    /// Connects to the daemon at `address`.
    ///
    /// # Errors
    /// [`Error::Options`] when the options cannot be used with that address,
    /// [`Error::Unreachable`] when nobody answers there, [`Error::Untrusted`]
    /// when a unix socket, its folder or the process behind it belongs to
    /// another user than this one or root, [`Error::Distrusted`] when the
    /// daemon's certificate proves nothing, [`Error::NotAdmitted`] when the
    /// daemon does not take the client's.
    pub async fn connect(address: Address, options: Options) -> Result<Self, Error> {
        options.check(&address)?;
        if let Address::Https(authority) = &address {
            options.tls.check(bare_host(authority)).map_err(OptionsError::from)?;
        }
        let connector = Connector::new(&address, &options);
        let known = connector.known();
        let connector = tower::service_fn(move |_| {
            let connector = connector.clone();
            async move { connector.open().await }
        });
        let endpoint = endpoint(&address).map_err(|error| Error::from_connect(&address, &error))?;
        let channel =
            endpoint.connect_with_connector(connector).await.map_err(|error| Error::from_connect(&address, &error))?;
        Ok(Self { address, channel, options, known })
    }

    /// Where the daemon listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Who is at the other end, if the connection that was opened last is by TLS.
    pub fn peer(&self) -> Option<TlsPeer> {
        self.known.peer()
    }

    /// One object's status.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such object.
    pub async fn get_status(&self, request: GetStatusRequest) -> Result<GetStatusResponse, Error> {
        let mut service = self.status_service();
        self.call(request, async move |request| service.get_status(request).await).await
    }

    /// The statuses of all objects that match: every page in one answer, with
    /// the cursor of the first page. `page_token` is set by this function.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn list_statuses(&self, request: ListStatusesRequest) -> Result<ListStatusesResponse, Error> {
        let mut pages = self.pages(request);
        let mut all = pages.next().await?.unwrap_or_default();
        while let Some(page) = pages.next().await? {
            all.statuses.extend(page.statuses);
            for kind in page.unreachable {
                if !all.unreachable.contains(&kind) {
                    all.unreachable.push(kind);
                }
            }
        }
        all.next_page_token.clear();
        Ok(all)
    }

    /// The statuses of all objects that match, page by page.
    #[must_use]
    pub fn pages(&self, mut request: ListStatusesRequest) -> Pages<'_> {
        request.page_token.clear();
        Pages { client: self, request: Some(request) }
    }

    /// Objects as the API server would print them: every page in one answer.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn list_tables(&self, mut request: ListTablesRequest) -> Result<ListTablesResponse, Error> {
        request.page_token.clear();
        let mut all = ListTablesResponse::default();
        loop {
            let mut service = TableServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
            let call = async move |request| service.list_tables(request).await;
            let page: ListTablesResponse = self.call(request.clone(), call).await?;
            all.tables.extend(page.tables);
            for kind in page.unreachable {
                if !all.unreachable.contains(&kind) {
                    all.unreachable.push(kind);
                }
            }
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Follows an object with all that it owns, also over a connection that breaks.
    #[must_use]
    pub fn watch_tree(&self, request: WatchTreeRequest) -> TreeWatch {
        TreeWatch::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) async fn open_tree(&self, request: WatchTreeRequest) -> Result<Streaming<WatchTreeResponse>, Error> {
        let mut service = TreeServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        let response = service.watch_tree(self.request(request).await?).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    async fn list_page(&self, request: ListStatusesRequest) -> Result<ListStatusesResponse, Error> {
        let mut service = self.status_service();
        self.call(request, async move |request| service.list_statuses(request).await).await
    }

    /// All events that match: every page in one answer. One that has happened again
    /// meanwhile is there once, in its newest version. `page_token` is set by this function.
    ///
    /// # Errors
    /// Those of the calls; `NOT_FOUND` if there is no such object, and no event of one.
    pub async fn list_events(&self, mut request: ListEventsRequest) -> Result<ListEventsResponse, Error> {
        request.page_token.clear();
        let mut all = self.event_page(request.clone()).await?;
        while !all.next_page_token.is_empty() {
            request.page_token = std::mem::take(&mut all.next_page_token);
            let page = self.event_page(request.clone()).await?;
            all.events.extend(page.events);
            all.complete_since = page.complete_since.or(all.complete_since);
            all.next_page_token = page.next_page_token;
        }
        let newest: HashMap<_, _> =
            all.events.iter().enumerate().map(|(place, event)| (event.uid.clone(), place)).collect();
        let mut place = 0;
        all.events.retain(|event| {
            place += 1;
            newest.get(&event.uid) == Some(&(place - 1))
        });
        Ok(all)
    }

    async fn event_page(&self, request: ListEventsRequest) -> Result<ListEventsResponse, Error> {
        let mut service = self.event_service();
        self.call(request, async move |request| service.list_events(request).await).await
    }

    /// Follows events, also over a connection that breaks.
    #[must_use]
    pub fn watch_events(&self, request: WatchEventsRequest) -> EventWatch {
        EventWatch::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) async fn open_event_watch(
        &self,
        request: WatchEventsRequest,
    ) -> Result<Streaming<WatchEventsResponse>, Error> {
        let mut service = self.event_service();
        let response = service.watch_events(self.request(request).await?).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    fn event_service(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// What the daemon is and which clusters it serves.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn server_info(&self) -> Result<GetServerInfoResponse, Error> {
        let mut service = ServerServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        self.call(GetServerInfoRequest {}, async move |request| service.get_server_info(request).await).await
    }

    /// What the daemon follows, and how well.
    ///
    /// # Errors
    /// As for every call.
    pub async fn list_caches(&self) -> Result<ListCachesResponse, Error> {
        let mut service = ServerServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        self.call(ListCachesRequest {}, async move |request| service.list_caches(request).await).await
    }

    /// Words that a command line can be completed with.
    ///
    /// # Errors
    /// Those of the call; `INVALID_ARGUMENT` if nothing goes by the names of the request.
    pub async fn complete(&self, request: CompleteRequest) -> Result<CompleteResponse, Error> {
        let mut service = CompletionServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        self.call(request, async move |request| service.complete(request).await).await
    }

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
        GateWatch::new(self.clone(), token.to_owned())
    }

    /// Opens one stream.
    pub(crate) async fn open_gate_watch(&self, token: &str) -> Result<Streaming<WatchGateResponse>, Error> {
        let request = self.request(WatchGateRequest { token: token.to_owned() }).await?;
        let response = self.gate_service().watch_gate(request).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    fn gate_service(&self) -> GateServiceClient<Channel> {
        GateServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// What is wrong with an object, or with all that match.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such object.
    pub async fn diagnose(&self, filter: Filter) -> Result<DiagnoseResponse, Error> {
        let mut service = self.diagnosis_service();
        let request = DiagnoseRequest { filter: Some(filter) };
        self.call(request, async move |request| service.diagnose(request).await).await
    }

    /// Follows what is wrong, also over a connection that breaks.
    #[must_use]
    pub fn watch_diagnosis(&self, filter: Filter) -> DiagnosisWatch {
        DiagnosisWatch::new(self.clone(), filter)
    }

    /// Opens one stream.
    pub(crate) async fn open_diagnosis_watch(
        &self,
        filter: Filter,
    ) -> Result<Streaming<WatchDiagnosisResponse>, Error> {
        let request = self.request(WatchDiagnosisRequest { filter: Some(filter) }).await?;
        let response = self.diagnosis_service().watch_diagnosis(request).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    fn diagnosis_service(&self) -> DiagnosisServiceClient<Channel> {
        DiagnosisServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
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
        let response = service.watch_statuses(self.request(request).await?).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    /// Reads logs, or follows them, over a stream that resumes by itself. What it is to go on
    /// behind is set by this function.
    #[must_use]
    pub fn stream_logs(&self, request: StreamLogsRequest) -> LogWatch {
        LogWatch::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) async fn open_logs(&self, request: StreamLogsRequest) -> Result<Streaming<StreamLogsResponse>, Error> {
        let mut service = LogServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        let response = service.stream_logs(self.request(request).await?).await;
        response.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    /// What a failed call or stream means.
    pub(crate) fn error(&self, status: &Status) -> Error {
        match (Error::from_status(&self.address, status), self.known.refusal()) {
            (Error::Broken { .. } | Error::Unreachable { .. }, Some(problem)) => {
                Error::NotAdmitted { address: self.address.clone(), problem }
            }
            (error, _) => error,
        }
    }

    /// Whether the call that ended in `error` may succeed with other credentials, which the
    /// next one takes.
    pub(crate) fn renews(&self, error: &Error) -> bool {
        error.rpc().is_some_and(|error| error.code == Code::Unauthenticated) && self.options.credentials.renew()
    }

    fn status_service(&self) -> StatusServiceClient<Channel> {
        StatusServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    async fn request<M>(&self, message: M) -> Result<Request<M>, Error> {
        let mut request = Request::new(message);
        if let Some(header) = self.options.credentials.header(&self.options.proxy).await? {
            request.metadata_mut().as_mut().insert(AUTHORIZATION, header);
        }
        Ok(request)
    }

    /// A call with one answer, within the time for it.
    async fn call<M, A>(
        &self,
        message: M,
        call: impl AsyncFnOnce(Request<M>) -> Result<Response<A>, Status>,
    ) -> Result<A, Error> {
        let limit = self.options.request_timeout;
        let answer = async {
            let answer = call(self.request(message).await?).await;
            answer.map(Response::into_inner).map_err(|status| self.error(&status))
        };
        tokio::time::timeout(limit, answer).await.unwrap_or(Err(Error::TimedOut { limit }))
    }
}

fn endpoint(address: &Address) -> Result<Endpoint, tonic::transport::Error> {
    // The connector speaks TLS. A socket has no host; the name only fills the request's authority.
    let (uri, origin) = match address {
        Address::Unix(_) => ("http://localhost".to_owned(), None),
        Address::Tcp(authority) | Address::Http(authority) => (format!("http://{authority}"), None),
        Address::Https(authority) => (format!("http://{authority}"), Some(authority)),
    };
    let origin = origin.and_then(|authority| format!("https://{authority}").parse().ok());
    let endpoint = Endpoint::from_shared(uri)?
        .user_agent(concat!("daymark/", env!("CARGO_PKG_VERSION")))?
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true);
    Ok(match origin {
        Some(origin) => endpoint.origin(origin),
        None => endpoint,
    })
}

//! A connection to a daemon, its calls that have one answer, and its streams.

mod control_plane;
mod evidence;
mod gates;
mod nodes;
mod objects;
mod operations;
mod pods;
mod tunnels;

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::server_service_client::ServerServiceClient;
use daymark_proto::v1::{GetServerInfoRequest, GetServerInfoResponse, ListCachesRequest, ListCachesResponse};
use http::header::AUTHORIZATION;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

pub use self::objects::Pages;
use crate::address::bare_host;
use crate::connect::{Connector, Known};
use crate::resumed::{Messages, Opening};
use crate::{Address, Error, Options, OptionsError, TlsPeer};

/// The daemon allows a ping in every 10 s; twice that keeps clear of the limit.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes under way to the client of one call, and of all of them: a connection that is read slowly must not hold
/// up the others.
const WINDOWS: (u32, u32) = (512 << 10, 128 << 20);

/// One object may be large: etcd takes some MiB, and an operator may allow more.
const MESSAGE_LIMIT: usize = 64 << 20;

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

    /// One that has no daemon.
    #[cfg(test)]
    pub(crate) fn unconnected(credentials: crate::Credentials) -> Self {
        let options = Options { credentials, ..Options::default() };
        let channel = Endpoint::from_static("http://localhost:1").connect_lazy();
        Self { address: Address::default_socket(), channel, options, known: Arc::default() }
    }

    /// Where the daemon listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Who is at the other end, if the connection that was opened last is by TLS.
    pub fn peer(&self) -> Option<TlsPeer> {
        self.known.peer()
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

    /// A call with a stream of answers. Opening it may take until the first of them.
    fn stream<M, A, F>(&self, message: M, call: impl FnOnce(Request<M>) -> F + Send + 'static) -> Opening<A>
    where
        M: Send + 'static,
        A: Send + 'static,
        F: Future<Output = Result<Response<Streaming<A>>, Status>> + Send + 'static,
    {
        let client = self.clone();
        Box::pin(async move {
            let opened = call(client.request(message).await?).await;
            let messages = opened.map(Response::into_inner).map_err(|status| client.error(&status))?;
            Ok(Box::pin(messages) as Messages<A>)
        })
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
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true);
    Ok(match origin {
        Some(origin) => endpoint.origin(origin),
        None => endpoint,
    })
}

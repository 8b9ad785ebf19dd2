//! Connections to an API server.
//!
//! Over HTTP/2 many watches share a connection, but no more than the API server
//! takes: one more would wait behind watches that do not end. Reads have a
//! connection of their own, and so have logs, which may be read slowly. What goes on in another
//! protocol has each a connection, by HTTP/1.1.

use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt as _};
use parking_lot::Mutex;
use tower::ServiceBuilder;

/// Such answers per connection. API servers take 100 streams of a client, or 250
/// (k8s.io/apiserver `http2-max-streams-per-connection`).
const STREAMS_PER_CONNECTION: usize = 80;
/// How long a connection may take, with its TLS handshake.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection that does not answer a ping for that long is dead: the interval
/// of pings and the patience, of client-go's `http2.Transport`.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15));
/// Bytes under way of one answer, and of all on a connection: a watch that is
/// read slowly must not hold up the others.
const WINDOWS: (u32, u32) = (1 << 20, 32 << 20);
/// The same of logs: all that a connection has may stand still at the same time.
const LOG_WINDOWS: (u32, u32) = (128 << 10, 80 * (128 << 10));

/// Bytes that are read at a time without HTTP/2: larger ones are memory that has
/// to be had anew each time.
const BUFFER: usize = 64 << 10;

/// Connections to one API server, opened as they are needed.
pub(super) struct Transport {
    config: kube::Config,
    reads: kube::Client,
    upgrades: kube::Client,
    watches: Mutex<Vec<Lane>>,
    logs: Mutex<Vec<Lane>>,
}

/// A connection for answers that do not end; they hold the tickets.
struct Lane {
    client: kube::Client,
    tickets: Arc<()>,
}

/// A place for one such answer on a connection, for as long as it is held.
pub(super) struct Ticket {
    pub(super) client: kube::Client,
    _place: Arc<()>,
}

impl Transport {
    pub(super) fn new(mut config: kube::Config) -> Result<Self, kube::Error> {
        config.connect_timeout = Some(CONNECT);
        // The source tries again by itself, and says why; kube's client would hide
        // a 429 or 503 behind its own tries until the request has timed out.
        config.default_retry = false;
        let reads = client(&config, Some(WINDOWS))?;
        let upgrades = client(&config, None)?;
        Ok(Self { reads, upgrades, config, watches: Mutex::default(), logs: Mutex::default() })
    }

    /// For requests that end soon.
    pub(super) fn reads(&self) -> &kube::Client {
        &self.reads
    }

    /// For connections that go on in another protocol.
    pub(super) fn upgrades(&self) -> &kube::Client {
        &self.upgrades
    }

    /// For one watch.
    pub(super) fn watch(&self) -> Result<Ticket, kube::Error> {
        self.ticket(&self.watches, WINDOWS)
    }

    /// For one log.
    pub(super) fn log(&self) -> Result<Ticket, kube::Error> {
        self.ticket(&self.logs, LOG_WINDOWS)
    }

    fn ticket(&self, lanes: &Mutex<Vec<Lane>>, windows: (u32, u32)) -> Result<Ticket, kube::Error> {
        let mut lanes = lanes.lock();
        let free = |lane: &&Lane| Arc::strong_count(&lane.tickets) <= STREAMS_PER_CONNECTION;
        if let Some(lane) = lanes.iter().find(free) {
            return Ok(Ticket { client: lane.client.clone(), _place: Arc::clone(&lane.tickets) });
        }
        let lane = Lane { client: client(&self.config, Some(windows))?, tickets: Arc::default() };
        let ticket = Ticket { client: lane.client.clone(), _place: Arc::clone(&lane.tickets) };
        lanes.push(lane);
        Ok(ticket)
    }
}

/// A client with connections of its own: kube's, but for HTTP/2. Through a
/// proxy, or without TLS, it is HTTP/1.1, and each watch has a connection; so it is without windows.
fn client(config: &kube::Config, windows: Option<(u32, u32)>) -> Result<kube::Client, kube::Error> {
    if config.proxy_url.is_some() {
        return kube::Client::try_from(config.clone());
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut https = HttpsConnectorBuilder::new().with_tls_config(config.rustls_client_config()?).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = name.clone().try_into().map_err(|e| kube::Error::Service(Box::new(e)))?;
        https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let https = https.enable_http1();
    let https = match windows {
        Some(_) => https.enable_http2().wrap_connector(tcp),
        None => https.wrap_connector(tcp),
    };
    let mut connector = TimeoutConnector::new(https);
    connector.set_connect_timeout(config.connect_timeout);
    let windows = windows.unwrap_or(WINDOWS);
    let http: legacy::Client<_, Body> = legacy::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http1_max_buf_size(BUFFER)
        .http2_initial_stream_window_size(windows.0)
        .http2_initial_connection_window_size(windows.1)
        .http2_keep_alive_interval(PING.0)
        .http2_keep_alive_timeout(PING.1)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(Into::<tower::BoxError>::into)
        .service(http);
    Ok(kube::Client::new(service, config.default_namespace.clone()))
}

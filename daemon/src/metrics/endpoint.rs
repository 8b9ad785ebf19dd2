//! Answers HTTP requests for metrics and health.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::caches::CacheMetrics;
use super::daemon::DaemonMetrics;
use super::{PREFIX, text};
use crate::lifecycle::Readiness;
use crate::rpc::Served;

/// The headers of a request: their number, and their bytes. Proxies add tokens to what Prometheus sends.
const HEADERS: (usize, usize) = (64, 8 << 10);
/// What is read ahead of a connection, in bytes.
const BUFFER: usize = 16 << 10;
/// How long a request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);
/// How long a connection may last: it has one request, and Prometheus gives up earlier.
const PATIENCE: Duration = Duration::from_secs(30);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers whoever reaches it, without credentials.
pub struct Endpoint {
    registry: Registry,
    readiness: Arc<Readiness>,
    /// Every object is looked at for an answer: one at a time is enough.
    turn: Semaphore,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Tells of this daemon, which starts now.
    #[must_use]
    pub fn new(served: Arc<Served>) -> Self {
        let readiness = Arc::clone(&served.readiness);
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(DaemonMetrics::new(Arc::clone(&served))));
        registry.register_collector(Box::new(CacheMetrics(served)));
        Self { registry, readiness, turn: Semaphore::new(1) }
    }

    /// Answers the one request of a connection, within bounds of size and time.
    pub async fn serve(&self, stream: TcpStream) {
        let answer = service_fn(|request: Request<Incoming>| {
            let (path, gets) = (request.uri().path().to_owned(), request.method() == Method::GET);
            async move { Ok::<_, Infallible>(self.answer(&path, gets).await) }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(ARRIVAL).keep_alive(false);
        server.max_headers(HEADERS.0).max_header_size(HEADERS.1).max_buf_size(BUFFER);
        let connection = server.serve_connection(TokioIo::new(stream), answer);
        match tokio::time::timeout(PATIENCE, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("a request for metrics is not answered: {error}"),
            Err(_) => tracing::debug!("a request for metrics is not answered within {PATIENCE:?}"),
        }
    }

    async fn answer(&self, path: &str, gets: bool) -> Response<Full<Bytes>> {
        match (path, gets) {
            ("/metrics", true) => self.metrics().await,
            ("/healthz", true) => plain(StatusCode::OK, "ok\n"),
            ("/readyz", true) if self.readiness.is_ready() => plain(StatusCode::OK, "ok\n"),
            ("/readyz", true) => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            ("/metrics" | "/healthz" | "/readyz", false) => {
                let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is served\n");
                refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
                refused
            }
            _ => plain(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n"),
        }
    }

    async fn metrics(&self) -> Response<Full<Bytes>> {
        // It is never closed; an answer without a turn would be as good.
        let _turn = self.turn.acquire().await;
        match text(&self.registry) {
            Ok(text) => with_type(StatusCode::OK, OPEN_METRICS, text),
            Err(error) => {
                tracing::error!("metrics cannot be written: {error}");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written\n")
            }
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    with_type(status, PLAIN, text)
}

fn with_type(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

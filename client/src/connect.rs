//! Opening the connection to a daemon.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::bare_host;
use crate::proxy::{Hop, Proxy, ProxyError};
use crate::socket::{self, Foreign};
use crate::tls::{self, Distrust, HandshakeError, Protocol, Tls, TlsPeer};
use crate::{Address, Options};

/// How long each step of opening a connection may take, the others being what they are.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// A byte stream of any kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type AnyStream = Box<dyn Stream>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no connection within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The unix socket is somebody else's.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Distrusted(Distrust),
    /// The daemon does not admit this client.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Handshake(HandshakeError),
}

impl From<HandshakeError> for OpenError {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Distrusted(distrust) => Self::Distrusted(distrust),
            HandshakeError::Refused(problem) => Self::Refused(problem),
            error => Self::Handshake(error),
        }
    }
}

/// What is known of the connection that was opened last.
#[derive(Debug, Default)]
pub(crate) struct Known {
    peer: Mutex<Option<TlsPeer>>,
    refusal: Mutex<Option<String>>,
}

impl Known {
    pub(crate) fn peer(&self) -> Option<TlsPeer> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the daemon has closed the connection, if that is known: it does not admit this
    /// client. Of TLS 1.3, the client learns that behind the handshake.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, peer: Option<TlsPeer>) {
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = peer;
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Opens connections to one daemon.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    address: Address,
    tls: Tls,
    proxy: Proxy,
    limit: Duration,
    known: Arc<Known>,
}

impl Connector {
    pub(crate) fn new(address: &Address, options: &Options) -> Self {
        Self {
            address: address.clone(),
            tls: options.tls.clone(),
            proxy: options.proxy.clone(),
            limit: TIMEOUT.min(options.request_timeout),
            known: Arc::default(),
        }
    }

    pub(crate) fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known)
    }

    /// Opens a connection.
    pub(crate) async fn open(&self) -> Result<TokioIo<AnyStream>, OpenError> {
        let opened = timeout(self.limit, self.dial()).await;
        let (stream, peer) = opened.unwrap_or(Err(OpenError::TimedOut(self.limit)))?;
        self.known.begin(peer);
        Ok(TokioIo::new(stream))
    }

    async fn dial(&self) -> Result<(AnyStream, Option<TlsPeer>), OpenError> {
        let authority = match &self.address {
            Address::Unix(path) => return Ok((Box::new(socket::open(path).await?), None)),
            Address::Tcp(authority) | Address::Http(authority) => {
                return Ok((tcp(bare_host(authority), authority.port_u16().unwrap_or(80)).await?, None));
            }
            Address::Https(authority) => authority,
        };
        let host = bare_host(authority);
        let stream = reach(host, authority.port_u16().unwrap_or(443), &self.proxy).await?;
        let (stream, peer) = self.tls.handshake(stream, host, Protocol::Http2).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(HandshakeError::NoHttp2.into());
        }
        let stream = Watched { stream, known: self.known() };
        Ok((Box::new(stream), Some(peer)))
    }
}

/// A stream to `host` and `port`, through the proxy if there is one on the way.
pub(crate) async fn reach(host: &str, port: u16, proxy: &Proxy) -> Result<AnyStream, OpenError> {
    let Some(hop) = proxy.on_the_way_to(host) else { return Ok(tcp(host, port).await?) };
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    // Its own limit is shorter, so that it is named if it is what does not answer.
    let limit = TIMEOUT * 4 / 5;
    match timeout(limit, through(&hop, &target)).await {
        Ok(stream) => Ok(stream?),
        Err(_) => Err(hop.unreachable(format!("no answer within {} s", limit.as_secs())).into()),
    }
}

async fn through(hop: &Hop, target: &str) -> Result<AnyStream, ProxyError> {
    let mut stream = tcp(hop.host(), hop.port()).await.map_err(|error| hop.unreachable(error))?;
    if hop.is_tls() {
        let spoken = Tls::default().handshake(stream, hop.host(), Protocol::Http1).await;
        stream = Box::new(spoken.map_err(|error| hop.unreachable(error))?.0);
    }
    hop.tunnel(&mut stream, target).await?;
    Ok(stream)
}

async fn tcp(host: &str, port: u16) -> io::Result<AnyStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

/// A stream that notes when the daemon refuses this client: what reads it keeps the words
/// of an error, and not what it is.
struct Watched<S> {
    stream: S,
    known: Arc<Known>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &outcome
            && let Some(refusal) = tls::refusal(error)
        {
            *self.known.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

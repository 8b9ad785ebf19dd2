//! A connection that is served, from whom it is, and whether it has made something of itself.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::crowd::Place;
use crate::access::Peer;
use crate::access::certificate::Certificate;

/// A connection.
pub(super) struct Connection {
    io: Io,
    arrival: Arrival,
    /// When it is over, unless a request was let in until then.
    probation: Option<Pin<Box<Sleep>>>,
    _place: Option<Place>,
}

/// What carries it.
pub(super) enum Io {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What requests are told of their connection.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// Whose it is.
    pub(super) peer: Peer,
    /// Whether one of its requests was let in.
    admitted: Arc<AtomicBool>,
}

impl Arrival {
    /// One of its requests was let in: it may stay.
    pub(super) fn admit(&self) {
        self.admitted.store(true, Ordering::Relaxed);
    }
}

impl Connection {
    /// A connection that holds that place, and is closed if it has no request that is let in
    /// within `probation`.
    pub(super) fn new(io: Io, mut peer: Peer, place: Option<Place>, probation: Option<Duration>) -> Self {
        if let (Io::Tls(tls), Peer::Tcp { certificate, .. }) = (&io, &mut peer) {
            let chain = tls.get_ref().1.peer_certificates();
            *certificate = chain.and_then(<[_]>::first).map(|own| Certificate::read(own));
        }
        let probation = probation.map(|time| Box::pin(tokio::time::sleep(time)));
        Self { io, arrival: Arrival { peer, admitted: Arc::default() }, probation, _place: place }
    }

    /// Whether its time is over. It is asked whenever more is waited for.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let Some(probation) = &mut self.probation else { return false };
        if self.arrival.admitted.load(Ordering::Relaxed) {
            self.probation = None;
            return false;
        }
        probation.as_mut().poll(context).is_ready()
    }
}

impl Connected for Connection {
    type ConnectInfo = Arrival;

    fn connect_info(&self) -> Arrival {
        self.arrival.clone()
    }
}

/// Calls the method of whatever carries the connection.
macro_rules! carried {
    ($io:expr, $stream:ident => $call:expr) => {
        match $io {
            Io::Unix($stream) => $call,
            Io::Tcp($stream) => $call,
            Io::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)));
        }
        carried!(&mut self.io, stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        carried!(&mut self.io, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        carried!(&mut self.io, stream => Pin::new(stream).poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        carried!(&self.io, stream => stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        carried!(&mut self.io, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        carried!(&mut self.io, stream => Pin::new(stream).poll_shutdown(context))
    }
}

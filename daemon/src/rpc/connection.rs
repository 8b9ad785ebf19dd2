//! A connection that is served, from whom it is, and whether it has made something of itself.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::crowd::{Limits, Place};
use crate::access::Peer;
use crate::access::certificate::Certificate;

/// Requests of nobody in particular that a connection may have at a time: more than anybody
/// needs who asks how the daemon is, and who does not say who they are has no other share.
const ANONYMOUS: usize = 16;

/// A connection.
pub(super) struct Connection {
    io: Io,
    arrival: Arrival,
    /// When it is over, unless a request was let in until then.
    probation: Option<Pin<Box<Sleep>>>,
    /// How long the other end may take nothing, and while it does, until when.
    unread: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
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
    anonymous: Arc<Semaphore>,
}

impl Arrival {
    /// One of its requests was let in: it may stay.
    pub(super) fn admit(&self) {
        self.admitted.store(true, Ordering::Relaxed);
    }

    /// A turn for a request of nobody in particular, if there is one. It lasts until its answer
    /// has ended.
    pub(super) fn anonymous(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.anonymous).try_acquire_owned().ok()
    }
}

impl Connection {
    /// A connection that holds that place, and has to make something of it in time. Who needs no
    /// place has all the time for that.
    pub(super) fn new(io: Io, mut peer: Peer, place: Option<Place>, limits: &Limits) -> Self {
        if let (Io::Tls(tls), Peer::Tcp { certificate, .. }) = (&io, &mut peer) {
            let chain = tls.get_ref().1.peer_certificates();
            *certificate = chain.and_then(<[_]>::first).map(|own| Certificate::read(own));
        }
        let probation = place.is_some().then(|| Box::pin(tokio::time::sleep(limits.first_request)));
        let anonymous = Arc::new(Semaphore::new(ANONYMOUS));
        let arrival = Arrival { peer, admitted: Arc::default(), anonymous };
        Self { io, arrival, probation, unread: limits.unread, stalled: None, _place: place }
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

    /// What was written, or that it is over because nothing could be for too long. HTTP/2 reads
    /// nothing while it cannot write, neither what the other end sends nor its answers to pings,
    /// so that nothing else would end the connection.
    fn written<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let unread = self.unread;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(unread)));
        let is_stalled = stalled.as_mut().poll(context).is_ready();
        if is_stalled || self.is_over(context) {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)));
        }
        Poll::Pending
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
        let written = carried!(&mut self.io, stream => Pin::new(stream).poll_write(context, bytes));
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = carried!(&mut self.io, stream => Pin::new(stream).poll_write_vectored(context, parts));
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        carried!(&self.io, stream => stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS keeps what it has taken until it can be sent.
        let flushed = carried!(&mut self.io, stream => Pin::new(stream).poll_flush(context));
        self.written(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = carried!(&mut self.io, stream => Pin::new(stream).poll_shutdown(context));
        self.written(shut, context)
    }
}

//! What is sent over a connection: by who sends data, and by who receives and must answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::buf::Chain;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncWrite, WriteHalf};
use tokio_util::io::poll_write_buf;

use super::frames::{put_ping, put_reset};

/// Bytes of answers that wait. Who sends more pings than it takes answers is not answered.
const MOST_ANSWERS: usize = 1 << 10;

/// The way out. A frame is never cut by another: each is sent to its end by whoever comes next.
#[derive(Debug)]
pub(super) struct Outlet<T> {
    way: WriteHalf<T>,
    /// A frame of data, from where it is not yet sent.
    frame: Chain<Bytes, Bytes>,
    /// Frames without data, which go before the next one of those.
    answers: BytesMut,
    /// Whether all of it is on its way, and not in some buffer.
    is_flushed: bool,
}

impl<T: AsyncWrite> Outlet<T> {
    /// One over which these frames go first.
    pub(super) fn new(way: WriteHalf<T>, first: BytesMut) -> Self {
        Self { way, frame: Bytes::new().chain(Bytes::new()), answers: first, is_flushed: false }
    }

    /// A frame of data, by its beginning. It replaces the last, which must have been sent: see
    /// [`Outlet::poll_free`].
    pub(super) fn put(&mut self, head: &[u8], data: Bytes) {
        self.frame = Bytes::copy_from_slice(head).chain(data);
    }

    /// Sends a ping back, by and by.
    pub(super) fn answer(&mut self, ping: u32) {
        if self.answers.len() < MOST_ANSWERS {
            put_ping(&mut self.answers, ping);
        }
    }

    /// Gives a stream up, by and by.
    pub(super) fn give_up(&mut self, stream: u32, reason: u32) {
        put_reset(&mut self.answers, stream, reason);
    }

    /// Bytes of answers that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.answers.len()
    }

    /// Ready when there is room for a frame of data.
    pub(super) fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.frame.has_remaining() || self.answers.has_remaining() {
            self.is_flushed = false;
        }
        ready!(poll_written(&mut self.way, &mut self.frame, cx))?;
        poll_written(&mut self.way, &mut self.answers, cx)
    }

    /// Ready when all is on its way.
    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_free(cx))?;
        if !self.is_flushed {
            ready!(Pin::new(&mut self.way).poll_flush(cx))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends answers as far as that can be done at once, for who receives: it does not wait for this, else two
    /// sides of which each waits until the other reads would wait for ever. Whose frame is under way goes on with
    /// the answers behind it.
    pub(super) fn poll_answers(&mut self, cx: &mut Context<'_>) {
        if !self.frame.has_remaining() {
            // What fails is told by what comes, or does not.
            let _later = self.poll_sent(cx);
        }
    }
}

/// Ready when all of that is written, its pieces together where the way can do that.
fn poll_written<T: AsyncWrite>(
    way: &mut WriteHalf<T>,
    what: &mut impl Buf,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while what.has_remaining() {
        if ready!(poll_write_buf(Pin::new(&mut *way), cx, what))? == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
    }
    Poll::Ready(Ok(()))
}

//! A connection to a port of a pod over SPDY/3.1, as kubectl asks for it.
//!
//! The protocol is that of kubelets (k8s.io/cri-streaming `pkg/streaming/portforward`, httpstream.go;
//! k8s.io/client-go `tools/portforward`): a forwarded connection is two streams, one for its data, and one for
//! an error that ends it. Many may share a connection to the API server, but SPDY as Kubernetes speaks it has no
//! windows: one that stands still would hold up the others. So each has one of its own.

pub mod frames;
mod outlet;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf};
use tokio_util::io::poll_read_buf;

use self::frames::{Frames, Opening, Part, Violation};
use self::outlet::Outlet;
use super::{LONGEST_ERROR, Lost, explained, foreign, has};
use crate::act::actor::{Actor, NotDone};
use crate::one_line::one_line;

/// What the connection goes on in.
const SPDY: &str = "SPDY/3.1";
/// What its streams mean, and where that is said.
const PROTOCOL: &str = "portforward.k8s.io";
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");
/// The streams of the only port. Those of who opens them have odd numbers, which rise.
const ERROR: u32 = 1;
const DATA: u32 = 3;
/// What a stream is given up for of which nothing more is wanted.
const CANCEL: u32 = 5;
/// Bytes that are read at a time, and that there is room for at the least: kubelets copy 32 KiB at a time.
const BUFFER: usize = 64 << 10;
const LEAST: usize = 32 << 10;
/// Bytes of data that are sent in a frame.
const LONGEST: usize = 64 << 10;

/// What goes to the pod.
#[derive(Debug)]
pub(super) struct Sender<T = TokioIo<Upgraded>> {
    outlet: Arc<Mutex<Outlet<T>>>,
}

/// What comes from the pod.
#[derive(Debug)]
pub(super) struct Receiver<T = TokioIo<Upgraded>> {
    inlet: ReadHalf<T>,
    /// What must be answered, whoever reads.
    outlet: Arc<Mutex<Outlet<T>>>,
    /// What was read, and is not yet looked at.
    came: BytesMut,
    frames: Frames,
    /// How the data have ended.
    data: Option<End>,
    /// Whether the other stream has ended, and what has come on it.
    is_error_over: bool,
    error: BytesMut,
    /// Why nothing more can be read.
    over: Option<String>,
}

/// How a stream has ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Whole,
    /// Given up, for that reason.
    Reset(u32),
}

/// Asks for a connection to a port of a pod.
///
/// # Errors
/// If the API server refuses, or does not speak the protocol.
pub(super) async fn open(actor: &Actor, path: &str, port: u16) -> Result<(Sender, Receiver), NotDone> {
    let mut headers = actor.headers().clone();
    headers.insert(header::UPGRADE, HeaderValue::from_static(SPDY));
    headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(PROTOCOL));
    let upgraded = actor.server().upgrade(Method::POST, path, headers).await;
    let (answer, connection) = upgraded.map_err(|refusal| NotDone::Refused(Box::new(refusal)))?;
    if !is_spdy(&answer) {
        return Err(foreign(SPDY, "it goes on in another protocol"));
    }
    if !has(&answer, &PROTOCOL_VERSION, PROTOCOL) {
        return Err(foreign(SPDY, "it chose another protocol for its streams"));
    }
    Ok(over(connection, port))
}

fn is_spdy(answer: &HeaderMap) -> bool {
    answer.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(SPDY.as_bytes()))
}

/// Both ends of a port that is forwarded over a connection. The streams are opened by who is first to send or to receive,
/// and not waited for: data may follow at once.
fn over<T: AsyncRead + AsyncWrite>(connection: T, port: u16) -> (Sender<T>, Receiver<T>) {
    let (inlet, outlet) = tokio::io::split(connection);
    let (port, mut opening, mut first) = (port.to_string(), Opening::default(), BytesMut::new());
    let mut open = |stream, kind| {
        opening.put(&mut first, stream, &[("streamtype", kind), ("port", &port), ("requestid", "0")]);
    };
    open(ERROR, "error");
    open(DATA, "data");
    // Nothing is said on it from here.
    first.extend_from_slice(&frames::data(ERROR, 0, true));
    let outlet = Arc::new(Mutex::new(Outlet::new(outlet, first)));
    let receiver = Receiver {
        inlet,
        outlet: Arc::clone(&outlet),
        came: BytesMut::new(),
        frames: Frames::default(),
        data: None,
        is_error_over: false,
        error: BytesMut::new(),
        over: None,
    };
    (Sender { outlet }, receiver)
}

impl<T: AsyncRead + AsyncWrite> Sender<T> {
    /// Sends bytes, and returns when they are on their way.
    ///
    /// # Errors
    /// If the connection has ended.
    pub(super) async fn send(&mut self, mut data: Bytes) -> Result<(), Lost> {
        let broken = |error: io::Error| Lost::Broken(line(&error));
        while !data.is_empty() {
            let mut part = data.split_to(data.len().min(LONGEST));
            let taken = |cx: &mut Context<'_>| -> Poll<io::Result<()>> {
                let mut outlet = self.outlet.lock();
                ready!(outlet.poll_free(cx))?;
                outlet.put(&frames::data(DATA, part.len(), false), std::mem::take(&mut part));
                Poll::Ready(Ok(()))
            };
            std::future::poll_fn(taken).await.map_err(broken)?;
        }
        std::future::poll_fn(|cx| self.outlet.lock().poll_sent(cx)).await.map_err(broken)
    }
}

impl<T: AsyncRead + AsyncWrite> Receiver<T> {
    /// The next bytes; `None` when the pod has ended the connection.
    ///
    /// # Errors
    /// If it has failed.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Lost> {
        loop {
            if let Some(ended) = self.ended() {
                return ended;
            }
            match self.frames.next(&mut self.came).map_err(violated)? {
                Some(part) => {
                    if let Some(data) = self.take(part)? {
                        return Ok(Some(data));
                    }
                }
                None => match self.over.clone() {
                    None => std::future::poll_fn(|cx| self.poll_read(cx)).await,
                    Some(why) => return self.broken_off(why),
                },
            }
        }
    }

    /// What a part changes; its bytes, if they are the pod's.
    fn take(&mut self, part: Part) -> Result<Option<Bytes>, Lost> {
        match part {
            Part::Data(DATA, data) if self.data.is_none() => return Ok(Some(data)),
            Part::Data(ERROR, text) if !self.is_error_over => {
                let room = LONGEST_ERROR - self.error.len();
                self.error.extend_from_slice(&text[..text.len().min(room)]);
            }
            Part::Data(stream, _) => {
                return Err(Lost::Broken(format!("data came of stream {stream}, which is not open")));
            }
            Part::End(DATA) => self.end_data(),
            Part::Reset(DATA, reason) => {
                self.data.get_or_insert(End::Reset(reason));
            }
            Part::End(ERROR) | Part::Reset(ERROR, _) => self.is_error_over = true,
            Part::End(_) | Part::Reset(..) => {}
            Part::Ping(id) => self.outlet.lock().answer(id),
        }
        Ok(None)
    }

    fn end_data(&mut self) {
        if self.data.is_none() {
            self.data = Some(End::Whole);
            // What was sent and not taken may be in the way of the other stream's end (client-go does so, too).
            self.outlet.lock().give_up(DATA, CANCEL);
        }
    }

    /// How it has ended. An error is told behind the end of the data, on its own stream: so both are waited for.
    fn ended(&self) -> Option<Result<Option<Bytes>, Lost>> {
        match (self.is_error_over, self.data) {
            (false, _) => None,
            (true, _) if !self.error.is_empty() => Some(Err(Lost::Refused(explained(&self.error)))),
            (true, None) => None,
            (true, Some(End::Whole)) => Some(Ok(None)),
            (true, Some(End::Reset(reason))) => Some(Err(reset(reason))),
        }
    }

    /// How it has ended, if nothing more comes on the connection.
    fn broken_off(&self, why: String) -> Result<Option<Bytes>, Lost> {
        match self.data {
            _ if !self.error.is_empty() => Err(Lost::Refused(explained(&self.error))),
            Some(End::Whole) => Ok(None),
            Some(End::Reset(reason)) => Err(reset(reason)),
            None => Err(Lost::Broken(why)),
        }
    }

    /// Reads what there is, or waits for some. What must be answered meanwhile goes out, as far as there is room.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outlet.lock().poll_answers(cx);
        if self.came.capacity() - self.came.len() < LEAST {
            self.came.reserve(BUFFER);
        }
        let before = self.came.len();
        while self.came.len() < self.came.capacity() {
            match poll_read_buf(Pin::new(&mut self.inlet), cx, &mut self.came) {
                Poll::Ready(Ok(0)) => {
                    self.over = Some("it ended in the midst of the data".to_owned());
                    break;
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    self.over = Some(line(&error));
                    break;
                }
                Poll::Pending if self.came.len() > before => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }
}

fn violated(violation: Violation) -> Lost {
    Lost::Broken(violation.to_string())
}

fn reset(reason: u32) -> Lost {
    Lost::Broken(format!("the node has given the data up, for reason {reason}"))
}

fn line(error: &io::Error) -> String {
    one_line(&error.to_string())
}

#[cfg(test)]
mod tests;

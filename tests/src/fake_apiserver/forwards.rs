//! Ports of pods, forwarded as kubelets do it to what tests let them be, over SPDY or WebSockets.

mod spdy;
mod web_socket;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;

use super::Shared;

/// Bytes that an endless port sends at a time.
const CHUNK: usize = 32 << 10;

/// What a port of a pod does with connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Port {
    /// It sends back what it is sent.
    #[default]
    Echo,
    /// It sends this, and ends the connection.
    Says(&'static str),
    /// It sends this once it was sent something, and ends the connection.
    Answers(&'static str),
    /// It sends the first, and then its node says the second, behind the end of the data.
    Fails(&'static str, &'static str),
    /// Nobody listens there.
    Refuses,
    /// It sends without end.
    Endless,
    /// It reads nothing.
    Deaf,
    /// The API server answers with this status.
    Status(u16),
}

/// What a port is forwarded over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// SPDY/3.1, as kubectl asks for it.
    Spdy,
    /// A WebSocket.
    WebSocket,
}

/// How what stands before an API server, and knows no SPDY, answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSpdy {
    /// By itself, with that status and no word of Kubernetes'.
    Refused(u16),
    /// It lets the request through without what asks for SPDY, and the API server refuses it.
    Stripped,
}

/// Connections that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The pod.
    pub pod: String,
    /// The port; empty, as long as it is not said.
    pub port: String,
    /// As whom, if the daemon impersonated somebody.
    pub user: Option<String>,
    /// Over what.
    pub way: Way,
}

/// Ports of pods, and what was asked of them.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    pub(super) ports: HashMap<String, Port>,
    pub(super) asked: Vec<Forwarded>,
    pub(super) sent: usize,
    pub(super) open: usize,
    pub(super) no_spdy: Option<NoSpdy>,
    /// Whether the right that a WebSocket takes is missing.
    pub(super) no_web_socket: bool,
}

/// No port is forwarded.
pub(super) enum NotForwarded {
    /// The API server says why.
    Status(u16, &'static str),
    /// Something before it says no more than this.
    Bare(u16),
}

/// The pod whose port is asked for.
pub(super) fn pod_of(path: &str) -> Option<&str> {
    match path.strip_prefix("/api/v1/namespaces/")?.split('/').collect::<Vec<_>>()[..] {
        [_, "pods", pod, "portforward"] => Some(pod),
        _ => None,
    }
}

/// Forwards a port, or says what there is instead.
pub(super) fn answer<B: Default>(
    shared: &Arc<Shared>,
    pod: &str,
    request: Request<Incoming>,
) -> Result<Response<B>, NotForwarded> {
    let way = if request.method() == Method::POST { Way::Spdy } else { Way::WebSocket };
    let port = request.uri().query().and_then(|query| query.strip_prefix("ports=")).unwrap_or_default();
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let asked = Forwarded { pod: pod.to_owned(), port: port.to_owned(), user: text("impersonate-user"), way };
    let (index, kind, no_spdy, no_web_socket) = shared.change(|state| {
        state.forwards.asked.push(asked);
        let kind = state.forwards.ports.get(pod).cloned().unwrap_or_default();
        (state.forwards.asked.len() - 1, kind, state.forwards.no_spdy, state.forwards.no_web_socket)
    });
    let accepted = match (way, no_spdy) {
        (Way::Spdy, Some(NoSpdy::Refused(code))) => return Err(NotForwarded::Bare(code)),
        (Way::Spdy, Some(NoSpdy::Stripped)) => return Err(NotForwarded::Status(400, "Upgrade request required")),
        (Way::Spdy, None) => spdy::accepted(request.headers()),
        (Way::WebSocket, _) if no_web_socket => return Err(NotForwarded::Status(403, "get is not allowed")),
        (Way::WebSocket, _) => web_socket::accepted(request.headers()),
    };
    let accepted = accepted.ok_or(NotForwarded::Status(400, "another protocol is asked for"))?;
    if let Port::Status(code) = kind {
        return Err(NotForwarded::Status(code, "the port is not to be had"));
    }
    let shared = Arc::clone(shared);
    // It ends with its connection.
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        shared.change(|state| state.forwards.open += 1);
        // A connection that breaks is the daemon's to handle.
        let _broken = serve(&shared, upgraded, index, kind).await;
        shared.change(|state| state.forwards.open -= 1);
    });
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
    response.headers_mut().extend(accepted);
    Ok(response)
}

/// The node's end of a forwarded connection.
enum Line {
    Spdy(spdy::Connection),
    WebSocket(Box<web_socket::Socket>),
}

impl Line {
    /// That of the connection that was asked for at that place. The port is known from here on.
    async fn begin(shared: &Shared, connection: Upgraded, index: usize) -> io::Result<(Self, String)> {
        let Forwarded { way, port, .. } = shared.change(|state| state.forwards.asked[index].clone());
        match way {
            Way::Spdy => {
                let (connection, port) = spdy::Connection::begin(connection).await?;
                shared.change(|state| state.forwards.asked[index].port.clone_from(&port));
                Ok((Self::Spdy(connection), port))
            }
            Way::WebSocket => {
                let number = port.parse().map_err(io::Error::other)?;
                let socket = web_socket::Socket::begin(connection, number).await?;
                Ok((Self::WebSocket(Box::new(socket)), port))
            }
        }
    }

    async fn send(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Spdy(connection) => connection.send(data).await,
            Self::WebSocket(socket) => socket.send(data).await,
        }
    }

    async fn fail(&mut self, error: &str) -> io::Result<()> {
        match self {
            Self::Spdy(connection) => connection.fail(error).await,
            Self::WebSocket(socket) => socket.fail(error).await,
        }
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match self {
            Self::Spdy(connection) => connection.next().await,
            Self::WebSocket(socket) => socket.next().await,
        }
    }

    async fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Spdy(connection) => connection.end().await,
            Self::WebSocket(socket) => socket.end().await,
        }
    }
}

async fn serve(shared: &Shared, connection: Upgraded, index: usize, kind: Port) -> io::Result<()> {
    let (mut line, port) = Line::begin(shared, connection, index).await?;
    match kind {
        Port::Echo => {
            while let Some(data) = line.next().await? {
                line.send(&data).await?;
            }
        }
        Port::Says(text) => line.send(text.as_bytes()).await?,
        Port::Answers(text) => {
            let _asked = line.next().await?;
            line.send(text.as_bytes()).await?;
        }
        Port::Fails(text, error) => {
            line.send(text.as_bytes()).await?;
            line.fail(error).await?;
        }
        Port::Refuses => line.fail(&format!("error forwarding port {port}: connection refused")).await?,
        Port::Endless => loop {
            line.send(&[b'x'; CHUNK]).await?;
            shared.change(|state| state.forwards.sent += CHUNK);
        },
        Port::Deaf | Port::Status(_) => std::future::pending().await,
    }
    line.end().await
}

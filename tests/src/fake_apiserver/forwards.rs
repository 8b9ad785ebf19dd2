//! Ports of pods, forwarded over WebSockets as kubelets do it, to what tests let them be.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Shared;

/// The protocol of kubelets, and its channels of the only port.
const PROTOCOL: &str = "v4.channel.k8s.io";
const DATA: u8 = 0;
const ERROR: u8 = 1;
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
    /// Nobody listens there.
    Refuses,
    /// It sends without end.
    Endless,
    /// It reads nothing.
    Deaf,
    /// The API server answers with this status.
    Status(u16),
}

/// Connections that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The pod.
    pub pod: String,
    /// The port.
    pub port: String,
    /// As whom, if the daemon impersonated somebody.
    pub user: Option<String>,
}

/// Ports of pods, and what was asked of them.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    pub(super) ports: HashMap<String, Port>,
    pub(super) asked: Vec<Forwarded>,
    pub(super) sent: usize,
    pub(super) open: usize,
}

/// The pod whose port is asked for.
pub(super) fn pod_of(path: &str) -> Option<&str> {
    match path.strip_prefix("/api/v1/namespaces/")?.split('/').collect::<Vec<_>>()[..] {
        [_, "pods", pod, "portforward"] => Some(pod),
        _ => None,
    }
}

/// Forwards a port, or says the status that there is instead.
pub(super) fn answer<B: Default>(
    shared: &Arc<Shared>,
    pod: &str,
    request: Request<Incoming>,
) -> Result<Response<B>, u16> {
    let port = request.uri().query().and_then(|query| query.strip_prefix("ports=")).unwrap_or_default();
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let asked = Forwarded { pod: pod.to_owned(), port: port.to_owned(), user: text("impersonate-user") };
    let kind = shared.change(|state| {
        state.forwards.asked.push(asked);
        state.forwards.ports.get(pod).cloned().unwrap_or_default()
    });
    let number: u16 = port.parse().map_err(|_| 400_u16)?;
    let key = key(request.headers()).ok_or(400_u16)?;
    if let Port::Status(code) = kind {
        return Err(code);
    }
    let shared = Arc::clone(shared);
    // It ends with its connection.
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        shared.change(|state| state.forwards.open += 1);
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        // A connection that breaks is the daemon's to handle.
        let _broken = serve(&shared, socket, number, kind).await;
        shared.change(|state| state.forwards.open -= 1);
    });
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_ACCEPT, &key),
        (header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL),
    ] {
        response.headers_mut().insert(name, value.parse().map_err(|_| 500_u16)?);
    }
    Ok(response)
}

/// What a handshake that can be taken is answered with.
fn key(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    offered.split(',').any(|it| it.trim() == PROTOCOL).then(|| derive_accept_key(key.as_bytes()))
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

fn message(channel: u8, data: &[u8]) -> Message {
    Message::Binary(Bytes::from([&[channel], data].concat()))
}

async fn serve(
    shared: &Shared,
    mut socket: Socket,
    port: u16,
    kind: Port,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    for channel in [DATA, ERROR] {
        socket.send(message(channel, &port.to_le_bytes())).await?;
    }
    match kind {
        Port::Echo => {
            while let Some(Message::Binary(data)) = socket.next().await.transpose()? {
                socket.send(Message::Binary(data)).await?;
            }
        }
        Port::Says(text) => socket.send(message(DATA, text.as_bytes())).await?,
        Port::Answers(text) => {
            let _asked = socket.next().await.transpose()?;
            socket.send(message(DATA, text.as_bytes())).await?;
        }
        Port::Refuses => {
            let text = format!("error forwarding port {port}: connection refused");
            socket.send(message(ERROR, text.as_bytes())).await?;
        }
        Port::Endless => loop {
            socket.send(message(DATA, &[b'x'; CHUNK])).await?;
            shared.change(|state| state.forwards.sent += CHUNK);
        },
        Port::Deaf | Port::Status(_) => std::future::pending().await,
    }
    socket.close(None).await?;
    // Until the daemon has taken it.
    while socket.next().await.transpose()?.is_some() {}
    Ok(())
}

//! A forwarded port over a WebSocket, as kubelets speak it.

use std::io;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The protocol of kubelets, and its channels of the only port.
const PROTOCOL: &str = "v4.channel.k8s.io";
const DATA: u8 = 0;
const ERROR: u8 = 1;

/// What a handshake is answered with, if it can be taken.
pub(super) fn accepted(headers: &HeaderMap) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let key = derive_accept_key(headers.get(header::SEC_WEBSOCKET_KEY)?.as_bytes());
    if !offered.split(',').any(|it| it.trim() == PROTOCOL) {
        return None;
    }
    Some(vec![
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&key).ok()?),
        (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL)),
    ])
}

/// The node's end.
pub(super) struct Socket(WebSocketStream<TokioIo<Upgraded>>);

impl Socket {
    pub(super) async fn begin(connection: Upgraded, port: u16) -> io::Result<Self> {
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, None).await;
        let mut begun = Self(socket);
        for channel in [DATA, ERROR] {
            begun.put(channel, &port.to_le_bytes()).await?;
        }
        Ok(begun)
    }

    pub(super) async fn send(&mut self, data: &[u8]) -> io::Result<()> {
        self.put(DATA, data).await
    }

    /// Says why it ends.
    pub(super) async fn fail(&mut self, error: &str) -> io::Result<()> {
        self.put(ERROR, error.as_bytes()).await
    }

    /// The next bytes; `None` if nothing comes any more.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.0.next().await.transpose().map_err(io::Error::other)? {
                Some(Message::Binary(message)) if message.first() == Some(&DATA) => {
                    return Ok(Some(message.slice(1..)));
                }
                Some(Message::Close(_)) | None => return Ok(None),
                Some(_) => {}
            }
        }
    }

    /// Ends it, and returns when the daemon has taken that.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        self.0.close(None).await.map_err(io::Error::other)?;
        while self.0.next().await.transpose().map_err(io::Error::other)?.is_some() {}
        Ok(())
    }

    async fn put(&mut self, channel: u8, data: &[u8]) -> io::Result<()> {
        let message = Message::Binary(Bytes::from([&[channel], data].concat()));
        self.0.send(message).await.map_err(io::Error::other)
    }
}

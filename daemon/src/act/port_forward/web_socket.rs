//! A connection to a port of a pod over a WebSocket, for where something on the way knows no other protocol.
//!
//! The protocol is that of kubelets (k8s.io/kubelet `pkg/cri/streaming/portforward`, websocket.go): a
//! message begins with the number of its channel, of which each port has two, for data and for an
//! error that ends it; the first message on each holds the port.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::SinkExt as _;
use futures::stream::{SplitSink, SplitStream, StreamExt as _};
use http::{HeaderValue, Method, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::{Lost, explained, foreign, has};
use crate::act::actor::{Actor, NotDone};
use crate::one_line::one_line;

/// Messages whose first byte is a channel, from 0 on.
const PROTOCOL: &str = "v4.channel.k8s.io";
/// The channels of the only port.
const DATA: u8 = 0;
const ERROR: u8 = 1;
/// Bytes that are read, or kept to be written, at a time.
const BUFFER: usize = 64 << 10;
/// The largest message: kubelets copy 32 KiB at a time.
const MESSAGE: usize = 1 << 20;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What goes to the pod.
#[derive(Debug)]
pub(super) struct Sender(SplitSink<Socket, Message>);

/// What comes from the pod.
#[derive(Debug)]
pub(super) struct Receiver {
    socket: SplitStream<Socket>,
    /// Channels whose first message has come.
    announced: [bool; 2],
}

/// Asks for a connection to a port of a pod.
///
/// # Errors
/// If the API server refuses, or does not speak the protocol.
pub(super) async fn open(actor: &Actor, path: &str, port: u16) -> Result<(Sender, Receiver), NotDone> {
    let key = generate_key();
    let foreign = |why: &str| foreign(PROTOCOL, why);
    let mut headers = actor.headers().clone();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_str(&key).map_err(|_| foreign("no key was made"))?);
    let upgraded = actor.server().upgrade(Method::GET, &format!("{path}?ports={port}"), headers).await;
    let (answer, connection) = upgraded.map_err(|refusal| NotDone::Refused(Box::new(refusal)))?;
    if !has(&answer, &header::SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes())) {
        return Err(foreign("it accepts another WebSocket"));
    }
    if !has(&answer, &header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL) {
        return Err(foreign("it chose another protocol"));
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(MESSAGE))
        .max_frame_size(Some(MESSAGE));
    let socket = WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await;
    let (sink, socket) = socket.split();
    Ok((Sender(sink), Receiver { socket, announced: [false; 2] }))
}

impl Sender {
    /// Sends bytes, and returns when they are on their way.
    ///
    /// # Errors
    /// If the connection has ended.
    pub(super) async fn send(&mut self, data: &[u8]) -> Result<(), Lost> {
        let mut message = BytesMut::with_capacity(data.len() + 1);
        message.put_u8(DATA);
        message.put_slice(data);
        self.0.send(Message::Binary(message.freeze())).await.map_err(|error| broken(&error))
    }
}

impl Receiver {
    /// The next bytes; `None` when the pod has ended the connection.
    ///
    /// # Errors
    /// If it has failed.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Lost> {
        loop {
            match self.socket.next().await {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Err(error)) => return Err(broken(&error)),
                Some(Ok(Message::Binary(message))) => match read(message, &mut self.announced)? {
                    Some(data) if !data.is_empty() => return Ok(Some(data)),
                    Some(_) | None => {}
                },
                Some(Ok(_)) => {}
            }
        }
    }
}

/// The data of a message, if it has some.
fn read(mut message: Bytes, announced: &mut [bool; 2]) -> Result<Option<Bytes>, Lost> {
    let Some(channel) = message.first().copied() else { return Ok(None) };
    let Some(is_known) = announced.get_mut(usize::from(channel)) else {
        return Err(Lost::Broken(format!("a message is of channel {channel}, which was not asked for")));
    };
    let mut data = message.split_off(1);
    if !std::mem::replace(is_known, true) {
        // The port, in two bytes.
        data = data.split_off(data.len().min(2));
    }
    match (channel, data.is_empty()) {
        (_, true) => Ok(None),
        (ERROR, false) => Err(Lost::Refused(explained(&data))),
        (_, false) => Ok(Some(data)),
    }
}

fn broken(error: &SocketError) -> Lost {
    Lost::Broken(one_line(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_of_channels() {
        let mut announced = [false; 2];
        let mut came = |message: &'static [u8]| read(Bytes::from_static(message), &mut announced);
        assert_eq!(came(b""), Ok(None));
        assert_eq!(came(b"\0\x90\x1f"), Ok(None), "the port");
        assert_eq!(came(b"\x01\x90\x1f"), Ok(None), "the port");
        assert_eq!(came(b"\0"), Ok(None));
        assert_eq!(came(b"\0hello"), Ok(Some("hello".into())));
        assert_eq!(came(b"\x01refused\nby it\n"), Err(Lost::Refused("refused by it".into())));
        assert!(matches!(came(b"\x02x"), Err(Lost::Broken(_))));
    }

    #[test]
    fn a_port_and_data_may_come_together() {
        assert_eq!(read(Bytes::from_static(b"\0\x90\x1fhello"), &mut [false; 2]), Ok(Some("hello".into())));
        assert_eq!(read(Bytes::from_static(b"\0\x90"), &mut [false; 2]), Ok(None));
    }
}

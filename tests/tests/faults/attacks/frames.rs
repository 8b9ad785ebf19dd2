//! HTTP/2 by hand (RFC 9113): a peer that sends what no library would.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Types of frames.
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;

/// Flags of them. The answer to a PING or SETTINGS has the first.
pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// The error that ends those who do too much.
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;
/// The one of a stream that is no longer wanted.
pub(super) const CANCEL: u32 = 8;

/// An rpc that serves everybody.
pub(super) const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// How a connection begins (section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame (section 4.1).
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that is not to be remembered (RFC 7541, section 6.2.2).
pub(super) fn header(name: &str, value: &str) -> Vec<u8> {
    [&[0], &*text(name), &*text(value)].concat()
}

/// A text, as it is (RFC 7541, section 5).
pub(super) fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match text.len() {
        short @ 0..127 => bytes.push(u8::try_from(short).unwrap()),
        long => {
            bytes.push(127);
            let mut rest = long - 127;
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).unwrap());
        }
    }
    bytes.extend(text.as_bytes());
    bytes
}

/// The headers of a request.
pub(super) fn request(path: &str) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    headers.iter().flat_map(|(name, value)| header(name, value)).collect()
}

/// A peer of the daemon's.
pub(super) struct Peer(TcpStream);

impl Peer {
    /// One that has connected, and said so far what it must.
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let mut peer = Self::silent(address).await;
        peer.send(PREFACE).await.unwrap();
        peer.send(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        peer
    }

    /// One that has sent nothing yet.
    pub(super) async fn silent(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// One that was let in, by a request for health, and has read its answer.
    pub(super) async fn admitted(address: SocketAddr) -> Self {
        let mut peer = Self::connect(address).await;
        peer.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request(HEALTH))).await.unwrap();
        // Without a message in it, the request is answered by an error: but answered.
        loop {
            let (kind, flags, _) = peer.next().await.unwrap();
            if kind == HEADERS && flags & END_STREAM != 0 {
                return peer;
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// The type, flags and payload of the next frame; it is an error if there is none any more.
    pub(super) async fn next(&mut self) -> io::Result<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await?;
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await?;
        Ok((head[3], head[4], payload))
    }

    /// Sends, as far as it is let, and reads the error that the connection is ended with; none if it is ended
    /// without.
    pub(super) async fn sent_away(&mut self, bytes: &[u8]) -> Option<u32> {
        // It may be sent away in the midst of it.
        let _sent = self.send(bytes).await;
        let mut error = None;
        while let Ok((kind, _, payload)) = self.next().await {
            if kind == GOAWAY {
                error = Some(u32::from_be_bytes([payload[4], payload[5], payload[6], payload[7]]));
            }
        }
        error
    }
}

//! A forwarded port over SPDY/3.1, as kubelets speak it (github.com/moby/spdystream).

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const VERSION: &str = "SPDY/3.1";
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const PROTOCOL: &str = "portforward.k8s.io";

/// Types of control frames, with the version before them.
const SYN_STREAM: u32 = 0x8003_0001;
const SYN_REPLY: u32 = 0x8003_0002;
const RST_STREAM: u32 = 0x8003_0003;
const PING: u32 = 0x8003_0006;
/// The flag of a stream's last frame.
const FIN: u32 = 1 << 24;

/// What a request is answered with, if it can be taken.
pub(super) fn accepted(headers: &HeaderMap) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|given| given == value);
    (is(&header::UPGRADE, VERSION) && is(&PROTOCOL_VERSION, PROTOCOL)).then(|| {
        vec![
            (header::UPGRADE, HeaderValue::from_static(VERSION)),
            (PROTOCOL_VERSION, HeaderValue::from_static(PROTOCOL)),
        ]
    })
}

/// The node's end.
pub(super) struct Connection {
    io: TokioIo<Upgraded>,
    data: u32,
    error: u32,
    /// Whether the daemon sends no more.
    is_over: bool,
    /// Whether both streams have ended with an error.
    is_failed: bool,
}

/// Something came that spdystream takes from nobody.
fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the daemon's SPDY: {what}"))
}

impl Connection {
    /// Takes both streams of a port: which that is.
    pub(super) async fn begin(connection: Upgraded) -> io::Result<(Self, String)> {
        let mut begun = Self { io: TokioIo::new(connection), data: 0, error: 0, is_over: false, is_failed: false };
        let (mut is_first, mut port) = (true, String::new());
        while begun.data == 0 || begun.error == 0 {
            let (kind, _, frame) = begun.frame().await?;
            if kind != SYN_STREAM {
                return Err(wrong("a stream is to be opened first"));
            }
            let (id, headers) = opened(frame, std::mem::replace(&mut is_first, false))?;
            let of = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            match of("streamtype") {
                Some("error") => begun.error = id,
                Some("data") => begun.data = id,
                _ => return Err(wrong("a stream has no type")),
            }
            port = of("port").unwrap_or_default().to_owned();
            // Headers: a length, and they are none.
            begun.put(SYN_REPLY, 0, &[&id.to_be_bytes()[..], &[0; 4]].concat()).await?;
        }
        begun.put(PING, 0, &2_u32.to_be_bytes()).await?;
        Ok((begun, port))
    }

    pub(super) async fn send(&mut self, data: &[u8]) -> io::Result<()> {
        self.put(self.data, 0, data).await
    }

    /// Ends the data, and says why behind that, as kubelets do.
    pub(super) async fn fail(&mut self, error: &str) -> io::Result<()> {
        self.is_failed = true;
        self.put(self.data, FIN, &[]).await?;
        self.put(self.error, 0, error.as_bytes()).await?;
        self.put(RST_STREAM, 0, &[self.error.to_be_bytes(), 5_u32.to_be_bytes()].concat()).await
    }

    /// The next bytes; `None` if nothing comes any more.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while !self.is_over {
            let (kind, flags, frame) = self.frame().await?;
            self.is_over = kind == RST_STREAM || kind == self.data && flags & FIN != 0;
            if kind == self.data && !frame.is_empty() {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Ends both streams, and returns when the daemon has left.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        if !self.is_failed {
            self.put(self.error, FIN, &[]).await?;
            self.put(self.data, FIN, &[]).await?;
        }
        let mut rest = BytesMut::new();
        while self.io.read_buf(&mut rest).await? > 0 {
            rest.clear();
        }
        Ok(())
    }

    /// A frame: its type or stream, its flags, and what it holds.
    async fn frame(&mut self) -> io::Result<(u32, u32, Bytes)> {
        let (kind, length) = (self.io.read_u32().await?, self.io.read_u32().await?);
        let mut frame = BytesMut::zeroed((length & 0xff_ffff) as usize);
        self.io.read_exact(&mut frame).await?;
        Ok((kind, length & 0xff00_0000, frame.freeze()))
    }

    async fn put(&mut self, kind: u32, flags: u32, frame: &[u8]) -> io::Result<()> {
        let mut bytes = BytesMut::with_capacity(8 + frame.len());
        bytes.put_u32(kind);
        bytes.put_u32(flags | frame.len() as u32);
        bytes.put_slice(frame);
        self.io.write_all(&bytes).await?;
        self.io.flush().await
    }
}

/// A stream that is opened: which, and its headers.
fn opened(mut frame: Bytes, is_first: bool) -> io::Result<(u32, Vec<(String, String)>)> {
    let id = frame.try_get_u32()?;
    // One that it belongs to, a priority, and a certificate's place.
    let mut block = frame.get(6..).ok_or_else(|| wrong("a stream has no headers"))?;
    if is_first {
        block = block.strip_prefix(&[0x78, 0x01]).ok_or_else(|| wrong("the headers are no zlib"))?;
    }
    let mut text = Vec::new();
    loop {
        let kind = block.try_get_u8()?;
        let (length, inverse) = (block.try_get_u16_le()?, block.try_get_u16_le()?);
        if kind != 0 || inverse != !length {
            return Err(wrong("a block of headers is not as it was meant"));
        }
        let (part, rest) = block.split_at_checked(length.into()).ok_or_else(|| wrong("headers are cut"))?;
        text.extend_from_slice(part);
        block = rest;
        if part.is_empty() && block.is_empty() {
            break;
        }
    }
    let mut text = &text[..];
    let many = text.try_get_u32()?;
    let mut field = || -> io::Result<String> {
        let length = text.try_get_u32()? as usize;
        let (field, rest) = text.split_at_checked(length).ok_or_else(|| wrong("a header is cut"))?;
        text = rest;
        Ok(String::from_utf8_lossy(field).into_owned())
    };
    let headers = (0..many).map(|_| Ok((field()?, field()?))).collect::<io::Result<Vec<_>>>()?;
    Ok((id, headers))
}

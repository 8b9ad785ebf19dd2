//! SPDY's frames: what comes, in whatever pieces, and what is sent.
//!
//! The protocol is version 3.1 (chromium.org, "SPDY Protocol", draft 3.1, 2.2 and 2.6), as far as Kubernetes
//! speaks it (github.com/moby/spdystream): that knows no windows, so that who does not read is waited for
//! by TCP alone. What headers a peer sends says nothing that is needed, and is not looked at.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The version that control frames name: 3, also of 3.1.
const VERSION: u16 = 3;
/// The first bit of a control frame.
const CONTROL: u32 = 1 << 31;
/// Bytes of every frame's beginning: what it is, flags, and how long the rest is.
const HEAD: usize = 8;
/// Bits of a length.
const LENGTH: u32 = (1 << 24) - 1;
/// The last frame of a stream.
const FIN: u8 = 1;
/// The longest control frame, in bytes: those of kubelets are far shorter.
const LONGEST_CONTROL: usize = 64 << 10;

/// Types of control frames.
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const HEADERS: u16 = 8;

/// What comes, of which more is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Data of a stream, which are not empty; those of a large frame come in several parts.
    Data(u32, Bytes),
    /// Nothing comes on that stream any more.
    End(u32),
    /// That stream is given up, for which reason (2.6.3).
    Reset(u32, u32),
    /// It is to be sent back as it is.
    Ping(u32),
}

/// What comes is no SPDY.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Of another version.
    #[error("a frame is of version {0} of SPDY, and not of {VERSION}")]
    Version(u16),
    /// A control frame is too short for what it is, or too long for anything.
    #[error("a control frame of type {kind} has {length} bytes")]
    Length {
        /// Its type.
        kind: u16,
        /// In bytes, without the frame's beginning.
        length: usize,
    },
}

/// Reads frames; knows where in one the next byte is.
#[derive(Debug, Default)]
pub struct Frames {
    rest: Option<Rest>,
}

/// What is left of a frame.
#[derive(Debug)]
struct Rest {
    /// Bytes.
    left: usize,
    /// The stream whose data they are; `None`, if nobody looks at them.
    data_of: Option<u32>,
    /// The stream that ends with it.
    ends: Option<u32>,
}

impl Frames {
    /// Takes the next part out of what has come; `None`, if more has to come first. No more than the
    /// beginning of a frame is left there then.
    ///
    /// # Errors
    /// If it is no SPDY: nothing behind it can be read.
    pub fn next(&mut self, came: &mut BytesMut) -> Result<Option<Part>, Violation> {
        loop {
            let Some(rest) = &mut self.rest else {
                match Self::begin(came)? {
                    Begun::Not => return Ok(None),
                    Begun::Whole(part, rest) => {
                        self.rest = Some(rest);
                        return Ok(Some(part));
                    }
                    Begun::Rest(rest) => self.rest = Some(rest),
                }
                continue;
            };
            if rest.left == 0 {
                let ends = rest.ends;
                self.rest = None;
                match ends {
                    Some(stream) => return Ok(Some(Part::End(stream))),
                    None => continue,
                }
            }
            if came.is_empty() {
                return Ok(None);
            }
            let part = came.split_to(rest.left.min(came.len()));
            rest.left -= part.len();
            if let Some(stream) = rest.data_of {
                return Ok(Some(Part::Data(stream, part.freeze())));
            }
        }
    }

    /// Looks at a frame's beginning, and takes what it reads of it.
    fn begin(came: &mut BytesMut) -> Result<Begun, Violation> {
        let Some((mut head, behind)) = came.split_at_checked(HEAD) else { return Ok(Begun::Not) };
        let (first, second) = (head.get_u32(), head.get_u32());
        let (ends, length) = (flags(second) & FIN != 0, (second & LENGTH) as usize);
        if first & CONTROL == 0 {
            came.advance(HEAD);
            return Ok(Begun::Rest(Rest { left: length, data_of: Some(first), ends: ends.then_some(first) }));
        }
        let (version, kind) = (((first & !CONTROL) >> 16) as u16, (first & 0xffff) as u16);
        if version != VERSION {
            return Err(Violation::Version(version));
        }
        let read = match kind {
            RST_STREAM => 8,
            PING | SYN_REPLY | HEADERS => 4,
            // Streams are opened by who forwards a port alone; what else there is changes nothing.
            _ => 0,
        };
        if length < read || length > LONGEST_CONTROL {
            return Err(Violation::Length { kind, length });
        }
        let Some(mut behind) = behind.get(..read) else { return Ok(Begun::Not) };
        let mut field = || behind.try_get_u32().unwrap_or_default();
        let (one, other) = (field(), field());
        came.advance(HEAD + read);
        let rest = |ends| Rest { left: length - read, data_of: None, ends };
        Ok(match kind {
            RST_STREAM => Begun::Whole(Part::Reset(one, other), rest(None)),
            PING => Begun::Whole(Part::Ping(one), rest(None)),
            SYN_REPLY | HEADERS => Begun::Rest(rest(ends.then_some(one & !CONTROL))),
            _ => Begun::Rest(rest(None)),
        })
    }
}

/// What a frame begins with.
enum Begun {
    /// Not all of it has come.
    Not,
    /// All that is to be known of it.
    Whole(Part, Rest),
    /// What comes behind it is to be read.
    Rest(Rest),
}

/// The flags of a frame, from what stands before its length.
fn flags(word: u32) -> u8 {
    (word >> 24) as u8
}

/// The beginning of a frame with so many bytes of data, which come right behind it: up to 16 MiB.
#[must_use]
pub fn data(stream: u32, length: usize, is_last: bool) -> [u8; HEAD] {
    let flags = if is_last { FIN } else { 0 };
    head(stream & !CONTROL, flags, length)
}

/// The frame that gives a stream up, for a reason (2.6.3).
pub fn put_reset(to: &mut BytesMut, stream: u32, reason: u32) {
    to.put_slice(&head(control(RST_STREAM), 0, 8));
    to.put_u32(stream);
    to.put_u32(reason);
}

/// The frame that is sent, and sent back, to see whether the other side is there.
pub fn put_ping(to: &mut BytesMut, id: u32) {
    to.put_slice(&head(control(PING), 0, 4));
    to.put_u32(id);
}

/// Opens streams. Their headers are one compressed text, which goes on from stream to stream
/// (2.6.10): here it is not compressed, but says that it might be.
#[derive(Debug, Default)]
pub struct Opening {
    is_begun: bool,
}

impl Opening {
    /// The frame that opens a stream with these headers, whose names are in lower case; they are short.
    pub fn put(&mut self, to: &mut BytesMut, stream: u32, headers: &[(&str, &str)]) {
        let mut text = BytesMut::new();
        text.put_u32(headers.len() as u32);
        for part in headers.iter().flat_map(|(name, value)| [name, value]) {
            text.put_u32(part.len() as u32);
            text.put_slice(part.as_bytes());
        }
        let mut block = BytesMut::new();
        if !std::mem::replace(&mut self.is_begun, true) {
            // A window of 32 KiB and no compression; that SPDY's dictionary is used would be said here,
            // too (RFC 1950, 2.2).
            block.put_slice(&[0x78, 0x01]);
        }
        put_stored(&mut block, &text);
        // Behind an empty one readers hand out all that they have (zlib, `Z_SYNC_FLUSH`).
        put_stored(&mut block, &[]);
        // Behind the stream: one that it belongs to, a priority, and a certificate's place.
        let fields = 4 + 4 + 1 + 1;
        to.put_slice(&head(control(SYN_STREAM), 0, fields + block.len()));
        to.put_u32(stream);
        to.put_bytes(0, fields - 4);
        to.put_slice(&block);
    }
}

/// A block that is not compressed, nor the last (RFC 1951, 3.2.4): up to 64 KiB.
fn put_stored(to: &mut BytesMut, text: &[u8]) {
    let length = text.len() as u16;
    to.put_u8(0);
    to.put_u16_le(length);
    to.put_u16_le(!length);
    to.put_slice(text);
}

/// What a control frame of that type begins with.
fn control(kind: u16) -> u32 {
    CONTROL | u32::from(VERSION) << 16 | u32::from(kind)
}

fn head(first: u32, flags: u8, length: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let mut fields = &mut head[..];
    fields.put_u32(first);
    fields.put_u32(u32::from(flags) << 24 | length as u32 & LENGTH);
    head
}

#[cfg(test)]
mod tests;

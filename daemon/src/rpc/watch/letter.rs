//! A message that is being written.

use bytes::Bytes;
use daymark_proto::Encoded;

use super::Message;

/// A message goes out when it has that many bytes: one frame, about.
const FULL: usize = 16 << 10;

/// Encoded events that go out together.
#[derive(Debug, Default)]
pub(super) struct Letter {
    parts: Vec<Bytes>,
    bytes: usize,
}

impl Letter {
    pub(super) fn of(event: Bytes) -> Self {
        Self { bytes: event.len(), parts: vec![event] }
    }

    pub(super) fn add(&mut self, event: Bytes) {
        self.bytes += event.len();
        self.parts.push(event);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= FULL
    }

    /// The message, with what it says besides.
    pub(super) fn seal(self, tail: Bytes) -> Message {
        Encoded::from_parts(self.parts).with_bytes(tail)
    }
}

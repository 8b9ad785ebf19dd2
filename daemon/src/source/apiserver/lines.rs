//! The lines of a watch, as they come.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use kube::client::Body;
use memchr::memchr;

/// Longer than any object that etcd takes (1.5 MiB by default), by far.
const LONGEST: usize = 64 << 20;

/// Splits a body into lines.
pub(super) struct Lines {
    body: Body,
    /// What came last and is not handed out yet.
    frame: Bytes,
    /// The beginning of a line whose end did not come with it.
    begun: BytesMut,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, frame: Bytes::new(), begun: BytesMut::new() }
    }

    /// The next line, without its end; `None` at the body's end. What follows
    /// the last line end is an object cut off, and dropped. Dropping the future
    /// loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            if let Some(end) = memchr(b'\n', &self.frame) {
                let rest = self.frame.split_off(end + 1);
                let line = std::mem::replace(&mut self.frame, rest).slice(..end);
                if self.begun.is_empty() {
                    return Ok(Some(line));
                }
                self.begun.extend_from_slice(&line);
                return Ok(Some(std::mem::take(&mut self.begun).freeze()));
            }
            self.begun.extend_from_slice(&std::mem::take(&mut self.frame));
            if self.begun.len() > LONGEST {
                return Err(format!("a watch event is longer than {LONGEST} bytes"));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(super::answer::root_cause(&error)),
                Some(Ok(frame)) => self.frame = frame.into_data().unwrap_or_default(),
            }
        }
    }
}

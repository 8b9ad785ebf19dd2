//! The lines of a watch, as they come.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use kube::client::Body;

/// Longer than any object that etcd takes (1.5 MiB by default), by far.
const LONGEST: usize = 64 << 20;

/// Splits a body into lines.
pub(super) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// Up to here the buffer has no line end.
    searched: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line, without its end; `None` at the body's end. What follows
    /// the last line end is an object cut off, and dropped.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end + 1).freeze();
                self.searched = 0;
                return Ok(Some(line.slice(..line.len() - 1)));
            }
            self.searched = self.buffer.len();
            if self.searched > LONGEST {
                return Err(format!("a watch event is longer than {LONGEST} bytes"));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(super::answer::root_cause(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

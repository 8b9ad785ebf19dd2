//! Where a dump goes: no more waits there than a few parts.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;

use super::session::Stopped;
use super::{Event, Part};

/// Events that may wait for the reader.
const QUEUE: usize = 4;
/// Bytes of a part at most.
const PART: usize = 64 << 10;

/// Nobody reads the dump any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads it")]
pub struct Closed;

/// Where a dump goes.
#[derive(Debug)]
pub struct Outlet {
    events: mpsc::Sender<Result<Event, Stopped>>,
    files: AtomicU32,
}

/// A file on its way.
pub(super) struct File<'a> {
    outlet: &'a Outlet,
    number: u32,
    /// Until its first part has gone.
    path: String,
    buffer: Vec<u8>,
}

impl Outlet {
    /// An outlet, and what comes out of it.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Result<Event, Stopped>>) {
        let (events, comes) = mpsc::channel(QUEUE);
        (Self { events, files: AtomicU32::new(0) }, comes)
    }

    /// Tells an event, as soon as there is room.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub(super) async fn tell(&self, event: Event) -> Result<(), Closed> {
        self.events.send(Ok(event)).await.map_err(|_| Closed)
    }

    /// Tells why there is no more.
    pub async fn fail(&self, why: Stopped) {
        // Who does not read any more needs no reason.
        let _unread = self.events.send(Err(why)).await;
    }

    /// A new file.
    pub(super) fn file(&self, path: String) -> File<'_> {
        File { outlet: self, number: self.files.fetch_add(1, Ordering::Relaxed), path, buffer: Vec::new() }
    }
}

impl File<'_> {
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Closed> {
        while self.buffer.len() + bytes.len() > PART {
            let (now, later) = bytes.split_at(PART - self.buffer.len());
            self.buffer.extend_from_slice(now);
            self.send(false).await?;
            bytes = later;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) async fn end(mut self) -> Result<(), Closed> {
        self.send(true).await
    }

    async fn send(&mut self, last: bool) -> Result<(), Closed> {
        let (path, data) = (std::mem::take(&mut self.path), std::mem::take(&mut self.buffer).into());
        self.outlet.tell(Event::Part(Part { file: self.number, path, data, last })).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_comes_in_parts_of_a_bounded_size() {
        for size in [0, 1, PART, PART + 1, 3 * PART + 7] {
            let (outlet, mut comes) = Outlet::new();
            let text: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let write = async {
                let mut file = outlet.file("a".into());
                for piece in text.chunks(PART / 3 + 1) {
                    file.write(piece).await.unwrap();
                }
                file.end().await.unwrap();
                drop(outlet);
            };
            let read = async {
                let (mut found, mut parts, mut ended) = (Vec::new(), 0, false);
                while let Some(Ok(Event::Part(part))) = comes.recv().await {
                    assert_eq!(part.path.is_empty(), parts > 0);
                    assert!(part.data.len() <= PART && !ended);
                    found.extend_from_slice(&part.data);
                    (parts, ended) = (parts + 1, part.last);
                }
                assert!(ended);
                found
            };
            assert_eq!(tokio::join!(write, read).1, text);
        }
    }
}

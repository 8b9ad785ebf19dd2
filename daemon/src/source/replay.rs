//! Follows a recording instead of an API server.

use std::path::Path;
use std::sync::Arc;

use super::Sink;
use crate::clock::Clock;
use crate::kind::Kind;
use crate::recording::Header;
use crate::recording::reader::{ReadError, Reader};

/// A recording that was read through once and found whole.
#[derive(Clone, Debug)]
pub struct Replay {
    path: Arc<Path>,
    header: Arc<Header>,
    clock: Clock,
}

impl Replay {
    /// Checks the whole recording and starts its clock.
    ///
    /// # Errors
    /// If it cannot be read, is corrupt, or is cut off.
    pub fn open(path: &Path, speed: f64) -> Result<Self, ReadError> {
        let mut reader = Reader::open(path)?;
        let header = Arc::new(reader.header().clone());
        // The clock of the machine that recorded may have been set back.
        let mut until = header.started_at;
        while let Some(recorded) = reader.next_event()? {
            until = until.max(recorded.at);
        }
        let until = until.max(reader.end().unwrap_or(until));
        Ok(Self { path: path.into(), clock: Clock::replay(header.started_at, until, speed), header })
    }

    /// What was recorded.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The recording's time.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Puts what the recording says of `kind`, each at its time, and stays at
    /// the last of it until nobody reads `sink` any more.
    pub(super) async fn follow(&self, kind: &Kind, mut sink: Sink) {
        let closed = sink.closed();
        tokio::pin!(closed);
        tokio::select! {
            result = self.play(kind, &mut sink) => if let Err(error) = result {
                tracing::error!("{error}: it changed while it was replayed; {kind} stay as they are");
            },
            () = &mut closed => return,
        }
        closed.await;
    }

    async fn play(&self, kind: &Kind, sink: &mut Sink) -> Result<(), ReadError> {
        let mut reader = Reader::open(&self.path)?;
        while let Some(recorded) = reader.next_event()? {
            if self.header.kinds[recorded.kind] != *kind {
                // Lines of other kinds may be many: others want to run, too.
                tokio::task::consume_budget().await;
                continue;
            }
            self.clock.sleep_until(recorded.at).await;
            if sink.put_at(recorded.at, recorded.event).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

//! Follows a recording, or a dump, instead of an API server.

mod folder;

use std::path::Path;
use std::sync::Arc;

use self::folder::{DumpError, Folder};
use super::Sink;
use crate::clock::Clock;
use crate::kind::Kind;
use crate::recording::Header;
use crate::recording::reader::{ReadError, Reader};

/// What cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A recording.
    #[error(transparent)]
    Recording(#[from] ReadError),
    /// A dump.
    #[error(transparent)]
    Dump(#[from] DumpError),
}

/// A recording, or a dump, that was read through once and found whole.
#[derive(Clone, Debug)]
pub struct Replay {
    from: Origin,
    header: Arc<Header>,
    clock: Clock,
}

/// What is replayed.
#[derive(Clone, Debug)]
enum Origin {
    /// A recording's file.
    File(Arc<Path>),
    /// A dump's folder.
    Folder(Folder),
}

impl Replay {
    /// Checks the whole recording and starts its clock. That of a dump, which is a folder, stands still.
    ///
    /// # Errors
    /// If it cannot be read, is corrupt, or is cut off.
    pub fn open(path: &Path, speed: f64) -> Result<Self, ReplayError> {
        if path.is_dir() {
            let (folder, header) = Folder::open(path)?;
            let clock = Clock::replay(header.started_at, header.started_at, speed);
            return Ok(Self { from: Origin::Folder(folder), clock, header: Arc::new(header) });
        }
        let mut reader = Reader::open(path)?;
        let header = Arc::new(reader.header().clone());
        // The clock of the machine that recorded may have been set back.
        let mut until = header.started_at;
        while let Some(recorded) = reader.next_event()? {
            until = until.max(recorded.at);
        }
        let until = until.max(reader.end().unwrap_or(until));
        let clock = Clock::replay(header.started_at, until, speed);
        Ok(Self { from: Origin::File(path.into()), clock, header })
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

    async fn play(&self, kind: &Kind, sink: &mut Sink) -> Result<(), ReplayError> {
        match &self.from {
            Origin::File(path) => Ok(self.play_file(path, kind, sink).await?),
            Origin::Folder(folder) => Ok(folder.play(kind, sink).await?),
        }
    }

    async fn play_file(&self, path: &Path, kind: &Kind, sink: &mut Sink) -> Result<(), ReadError> {
        let mut reader = Reader::open(path)?;
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

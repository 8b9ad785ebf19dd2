//! Where a source puts what it sees.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Event;
use crate::clock::Clock;
use crate::decode::arrival::{Arrival, Decoder};
use crate::recording::recorder::Recorder;

/// What came, with the times at which it happened, as a cache's writer takes it.
pub type Arrivals = mpsc::Receiver<Batch>;
/// What came together.
pub type Batch = Vec<(Timestamp, Arrival)>;

/// So much is handed on together at most.
const BATCH: usize = 16;

/// Where a source puts what it sees: a cache, and a recording if one is made.
#[derive(Debug)]
pub struct Sink {
    arrivals: mpsc::Sender<Batch>,
    batch: Batch,
    decoder: Decoder,
    recorder: Option<(Arc<Recorder>, usize)>,
    clock: Clock,
}

/// Nobody reads the sink any more.
#[derive(Debug)]
pub struct Closed;

impl Sink {
    /// A sink that decodes what comes, waits while `arrivals` is full, and tells
    /// the recorder, too, as the kind of that number.
    #[must_use]
    pub fn new(
        arrivals: mpsc::Sender<Batch>,
        decoder: Decoder,
        recorder: Option<(Arc<Recorder>, usize)>,
        clock: Clock,
    ) -> Self {
        Self { arrivals, batch: Vec::new(), decoder, recorder, clock }
    }

    /// Puts an event that happens now.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn put(&mut self, event: Event) -> Result<(), Closed> {
        self.hold(event).await?;
        self.flush().await
    }

    /// As [`Sink::put`], but it may be handed on with what comes next, or by
    /// [`Sink::flush`].
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn hold(&mut self, event: Event) -> Result<(), Closed> {
        self.hold_at(self.clock.now(), event).await
    }

    /// Puts an event that happens, or happened, at that time.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn put_at(&mut self, at: Timestamp, event: Event) -> Result<(), Closed> {
        self.hold_at(at, event).await?;
        self.flush().await
    }

    pub(super) async fn hold_at(&mut self, at: Timestamp, event: Event) -> Result<(), Closed> {
        if let Some((recorder, kind)) = &self.recorder {
            recorder.record(at, *kind, event.clone()).await;
        }
        // Here, not where it is written: the two run side by side.
        let arrival = self.decoder.decode(event);
        self.take(at, arrival).await
    }

    /// Holds, as listed, the object that begins at byte `start` of a list, whose text is that of its
    /// bytes; how long it is, or `None` if it is not good: then it is to be cut out, and held.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub(super) async fn hold_listed(
        &mut self,
        (bytes, text): (&Bytes, &str),
        start: usize,
    ) -> Result<Option<usize>, Closed> {
        let listed = text.get(start..).and_then(|list| self.decoder.listed(list));
        let Some((arrival, length)) = listed else { return Ok(None) };
        let at = self.clock.now();
        if let Some((recorder, kind)) = &self.recorder {
            recorder.record(at, *kind, Event::Listed(bytes.slice(start..start + length))).await;
        }
        self.take(at, arrival).await?;
        Ok(Some(length))
    }

    async fn take(&mut self, at: Timestamp, arrival: Arrival) -> Result<(), Closed> {
        self.batch.push((at, arrival));
        if self.batch.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    /// Hands on what was held.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn flush(&mut self) -> Result<(), Closed> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.arrivals.send(std::mem::take(&mut self.batch)).await.map_err(|_| Closed)
    }

    /// Returns when nobody reads any more.
    pub fn closed(&self) -> impl Future<Output = ()> + use<> {
        let arrivals = self.arrivals.clone();
        async move { arrivals.closed().await }
    }
}

//! A stream of changes that resumes by itself.

use std::collections::VecDeque;
use std::pin::Pin;

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{Freshness, WatchStatusesRequest, WatchStatusesResponse};
use tonic::Streaming;

use crate::recover::{Recovery, recovery};
use crate::retry::Retry;
use crate::{Client, Error};

type Messages = Streaming<WatchStatusesResponse>;
type Opening = Pin<Box<dyn Future<Output = Result<Messages, Error>> + Send>>;

/// A watch that outlives its connections. When one breaks, it opens another
/// after a growing wait and resumes behind the last message that it handed out.
/// Where the daemon cannot resume, the stream begins with a snapshot again,
/// which a [`Picture`](crate::Picture) turns into what really differs.
///
/// Dropping it ends the watch.
pub struct Watch {
    client: Client,
    request: WatchStatusesRequest,
    phase: Phase,
    retry: Retry,
    /// Whether `Lost` was told and `Restored` was not.
    lost: bool,
    /// What arrived and is to be handed out, and the cursor behind it.
    arrived: VecDeque<Told>,
    cursor: Vec<u8>,
    /// Whether a snapshot has begun and is not complete: no cursor counts.
    in_snapshot: bool,
}

/// What a [`Watch`] tells.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "nearly every one is the large one")]
pub enum WatchEvent {
    /// Something that the stream told.
    Told(Told),
    /// The stream was lost. Told once, however many tries it takes to get it back.
    Lost {
        /// Why.
        error: Error,
    },
    /// The stream is back: what it tells follows.
    Restored,
}

/// One event of a stream.
#[derive(Debug, Clone)]
pub struct Told {
    /// What happened.
    pub event: Event,
    /// How new the view is; said once of events that came together.
    pub freshness: Option<Freshness>,
}

enum Phase {
    Waiting,
    Opening(Opening),
    Open(Box<Messages>),
    Ended(Error),
}

impl Watch {
    pub(crate) fn new(client: Client, request: WatchStatusesRequest) -> Self {
        let phase = open(&client, &request);
        let (arrived, cursor) = (VecDeque::new(), Vec::new());
        let retry = Retry::new();
        Self { client, request, phase, retry, lost: false, arrived, cursor, in_snapshot: false }
    }

    /// Where a later watch of the same filter can go on: behind the last message
    /// of which everything was handed out. It is a
    /// [`WatchStatusesRequest::cursor`]. While a snapshot is handed out it is the
    /// one from before it; it is empty if there is none, or it no longer holds.
    pub fn cursor(&self) -> &[u8] {
        &self.request.cursor
    }

    /// The next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The final error that ended the watch, again at every later call: one
    /// that [`recovery`](crate::recovery) does not retry.
    pub async fn next(&mut self) -> Result<WatchEvent, Error> {
        loop {
            if let Some(event) = self.hand_out() {
                return Ok(event);
            }
            let error = match &mut self.phase {
                Phase::Waiting => {
                    self.retry.pause().await;
                    self.phase = open(&self.client, &self.request);
                    continue;
                }
                Phase::Opening(opening) => match opening.await {
                    Ok(messages) => {
                        self.phase = Phase::Open(Box::new(messages));
                        continue;
                    }
                    Err(error) => error,
                },
                Phase::Open(messages) => match messages.message().await {
                    Ok(Some(message)) => {
                        self.receive(message);
                        continue;
                    }
                    Ok(None) => Error::ended(),
                    Err(status) => self.client.error(&status),
                },
                Phase::Ended(error) => return Err(error.clone()),
            };
            if let Some(event) = self.failed(error)? {
                return Ok(event);
            }
        }
    }

    fn receive(&mut self, message: WatchStatusesResponse) {
        self.retry.admitted();
        let mut freshness = message.freshness;
        let events = message.events.into_iter().filter_map(|event| event.event);
        self.arrived.extend(events.map(|event| Told { event, freshness: freshness.take() }));
        self.cursor = message.cursor.into();
    }

    fn hand_out(&mut self) -> Option<WatchEvent> {
        if self.arrived.is_empty() {
            return None;
        }
        if std::mem::take(&mut self.lost) {
            return Some(WatchEvent::Restored);
        }
        let told = self.arrived.pop_front()?;
        match told.event {
            Event::Reset(_) => self.in_snapshot = true,
            Event::Current(_) | Event::Resumed(_) => {
                self.in_snapshot = false;
                // Not sooner: a stream that always dies in its snapshot is no success.
                self.retry.came();
            }
            _ => {}
        }
        // A cursor is behind everything that its message tells.
        if self.arrived.is_empty() && !self.in_snapshot && !self.cursor.is_empty() {
            self.request.cursor = std::mem::take(&mut self.cursor).into();
        }
        Some(WatchEvent::Told(told))
    }

    fn failed(&mut self, error: Error) -> Result<Option<WatchEvent>, Error> {
        let outcome = match recovery(&error) {
            Recovery::Restart if self.request.cursor.is_empty() => Err(error),
            recovery => {
                if recovery == Recovery::Restart {
                    self.request.cursor.clear();
                    // What is missing of a history is told, whatever was told before.
                    self.lost &= !self.request.history;
                }
                self.retry.lost(&self.client, error)
            }
        };
        let error = outcome.inspect_err(|error| self.phase = Phase::Ended(error.clone()))?;
        self.in_snapshot = false;
        self.phase = Phase::Waiting;
        if std::mem::replace(&mut self.lost, true) {
            return Ok(None);
        }
        Ok(Some(WatchEvent::Lost { error }))
    }
}

fn open(client: &Client, request: &WatchStatusesRequest) -> Phase {
    let (client, request) = (client.clone(), request.clone());
    Phase::Opening(Box::pin(async move { client.open_watch(request).await }))
}

//! A stream of changes that resumes by itself.

use std::collections::VecDeque;

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{Freshness, WatchStatusesRequest, WatchStatusesResponse};

use crate::recover::{Recovery, recovery};
use crate::resumed::{After, Came, Heard, Opening, Resumed, Source};
use crate::{Client, Error};

/// A watch that outlives its connections. When one breaks, it opens another
/// after a growing wait and resumes behind the last message that it handed out.
/// Where the daemon cannot resume, the stream begins with a snapshot again,
/// which a [`Picture`](crate::Picture) turns into what really differs.
///
/// Dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    stream: Resumed<Statuses>,
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

impl Watch {
    pub(crate) fn new(client: Client, request: WatchStatusesRequest) -> Self {
        let (arrived, cursor) = (VecDeque::new(), Vec::new());
        Self { stream: Resumed::new(client, Statuses { request }), arrived, cursor, in_snapshot: false }
    }

    /// Where a later watch of the same filter can go on: behind the last message
    /// of which everything was handed out. It is a
    /// [`WatchStatusesRequest::cursor`]. While a snapshot is handed out it is the
    /// one from before it; it is empty if there is none, or it no longer holds.
    pub fn cursor(&self) -> &[u8] {
        &self.stream.source.request.cursor
    }

    /// The next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The final error that ended the watch, again at every later call: one
    /// that [`recovery`](crate::recovery) does not retry.
    pub async fn next(&mut self) -> Result<WatchEvent, Error> {
        loop {
            if let Some(told) = self.hand_out() {
                return Ok(WatchEvent::Told(told));
            }
            match self.stream.next().await? {
                Came::Message(message) => self.receive(message),
                Came::Lost(error) => {
                    self.in_snapshot = false;
                    return Ok(WatchEvent::Lost { error });
                }
                Came::Restored => return Ok(WatchEvent::Restored),
            }
        }
    }

    fn receive(&mut self, message: WatchStatusesResponse) {
        let mut freshness = message.freshness;
        let events = message.events.into_iter().filter_map(|event| event.event);
        self.arrived.extend(events.map(|event| Told { event, freshness: freshness.take() }));
        self.cursor = message.cursor.into();
    }

    fn hand_out(&mut self) -> Option<Told> {
        let told = self.arrived.pop_front()?;
        match told.event {
            Event::Reset(_) => self.in_snapshot = true,
            Event::Current(_) | Event::Resumed(_) => self.in_snapshot = false,
            _ => {}
        }
        // A cursor is behind everything that its message tells.
        if self.arrived.is_empty() && !self.in_snapshot && !self.cursor.is_empty() {
            self.stream.source.request.cursor = std::mem::take(&mut self.cursor).into();
        }
        Some(told)
    }
}

/// What is asked for, from where on.
#[derive(Debug)]
struct Statuses {
    request: WatchStatusesRequest,
}

impl Source for Statuses {
    type Message = WatchStatusesResponse;

    fn open(&self, client: &Client) -> Opening<WatchStatusesResponse> {
        client.open_watch(self.request.clone())
    }

    fn heard(&mut self, message: &WatchStatusesResponse) -> Heard {
        let is_whole = |event: &Event| matches!(event, Event::Current(_) | Event::Resumed(_));
        // Not sooner: a stream that always dies in its snapshot is no success.
        match message.events.iter().filter_map(|event| event.event.as_ref()).any(is_whole) {
            true => Heard::Progress,
            false => Heard::Alive,
        }
    }

    fn after(&mut self, error: &Error) -> After {
        if recovery(error) != Recovery::Restart || self.request.cursor.is_empty() {
            return After::by_recovery(error);
        }
        self.request.cursor.clear();
        // What is missing of a history is told, whatever was told before.
        if self.request.history { After::RetryAloud } else { After::Retry }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic::Code;

    use super::*;
    use crate::RpcError;

    #[test]
    fn a_cursor_is_given_up_once_and_aloud_if_a_history_ends_there() {
        let (code, reason) = (Code::InvalidArgument, "INVALID_CURSOR".to_owned());
        let message = String::new();
        let refused = Error::Rpc(RpcError { code, reason, message, metadata: HashMap::new(), retry_after: None });
        for (history, after) in [(false, After::Retry), (true, After::RetryAloud)] {
            let request = WatchStatusesRequest { cursor: vec![1].into(), history, ..WatchStatusesRequest::default() };
            let mut statuses = Statuses { request };
            assert_eq!((statuses.after(&refused), statuses.request.cursor.len()), (after, 0));
            assert_eq!(statuses.after(&refused), After::Final);
        }
    }
}

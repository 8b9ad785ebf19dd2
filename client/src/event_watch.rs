//! A stream of events that resumes by itself.

use std::collections::{HashMap, VecDeque};

use daymark_proto::v1::{ClusterEvent, WatchEventsRequest, WatchEventsResponse};

use crate::recover::{Recovery, recovery};
use crate::resumed::{After, Came, Heard, Opening, Resumed, Source};
use crate::{Client, Error};

/// Events of which it is remembered that they were told: more than a daemon keeps, if it is
/// not told to keep more.
const REMEMBERED: usize = 100_000;

/// Events that are followed, over connections that break: each version is told once, unless
/// the daemon tells so many that the first ones are forgotten.
#[derive(Debug)]
pub struct EventWatch {
    stream: Resumed<Events>,
    told: Told,
}

/// What an [`EventWatch`] tells.
#[derive(Debug)]
pub enum EventsTold {
    /// A message of the stream, without what was told before.
    Told(Box<WatchEventsResponse>),
    /// The stream was lost. Told once, however many tries it takes to get it back.
    Lost(Error),
    /// The stream is back: what it tells follows.
    Restored,
}

/// Which versions were told.
#[derive(Debug, Default)]
struct Told {
    versions: HashMap<String, u64>,
    /// In the order in which they were told first.
    order: VecDeque<String>,
}

impl Told {
    /// Notes an event; says whether this version is news.
    fn is_news(&mut self, event: &ClusterEvent) -> bool {
        let version = event.resource_version.parse().unwrap_or(0);
        if let Some(told) = self.versions.get_mut(&event.uid) {
            return std::mem::replace(told, version.max(*told)) < version;
        }
        self.versions.insert(event.uid.clone(), version);
        self.order.push_back(event.uid.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.versions.remove(&oldest);
        }
        true
    }
}

impl EventWatch {
    pub(crate) fn new(client: Client, request: WatchEventsRequest) -> Self {
        Self { stream: Resumed::new(client, Events { request }), told: Told::default() }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting, again at every later call.
    pub async fn next(&mut self) -> Result<EventsTold, Error> {
        Ok(match self.stream.next().await? {
            Came::Message(mut message) => {
                message.events.retain(|event| self.told.is_news(event));
                EventsTold::Told(Box::new(message))
            }
            Came::Lost(error) => EventsTold::Lost(error),
            Came::Restored => EventsTold::Restored,
        })
    }
}

/// What is asked for, from where on.
#[derive(Debug)]
struct Events {
    request: WatchEventsRequest,
}

impl Source for Events {
    type Message = WatchEventsResponse;

    fn open(&self, client: &Client) -> Opening<WatchEventsResponse> {
        client.open_event_watch(self.request.clone())
    }

    fn heard(&mut self, message: &WatchEventsResponse) -> Heard {
        if !message.cursor.is_empty() {
            self.request.cursor.clone_from(&message.cursor);
        }
        // Not sooner: a stream that always dies before is no success.
        if message.current { Heard::Progress } else { Heard::Alive }
    }

    fn after(&mut self, error: &Error) -> After {
        if recovery(error) == Recovery::Restart && !self.request.cursor.is_empty() {
            self.request.cursor.clear();
            return After::Retry;
        }
        After::by_recovery(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uid: &str, version: &str) -> ClusterEvent {
        ClusterEvent { uid: uid.to_owned(), resource_version: version.to_owned(), ..ClusterEvent::default() }
    }

    #[test]
    fn a_version_is_news_once() {
        let mut told = Told::default();
        for (uid, version, is_news) in
            [("a", "7", true), ("a", "7", false), ("a", "10", true), ("a", "9", false), ("b", "1", true)]
        {
            assert_eq!(told.is_news(&event(uid, version)), is_news, "{uid} {version}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut told = Told::default();
        for number in 0..REMEMBERED + 10 {
            assert!(told.is_news(&event(&number.to_string(), "1")));
        }
        assert_eq!((told.versions.len(), told.order.len()), (REMEMBERED, REMEMBERED));
        assert!(told.is_news(&event("0", "1")));
        assert!(!told.is_news(&event(&REMEMBERED.to_string(), "1")));
    }

    #[test]
    fn a_cursor_is_of_the_last_message_and_given_up_once() {
        let (code, reason) = (tonic::Code::OutOfRange, "CURSOR_EXPIRED".to_owned());
        let (message, metadata) = (String::new(), HashMap::new());
        let expired = Error::Rpc(crate::RpcError { code, reason, message, metadata, retry_after: None });
        let mut events = Events { request: WatchEventsRequest::default() };
        for (cursor, current, heard) in [(vec![1], false, Heard::Alive), (Vec::new(), true, Heard::Progress)] {
            let message = WatchEventsResponse { cursor: cursor.into(), current, ..WatchEventsResponse::default() };
            assert_eq!((events.heard(&message), &events.request.cursor[..]), (heard, &[1][..]));
        }
        assert_eq!((events.after(&expired), events.request.cursor.len()), (After::Retry, 0));
        assert_eq!(events.after(&expired), After::Final);
    }
}

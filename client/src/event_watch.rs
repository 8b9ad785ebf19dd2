//! A stream of events that resumes by itself.

use std::collections::{HashMap, VecDeque};

use daymark_proto::v1::{ClusterEvent, WatchEventsRequest, WatchEventsResponse};
use tonic::Streaming;

use crate::retry::Retry;
use crate::{Client, Error, Recovery, recovery};

/// Events of which it is remembered that they were told: more than a daemon keeps, if it is
/// not told to keep more.
const REMEMBERED: usize = 100_000;

/// Events that are followed, over connections that break: each version is told once, unless
/// the daemon tells so many that the first ones are forgotten.
#[derive(Debug)]
pub struct EventWatch {
    client: Client,
    request: WatchEventsRequest,
    stream: Option<Streaming<WatchEventsResponse>>,
    retry: Retry,
    /// Whether `Lost` was told and `Restored` was not.
    lost: bool,
    /// What came and is to be told behind `Restored`.
    arrived: Option<WatchEventsResponse>,
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
        Self { client, request, stream: None, retry: Retry::new(), lost: false, arrived: None, told: Told::default() }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting.
    pub async fn next(&mut self) -> Result<EventsTold, Error> {
        loop {
            if let Some(message) = self.arrived.take() {
                if std::mem::take(&mut self.lost) {
                    self.arrived = Some(message);
                    return Ok(EventsTold::Restored);
                }
                return Ok(EventsTold::Told(Box::new(self.hand_out(message))));
            }
            let error = match &mut self.stream {
                None => match self.open().await {
                    Ok(stream) => {
                        self.stream = Some(stream);
                        continue;
                    }
                    Err(error) => error,
                },
                Some(stream) => match stream.message().await {
                    Ok(Some(message)) => {
                        self.retry.admitted();
                        self.arrived = Some(message);
                        continue;
                    }
                    Ok(None) => Error::ended(),
                    Err(status) => self.client.error(&status),
                },
            };
            let error = self.failed(error)?;
            if !std::mem::replace(&mut self.lost, true) {
                return Ok(EventsTold::Lost(error));
            }
        }
    }

    fn hand_out(&mut self, mut message: WatchEventsResponse) -> WatchEventsResponse {
        message.events.retain(|event| self.told.is_news(event));
        if !message.cursor.is_empty() {
            self.request.cursor = message.cursor.clone();
        }
        if message.current {
            // Not sooner: a stream that always dies before is no success.
            self.retry.came();
        }
        message
    }

    fn failed(&mut self, error: Error) -> Result<Error, Error> {
        self.stream = None;
        if recovery(&error) == Recovery::Restart {
            if self.request.cursor.is_empty() {
                return Err(error);
            }
            self.request.cursor.clear();
        }
        self.retry.lost(&self.client, error)
    }

    async fn open(&mut self) -> Result<Streaming<WatchEventsResponse>, Error> {
        self.retry.pause().await;
        self.client.open_event_watch(self.request.clone()).await
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
}

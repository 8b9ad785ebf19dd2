//! A client that reads one stream and holds it to the contract.

#![expect(clippy::expect_used, clippy::panic, reason = "a test whose stream breaks the contract has failed")]

use std::collections::VecDeque;

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{Freshness, WatchStatusesRequest, WatchStatusesResponse};
use tonic::{Request, Status, Streaming};

use super::Client;
use crate::contract::{Contract, Told, describe};
use crate::process::PATIENCE;

/// One client's stream, and those by which it resumes.
pub struct Follower {
    client: Client,
    request: WatchStatusesRequest,
    token: Option<String>,
    stream: Streaming<WatchStatusesResponse>,
    /// Events of the last message that are still to be taken.
    told: VecDeque<Told>,
    /// What the stream is held to.
    pub contract: Contract,
}

impl Follower {
    /// Opens a stream.
    ///
    /// # Panics
    /// If the daemon refuses it.
    pub async fn open(client: Client, request: WatchStatusesRequest) -> Self {
        Self::open_as(client, request, None).await
    }

    /// Opens a stream with a bearer token.
    ///
    /// # Panics
    /// If the daemon refuses it.
    pub async fn open_as(client: Client, request: WatchStatusesRequest, token: Option<String>) -> Self {
        let contract = Contract::new(&request);
        let opened = open(client.clone(), request.clone(), token.as_deref()).await;
        let stream = opened.expect("the watch is opened");
        Self { client, request, token, stream, told: VecDeque::new(), contract }
    }

    /// A client that knows what this one knows, by another daemon.
    pub async fn move_to(self, client: Client) -> Self {
        let mut moved = Self { client, ..self };
        moved.reconnect().await;
        moved
    }

    /// Drops the stream and opens another where it left off.
    ///
    /// # Panics
    /// If the daemon refuses it.
    pub async fn reconnect(&mut self) {
        // The cursor is behind all of the last message.
        for told in std::mem::take(&mut self.told) {
            self.contract.take(&told).unwrap_or_else(|broken| panic!("{broken}"));
        }
        self.request.cursor = self.contract.cursor.clone().into();
        self.contract.resume();
        let opened = open(self.client.clone(), self.request.clone(), self.token.as_deref()).await;
        self.stream = opened.expect("the watch is opened again");
    }

    /// The next event.
    ///
    /// # Panics
    /// If none comes, or if it breaks the contract.
    pub async fn next(&mut self) -> Told {
        while self.told.is_empty() {
            match tokio::time::timeout(PATIENCE, self.stream.message()).await {
                Ok(Ok(Some(message))) => self.told.extend(events_of(message)),
                Ok(other) => panic!("the stream ended: {other:?}"),
                Err(_) => panic!("waited in vain for an event; the picture is {:#?}", self.contract.picture),
            }
        }
        let told = self.told.pop_front().expect("there is one");
        self.contract.take(&told).unwrap_or_else(|broken| panic!("{broken}"));
        told
    }

    /// The events up to the first of which `wanted` holds, with it.
    ///
    /// # Panics
    /// If it does not come, or if one breaks the contract.
    pub async fn until(&mut self, wanted: impl Fn(&Told) -> bool) -> Vec<Told> {
        let mut events = Vec::new();
        let read = async {
            loop {
                let told = self.next().await;
                let found = wanted(&told);
                events.push(told);
                if found {
                    return;
                }
            }
        };
        // Progress may come for ever.
        if tokio::time::timeout(PATIENCE, read).await.is_err() {
            panic!("waited in vain for an event; these came: {:?}", said(&events));
        }
        events
    }

    /// The events up to the one that [`describe`] says so of, in its words.
    pub async fn until_said(&mut self, wanted: &str) -> Vec<String> {
        said(&self.until(|told| describe(told) == wanted).await)
    }

    /// The events up to `current` or `resumed`.
    pub async fn until_live(&mut self) -> Vec<String> {
        said(&self.until(|told| matches!(told.event, Event::Current(_) | Event::Resumed(_))).await)
    }

    /// The events up to the next `current`.
    pub async fn until_live_again(&mut self) -> Vec<String> {
        said(&self.until(|told| matches!(told.event, Event::Current(_))).await)
    }

    /// The first freshness of which `wanted` holds.
    pub async fn until_fresh(&mut self, wanted: impl Fn(&Freshness) -> bool) -> Freshness {
        let fits = |told: &Told| wanted(&told.freshness);
        self.until(fits).await.pop().map(|told| told.freshness).unwrap_or_default()
    }

    /// Reads to the end of the stream and returns its error.
    ///
    /// # Panics
    /// If it does not end, or if anything breaks the contract.
    pub async fn end(&mut self) -> Status {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.message()).await.expect("the stream ends") {
                Ok(Some(message)) => {
                    for told in events_of(message) {
                        self.contract.take(&told).unwrap_or_else(|broken| panic!("{broken}"));
                    }
                }
                Ok(None) => panic!("the stream ended with OK"),
                Err(error) => {
                    self.contract.end(Some(&error)).unwrap_or_else(|broken| panic!("{broken}"));
                    return error;
                }
            }
        }
    }
}

/// The events in words, without progress, which comes when it likes.
#[must_use]
pub fn said(events: &[Told]) -> Vec<String> {
    events.iter().map(describe).filter(|word| word != "progress").collect()
}

/// The first event of a stream that is read by hand.
///
/// # Panics
/// If there is none.
pub async fn first_of(stream: &mut Streaming<WatchStatusesResponse>) -> Told {
    let message = tokio::time::timeout(PATIENCE, stream.message()).await.expect("a message comes");
    events_of(message.expect("no error").expect("no end")).remove(0)
}

/// The events of a message.
///
/// # Panics
/// If it breaks the contract.
fn events_of(message: WatchStatusesResponse) -> Vec<Told> {
    Told::of(message).unwrap_or_else(|broken| panic!("{broken}"))
}

/// A request of whoever has that token.
///
/// # Panics
/// If it can be no header.
pub fn with_token<M>(message: M, token: Option<&str>) -> Request<M> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let header = format!("Bearer {token}").parse().expect("a token is a header");
        request.metadata_mut().insert("authorization", header);
    }
    request
}

async fn open(
    mut client: Client,
    request: WatchStatusesRequest,
    token: Option<&str>,
) -> Result<Streaming<WatchStatusesResponse>, Status> {
    let request = with_token(request, token);
    let opened = tokio::time::timeout(PATIENCE, client.watch_statuses(request)).await;
    Ok(opened.map_err(|_| Status::deadline_exceeded("the watch was not opened"))??.into_inner())
}

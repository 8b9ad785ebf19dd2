//! A client that reads one stream and holds it to the contract.

#![expect(clippy::expect_used, clippy::panic, reason = "a test whose stream breaks the contract has failed")]

use daymark_proto::v1::watch_statuses_response::Event;
use daymark_proto::v1::{Freshness, WatchStatusesRequest, WatchStatusesResponse};
use tonic::{Status, Streaming};

use super::Client;
use crate::contract::{Contract, describe};
use crate::process::PATIENCE;

/// One client's stream, and those by which it resumes.
pub struct Follower {
    client: Client,
    request: WatchStatusesRequest,
    stream: Streaming<WatchStatusesResponse>,
    /// What the stream is held to.
    pub contract: Contract,
}

impl Follower {
    /// Opens a stream.
    ///
    /// # Panics
    /// If the daemon refuses it.
    pub async fn open(client: Client, request: WatchStatusesRequest) -> Self {
        let contract = Contract::new(&request);
        let stream = open(client.clone(), request.clone()).await.expect("the watch is opened");
        Self { client, request, stream, contract }
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
        self.request.cursor = self.contract.cursor.clone().into();
        self.contract.resume();
        self.stream = open(self.client.clone(), self.request.clone()).await.expect("the watch is opened again");
    }

    /// The next message.
    ///
    /// # Panics
    /// If none comes, or if it breaks the contract.
    pub async fn next(&mut self) -> WatchStatusesResponse {
        match tokio::time::timeout(PATIENCE, self.stream.message()).await {
            Ok(Ok(Some(message))) => {
                self.contract.take(&message).unwrap_or_else(|broken| panic!("{broken}"));
                message
            }
            Ok(other) => panic!("the stream ended: {other:?}"),
            Err(_) => panic!("waited in vain for a message; the picture is {:#?}", self.contract.picture),
        }
    }

    /// The messages up to the first of which `wanted` holds, with it.
    ///
    /// # Panics
    /// If it does not come, or if one breaks the contract.
    pub async fn until(&mut self, wanted: impl Fn(&WatchStatusesResponse) -> bool) -> Vec<WatchStatusesResponse> {
        let mut messages = Vec::new();
        let read = async {
            loop {
                let message = self.next().await;
                let found = wanted(&message);
                messages.push(message);
                if found {
                    return;
                }
            }
        };
        // Progress may come for ever.
        if tokio::time::timeout(PATIENCE, read).await.is_err() {
            panic!("waited in vain for a message; these came: {:?}", said(&messages));
        }
        messages
    }

    /// The messages up to the one that [`describe`] says so of, in its words.
    pub async fn until_said(&mut self, wanted: &str) -> Vec<String> {
        said(&self.until(|message| describe(message) == wanted).await)
    }

    /// The messages up to `current` or `resumed`.
    pub async fn until_live(&mut self) -> Vec<String> {
        said(&self.until(|message| matches!(message.event, Some(Event::Current(_) | Event::Resumed(_)))).await)
    }

    /// The messages up to the next `current`.
    pub async fn until_live_again(&mut self) -> Vec<String> {
        said(&self.until(|message| matches!(message.event, Some(Event::Current(_)))).await)
    }

    /// The first freshness of which `wanted` holds.
    pub async fn until_fresh(&mut self, wanted: impl Fn(&Freshness) -> bool) -> Freshness {
        let fits = |message: &WatchStatusesResponse| message.freshness.as_ref().is_some_and(&wanted);
        self.until(fits).await.pop().and_then(|message| message.freshness).unwrap_or_default()
    }

    /// Reads to the end of the stream and returns its error.
    ///
    /// # Panics
    /// If it does not end, or if anything breaks the contract.
    pub async fn end(&mut self) -> Status {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.message()).await.expect("the stream ends") {
                Ok(Some(message)) => self.contract.take(&message).unwrap_or_else(|broken| panic!("{broken}")),
                Ok(None) => panic!("the stream ended with OK"),
                Err(error) => {
                    self.contract.end(Some(&error)).unwrap_or_else(|broken| panic!("{broken}"));
                    return error;
                }
            }
        }
    }
}

/// The messages in words, without progress, which comes when it likes.
#[must_use]
pub fn said(messages: &[WatchStatusesResponse]) -> Vec<String> {
    messages.iter().map(describe).filter(|word| word != "progress").collect()
}

async fn open(mut client: Client, request: WatchStatusesRequest) -> Result<Streaming<WatchStatusesResponse>, Status> {
    let opened = tokio::time::timeout(PATIENCE, client.watch_statuses(request)).await;
    Ok(opened.map_err(|_| Status::deadline_exceeded("the watch was not opened"))??.into_inner())
}

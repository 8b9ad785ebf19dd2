//! Following a gate to its verdict.

use daymark_proto::v1::{Outcome, WatchGateResponse};
use tonic::Streaming;

use crate::retry::Retry;
use crate::{Client, Error};

/// A gate that is followed to its verdict. What each message has of objects is
/// what differs, or, after a break, all of them again.
#[derive(Debug)]
pub struct GateWatch {
    client: Client,
    token: String,
    stream: Option<Streaming<WatchGateResponse>>,
    retry: Retry,
    over: bool,
}

/// What following a gate brings.
#[derive(Debug)]
pub enum GateEvent {
    /// How it stands by now.
    Told(Box<WatchGateResponse>),
    /// The stream broke off; it will be opened again.
    Lost(Error),
}

impl GateWatch {
    pub(crate) fn new(client: Client, token: String) -> Self {
        Self { client, token, stream: None, retry: Retry::new(), over: false }
    }

    /// What comes next; `None` behind the verdict. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if the daemon has forgotten
    /// the gate.
    pub async fn next(&mut self) -> Result<Option<GateEvent>, Error> {
        if self.over {
            return Ok(None);
        }
        let error = match &mut self.stream {
            None => match self.open().await {
                Ok(stream) => {
                    self.stream = Some(stream);
                    return Box::pin(self.next()).await;
                }
                Err(error) => error,
            },
            Some(stream) => match stream.message().await {
                Ok(Some(message)) => {
                    self.retry.came();
                    self.over = message.gate.as_ref().is_some_and(|gate| gate.outcome() != Outcome::Unspecified);
                    return Ok(Some(GateEvent::Told(Box::new(message))));
                }
                Ok(None) => Error::Broken { problem: "the stream ended before the verdict".to_owned() },
                Err(status) => self.client.error(&status),
            },
        };
        self.stream = None;
        self.retry.lost(&self.client, error).map(|error| Some(GateEvent::Lost(error)))
    }

    async fn open(&self) -> Result<Streaming<WatchGateResponse>, Error> {
        self.retry.pause().await;
        self.client.open_gate_watch(&self.token).await
    }
}

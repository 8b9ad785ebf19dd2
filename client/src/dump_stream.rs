//! A dump, also over a connection that breaks.

use daymark_proto::v1::dump_response::Event;
use daymark_proto::v1::{DumpKind, DumpRequest, DumpResponse};
use tonic::Streaming;

use crate::retry::Retry;
use crate::{Client, Error};

/// Tries in a row that bring nothing, until it is given up.
const TRIES: u32 = 5;

/// A dump that is being read. A stream that was lost goes on behind what has come as a whole.
#[derive(Debug)]
pub struct DumpStream {
    client: Client,
    request: DumpRequest,
    stream: Option<Streaming<DumpResponse>>,
    retry: Retry,
    tries: u32,
    ended: bool,
}

/// What reading a dump brings.
#[derive(Debug)]
pub enum DumpEvent {
    /// What the daemon tells.
    Told(Event),
    /// The stream broke off, and will be opened again: files that are not whole are void.
    Lost(Error),
}

impl DumpStream {
    pub(crate) fn new(client: Client, request: DumpRequest) -> Self {
        Self { client, request, stream: None, retry: Retry::new(), tries: 0, ended: false }
    }

    /// What comes next; `None` when everything was told.
    ///
    /// # Errors
    /// Those that do not pass by waiting, or have not for some tries.
    pub async fn next(&mut self) -> Result<Option<DumpEvent>, Error> {
        if self.ended {
            return Ok(None);
        }
        let error = match self.told().await {
            Ok(event) => {
                self.remember(&event);
                return Ok(Some(DumpEvent::Told(event)));
            }
            Err(error) => error,
        };
        self.stream = None;
        self.tries += 1;
        if self.tries >= TRIES {
            return Err(error);
        }
        self.retry.lost(&self.client, error).map(|error| Some(DumpEvent::Lost(error)))
    }

    async fn told(&mut self) -> Result<Event, Error> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.retry.pause().await;
                self.stream = Some(self.client.open_dump(self.request.clone()).await?);
                continue;
            };
            match stream.message().await {
                // What a newer daemon tells besides is left aside.
                Ok(Some(DumpResponse { event: None })) => {}
                Ok(Some(DumpResponse { event: Some(event) })) => return Ok(event),
                Ok(None) => return Err(Error::ended()),
                Err(status) => return Err(self.client.error(&status)),
            }
        }
    }

    /// What is not to be told again.
    fn remember(&mut self, event: &Event) {
        self.retry.admitted();
        match event {
            Event::Kind(kind) => self.request.have.push(name_of(kind)),
            Event::Logs(logs) if !logs.mark.is_empty() => self.request.mark.clone_from(&logs.mark),
            Event::End(_) => self.ended = true,
            Event::Begun(_) | Event::Part(_) | Event::Restarted(_) | Event::Refused(_) | Event::Logs(_) => return,
        }
        self.tries = 0;
        self.retry.came();
    }
}

/// A kind as requests name it: `deployments.apps`.
fn name_of(kind: &DumpKind) -> String {
    if kind.group.is_empty() { kind.resource.clone() } else { format!("{}.{}", kind.resource, kind.group) }
}

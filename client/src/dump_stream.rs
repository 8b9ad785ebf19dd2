//! A dump, also over a connection that breaks.

use std::time::Duration;

use daymark_proto::v1::dump_response::Event;
use daymark_proto::v1::{DumpKind, DumpRequest, DumpResponse};
use tonic::Streaming;

use crate::backoff::Backoff;
use crate::{Client, Error, Recovery, recovery};

/// Tries in a row that bring nothing, until it is given up.
const TRIES: u32 = 5;

/// A dump that is being read. A stream that was lost goes on behind what has come as a whole.
#[derive(Debug)]
pub struct DumpStream {
    client: Client,
    request: DumpRequest,
    stream: Option<Streaming<DumpResponse>>,
    backoff: Backoff,
    /// How long to wait before it is opened again.
    pause: Duration,
    tries: u32,
    /// Whether the daemon has taken the credentials since they were last renewed.
    admitted: bool,
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
        let (backoff, pause) = (Backoff::new(), Duration::ZERO);
        Self { client, request, stream: None, backoff, pause, tries: 0, admitted: false, ended: false }
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
        let stops = recovery(&error) == Recovery::Stop;
        // They may have expired; the next try has others.
        let renews = stops && std::mem::take(&mut self.admitted) && self.client.renews(&error);
        if (stops && !renews) || self.tries >= TRIES {
            return Err(error);
        }
        self.pause = self.backoff.step();
        Ok(Some(DumpEvent::Lost(error)))
    }

    async fn told(&mut self) -> Result<Event, Error> {
        loop {
            let Some(stream) = &mut self.stream else {
                tokio::time::sleep(self.pause).await;
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
        self.admitted = true;
        match event {
            Event::Kind(kind) => self.request.have.push(name_of(kind)),
            Event::Logs(logs) if !logs.mark.is_empty() => self.request.mark.clone_from(&logs.mark),
            Event::End(_) => self.ended = true,
            Event::Begun(_) | Event::Part(_) | Event::Restarted(_) | Event::Refused(_) | Event::Logs(_) => return,
        }
        (self.tries, self.pause) = (0, Duration::ZERO);
        self.backoff.reset();
    }
}

/// A kind as requests name it: `deployments.apps`.
fn name_of(kind: &DumpKind) -> String {
    if kind.group.is_empty() { kind.resource.clone() } else { format!("{}.{}", kind.resource, kind.group) }
}

//! A dump, also over a connection that breaks.

use daymark_proto::v1::dump_response::Event;
use daymark_proto::v1::{DumpKind, DumpRequest, DumpResponse};

use crate::resumed::{Came, Heard, Opening, Resumed, Source};
use crate::{Client, Error};

/// How often in a row a dump may break off without bringing anything.
const TRIES: u32 = 4;

/// A dump that is being read. A stream that was lost goes on behind what has come as a whole.
#[derive(Debug)]
pub struct DumpStream {
    stream: Resumed<Dump>,
    ended: bool,
}

/// What reading a dump brings.
#[derive(Debug)]
pub enum DumpEvent {
    /// What the daemon tells.
    Told(Event),
    /// The stream broke off, and will be opened again: files that are not whole are void. Told once,
    /// however many tries it takes.
    Lost(Error),
}

impl DumpStream {
    pub(crate) fn new(client: Client, request: DumpRequest) -> Self {
        Self { stream: Resumed::new(client, Dump { request }), ended: false }
    }

    /// What comes next; `None` when everything was told. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting, or have not for some tries; again at every later call.
    pub async fn next(&mut self) -> Result<Option<DumpEvent>, Error> {
        while !self.ended {
            match self.stream.next().await? {
                Came::Message(DumpResponse { event: Some(event) }) => {
                    self.ended = matches!(event, Event::End(_));
                    return Ok(Some(DumpEvent::Told(event)));
                }
                Came::Lost(error) => return Ok(Some(DumpEvent::Lost(error))),
                // What a newer daemon tells besides is left aside.
                Came::Message(DumpResponse { event: None }) | Came::Restored => {}
            }
        }
        Ok(None)
    }
}

/// What is asked for, less what has come as a whole.
#[derive(Debug)]
struct Dump {
    request: DumpRequest,
}

impl Source for Dump {
    type Message = DumpResponse;

    fn open(&self, client: &Client) -> Opening<DumpResponse> {
        client.open_dump(self.request.clone())
    }

    fn heard(&mut self, message: &DumpResponse) -> Heard {
        match &message.event {
            Some(Event::Kind(kind)) => self.request.have.push(name_of(kind)),
            Some(Event::Logs(logs)) if !logs.mark.is_empty() => self.request.mark.clone_from(&logs.mark),
            Some(Event::End(_)) => {}
            Some(Event::Begun(_) | Event::Part(_) | Event::Restarted(_) | Event::Refused(_) | Event::Logs(_))
            | None => {
                return Heard::Alive;
            }
        }
        Heard::Progress
    }

    fn tries(&self) -> Option<u32> {
        Some(TRIES)
    }
}

/// A kind as requests name it: `deployments.apps`.
fn name_of(kind: &DumpKind) -> String {
    if kind.group.is_empty() { kind.resource.clone() } else { format!("{}.{}", kind.resource, kind.group) }
}

#[cfg(test)]
mod tests {
    use daymark_proto::v1::{DumpLogs, DumpPart};

    use super::*;

    #[test]
    fn only_what_is_whole_is_progress_and_not_asked_for_again() {
        let mut dump = Dump { request: DumpRequest::default() };
        let mut heard = |event| dump.heard(&DumpResponse { event });
        let kind = DumpKind { resource: "jobs".to_owned(), group: "batch".to_owned(), ..DumpKind::default() };
        let marked = DumpLogs { mark: "m".into(), ..DumpLogs::default() };
        assert_eq!(heard(None), Heard::Alive);
        assert_eq!(heard(Some(Event::Part(DumpPart::default()))), Heard::Alive);
        assert_eq!(heard(Some(Event::Logs(DumpLogs::default()))), Heard::Alive);
        assert_eq!(heard(Some(Event::Kind(kind))), Heard::Progress);
        assert_eq!(heard(Some(Event::Logs(marked))), Heard::Progress);
        assert_eq!((dump.request.have, dump.request.mark), (vec!["jobs.batch".to_owned()], "m".into()));
    }
}

//! Following a gate to its verdict.

use daymark_proto::v1::{Outcome, WatchGateResponse};

use crate::reopened::{Came, Reopened};
use crate::{Client, Error};

/// A gate that is followed to its verdict. What each message has of objects is
/// what differs, or, after a break, all of them again.
#[derive(Debug)]
pub struct GateWatch {
    token: String,
    stream: Reopened<WatchGateResponse>,
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
        Self { token, stream: Reopened::new(client), over: false }
    }

    /// What comes next; `None` behind the verdict. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if the daemon has forgotten
    /// the gate.
    pub async fn next(&mut self) -> Result<Option<GateEvent>, Error> {
        if self.over {
            return Ok(None);
        }
        let token = &self.token;
        let came = self.stream.next(async |client| client.open_gate_watch(token).await).await?;
        Ok(Some(match came {
            Came::Message(message) => {
                self.over = message.gate.as_ref().is_some_and(|gate| gate.outcome() != Outcome::Unspecified);
                GateEvent::Told(Box::new(message))
            }
            Came::Lost(error) => GateEvent::Lost(error),
        }))
    }
}

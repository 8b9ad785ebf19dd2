//! A stream that outlives its connections: the one way in which all of them are opened again.

mod retry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;

use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use self::retry::Retry;
use crate::recover::{Recovery, recovery};
use crate::{Client, Error};

/// The messages of a stream that is open.
pub type Messages<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;
/// A stream that is being opened.
pub type Opening<M> = Pin<Box<dyn Future<Output = Result<Messages<M>, Error>> + Send>>;

/// What a stream is opened by, and what is remembered of it for the next time.
pub(crate) trait Source: Send {
    /// What the stream tells.
    type Message: Send + 'static;

    /// Opens the stream where it is to go on.
    fn open(&self, client: &Client) -> Opening<Self::Message>;

    /// Takes note of a message before it is handed out.
    fn heard(&mut self, _: &Self::Message) -> Heard {
        Heard::Progress
    }

    /// What to do about an error.
    fn after(&mut self, error: &Error) -> After {
        After::by_recovery(error)
    }

    /// How often in a row it may break off without progress.
    fn tries(&self) -> Option<u32> {
        None
    }
}

/// What a message says of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The daemon has let the caller in.
    Alive,
    /// The stream has got further: whatever is lost now is another loss.
    Progress,
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Open the stream again.
    Retry,
    /// The same, and tell the loss, also if one is told already.
    RetryAloud,
    /// Give up, unless other credentials may help.
    Stop,
    /// Give up.
    Final,
}

impl After {
    /// For a stream that is opened from its beginning.
    pub(crate) fn by_recovery(error: &Error) -> Self {
        match recovery(error) {
            Recovery::Retry => Self::Retry,
            Recovery::Stop => Self::Stop,
            // There is no cursor that could be left out.
            Recovery::Restart => Self::Final,
        }
    }
}

/// What such a stream brings.
#[derive(Debug)]
pub(crate) enum Came<M> {
    /// A message.
    Message(M),
    /// It broke off; it will be opened again. Told once, however many tries it takes.
    Lost(Error),
    /// It is back: a message follows.
    Restored,
}

/// A stream that is opened again when it breaks off, after a wait that grows.
pub(crate) struct Resumed<S: Source> {
    client: Client,
    pub(crate) source: S,
    phase: Phase<S::Message>,
    retry: Retry,
    /// How often in a row it broke off without progress.
    tries: u32,
    /// Why it broke off last, until a message comes.
    lost: Option<Error>,
    /// What has come and is told behind `Restored`.
    held: Option<S::Message>,
}

enum Phase<M> {
    Waiting,
    /// Kept, so that whoever looks away meanwhile does not begin it anew.
    Opening(Opening<M>),
    Open(Messages<M>),
    Ended(Error),
}

impl<S: Source> Resumed<S> {
    /// It is opened when something is first asked of it.
    pub(crate) fn new(client: Client, source: S) -> Self {
        let retry = Retry::new();
        Self { client, source, phase: Phase::Waiting, retry, tries: 0, lost: None, held: None }
    }

    /// Why the stream is lost, while it is.
    pub(crate) fn lost(&self) -> Option<&Error> {
        self.lost.as_ref()
    }

    /// What comes next. Dropping the future loses nothing: what it was waiting for goes on.
    ///
    /// # Errors
    /// The final error, again at every later call.
    pub(crate) async fn next(&mut self) -> Result<Came<S::Message>, Error> {
        if let Some(message) = self.held.take() {
            return Ok(Came::Message(message));
        }
        loop {
            let error = match &mut self.phase {
                Phase::Waiting => {
                    self.retry.pause().await;
                    self.phase = Phase::Opening(self.source.open(&self.client));
                    continue;
                }
                Phase::Opening(opening) => match opening.await {
                    Ok(messages) => {
                        self.phase = Phase::Open(messages);
                        continue;
                    }
                    Err(error) => error,
                },
                Phase::Open(messages) => match messages.next().await {
                    Some(Ok(message)) => return Ok(self.heard(message)),
                    Some(Err(status)) => self.client.error(&status),
                    None => Error::ended(),
                },
                Phase::Ended(error) => return Err(error.clone()),
            };
            if let Some(error) = self.failed(error)? {
                return Ok(Came::Lost(error));
            }
        }
    }

    fn heard(&mut self, message: S::Message) -> Came<S::Message> {
        self.retry.admitted();
        if self.source.heard(&message) == Heard::Progress {
            self.retry.progressed();
            self.tries = 0;
        }
        if self.lost.take().is_none() {
            return Came::Message(message);
        }
        self.held = Some(message);
        Came::Restored
    }

    /// What is to be told of an error, if it is not final.
    fn failed(&mut self, error: Error) -> Result<Option<Error>, Error> {
        self.tries += 1;
        let after = self.source.after(&error);
        let is_over = match after {
            After::Retry | After::RetryAloud => self.source.tries().is_some_and(|most| self.tries > most),
            After::Stop => !self.retry.renews(&self.client, &error),
            After::Final => true,
        };
        if is_over {
            self.phase = Phase::Ended(error.clone());
            return Err(error);
        }
        self.retry.put_off(&error);
        self.phase = Phase::Waiting;
        let is_told = self.lost.replace(error.clone()).is_some() && after != After::RetryAloud;
        Ok((!is_told).then_some(error))
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Resumed<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Waiting => "waiting",
            Phase::Opening(_) => "opening",
            Phase::Open(_) => "open",
            Phase::Ended(_) => "ended",
        };
        formatter.debug_struct("Resumed").field("source", &self.source).field("phase", &phase).finish_non_exhaustive()
    }
}

//! Following a diagnosis.

use std::time::Duration;

use daymark_proto::v1::{Filter, WatchDiagnosisResponse};
use tonic::Streaming;

use crate::backoff::Backoff;
use crate::{Client, Error, Recovery, recovery};

/// A diagnosis that is followed. After a break the first message is the whole of it again, and
/// does not say what is gone meanwhile.
#[derive(Debug)]
pub struct DiagnosisWatch {
    client: Client,
    filter: Filter,
    stream: Option<Streaming<WatchDiagnosisResponse>>,
    backoff: Backoff,
    /// How long to wait before it is opened again.
    pause: Duration,
    /// Whether the daemon has taken the credentials since they were last renewed.
    admitted: bool,
}

/// What following a diagnosis brings.
#[derive(Debug)]
pub enum DiagnosisEvent {
    /// It differs from the one before.
    Told(Box<WatchDiagnosisResponse>),
    /// The stream broke off; it will be opened again.
    Lost(Error),
}

impl DiagnosisWatch {
    pub(crate) fn new(client: Client, filter: Filter) -> Self {
        Self { client, filter, stream: None, backoff: Backoff::new(), pause: Duration::ZERO, admitted: false }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if there is no such object any more.
    pub async fn next(&mut self) -> Result<DiagnosisEvent, Error> {
        if self.stream.is_none() {
            tokio::time::sleep(self.pause).await;
            match self.client.open_diagnosis_watch(self.filter.clone()).await {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => return self.lost(error),
            }
        }
        let Some(stream) = &mut self.stream else { return self.lost(Error::ended()) };
        match stream.message().await {
            Ok(Some(message)) => {
                self.backoff.reset();
                self.admitted = true;
                Ok(DiagnosisEvent::Told(Box::new(message)))
            }
            Ok(None) => self.lost(Error::ended()),
            Err(status) => {
                let error = self.client.error(&status);
                self.lost(error)
            }
        }
    }

    fn lost(&mut self, error: Error) -> Result<DiagnosisEvent, Error> {
        self.stream = None;
        // Credentials may have expired; the next try has others, and is the only one.
        if recovery(&error) == Recovery::Stop && (!std::mem::take(&mut self.admitted) || !self.client.renews(&error)) {
            return Err(error);
        }
        self.pause = self.backoff.step();
        Ok(DiagnosisEvent::Lost(error))
    }
}

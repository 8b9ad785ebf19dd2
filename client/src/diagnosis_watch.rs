//! Following a diagnosis.

use daymark_proto::v1::{Filter, WatchDiagnosisResponse};
use tonic::Streaming;

use crate::retry::Retry;
use crate::{Client, Error};

/// A diagnosis that is followed. After a break the first message is the whole of it again, and
/// does not say what is gone meanwhile.
#[derive(Debug)]
pub struct DiagnosisWatch {
    client: Client,
    filter: Filter,
    stream: Option<Streaming<WatchDiagnosisResponse>>,
    retry: Retry,
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
        Self { client, filter, stream: None, retry: Retry::new() }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if there is no such object any more.
    pub async fn next(&mut self) -> Result<DiagnosisEvent, Error> {
        if self.stream.is_none() {
            self.retry.pause().await;
            match self.client.open_diagnosis_watch(self.filter.clone()).await {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => return self.lost(error),
            }
        }
        let Some(stream) = &mut self.stream else { return self.lost(Error::ended()) };
        match stream.message().await {
            Ok(Some(message)) => {
                self.retry.came();
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
        self.retry.lost(&self.client, error).map(DiagnosisEvent::Lost)
    }
}

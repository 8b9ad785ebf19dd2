//! Following a diagnosis.

use daymark_proto::v1::{Filter, WatchDiagnosisResponse};

use crate::reopened::{Came, Reopened};
use crate::{Client, Error};

/// A diagnosis that is followed. After a break the first message is the whole of it again, and
/// does not say what is gone meanwhile.
#[derive(Debug)]
pub struct DiagnosisWatch {
    filter: Filter,
    stream: Reopened<WatchDiagnosisResponse>,
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
        Self { filter, stream: Reopened::new(client) }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting: `NOT_FOUND`, if there is no such object any more.
    pub async fn next(&mut self) -> Result<DiagnosisEvent, Error> {
        let filter = &self.filter;
        let came = self.stream.next(async |client| client.open_diagnosis_watch(filter.clone()).await).await?;
        Ok(match came {
            Came::Message(message) => DiagnosisEvent::Told(Box::new(message)),
            Came::Lost(error) => DiagnosisEvent::Lost(error),
        })
    }
}

//! A stream's place in the log.

use std::sync::Arc;

use tokio::sync::watch;

use super::Interruption;
use super::batch::{Batch, Piece};
use super::group::{Group, Reading};
use crate::event_log::{Next, Revision};

/// A stream's place in the log.
///
/// Nothing is queued for it while it does not read: it finds what it has missed
/// in the log, without what is outdated.
pub struct Feed {
    group: Arc<Group>,
    news: watch::Receiver<Revision>,
    /// Up to here it was told, but for what is being told.
    at: Revision,
    /// What is being read for it: kept, though nobody waits for a while.
    reading: Option<Reading>,
    telling: Option<Portion>,
}

/// A piece of a batch, to be told next.
#[derive(Clone, Debug)]
pub struct Portion {
    batch: Arc<Batch>,
    number: usize,
}

impl Portion {
    /// The piece.
    #[must_use]
    pub fn piece(&self) -> &Piece {
        self.batch.piece(self.number)
    }
}

impl Feed {
    /// What the group wants after `after`.
    #[must_use]
    pub fn new(group: Arc<Group>, after: Revision) -> Self {
        let news = group.listen();
        Self { group, news, at: after, reading: None, telling: None }
    }

    /// What is to be told next, when there is something. Dropping the future
    /// loses nothing.
    ///
    /// # Errors
    /// If the log has dropped entries that were not read yet, or what is wanted
    /// cannot be told.
    pub async fn next(&mut self) -> Result<Portion, Interruption> {
        loop {
            if let Some(portion) = self.pop() {
                return Ok(portion);
            }
            self.news.mark_unchanged();
            if !self.read().await? && self.news.changed().await.is_err() {
                // The group lives for as long as this.
                std::future::pending().await
            }
        }
    }

    /// What is to be told next, if it was read already.
    pub fn pop(&mut self) -> Option<Portion> {
        let telling = self.telling.take()?;
        if telling.number + 1 < telling.batch.len() {
            self.telling = Some(Portion { batch: Arc::clone(&telling.batch), number: telling.number + 1 });
        } else {
            self.at = telling.batch.to;
        }
        Some(telling)
    }

    /// Up to where everything was handed out; `None` while something that was
    /// read is still to be.
    #[must_use]
    pub fn handed_out_to(&self) -> Option<Revision> {
        self.telling.is_none().then_some(self.at)
    }

    /// Whether everything up to `revision` was handed out; reads on if not.
    ///
    /// # Errors
    /// If the log has dropped entries that were not read yet, or what is wanted
    /// cannot be told.
    pub async fn reaches(&mut self, revision: Revision) -> Result<bool, Interruption> {
        while self.telling.is_none() && self.at < revision && self.read().await? {}
        Ok(self.telling.is_none())
    }

    /// Goes on after a snapshot.
    pub fn skip_to(&mut self, revision: Revision) {
        (self.reading, self.telling) = (None, None);
        self.at = revision;
    }

    /// Reads on; says whether there may be more.
    async fn read(&mut self) -> Result<bool, Interruption> {
        if self.reading.is_none() {
            match self.group.read(self.at) {
                Next::Nothing(head) => {
                    self.at = head;
                    return Ok(false);
                }
                Next::After(reading) => self.reading = Some(reading),
            }
        }
        let Some(reading) = &self.reading else { return Ok(false) };
        let read = reading.clone().await;
        self.reading = None;
        let batch = read?;
        if batch.is_empty() {
            self.at = batch.to;
        } else {
            self.telling = Some(Portion { batch, number: 0 });
        }
        Ok(true)
    }
}

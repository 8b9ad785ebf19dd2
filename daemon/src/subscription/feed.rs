//! A stream's place in the log.

use std::sync::Arc;

use tokio::sync::watch;

use super::Interruption;
use super::batch::Batch;
use super::group::{Following, Group, Slot};
use crate::event_log::Revision;

/// A stream's place in the log.
///
/// Nothing is queued for it while it does not read: it finds what it has missed
/// in the log, without what is outdated.
pub struct Feed {
    group: Arc<Group>,
    news: watch::Receiver<Revision>,
    /// Up to here it was told, but for what is being told.
    at: Revision,
    telling: Option<Portion>,
}

/// A piece of a batch, to be told next.
#[derive(Clone, Debug)]
pub struct Portion {
    slot: Arc<Slot>,
    number: usize,
}

impl Portion {
    /// The piece: its batch, and its number in it.
    #[must_use]
    pub fn piece(&self) -> Option<(&Batch, usize)> {
        self.batch().map(|batch| (batch, self.number))
    }

    fn batch(&self) -> Option<&Batch> {
        self.slot.get()?.as_ref().ok()
    }
}

impl Feed {
    /// What the group wants after `after`.
    #[must_use]
    pub fn new(group: Arc<Group>, after: Revision) -> Self {
        let news = group.listen();
        Self { group, news, at: after, telling: None }
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
        let batch = telling.batch()?;
        if telling.number + 1 < batch.pieces() {
            self.telling = Some(Portion { slot: Arc::clone(&telling.slot), number: telling.number + 1 });
        } else {
            self.at = batch.to;
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
        self.telling = None;
        self.at = revision;
    }

    /// Reads on; says whether there may be more.
    async fn read(&mut self) -> Result<bool, Interruption> {
        match self.group.read(self.at).await {
            Following::Nothing(head) => {
                self.at = head;
                Ok(false)
            }
            Following::Batch(slot) => {
                match slot.get() {
                    Some(Ok(batch)) if batch.pieces() == 0 => self.at = batch.to,
                    Some(Err(interruption)) => return Err(interruption.clone()),
                    _ => self.telling = Some(Portion { slot, number: 0 }),
                }
                Ok(true)
            }
        }
    }
}

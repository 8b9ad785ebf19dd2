//! Objects whose state may have changed though they did not: others have.

use foldhash::HashSet;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::record::Key;

/// Objects that are to be judged again. Each is there once, however often it is
/// named.
#[derive(Debug, Default)]
pub struct Touched {
    again: Mutex<Again>,
    news: Notify,
}

/// What is to be judged again.
#[derive(Debug, Default)]
pub(super) struct Again {
    /// Everything.
    pub(super) all: bool,
    /// These.
    pub(super) keys: HashSet<Key>,
}

impl Touched {
    /// These are to be judged again, if they are there.
    pub fn some(&self, keys: impl IntoIterator<Item = Key>) {
        let mut again = self.again.lock();
        if !again.all {
            again.keys.extend(keys);
        }
        drop(again);
        self.news.notify_one();
    }

    /// Everything is to be judged again.
    pub fn all(&self) {
        *self.again.lock() = Again { all: true, keys: HashSet::default() };
        self.news.notify_one();
    }

    /// Returns when there may be something to be taken.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn take(&self) -> Again {
        std::mem::take(&mut self.again.lock())
    }
}

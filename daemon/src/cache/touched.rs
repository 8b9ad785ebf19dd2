//! Objects whose state may have changed though they did not: others have.

use foldhash::HashSet;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::record::Key;

/// Objects that are to be judged again. Each is there once, however often it is
/// named.
#[derive(Debug, Default)]
pub struct Touched {
    again: Mutex<Again>,
    news: Notify,
    judged: watch::Sender<u64>,
}

/// What is to be judged again.
#[derive(Debug, Default)]
pub(super) struct Again {
    /// Everything.
    pub(super) all: bool,
    /// These.
    pub(super) keys: HashSet<Key>,
    /// How often something was named, ever.
    pub(super) times: u64,
}

impl Again {
    pub(super) fn is_empty(&self) -> bool {
        !self.all && self.keys.is_empty()
    }
}

impl Touched {
    /// These are to be judged again, if they are there.
    pub fn some(&self, keys: impl IntoIterator<Item = Key>) {
        self.touch(|again| {
            if !again.all {
                again.keys.extend(keys);
            }
        });
    }

    /// Everything is to be judged again.
    pub fn all(&self) {
        self.touch(|again| {
            again.all = true;
            again.keys.clear();
        });
    }

    /// Returns once everything is judged that was named so far.
    pub async fn settled(&self) {
        let named = self.again.lock().times;
        let mut judged = self.judged.subscribe();
        // An error means that the daemon ends, and the caller with it.
        let _ended = judged.wait_for(|judged| *judged >= named).await;
    }

    fn touch(&self, name: impl FnOnce(&mut Again)) {
        let mut again = self.again.lock();
        again.times += 1;
        name(&mut again);
        drop(again);
        self.news.notify_one();
    }

    /// Returns when there may be something to be taken.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn take(&self) -> Again {
        let mut again = self.again.lock();
        let times = again.times;
        std::mem::replace(&mut *again, Again { times, ..Again::default() })
    }

    /// What was taken is judged.
    pub(super) fn is_judged(&self, taken: &Again) {
        self.judged.send_replace(taken.times);
    }
}

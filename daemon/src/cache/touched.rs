//! Objects whose state may have changed though they did not: others have.

use foldhash::HashSet;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::record::{Key, Link};

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
    /// What has these links when it is judged.
    pub(super) links: HashSet<Link>,
    /// How often something was named, ever.
    pub(super) times: u64,
}

impl Touched {
    /// That one is to be judged again, if it is there.
    pub fn one(&self, key: Key) {
        self.touch(|again| {
            again.keys.insert(key);
        });
    }

    /// What has that link is to be judged again.
    pub fn linked(&self, link: Link) {
        self.touch(|again| {
            again.links.insert(link);
        });
    }

    /// Everything is to be judged again.
    pub fn all(&self) {
        self.touch(|again| again.all = true);
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
        if again.all {
            again.keys.clear();
            again.links.clear();
        }
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

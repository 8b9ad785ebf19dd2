//! Eyes on what an operation waits for: they tell when to look again, not what there is to see.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::select_all;

use crate::event_log::EventLog;
use crate::subscription::{Feed, Groups, Interruption, Selection};

/// Eyes on several selections.
pub struct Eyes {
    log: Arc<EventLog>,
    feeds: Vec<Feed>,
}

impl fmt::Debug for Eyes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eyes").field("feeds", &self.feeds.len()).finish_non_exhaustive()
    }
}

impl Eyes {
    /// Eyes on these, from now on.
    #[must_use]
    pub fn on(log: &Arc<EventLog>, groups: &Groups, selections: Vec<Selection>) -> Self {
        let after = log.head();
        let feed = |selection| Feed::new(groups.join(log, selection), after);
        Self { log: Arc::clone(log), feeds: selections.into_iter().map(feed).collect() }
    }

    /// Resolves when something has changed in one of them, and says in which. Dropping the future
    /// loses nothing.
    pub async fn changed(&mut self) -> usize {
        if self.feeds.is_empty() {
            return std::future::pending().await;
        }
        let each = self.feeds.iter_mut().map(|feed| feed.next().boxed());
        let (seen, place, _) = select_all(each).await;
        let seen = seen.map(|_| ());
        if let Some(feed) = self.feeds.get_mut(place) {
            match seen {
                // A log that has moved on is as good a sign.
                Err(Interruption::Expired) => feed.skip_to(self.log.head()),
                Ok(()) | Err(Interruption::Predicate(_)) => while feed.pop().is_some() {},
            }
        }
        place
    }
}

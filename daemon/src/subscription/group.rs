//! Streams that want the same: what they are told is found out once.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Interruption;
use super::batch::{Batch, Gathering};
use super::selection::{Identity, Selection};
use crate::event_log::{EventLog, Next, Revision, Subscription};

/// Revisions that are looked at together. Batches end at its multiples, so that
/// streams that lag come to the same ones.
const WINDOW: Revision = 1024;
/// Batches that are found again while somebody is being told them.
const RECENT: usize = 16;

/// Streams that want the same.
pub struct Group {
    selection: Arc<Selection>,
    subscription: Arc<Subscription>,
    recent: Mutex<Recent>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("selection", &self.selection).finish_non_exhaustive()
    }
}

/// What is being read, or was, with whoever waits for it: any of them brings it on.
pub(super) type Reading = Shared<BoxFuture<'static, Result<Arc<Batch>, Interruption>>>;
type WeakReading = WeakShared<BoxFuture<'static, Result<Arc<Batch>, Interruption>>>;

/// What was read last, by where it begins.
#[derive(Default)]
struct Recent {
    /// Kept for those of several streams who come to it next.
    newest: Option<Reading>,
    readings: VecDeque<(Revision, WeakReading)>,
}

impl Group {
    /// A group of its own.
    #[must_use]
    pub fn new(log: &Arc<EventLog>, selection: Arc<Selection>) -> Self {
        let subscription = Arc::new(log.subscribe(selection.topics(), Arc::clone(&selection) as _));
        Self { selection, subscription, recent: Mutex::default() }
    }

    /// What the streams want.
    #[must_use]
    pub fn selection(&self) -> &Arc<Selection> {
        &self.selection
    }

    pub(super) fn listen(&self) -> watch::Receiver<Revision> {
        self.subscription.listen()
    }

    /// What follows `after`. A batch may turn out to be empty.
    pub(super) fn read(&self, after: Revision) -> Next<Reading> {
        match self.subscription.next(after) {
            Next::Nothing(head) => Next::Nothing(head),
            Next::After(after) => Next::After(self.reading(after)),
        }
    }

    fn reading(&self, after: Revision) -> Reading {
        let mut recent = self.recent.lock();
        let known = recent.readings.iter().rev().find(|(begins, _)| *begins == after);
        // What failed is tried again.
        let known = known.and_then(|(_, reading)| reading.upgrade()).filter(|it| !matches!(it.peek(), Some(Err(_))));
        if let Some(known) = known {
            return known;
        }
        let (selection, subscription) = (Arc::clone(&self.selection), Arc::clone(&self.subscription));
        let reading = async move { read(&selection, &subscription, after).await.map(Arc::new) }.boxed().shared();
        recent.readings.retain(|(begins, _)| *begins != after);
        if let Some(weak) = reading.downgrade() {
            recent.readings.push_back((after, weak));
        }
        if recent.readings.len() > RECENT {
            recent.readings.pop_front();
        }
        recent.newest = self.subscription.is_shared().then(|| reading.clone());
        reading
    }
}

async fn read(selection: &Selection, subscription: &Subscription, after: Revision) -> Result<Batch, Interruption> {
    let until = (after / WINDOW + 1) * WINDOW;
    let (entries, to) = subscription.read(after, until)?;
    let deliveries = selection.deliveries(entries).await?;
    let Selection { with_bodies, every_version, history, .. } = *selection;
    Ok(Batch::new(deliveries, to, Gathering { with_bodies, every_version, history }))
}

/// The groups that there are.
#[derive(Debug, Default)]
pub struct Groups {
    by_identity: Mutex<HashMap<Identity, Weak<Group>>>,
}

impl Groups {
    /// The group of all who want `selection`.
    #[must_use]
    pub fn join(&self, log: &Arc<EventLog>, selection: Selection) -> Arc<Group> {
        let identity = selection.identity();
        let mut groups = self.by_identity.lock();
        if let Some(known) = groups.get(&identity).and_then(Weak::upgrade) {
            return known;
        }
        // Those that have ended go when the table would grow.
        if groups.len() == groups.capacity() {
            groups.retain(|_, group| group.strong_count() > 0);
        }
        let group = Arc::new(Group::new(log, Arc::new(selection)));
        groups.insert(identity, Arc::downgrade(&group));
        group
    }
}

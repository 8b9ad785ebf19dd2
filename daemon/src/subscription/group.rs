//! Streams that want the same: what they are told is found out once.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OnceCell, watch};

use super::Interruption;
use super::batch::Batch;
use super::conflate::conflate;
use super::selection::{Identity, Selection};
use crate::event_log::{EventLog, Revision, Subscription};

/// Revisions that are looked at together; among the changes in them, those that
/// a later one outdates are left out. Batches end at its multiples, so that
/// streams that lag come to the same ones.
const WINDOW: Revision = 1024;
/// Batches that are found again while somebody is being told them.
const RECENT: usize = 16;

/// Streams that want the same.
pub struct Group {
    selection: Arc<Selection>,
    subscription: Subscription,
    recent: Mutex<Recent>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("selection", &self.selection).finish_non_exhaustive()
    }
}

/// A batch, once it has been made.
pub(super) type Slot = OnceCell<Result<Batch, Interruption>>;

/// The batches that were made last, by where they begin.
#[derive(Default)]
struct Recent {
    /// Kept for those of several streams who come to it next.
    newest: Option<Arc<Slot>>,
    slots: VecDeque<(Revision, Weak<Slot>)>,
}

/// What follows a place in the log.
pub(super) enum Following {
    /// Nothing that is wanted, up to there.
    Nothing(Revision),
    /// This; it may turn out to be nothing.
    Batch(Arc<Slot>),
}

impl Group {
    /// A group of its own.
    #[must_use]
    pub fn new(log: &Arc<EventLog>, selection: Arc<Selection>) -> Self {
        let subscription = log.subscribe(selection.topics(), Arc::clone(&selection) as _);
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

    /// What follows `after`. The batch is initialized. Dropping the future loses
    /// nothing.
    pub(super) async fn read(&self, after: Revision) -> Following {
        match self.subscription.next(after) {
            Err(head) => Following::Nothing(head),
            Ok(after) => {
                let slot = self.slot(after);
                slot.get_or_init(|| self.make(after)).await;
                Following::Batch(slot)
            }
        }
    }

    fn slot(&self, after: Revision) -> Arc<Slot> {
        let mut recent = self.recent.lock();
        let known = recent.slots.iter().rev().find(|(begins, _)| *begins == after).and_then(|(_, slot)| slot.upgrade());
        if let Some(known) = known {
            return known;
        }
        let slot = Arc::<Slot>::default();
        recent.slots.push_back((after, Arc::downgrade(&slot)));
        if recent.slots.len() > RECENT {
            recent.slots.pop_front();
        }
        recent.newest = self.subscription.is_shared().then(|| Arc::clone(&slot));
        slot
    }

    async fn make(&self, after: Revision) -> Result<Batch, Interruption> {
        let until = (after / WINDOW + 1) * WINDOW;
        let (entries, to) = self.subscription.read(after, until)?;
        let Selection { every_version, history, with_bodies, .. } = *self.selection;
        let mut deliveries = self.selection.deliveries(entries).await?;
        if deliveries.len() > 1 && !history {
            deliveries = conflate(deliveries, every_version);
        }
        Ok(Batch::new(deliveries, to, with_bodies))
    }
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

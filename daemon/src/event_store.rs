//! What events have told, kept for longer than the API server keeps them, and when the
//! objects that they are about are gone.
//!
//! It holds the newest version of each event, within bounds of number, memory and age;
//! the namespace that has most makes room. A deletion by the API server, where events
//! expire, takes nothing out of it.

pub mod filter;
pub mod keeper;
mod kept;
pub mod lineage;
mod shelf;
mod subjects;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::watch;

use self::filter::{EventFilter, Namespaces};
pub use self::kept::{Kept, Place};
use self::lineage::Lineage;
use self::shelf::Shelf;
pub use self::shelf::{Dropped, Order, Step};
use crate::event_log::Revision;
use crate::record::{Happening, Record, Uid};

/// How long a reader waits for what the log tells to be in the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Events.
    pub events: usize,
    /// About how many bytes they may take up.
    pub bytes: usize,
    /// For how long after they have happened last; zero for none at all.
    pub age: Duration,
}

impl Default for Bounds {
    /// A day's, of a cluster that is not quiet.
    fn default() -> Self {
        Self { events: 50_000, bytes: 64 << 20, age: Duration::from_hours(24) }
    }
}

/// The events that are kept. Written by [`keeper::Keeper`], read by everyone.
#[derive(Debug)]
pub struct EventStore {
    bounds: Bounds,
    shelf: RwLock<Shelf>,
    /// The newest step.
    news: watch::Sender<Step>,
    /// Everything up to this revision of the log is here.
    taken: watch::Sender<Revision>,
}

impl EventStore {
    /// None yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let (news, taken) = (watch::Sender::default(), watch::Sender::default());
        Self { bounds, shelf: RwLock::new(Shelf::new(bounds)), news, taken }
    }

    /// Whether events are kept at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.bounds.age > Duration::ZERO && self.bounds.events > 0
    }

    /// Takes a version of an event in, unless it is no newer than the one that is kept, or
    /// too old. `lineage` says who owns what it is about, if that is not known yet.
    pub fn put(&self, record: &Arc<Record>, lineage: Option<Lineage>, now: Timestamp) {
        let newest = {
            let mut shelf = self.shelf.write();
            shelf.put(record, lineage, now);
            shelf.newest()
        };
        self.tell(newest);
    }

    /// It was found out who owns the object of that UID.
    pub fn learn(&self, subject: &Uid, lineage: Lineage) {
        let newest = {
            let mut shelf = self.shelf.write();
            shelf.learn(subject, lineage);
            shelf.newest()
        };
        self.tell(newest);
    }

    fn tell(&self, newest: Step) {
        self.news.send_if_modified(|told| std::mem::replace(told, newest) != newest);
    }

    /// Drops what has come of age, and says when that is to be done next.
    pub fn expire(&self, now: Timestamp) -> Option<Timestamp> {
        self.shelf.write().expire(now)
    }

    /// From then on no event is missing, but for what is dropped: some may be from before, while
    /// nobody followed them, or what was told of them was lost. `None` if they are not followed.
    pub fn is_followed(&self, since: Option<Timestamp>) {
        self.shelf.write().is_followed(since);
    }

    /// Everything up to `revision` of the log is here.
    pub fn is_at(&self, revision: Revision) {
        self.taken.send_if_modified(|taken| std::mem::replace(taken, revision) != revision);
    }

    /// Returns once everything up to `revision` of the log is here, or does not come soon.
    pub async fn reaches(&self, revision: Revision) {
        let mut taken = self.taken.subscribe();
        let reached = taken.wait_for(|taken| *taken >= revision);
        let _in_time = tokio::time::timeout(PATIENCE, reached).await.map(|reached| reached.map(drop));
    }

    /// The newest step.
    #[must_use]
    pub fn newest(&self) -> Step {
        self.shelf.read().newest()
    }

    /// Changes when there is a step that is newer.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<Step> {
        self.news.subscribe()
    }

    /// The next `most` events that are wanted, in that order from behind `after` on; of
    /// those that were known by step `until`.
    #[must_use]
    pub fn page(
        &self,
        filter: &EventFilter,
        order: Order,
        after: Option<Place>,
        until: Step,
        most: usize,
    ) -> Vec<Kept> {
        self.shelf.read().page(filter, order, after, until, most)
    }

    /// The next `most` events that are wanted, of those that have happened, or of which it
    /// is known that they are wanted, since step `after`. And the step up to which that is
    /// all.
    ///
    /// # Errors
    /// [`Dropped`] if some of them may be kept no longer.
    pub fn since(&self, filter: &EventFilter, after: Step, most: usize) -> Result<(Vec<Kept>, Step), Dropped> {
        self.shelf.read().since(filter, after, most)
    }

    /// Whether everything that these namespaces were told of after that step is still kept.
    #[must_use]
    pub fn holds(&self, namespaces: &Namespaces, after: Step) -> bool {
        self.shelf.read().holds(namespaces, after)
    }

    /// The events about the objects of these UIDs, in the order of when they happened last.
    #[must_use]
    pub fn of(&self, uids: &[Uid]) -> Vec<Kept> {
        self.shelf.read().of(uids)
    }

    /// Since when no event of these namespaces is missing; `None` while that is not known.
    #[must_use]
    pub fn complete_since(&self, namespaces: &Namespaces, now: Timestamp) -> Option<Timestamp> {
        self.shelf.read().complete_since(namespaces, now)
    }

    /// How many events are kept, and about how many bytes they take up.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        self.shelf.read().size()
    }

    /// Who owns the object of that UID, as far as that was told; it may be gone.
    #[must_use]
    pub fn lineage(&self, subject: &Uid) -> Option<Lineage> {
        self.shelf.read().lineage(subject)
    }

    /// Of each object whose owners were not found out, what an event tells of it.
    #[must_use]
    pub fn without_lineage(&self) -> Vec<Arc<Happening>> {
        self.shelf.read().without_lineage()
    }
}

//! A subscriber's place in the log.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::selection::Selection;
use crate::event_log::{CacheId, Entry, EventLog, Expired, Revision, Subscription};
use crate::record::{Key, Record};

/// Entries that are read from a ring at a time; among so many, those that a
/// later one outdates are left out.
const WINDOW: usize = 1024;

/// What a change is to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The object appeared, or began to be wanted.
    Entered,
    /// It changed.
    Changed,
    /// It exists, but is wanted no longer.
    Left,
    /// It was deleted.
    Deleted,
}

/// An entry, and what it is to the subscriber.
pub type Delivery = (Arc<Entry>, Relation);

/// A subscriber's place in the log.
///
/// Nothing is queued for it while it does not read: it finds what it has missed
/// in the log, without what is outdated.
pub struct Feed {
    selection: Arc<Selection>,
    subscription: Subscription,
    read_to: Revision,
    ready: VecDeque<Delivery>,
}

impl Feed {
    /// The wanted entries after `after`.
    #[must_use]
    pub fn new(log: &Arc<EventLog>, selection: Arc<Selection>, after: Revision) -> Self {
        let subscription = log.subscribe(selection.topics(), Arc::clone(&selection) as _);
        Self { selection, subscription, read_to: after, ready: VecDeque::new() }
    }

    /// The next wanted entry, when there is one. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// If the log has dropped entries that were not read yet.
    pub async fn next(&mut self) -> Result<Delivery, Expired> {
        loop {
            if let Some(next) = self.take_ready()? {
                return Ok(next);
            }
            self.subscription.news().await;
        }
    }

    /// The next wanted entry, if it was read already.
    pub fn pop(&mut self) -> Option<Delivery> {
        self.ready.pop_front()
    }

    /// The next wanted entry, if there is one.
    ///
    /// # Errors
    /// If the log has dropped entries that were not read yet.
    fn take_ready(&mut self) -> Result<Option<Delivery>, Expired> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Ok(Some(next));
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// Up to where every wanted entry was handed out; `None` while some that
    /// were read are still to be.
    #[must_use]
    pub fn handed_out_to(&self) -> Option<Revision> {
        self.ready.is_empty().then_some(self.read_to)
    }

    /// Whether everything up to `revision` was handed out; reads on if not.
    ///
    /// # Errors
    /// If the log has dropped entries that were not read yet.
    pub fn reaches(&mut self, revision: Revision) -> Result<bool, Expired> {
        while self.ready.is_empty() && self.read_to < revision {
            self.read()?;
        }
        Ok(self.ready.is_empty())
    }

    /// Goes on after a snapshot.
    pub fn skip_to(&mut self, revision: Revision) {
        self.ready.clear();
        self.read_to = revision;
    }

    /// Reads a batch; says whether that brought it on.
    fn read(&mut self) -> Result<bool, Expired> {
        let (entries, complete_to) = self.subscription.read(self.read_to, WINDOW)?;
        let advanced = complete_to > self.read_to;
        self.read_to = complete_to;
        let wanted = entries.into_iter().filter_map(|entry| {
            let relation = self.selection.relation(&entry)?;
            Some((entry, relation))
        });
        self.ready.extend(wanted);
        if self.ready.len() > 1 {
            conflate(&mut self.ready, self.selection.every_version);
        }
        Ok(advanced)
    }
}

/// A run of changes of one object of which only the last is kept.
struct Run {
    /// The last one's place among those that are kept.
    last: usize,
    /// What the object was before the first.
    before: Option<Arc<Record>>,
}

/// Leaves out each change that a later one of the same object outdates, and the
/// later one, too, if it goes back to what was before. What says that an object
/// is wanted, or no longer, stays: a reader that resumes in between must learn
/// of it.
fn conflate(ready: &mut VecDeque<Delivery>, every_version: bool) {
    let mut runs: HashMap<(CacheId, Key), Run> = HashMap::with_capacity(ready.len());
    // From the last to the first.
    let mut kept: Vec<Option<Delivery>> = Vec::with_capacity(ready.len());
    let mut outdated = Vec::new();
    while let Some((entry, relation)) = ready.pop_back() {
        let change = &entry.change;
        let Some(object) = change.record().map(|record| (entry.cache, record.key.clone())) else { continue };
        if relation != Relation::Changed {
            outdated.extend(runs.remove(&object));
            kept.push(Some((entry, relation)));
            continue;
        }
        match runs.get_mut(&object) {
            Some(run) => run.before.clone_from(&change.before),
            None => {
                runs.insert(object, Run { last: kept.len(), before: change.before.clone() });
                kept.push(Some((entry, relation)));
            }
        }
    }
    if !every_version {
        for Run { last, before } in outdated.into_iter().chain(runs.into_values()) {
            let after = kept[last].as_ref().and_then(|(entry, _)| entry.change.after.as_ref());
            if !before.zip(after).is_none_or(|(before, after)| after.differs(&before)) {
                kept[last] = None;
            }
        }
    }
    ready.extend(kept.into_iter().rev().flatten());
}

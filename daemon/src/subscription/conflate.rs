//! Leaving out what is outdated.

use std::sync::Arc;

use foldhash::HashMap;

use super::{Delivery, Relation};
use crate::event_log::CacheId;
use crate::record::{Key, Record};

/// A run of changes of one object of which only the last is kept.
struct Run {
    /// The last one's place.
    last: usize,
    /// What the object was before the first.
    before: Option<Arc<Record>>,
}

/// Leaves out each change that a later one of the same object outdates, and the
/// later one, too, if it goes back to what was before. What says that an object
/// is wanted, or no longer, stays: a reader that resumes in between must learn
/// of it.
pub(super) fn conflate(deliveries: Vec<Delivery>, every_version: bool) -> Vec<Delivery> {
    let mut runs: HashMap<(CacheId, &Key), Run> = HashMap::default();
    let mut ended = Vec::new();
    let mut keep = vec![true; deliveries.len()];
    for (place, (entry, relation)) in deliveries.iter().enumerate().rev() {
        let change = &entry.change;
        let Some(record) = change.record() else { continue };
        let object = (entry.cache, &record.key);
        if *relation != Relation::Changed {
            ended.extend(runs.remove(&object));
            continue;
        }
        match runs.get_mut(&object) {
            Some(run) => {
                run.before.clone_from(&change.before);
                keep[place] = false;
            }
            None => {
                runs.insert(object, Run { last: place, before: change.before.clone() });
            }
        }
    }
    if !every_version {
        for Run { last, before } in ended.into_iter().chain(runs.into_values()) {
            let after = deliveries[last].0.change.after.as_ref();
            keep[last] = before.zip(after).is_none_or(|(before, after)| after.differs(&before));
        }
    }
    let mut keep = keep.into_iter();
    deliveries.into_iter().filter(|_| keep.next().unwrap_or(true)).collect()
}

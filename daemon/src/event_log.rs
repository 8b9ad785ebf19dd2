//! The daemon's log of changes: one revision counter, one bounded ring per
//! cache, so that one cursor resumes a watch of several kinds.

pub mod cursor;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::object::Record;

/// A place in the log. Greater is later; 0 is before everything.
pub type Revision = u64;

/// Which ring of the log: the cache's place in the daemon's list of caches.
pub type CacheId = usize;

/// What happened to one object.
#[derive(Debug)]
pub struct Change {
    /// The version before, unless the object was created.
    pub before: Option<Arc<Record>>,
    /// The version after, unless the object was deleted.
    pub after: Option<Arc<Record>>,
    /// Whether state, reason, doom, progress or generation differ.
    pub state_changed: bool,
    /// When the cache took it up.
    pub at: Timestamp,
}

/// One change in its place in the log.
#[derive(Debug)]
pub struct Entry {
    /// Its place.
    pub revision: Revision,
    /// Whose change it is.
    pub cache: CacheId,
    /// What happened.
    pub change: Change,
    wire: [OnceLock<Bytes>; Entry::WIRE_FORMS],
    /// Forms that are too large to be kept for as long as the entry; `None`
    /// once they are kept no longer.
    large_wire: Mutex<Option<[Option<Bytes>; Entry::WIRE_FORMS]>>,
}

impl Entry {
    /// How many forms of an entry are kept.
    pub const WIRE_FORMS: usize = 8;
    /// A form of at most this many bytes is kept for as long as the entry.
    const SMALL: usize = 1024;

    fn new(revision: Revision, cache: CacheId, change: Change) -> Self {
        Self { revision, cache, change, wire: Default::default(), large_wire: Mutex::new(Some(Default::default())) }
    }

    /// The entry as sent to subscribers in one of its forms, encoded by the
    /// first who asks.
    ///
    /// `form` is less than [`Entry::WIRE_FORMS`] and always means the same.
    ///
    /// # Errors
    /// If `encode` fails.
    pub fn wire<E>(&self, form: usize, encode: impl FnOnce() -> Result<Bytes, E>) -> Result<Bytes, E> {
        if let Some(bytes) = self.wire[form].get() {
            return Ok(bytes.clone());
        }
        if let Some(bytes) = self.large_wire.lock().as_ref().and_then(|kept| kept[form].clone()) {
            return Ok(bytes);
        }
        let bytes = encode()?;
        if bytes.len() <= Self::SMALL {
            return Ok(self.wire[form].get_or_init(|| bytes).clone());
        }
        if let Some(kept) = self.large_wire.lock().as_mut() {
            kept[form] = Some(bytes.clone());
        }
        Ok(bytes)
    }

    fn forget_large_wire(&self) {
        *self.large_wire.lock() = None;
    }
}

/// The log.
#[derive(Debug)]
pub struct EventLog {
    rings: RwLock<Rings>,
    head: watch::Sender<Revision>,
    capacity: usize,
}

#[derive(Debug)]
struct Rings {
    head: Revision,
    by_cache: Vec<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    /// The newest revision that the ring has dropped.
    dropped: Revision,
}

/// The log no longer holds what follows a revision.
#[derive(Debug, PartialEq, Eq)]
pub struct Expired;

impl EventLog {
    /// A log of `caches` rings that hold `capacity` entries each.
    #[must_use]
    pub fn new(caches: usize, capacity: usize) -> Self {
        let by_cache = std::iter::repeat_with(Ring::default).take(caches).collect();
        Self { rings: RwLock::new(Rings { head: 0, by_cache }), head: watch::Sender::new(0), capacity }
    }

    /// Appends a change and returns its revision.
    pub fn append(&self, cache: CacheId, change: Change) -> Revision {
        let mut rings = self.rings.write();
        rings.head += 1;
        let revision = rings.head;
        let entry = Entry::new(revision, cache, change);
        rings.by_cache[cache].push(Arc::new(entry), self.capacity);
        // Within the lock, so that the head that is announced never goes back.
        self.head.send_replace(revision);
        revision
    }

    /// The revision of the newest entry.
    #[must_use]
    pub fn head(&self) -> Revision {
        self.rings.read().head
    }

    /// Tells the newest revision as it grows.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Revision> {
        self.head.subscribe()
    }

    /// The oldest entries of `caches` after `after`, in order, and the revision
    /// up to which they are complete; about `limit` per cache.
    ///
    /// # Errors
    /// [`Expired`] if some of them were dropped.
    pub fn read(
        &self,
        caches: &[CacheId],
        after: Revision,
        limit: usize,
    ) -> Result<(Vec<Arc<Entry>>, Revision), Expired> {
        let rings = self.rings.read();
        let mut entries = Vec::new();
        let mut complete_to = rings.head;
        for ring in caches.iter().map(|id| &rings.by_cache[*id]) {
            if ring.dropped > after {
                return Err(Expired);
            }
            let start = ring.entries.partition_point(|e| e.revision <= after);
            entries.extend(ring.entries.range(start..).take(limit).cloned());
            if ring.entries.len() - start > limit {
                complete_to = complete_to.min(ring.entries[start + limit - 1].revision);
            }
        }
        entries.retain(|e| e.revision <= complete_to);
        entries.sort_unstable_by_key(|e| e.revision);
        Ok((entries, complete_to))
    }
}

impl Ring {
    /// Of that many of its newest entries a ring keeps large forms: readers who
    /// keep up share them, others encode them anew.
    const LARGE_WIRE: usize = 256;

    fn push(&mut self, entry: Arc<Entry>, capacity: usize) {
        self.entries.push_back(entry);
        if let Some(old) = self.entries.len().checked_sub(Self::LARGE_WIRE + 1) {
            self.entries[old].forget_large_wire();
        }
        while self.entries.len() > capacity {
            if let Some(oldest) = self.entries.pop_front() {
                self.dropped = oldest.revision;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn append(log: &EventLog, cache: CacheId) -> Revision {
        log.append(cache, Change { before: None, after: None, state_changed: true, at: Timestamp::UNIX_EPOCH })
    }

    proptest! {
        /// Reading in steps of any size yields the model: every entry of the
        /// chosen caches once, in order.
        #[test]
        fn reads_are_complete_and_ordered(
            writes in proptest::collection::vec(0..3usize, 0..200),
            limit in 1..20usize,
            caches in proptest::sample::subsequence(vec![0usize, 1, 2], 1..=3),
        ) {
            let log = EventLog::new(3, 1000);
            let written: Vec<_> = writes.iter().map(|cache| (append(&log, *cache), *cache)).collect();
            let expected: Vec<_> = written.iter().filter(|(_, c)| caches.contains(c)).map(|(r, _)| *r).collect();
            let (mut read, mut at) = (Vec::new(), 0);
            while at < log.head() {
                let (entries, complete_to) = log.read(&caches, at, limit).unwrap();
                prop_assert!(complete_to > at);
                read.extend(entries.iter().map(|e| e.revision));
                at = complete_to;
            }
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn forms_are_encoded_once_and_large_ones_kept_by_the_newest_entries_only() {
        let log = EventLog::new(1, 1000);
        let first = append(&log, 0);
        let entry = log.read(&[0], first - 1, 1).unwrap().0.remove(0);
        let encoded = std::cell::Cell::new(0);
        let wire = |form: usize, size: usize| {
            let encode = || {
                encoded.set(encoded.get() + 1);
                Ok::<_, ()>(Bytes::from(vec![0; size]))
            };
            entry.wire(form, encode).unwrap().len()
        };
        assert_eq!((wire(0, 10), wire(0, 10), wire(1, 5000), wire(1, 5000)), (10, 10, 5000, 5000));
        assert_eq!(encoded.get(), 2);
        for _ in 0..Ring::LARGE_WIRE {
            append(&log, 0);
        }
        assert_eq!((wire(0, 10), wire(1, 5000), wire(1, 5000)), (10, 5000, 5000));
        assert_eq!(encoded.get(), 4);
    }

    #[test]
    fn what_was_dropped_is_expired_for_its_own_cache_only() {
        let log = EventLog::new(2, 2);
        let first = append(&log, 0);
        for _ in 0..2 {
            append(&log, 0);
        }
        assert_eq!(log.read(&[0], 0, 10).unwrap_err(), Expired);
        assert_eq!(log.read(&[0], first, 10).unwrap().0.len(), 2);
        assert_eq!(log.read(&[1], 0, 10).unwrap().1, log.head());
    }
}

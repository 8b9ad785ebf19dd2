//! The daemon's log of changes: one revision counter, one bounded ring per
//! cache, so that one cursor resumes a watch of several kinds.

pub mod cursor;
mod entry;
mod readers;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

pub use self::entry::{Change, Entry};
use self::readers::{Reader, Readers, Signal};
pub use self::readers::{Topic, Wants};

/// A place in the log. Greater is later; 0 is before everything.
pub type Revision = u64;

/// Which ring of the log; never used again.
pub type CacheId = u64;

/// The log.
pub struct EventLog {
    rings: RwLock<Rings>,
    capacity: usize,
}

#[derive(Default)]
struct Rings {
    head: Revision,
    by_cache: HashMap<CacheId, Ring>,
    caches: CacheId,
    readers: u64,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    /// The newest revision that the ring does not hold.
    dropped: Revision,
    readers: Readers,
}

/// The log no longer holds what follows a revision.
#[derive(Debug, PartialEq, Eq)]
pub struct Expired;

/// Entries in order, and the revision up to which they are complete.
pub type Batch = (Vec<Arc<Entry>>, Revision);

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLog").field("head", &self.head()).finish_non_exhaustive()
    }
}

impl EventLog {
    /// A log of rings that hold `capacity` entries each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { rings: RwLock::default(), capacity }
    }

    /// Opens a ring, for a cache that knows nothing of what was before: whoever
    /// has a cursor from before begins anew.
    #[must_use]
    pub fn open_ring(&self) -> CacheId {
        let mut rings = self.rings.write();
        rings.caches += 1;
        rings.head += 1;
        let (id, dropped) = (rings.caches, rings.head);
        rings.by_cache.insert(id, Ring { dropped, ..Ring::default() });
        id
    }

    /// Closes a ring: there is nothing to be read in it any more.
    pub fn close_ring(&self, cache: CacheId) {
        let mut wake = Vec::new();
        let mut rings = self.rings.write();
        rings.head += 1;
        let revision = rings.head;
        if let Some(ring) = rings.by_cache.remove(&cache) {
            ring.readers.note_all(revision, &mut wake);
        }
        drop(rings);
        wake.iter().for_each(|signal| signal.news.notify_one());
    }

    /// Appends a change, and wakes those who want it.
    pub fn append(&self, cache: CacheId, change: Change) {
        let mut wake = Vec::new();
        let mut rings = self.rings.write();
        rings.head += 1;
        let revision = rings.head;
        if let Some(ring) = rings.by_cache.get_mut(&cache) {
            let entry = Arc::new(Entry::new(revision, cache, change));
            ring.readers.note(&entry, &mut wake);
            ring.push(entry, self.capacity);
        }
        drop(rings);
        wake.iter().for_each(|signal| signal.news.notify_one());
    }

    /// Says that what a cache holds now was not logged: its readers begin anew.
    pub fn begin_anew(&self, cache: CacheId) {
        let mut wake = Vec::new();
        let mut rings = self.rings.write();
        rings.head += 1;
        let revision = rings.head;
        if let Some(ring) = rings.by_cache.get_mut(&cache) {
            ring.entries.clear();
            ring.dropped = revision;
            ring.readers.note_all(revision, &mut wake);
        }
        drop(rings);
        wake.iter().for_each(|signal| signal.news.notify_one());
    }

    /// The revision of the newest entry.
    #[must_use]
    pub fn head(&self) -> Revision {
        self.rings.read().head
    }

    /// The revision of a cache's newest change.
    #[must_use]
    pub fn last_of(&self, cache: CacheId) -> Revision {
        let rings = self.rings.read();
        rings.by_cache.get(&cache).map_or(rings.head, |ring| ring.entries.back().map_or(ring.dropped, |e| e.revision))
    }

    /// How many readers a cache's ring has.
    #[must_use]
    pub fn readers(&self, cache: CacheId) -> usize {
        self.rings.read().by_cache.get(&cache).map_or(0, |ring| ring.readers.count())
    }

    /// Begins to read: each ring by its topic.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, topics: Vec<(CacheId, Topic)>, wants: Arc<dyn Wants>) -> Subscription {
        let signal = Arc::<Signal>::default();
        let mut rings = self.rings.write();
        rings.readers += 1;
        let reader = Reader { id: rings.readers, signal, wants };
        for (cache, topic) in &topics {
            if let Some(ring) = rings.by_cache.get_mut(cache) {
                ring.readers.add(topic, &reader);
            }
        }
        // What is there already may be wanted, too.
        reader.signal.put_back(1);
        drop(rings);
        Subscription { log: Arc::clone(self), topics, reader }
    }

    /// The oldest entries of `caches` after `after`, in order, and the revision
    /// up to which they are complete; about `limit` per cache.
    ///
    /// # Errors
    /// [`Expired`] if some of them were dropped.
    pub fn read(&self, caches: &[CacheId], after: Revision, limit: usize) -> Result<Batch, Expired> {
        self.rings.read().read(caches.iter().copied(), after, limit)
    }
}

impl Rings {
    fn read(&self, caches: impl Iterator<Item = CacheId>, after: Revision, limit: usize) -> Result<Batch, Expired> {
        let mut entries = Vec::new();
        let mut complete_to = self.head;
        let mut rings = 0;
        for cache in caches {
            let ring = self.by_cache.get(&cache).filter(|ring| ring.dropped <= after).ok_or(Expired)?;
            rings += 1;
            let start = ring.entries.partition_point(|e| e.revision <= after);
            entries.extend(ring.entries.range(start..).take(limit).cloned());
            if ring.entries.len() - start > limit {
                complete_to = complete_to.min(ring.entries[start + limit - 1].revision);
            }
        }
        if rings > 1 {
            entries.retain(|e| e.revision <= complete_to);
            entries.sort_unstable_by_key(|e| e.revision);
        }
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

/// A reader of some rings. It ends when dropped.
pub struct Subscription {
    log: Arc<EventLog>,
    topics: Vec<(CacheId, Topic)>,
    reader: Reader,
}

impl Subscription {
    /// Returns when there may be something that was not read. Dropping the
    /// future loses nothing.
    pub async fn news(&self) {
        self.reader.signal.news.notified().await;
    }

    /// The oldest entries after `after`, among them every wanted one, in order,
    /// and the revision up to which that is so; about `limit` per ring.
    ///
    /// # Errors
    /// [`Expired`] if some of them were dropped.
    pub fn read(&self, after: Revision, limit: usize) -> Result<Batch, Expired> {
        let rings = self.log.rings.read();
        let Some(unread) = self.reader.signal.take() else {
            // Nothing that is wanted came since the last reading.
            return Ok((Vec::new(), rings.head.max(after)));
        };
        // What is before it is not wanted, and need not be there any more.
        let after = after.max(unread - 1);
        let read = rings.read(self.topics.iter().map(|(cache, _)| *cache), after, limit);
        match &read {
            Ok((_, complete_to)) if *complete_to < rings.head => self.reader.signal.put_back(complete_to + 1),
            Ok(_) => {}
            // It stays so until the reader has begun anew.
            Err(Expired) => self.reader.signal.put_back(unread),
        }
        read
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut rings = self.log.rings.write();
        for (cache, topic) in &self.topics {
            if let Some(ring) = rings.by_cache.get_mut(cache) {
                ring.readers.remove(topic, self.reader.id);
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! The daemon's log of changes: one revision counter, one bounded ring per
//! cache, so that one cursor resumes a watch of several kinds.

mod account;
pub mod cursor;
mod entry;
mod news;
mod readers;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::watch;

use self::account::Account;
pub use self::entry::{Change, Entry};
use self::news::{News, Wanting};
use self::readers::{Reader, Readers};
pub use self::readers::{Topic, Wants};

/// A place in the log. Greater is later; 0 is before everything.
pub type Revision = u64;

/// Which ring of the log; never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheId(u64);

/// The log.
pub struct EventLog {
    rings: RwLock<Rings>,
    capacity: Capacity,
}

/// What a ring may hold: whichever is reached first.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// That many entries.
    pub entries: usize,
    /// About that many bytes of objects' versions, and of small ones as they were sent; a quarter as much
    /// again of large ones. The newest entry is kept, whatever its size.
    pub bytes: usize,
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
    /// What the versions take up that they hold.
    bytes: usize,
    /// And what was encoded of them.
    account: Arc<Account>,
    /// The newest revision that the ring does not hold.
    dropped: Revision,
    readers: Readers,
}

/// The log no longer holds what follows a revision.
#[derive(Debug, PartialEq, Eq)]
pub struct Expired;

/// What follows a place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Nothing that is wanted, up to there.
    Nothing(Revision),
    /// Something.
    After(T),
}

/// Entries in order, and the revision up to which they are complete.
pub type Stretch = (Vec<Arc<Entry>>, Revision);

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLog").field("head", &self.head()).finish_non_exhaustive()
    }
}

impl EventLog {
    /// A log whose rings hold so much each.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self { rings: RwLock::default(), capacity }
    }

    /// Opens a ring, for a cache that knows nothing of what was before: whoever
    /// has a cursor from before begins anew.
    #[must_use]
    pub fn open_ring(&self) -> CacheId {
        let mut rings = self.rings.write();
        rings.caches.0 += 1;
        rings.head += 1;
        let (id, dropped, account) = (rings.caches, rings.head, Arc::new(Account::new(self.capacity.bytes)));
        rings.by_cache.insert(id, Ring { dropped, account, ..Ring::default() });
        id
    }

    /// Closes a ring: there is nothing to be read in it any more.
    pub fn close_ring(&self, cache: CacheId) {
        self.advance(|rings, revision, wake| {
            if let Some(ring) = rings.by_cache.remove(&cache) {
                ring.readers.note_all(revision, wake);
            }
        });
    }

    /// Appends a change, and wakes those who want it.
    pub fn append(&self, cache: CacheId, change: Change) {
        self.advance(|rings, revision, wake| {
            if let Some(ring) = rings.by_cache.get_mut(&cache) {
                let entry = Arc::new(Entry::new(revision, cache, change, &ring.account));
                ring.readers.note(&entry, wake);
                ring.push(entry, self.capacity);
            }
        });
    }

    /// Says that what a cache holds now was not logged: its readers begin anew.
    pub fn begin_anew(&self, cache: CacheId) {
        self.advance(|rings, revision, wake| {
            if let Some(ring) = rings.by_cache.get_mut(&cache) {
                ring.entries.drain(..).for_each(|entry| entry.leave());
                ring.bytes = 0;
                ring.dropped = revision;
                ring.readers.note_all(revision, wake);
            }
        });
    }

    /// Notes that changes of a cache may have been missed, besides those that were
    /// appended last.
    pub fn note_gap(&self, cache: CacheId, at: Timestamp) {
        self.advance(|rings, revision, wake| {
            if let Some(ring) = rings.by_cache.get_mut(&cache) {
                let gap = Change { before: None, after: None, state_changed: false, at };
                let entry = Entry::new(revision, cache, gap, &ring.account);
                ring.push(Arc::new(entry), self.capacity);
                ring.readers.note_all(revision, wake);
            }
        });
    }

    /// Goes on to the next revision, with what belongs to it, and wakes whom that
    /// concerns: not while the log is held, because there may be many.
    fn advance(&self, step: impl FnOnce(&mut Rings, Revision, &mut Vec<Arc<News>>)) {
        let mut wake = Vec::new();
        let mut rings = self.rings.write();
        rings.head += 1;
        let revision = rings.head;
        step(&mut rings, revision, &mut wake);
        drop(rings);
        wake.iter().for_each(|news| news.tell());
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

    /// About how many bytes a cache's ring takes up.
    #[must_use]
    pub fn bytes(&self, cache: CacheId) -> usize {
        self.rings.read().by_cache.get(&cache).map_or(0, |ring| ring.bytes + ring.account.all())
    }

    /// How many streams read a cache's ring.
    #[must_use]
    pub fn streams(&self, cache: CacheId) -> usize {
        self.rings.read().by_cache.get(&cache).map_or(0, |ring| ring.readers.streams())
    }

    /// Begins to read: each ring by its topic.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, topics: Vec<(CacheId, Topic)>, wants: Arc<dyn Wants>) -> Subscription {
        let mut rings = self.rings.write();
        rings.readers += 1;
        let reader = Reader { id: rings.readers, news: Arc::new(News::since(rings.head)), wants };
        for (cache, topic) in &topics {
            if let Some(ring) = rings.by_cache.get_mut(cache) {
                ring.readers.add(topic, &reader);
            }
        }
        drop(rings);
        Subscription { log: Arc::clone(self), topics, reader }
    }

    /// Whether everything after `after` is there to be read of these caches.
    #[must_use]
    pub fn holds(&self, caches: &[CacheId], after: Revision) -> bool {
        let rings = self.rings.read();
        caches.iter().all(|cache| rings.by_cache.get(cache).is_some_and(|ring| ring.dropped <= after))
    }

    /// The entries of `caches` after `after` and up to `until`, in order, and
    /// the revision up to which they are complete.
    ///
    /// # Errors
    /// [`Expired`] if some of them were dropped.
    pub fn read(&self, caches: &[CacheId], after: Revision, until: Revision) -> Result<Stretch, Expired> {
        self.rings.read().read(caches.iter().copied(), after, until)
    }
}

impl Rings {
    /// The first entry behind `after`, if there is one.
    fn first(&self, caches: impl Iterator<Item = CacheId>, after: Revision) -> Result<Option<Revision>, Expired> {
        let mut first = None;
        for cache in caches {
            let ring = self.by_cache.get(&cache).filter(|ring| ring.dropped <= after).ok_or(Expired)?;
            let place = ring.entries.partition_point(|entry| entry.revision <= after);
            let entry = ring.entries.get(place).map(|entry| entry.revision);
            first = first.into_iter().chain(entry).min();
        }
        Ok(first)
    }

    fn read(
        &self,
        caches: impl Iterator<Item = CacheId>,
        after: Revision,
        until: Revision,
    ) -> Result<Stretch, Expired> {
        let mut entries = Vec::new();
        let mut rings = 0;
        for cache in caches {
            let ring = self.by_cache.get(&cache).filter(|ring| ring.dropped <= after).ok_or(Expired)?;
            rings += 1;
            let place = |revision: Revision| ring.entries.partition_point(|e| e.revision <= revision);
            entries.extend(ring.entries.range(place(after)..place(until.max(after))).cloned());
        }
        if rings > 1 {
            entries.sort_unstable_by_key(|e| e.revision);
        }
        Ok((entries, until.min(self.head).max(after)))
    }
}

impl Ring {
    /// Of no more than that many of its newest entries a ring keeps large forms, and of fewer
    /// where these take up much: readers who keep up share them, others encode them anew.
    const LARGE_WIRE: usize = 256;

    fn push(&mut self, entry: Arc<Entry>, capacity: Capacity) {
        self.bytes += entry.size();
        self.entries.push_back(entry);
        if let Some(old) = self.entries.len().checked_sub(Self::LARGE_WIRE + 1) {
            self.entries[old].forget_large_wire();
        }
        let newest = self.entries.len().saturating_sub(Self::LARGE_WIRE)..self.entries.len() - 1;
        for entry in self.entries.range(newest) {
            if !self.account.is_filling() {
                break;
            }
            entry.forget_large_wire();
        }
        while self.entries.len() > capacity.entries
            || (self.bytes.saturating_add(self.account.small()) > capacity.bytes && self.entries.len() > 1)
        {
            if let Some(oldest) = self.entries.pop_front() {
                oldest.leave();
                self.bytes -= oldest.size();
                self.dropped = oldest.revision;
            }
        }
    }
}

/// A reader of some rings, for any number of streams that are at different
/// places. It ends when dropped.
pub struct Subscription {
    log: Arc<EventLog>,
    topics: Vec<(CacheId, Topic)>,
    reader: Reader,
}

impl Subscription {
    /// Changes when there may be something that was not read.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<Revision> {
        self.reader.news.listen()
    }

    /// Whether several streams read.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.reader.news.listeners() > 1
    }

    /// Where to read on behind `after`: nothing is wanted between the two.
    #[must_use]
    pub fn next(&self, after: Revision) -> Next<Revision> {
        let rings = self.log.rings.read();
        let entry = match self.reader.news.next(after) {
            Wanting::Entry(revision) => Some(revision),
            Wanting::Nothing => None,
            // The first there is; what was dropped before is told by reading.
            Wanting::Unknown => match rings.first(self.caches(), after) {
                Ok(first) => first,
                Err(Expired) => return Next::After(after),
            },
        };
        entry.map_or(Next::Nothing(rings.head.max(after)), |entry| Next::After(entry - 1))
    }

    fn caches(&self) -> impl Iterator<Item = CacheId> {
        self.topics.iter().map(|(cache, _)| *cache)
    }

    /// The entries after `after` and up to `until`, among them every wanted one,
    /// in order, and the revision up to which that is so.
    ///
    /// # Errors
    /// [`Expired`] if some of them were dropped.
    pub fn read(&self, after: Revision, until: Revision) -> Result<Stretch, Expired> {
        self.log.rings.read().read(self.caches(), after, until)
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

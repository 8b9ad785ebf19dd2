//! What the server was asked.

use std::sync::atomic::{AtomicU64, Ordering};

use super::query::Verb;

/// Requests by verb, and bytes of answers' bodies.
#[derive(Default)]
pub struct Counts {
    verbs: [AtomicU64; Verb::ALL.len()],
    pods_listed: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    pub(super) fn add(&self, verb: Verb) {
        self.verbs[verb as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A list of all pods was begun, as pages or as a WatchList.
    pub(super) fn add_pods_listed(&self) {
        self.pods_listed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn reset(&self) {
        for count in self.verbs.iter().chain([&self.pods_listed, &self.bytes]) {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.verbs.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// How often the whole of the pods was asked for: first pages of lists, and
    /// WatchLists.
    pub fn pods_listed(&self) -> u64 {
        self.pods_listed.load(Ordering::Relaxed)
    }

    /// Single objects that were asked for.
    pub fn gets(&self) -> u64 {
        self.verbs[Verb::Get as usize].load(Ordering::Relaxed)
    }

    /// Watches that were begun, of either sort.
    pub fn watches(&self) -> u64 {
        [Verb::Watch, Verb::WatchList].iter().map(|verb| self.verbs[*verb as usize].load(Ordering::Relaxed)).sum()
    }

    /// Bytes of bodies.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Such as `4 list, 4 watch`; verbs that were not asked for are left out.
impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verbs = Verb::ALL.iter().zip(&self.verbs).map(|(verb, count)| (verb, count.load(Ordering::Relaxed)));
        let parts: Vec<_> =
            verbs.filter(|(_, count)| *count > 0).map(|(verb, count)| format!("{count} {verb}")).collect();
        if parts.is_empty() { f.write_str("none") } else { f.write_str(&parts.join(", ")) }
    }
}

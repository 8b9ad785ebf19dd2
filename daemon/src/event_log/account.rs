//! What encoded changes take up, which are kept for other streams.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Of so many times as much as its changes a ring keeps large forms.
const PART: usize = 4;

/// What the forms of a ring's entries take up, in bytes: readers add to it, and the ring takes off.
#[derive(Debug, Default)]
pub(super) struct Account {
    small: AtomicUsize,
    large: AtomicUsize,
    most_large: usize,
}

impl Account {
    /// Of a ring whose changes may take up so much.
    pub(super) fn new(bytes: usize) -> Self {
        Self { most_large: bytes / PART, ..Self::default() }
    }

    pub(super) fn small(&self) -> usize {
        self.small.load(Ordering::Relaxed)
    }

    pub(super) fn all(&self) -> usize {
        self.small() + self.large.load(Ordering::Relaxed)
    }

    pub(super) fn add_small(&self, bytes: usize) {
        self.small.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether there is room for one more large form; then it is taken.
    pub(super) fn add_large(&self, bytes: usize) -> bool {
        let more = |large: usize| large.checked_add(bytes).filter(|large| *large <= self.most_large);
        self.large.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Whether older large forms are to make room for newer ones.
    pub(super) fn is_filling(&self) -> bool {
        self.large.load(Ordering::Relaxed) > self.most_large / 2
    }

    pub(super) fn take_off(&self, small: usize, large: usize) {
        self.small.fetch_sub(small, Ordering::Relaxed);
        self.large.fetch_sub(large, Ordering::Relaxed);
    }
}

//! What a fake API server was asked.

use std::collections::HashMap;

use super::{Collection, Verb};

/// How often it was asked what.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    requests: HashMap<(Verb, Collection), usize>,
    open: HashMap<Collection, usize>,
}

impl Counts {
    /// Requests for pages of a list.
    #[must_use]
    pub fn lists(&self, collection: Collection) -> usize {
        self.of(Verb::List, collection)
    }

    /// Requests for a watch that begins with a list.
    #[must_use]
    pub fn stream_lists(&self, collection: Collection) -> usize {
        self.of(Verb::StreamList, collection)
    }

    /// Requests for a watch.
    #[must_use]
    pub fn watches(&self, collection: Collection) -> usize {
        self.of(Verb::Watch, collection)
    }

    /// Requests for one object, by its path or by a list of its name.
    #[must_use]
    pub fn gets(&self, collection: Collection) -> usize {
        self.of(Verb::Get, collection)
    }

    /// Requests for logs.
    #[must_use]
    pub fn logs(&self) -> usize {
        self.of(Verb::Log, Collection::Pods)
    }

    /// Watches that are open.
    #[must_use]
    pub fn open_watches(&self, collection: Collection) -> usize {
        self.open.get(&collection).copied().unwrap_or(0)
    }

    fn of(&self, verb: Verb, collection: Collection) -> usize {
        self.requests.get(&(verb, collection)).copied().unwrap_or(0)
    }

    pub(super) fn count(&mut self, verb: Verb, collection: Collection) {
        *self.requests.entry((verb, collection)).or_default() += 1;
    }

    pub(super) fn opened(&mut self, collection: Collection) {
        *self.open.entry(collection).or_default() += 1;
    }

    pub(super) fn closed(&mut self, collection: Collection) {
        *self.open.entry(collection).or_default() -= 1;
    }
}

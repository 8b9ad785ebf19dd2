//! The items of a snapshot.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cache::Frozen;
use crate::event_log::{EventLog, Revision};
use crate::record::{Key, Record};
use crate::subscription::{Scope, Selection};

/// What a snapshot says of one object or name.
pub(super) enum Item {
    /// An object of the cache at that place.
    Present(usize, Arc<Record>),
    /// A name that no object of the cache at that place has.
    Absent(usize, Key),
    /// A name in a cache that has nothing to say yet.
    Unread(usize, Key),
}

/// The items that are still to be sent.
pub(super) enum Items {
    /// One for each name.
    Named(VecDeque<Item>),
    /// Those of whole caches that are wanted. Streams that begin together share
    /// what they go through.
    Frozen { caches: Vec<Arc<Frozen>>, cache: usize, at: usize },
}

impl Items {
    /// Takes a snapshot, and says as of when it is.
    pub(super) fn take(selection: &Selection, log: &EventLog) -> (Self, Revision) {
        match &selection.scope {
            Scope::Named(_) => {
                let (items, revision) = named(selection, log);
                (Self::Named(items), revision)
            }
            Scope::All | Scope::Namespaces(_) => {
                let (caches, revision) = Frozen::take(&selection.caches, log);
                (Self::Frozen { caches, cache: 0, at: 0 }, revision)
            }
        }
    }

    /// The next wanted item.
    pub(super) fn next(&mut self, selection: &Selection) -> Option<Item> {
        match self {
            Self::Named(items) => items.pop_front(),
            Self::Frozen { caches, cache, at } => loop {
                let frozen = caches.get(*cache)?;
                let Some(record) = frozen.records.get(*at) else {
                    (*cache, *at) = (*cache + 1, 0);
                    continue;
                };
                *at += 1;
                if selection.selects(selection.caches[*cache].id(), record, frozen.revision) {
                    return Some(Item::Present(*cache, Arc::clone(record)));
                }
            },
        }
    }
}

fn named(selection: &Selection, log: &EventLog) -> (VecDeque<Item>, Revision) {
    let snapshot = selection.snapshot(log);
    let Scope::Named(named) = &selection.scope else { return (VecDeque::new(), snapshot.revision) };
    let item = |n: &crate::subscription::Named| match snapshot
        .get(n.cache, &n.key)
        .filter(|record| n.means(record, snapshot.revision))
    {
        Some(record) => Item::Present(n.cache, Arc::clone(record)),
        None if selection.caches[n.cache].freshness().listed => Item::Absent(n.cache, n.key.clone()),
        None => Item::Unread(n.cache, n.key.clone()),
    };
    (named.iter().map(item).collect(), snapshot.revision)
}

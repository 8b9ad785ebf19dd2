//! The items of a snapshot.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Named, Scope, Selection};
use crate::cache::Frozen;
use crate::event_log::{CacheId, EventLog, Revision};
use crate::predicate::PredicateError;
use crate::record::{Key, Record};

/// What a snapshot says of one object or name.
#[derive(Debug)]
pub enum Item {
    /// An object of the cache at that place.
    Present(usize, Arc<Record>),
    /// A name that no object of the cache at that place has.
    Absent(usize, Key),
    /// A name in a cache that has nothing to say yet.
    Unread(usize, Key),
}

/// The items that are still to be sent.
#[derive(Debug)]
pub struct Items {
    ready: VecDeque<Item>,
    /// Whole caches. Streams that begin together share what they go through.
    frozen: Vec<Arc<Frozen>>,
    /// The next object of them.
    cache: usize,
    at: usize,
}

impl Items {
    /// Takes a snapshot, and says as of when it is.
    pub fn take(selection: &Selection, log: &EventLog) -> (Self, Revision) {
        let (ready, frozen, revision) = match &selection.scope {
            Scope::Named(named) => {
                let (ready, revision) = of_names(named, selection, log);
                (ready, Vec::new(), revision)
            }
            Scope::Namespaces(namespaces) => {
                let (frozen, revision) = Frozen::some(&selection.caches, namespaces, log);
                (VecDeque::new(), frozen, revision)
            }
            Scope::All => {
                let (frozen, revision) = Frozen::take(&selection.caches, log);
                (VecDeque::new(), frozen, revision)
            }
        };
        (Self { ready, frozen, cache: 0, at: 0 }, revision)
    }

    /// The next wanted item. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the selection's predicate cannot be evaluated.
    pub async fn next(&mut self, selection: &Selection) -> Result<Option<Item>, PredicateError> {
        while self.ready.is_empty() {
            let Some(frozen) = self.frozen.get(self.cache) else { return Ok(None) };
            let (some, next) = some_of(frozen, self.at, selection.caches[self.cache].id(), selection);
            let sifted = selection.sift(&some).await?;
            let wanted = some.iter().zip(sifted).filter(|(_, wanted)| *wanted).map(|(record, _)| Arc::clone(record));
            self.ready.extend(wanted.map(|record| Item::Present(self.cache, record)));
            self.at = next;
            if self.at >= frozen.records.len() {
                (self.cache, self.at) = (self.cache + 1, 0);
            }
        }
        Ok(self.ready.pop_front())
    }
}

/// Some objects from `at` on that may be wanted, and where to go on.
fn some_of<'a>(frozen: &'a Frozen, at: usize, cache: CacheId, selection: &Selection) -> (Vec<&'a Arc<Record>>, usize) {
    let mut some = Vec::new();
    for (place, record) in frozen.records.iter().enumerate().skip(at) {
        if some.len() == Selection::SIFTED {
            return (some, place);
        }
        if selection.may_select(cache, record, frozen.revision) {
            some.push(record);
        }
    }
    (some, frozen.records.len())
}

fn of_names(named: &[Named], selection: &Selection, log: &EventLog) -> (VecDeque<Item>, Revision) {
    let snapshot = selection.snapshot(log);
    let item = |n: &Named| match snapshot.get(n.cache, &n.key).filter(|record| n.means(record, snapshot.revision)) {
        Some(record) => Item::Present(n.cache, Arc::clone(record)),
        None if selection.caches[n.cache].freshness().listed => Item::Absent(n.cache, n.key.clone()),
        None => Item::Unread(n.cache, n.key.clone()),
    };
    (named.iter().map(item).collect(), snapshot.revision)
}

//! Which objects are to be judged again because of their age, and when.

use std::collections::BTreeSet;

use foldhash::HashMap;
use jiff::Timestamp;

use crate::record::Key;

/// One time for each object at most: how often it changes costs nothing.
#[derive(Debug, Default)]
pub(super) struct Rechecks {
    due: HashMap<Key, Timestamp>,
    /// The same, by when.
    order: BTreeSet<(Timestamp, Key)>,
}

impl Rechecks {
    /// The object is due at that time, and at no other; never, if there is none.
    pub(super) fn set(&mut self, key: &Key, at: Option<Timestamp>) {
        if self.due.get(key).copied() == at {
            return;
        }
        self.remove(key);
        if let Some(at) = at {
            self.due.insert(key.clone(), at);
            self.order.insert((at, key.clone()));
        }
    }

    /// The object is never due.
    pub(super) fn remove(&mut self, key: &Key) {
        if let Some((key, at)) = self.due.remove_entry(key) {
            self.order.remove(&(at, key));
        }
    }

    /// Takes out the object that has been due for longest, if one is by `now`.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Key> {
        if self.next().is_none_or(|at| at > now) {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.due.remove(&key);
        Some(key)
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    /// How many are due some day.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.due.len(), self.order.len(), "each has one time");
        self.due.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).unwrap())
    }

    fn key(name: &str) -> Key {
        Key::new("n", name)
    }

    #[test]
    fn what_is_due_comes_out_in_order_and_once() {
        let mut rechecks = Rechecks::default();
        for (name, due) in [("c", 3), ("a", 1), ("b", 2)] {
            rechecks.set(&key(name), at(due));
        }
        assert_eq!(rechecks.next(), at(1));
        let mut pop = |now: i64| rechecks.pop_due(at(now).unwrap());
        assert_eq!([pop(2), pop(2), pop(2)], [Some(key("a")), Some(key("b")), None]);
        assert_eq!([pop(3), pop(4)], [Some(key("c")), None]);
        assert_eq!((rechecks.next(), rechecks.len()), (None, 0));
    }

    #[test]
    fn the_last_time_that_was_set_counts_whether_it_is_sooner_or_later() {
        let mut rechecks = Rechecks::default();
        for due in [5, 9, 2, 2, 7] {
            rechecks.set(&key("a"), at(due));
            assert_eq!((rechecks.next(), rechecks.len()), (at(due), 1));
        }
        assert_eq!(rechecks.pop_due(at(6).unwrap()), None);
        assert_eq!(rechecks.pop_due(at(7).unwrap()), Some(key("a")));
        assert_eq!(rechecks.len(), 0);
    }

    #[test]
    fn what_is_removed_or_never_due_leaves_nothing() {
        let mut rechecks = Rechecks::default();
        for name in ["a", "b", "c"] {
            rechecks.set(&key(name), at(1));
        }
        rechecks.remove(&key("a"));
        rechecks.set(&key("b"), None);
        rechecks.remove(&key("was never there"));
        assert_eq!(rechecks.len(), 1);
        assert_eq!(rechecks.pop_due(at(1).unwrap()), Some(key("c")));
    }
}

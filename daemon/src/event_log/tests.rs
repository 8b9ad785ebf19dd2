use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::record::Key;

fn append(log: &EventLog, cache: CacheId) -> Revision {
    let at = Timestamp::UNIX_EPOCH;
    log.append(cache, Change { before: None, after: Some(record("a", "b")), state_changed: true, at });
    log.head()
}

fn record(namespace: &str, name: &str) -> Arc<crate::record::Record> {
    Arc::new(crate::record::Record::bare(Key::new(namespace, name)))
}

proptest! {
    /// Reading in steps of any size yields the model: every entry of the chosen
    /// caches once, in order.
    #[test]
    fn reads_are_complete_and_ordered(
        writes in proptest::collection::vec(0..3usize, 0..200),
        limit in 1..20usize,
        chosen in proptest::sample::subsequence(vec![0usize, 1, 2], 1..=3),
    ) {
        let log = EventLog::new(1000);
        let caches = [log.open_ring(), log.open_ring(), log.open_ring()];
        let mut at = log.head();
        let written: Vec<_> = writes.iter().map(|cache| (append(&log, caches[*cache]), *cache)).collect();
        let expected: Vec<_> = written.iter().filter(|(_, c)| chosen.contains(c)).map(|(r, _)| *r).collect();
        let chosen: Vec<_> = chosen.into_iter().map(|place| caches[place]).collect();
        let mut read = Vec::new();
        while at < log.head() {
            let (entries, complete_to) = log.read(&chosen, at, limit).unwrap();
            prop_assert!(complete_to > at);
            read.extend(entries.iter().map(|e| e.revision));
            at = complete_to;
        }
        prop_assert_eq!(read, expected);
    }
}

#[test]
fn forms_are_encoded_once_and_large_ones_kept_by_the_newest_entries_only() {
    let log = EventLog::new(1000);
    let cache = log.open_ring();
    let first = append(&log, cache);
    let entry = log.read(&[cache], first - 1, 1).unwrap().0.remove(0);
    let encoded = std::cell::Cell::new(0);
    let wire = |form: u8, size: usize| {
        let encode = || {
            encoded.set(encoded.get() + 1);
            Ok::<_, ()>(Bytes::from(vec![0; size]))
        };
        entry.wire(form, encode).unwrap().len()
    };
    assert_eq!((wire(0, 10), wire(0, 10), wire(1, 5000), wire(1, 5000)), (10, 10, 5000, 5000));
    assert_eq!(encoded.get(), 2);
    for _ in 0..Ring::LARGE_WIRE {
        append(&log, cache);
    }
    assert_eq!((wire(0, 10), wire(1, 5000), wire(1, 5000)), (10, 5000, 5000));
    assert_eq!(encoded.get(), 4);
}

#[test]
fn what_was_dropped_is_expired_for_its_own_cache_only() {
    let log = EventLog::new(2);
    let (one, other) = (log.open_ring(), log.open_ring());
    let before = log.head();
    let first = append(&log, one);
    for _ in 0..2 {
        append(&log, one);
    }
    assert_eq!(log.read(&[one], before, 10).unwrap_err(), Expired);
    assert_eq!(log.read(&[one], first, 10).unwrap().0.len(), 2);
    assert_eq!(log.read(&[other], before, 10).unwrap().1, log.head());
}

#[test]
fn a_ring_that_was_closed_or_begun_anew_expires_what_is_older() {
    let log = EventLog::new(10);
    let cache = log.open_ring();
    let at = append(&log, cache);
    log.begin_anew(cache);
    assert_eq!(log.read(&[cache], at, 10).unwrap_err(), Expired);
    let at = log.head();
    assert_eq!(log.read(&[cache], at, 10).unwrap().1, at);
    log.close_ring(cache);
    assert_eq!(log.read(&[cache], at, 10).unwrap_err(), Expired);
    assert_eq!(log.read(&[log.open_ring()], at, 10).unwrap_err(), Expired);
}

struct Name(&'static str);

impl Wants for Name {
    fn wants(&self, entry: &Entry) -> bool {
        entry.change.record().is_some_and(|record| &*record.key.name == self.0)
    }
}

/// What a reader does not want neither wakes it nor can be dropped before it
/// is read.
#[test]
fn readers_are_told_of_what_they_want() {
    let log = Arc::new(EventLog::new(3));
    let cache = log.open_ring();
    let topics = [
        Topic::Everything,
        Topic::Namespaces(vec!["n".into(), "m".into()]),
        Topic::Objects(vec![Key::new("n", "wanted")]),
    ];
    let put = |name: &str| {
        let change =
            Change { before: None, after: Some(record("n", name)), state_changed: true, at: Timestamp::UNIX_EPOCH };
        log.append(cache, change);
    };
    for topic in topics {
        let reader = log.subscribe(vec![(cache, topic)], Arc::new(Name("wanted")));
        let mut at = reader.read(log.head(), 10).unwrap().1;
        for _ in 0..100 {
            put("other");
        }
        let (entries, complete_to) = reader.read(at, 10).unwrap();
        assert_eq!((entries.len(), complete_to), (0, log.head()));
        at = complete_to;
        for name in ["wanted", "other", "wanted"] {
            put(name);
        }
        let (entries, complete_to) = reader.read(at, 2).unwrap();
        assert_eq!((entries.len(), complete_to), (2, log.head() - 1));
        assert_eq!(reader.read(complete_to, 2).unwrap().0.len(), 1);
        put("wanted");
        for _ in 0..3 {
            put("other");
        }
        assert_eq!(reader.read(log.head() - 4, 10).unwrap_err(), Expired);
        assert_eq!(log.readers(cache), 1);
        drop(reader);
        assert_eq!(log.readers(cache), 0);
    }
}

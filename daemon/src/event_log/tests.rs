use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::record::Key;

/// However many there are.
const ALL: Revision = Revision::MAX;

fn entries(entries: usize) -> Capacity {
    Capacity { entries, bytes: usize::MAX }
}

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
        limit in 1..20u64,
        chosen in proptest::sample::subsequence(vec![0usize, 1, 2], 1..=3),
    ) {
        let log = EventLog::new(entries(1000));
        let caches = [log.open_ring(), log.open_ring(), log.open_ring()];
        let mut at = log.head();
        let written: Vec<_> = writes.iter().map(|cache| (append(&log, caches[*cache]), *cache)).collect();
        let expected: Vec<_> = written.iter().filter(|(_, c)| chosen.contains(c)).map(|(r, _)| *r).collect();
        let chosen: Vec<_> = chosen.into_iter().map(|place| caches[place]).collect();
        let mut read = Vec::new();
        while at < log.head() {
            let (entries, complete_to) = log.read(&chosen, at, at + limit).unwrap();
            prop_assert!(complete_to > at);
            read.extend(entries.iter().map(|e| e.revision));
            at = complete_to;
        }
        prop_assert_eq!(read, expected);
    }
}

#[test]
fn forms_are_encoded_once_and_large_ones_kept_by_the_newest_entries_only() {
    let log = EventLog::new(entries(1000));
    let cache = log.open_ring();
    let first = append(&log, cache);
    let entry = log.read(&[cache], first - 1, first).unwrap().0.remove(0);
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
fn what_was_encoded_counts_for_what_a_ring_takes_up() {
    let most = 100_000;
    let log = EventLog::new(Capacity { entries: 1000, bytes: most });
    let cache = log.open_ring();
    let send = |size: usize| {
        let at = append(&log, cache);
        let entry = log.read(&[cache], at - 1, at).unwrap().0.remove(0);
        let wire = |form| entry.wire(form, || Ok::<_, ()>(Bytes::from(vec![0; size]))).unwrap();
        (wire(0), wire(1), entry)
    };
    let begun = log.head();
    // Large ones make room for newer ones, and cost no history.
    for _ in 0..100 {
        send(5_000);
        assert!(log.bytes(cache) <= most + most / 4);
    }
    assert!(log.holds(&[cache], begun));
    let (_, _, newest) = send(5_000);
    let again = newest.wire(0, || Err("it is kept")).unwrap();
    assert_eq!(again.len(), 5_000);
    // Small ones are kept for as long as their entries.
    for _ in 0..500 {
        send(1_000);
        assert!(log.bytes(cache) <= most + most / 4 + 2_000);
    }
    assert!(!log.holds(&[cache], begun));
    // What nobody reads any more takes up nothing.
    log.begin_anew(cache);
    assert_eq!(log.bytes(cache), 0);
}

#[test]
fn what_was_dropped_is_expired_for_its_own_cache_only() {
    let log = EventLog::new(entries(2));
    let (one, other) = (log.open_ring(), log.open_ring());
    let before = log.head();
    let first = append(&log, one);
    for _ in 0..2 {
        append(&log, one);
    }
    assert_eq!(log.read(&[one], before, ALL).unwrap_err(), Expired);
    assert_eq!(log.read(&[one], first, ALL).unwrap().0.len(), 2);
    assert_eq!(log.read(&[other], before, ALL).unwrap().1, log.head());
}

#[test]
fn a_ring_is_no_larger_than_it_may_be_but_for_its_newest_entry() {
    let log = EventLog::new(Capacity { entries: 1000, bytes: 10_000 });
    let cache = log.open_ring();
    let begun = log.head();
    for _ in 0..100 {
        let (before, after) = (Some(record("a", "b")), Some(record("a", "b")));
        log.append(cache, Change { before, after, state_changed: true, at: Timestamp::UNIX_EPOCH });
        assert!((1..10_000).contains(&log.bytes(cache)));
    }
    assert!(!log.holds(&[cache], begun) && log.holds(&[cache], log.head() - 1));
    let tiny = EventLog::new(Capacity { entries: 1000, bytes: 1 });
    let cache = tiny.open_ring();
    for _ in 0..2 {
        append(&tiny, cache);
    }
    assert!(tiny.holds(&[cache], tiny.head() - 1) && !tiny.holds(&[cache], tiny.head() - 2));
}

#[test]
fn a_ring_that_was_closed_or_begun_anew_expires_what_is_older() {
    let log = EventLog::new(entries(10));
    let cache = log.open_ring();
    let at = append(&log, cache);
    log.begin_anew(cache);
    assert_eq!(log.read(&[cache], at, ALL).unwrap_err(), Expired);
    let at = log.head();
    assert_eq!(log.read(&[cache], at, ALL).unwrap().1, at);
    log.close_ring(cache);
    assert_eq!(log.read(&[cache], at, ALL).unwrap_err(), Expired);
    assert_eq!(log.read(&[log.open_ring()], at, ALL).unwrap_err(), Expired);
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
    let log = Arc::new(EventLog::new(entries(3)));
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
        log.head()
    };
    for topic in topics {
        let reader = log.subscribe(vec![(cache, topic)], Arc::new(Name("wanted")));
        let mut news = reader.listen();
        let at = log.head();
        for _ in 0..100 {
            put("other");
        }
        assert_eq!(reader.next(at), Next::Nothing(log.head()));
        assert!(!news.has_changed().unwrap());
        let wanted = ["wanted", "other", "wanted"].map(put);
        assert!(news.has_changed().unwrap());
        news.mark_unchanged();
        assert_eq!(reader.next(at), Next::After(wanted[0] - 1));
        let (entries, complete_to) = reader.read(wanted[0] - 1, wanted[1]).unwrap();
        assert_eq!((entries.len(), complete_to), (2, wanted[1]));
        let (entries, complete_to) = reader.read(complete_to, ALL).unwrap();
        assert_eq!((entries.len(), complete_to), (1, wanted[2]));
        let dropped = put("wanted");
        for _ in 0..3 {
            put("other");
        }
        assert_eq!(reader.next(wanted[2]), Next::After(dropped - 1));
        assert_eq!(reader.read(dropped - 1, ALL).unwrap_err(), Expired);
        assert_eq!((log.streams(cache), reader.is_shared()), (1, false));
        let other = reader.listen();
        assert_eq!((log.streams(cache), reader.is_shared()), (2, true));
        drop((reader, other));
        assert_eq!(log.streams(cache), 0);
    }
}

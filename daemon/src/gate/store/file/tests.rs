//! What a file of gates is, and when it is refused.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::clock::Clock;
use crate::gate::store::keeper::Keeper;

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_000_000 + second, 123_456_789).unwrap()
}

fn opened(token: &str, request_id: &str) -> Opened {
    let asked = Asked::new(request_id, token);
    Opened { name: Name::of(token), asked, opened: at(1), deadline: at(600), request: token.as_bytes().to_vec() }
}

fn ended(token: &str, at: Timestamp, summary: Vec<u8>) -> Entry {
    Entry::Ended(Ended { name: Name::of(token), asked: Asked::new(token, token), at, summary })
}

fn open_again(store: FileStore, path: &Path, since: Timestamp) -> (FileStore, Loaded) {
    drop(store);
    let mut store = FileStore::open(path).unwrap();
    let loaded = store.load(since).unwrap();
    (store, loaded)
}

#[test]
fn what_is_kept_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gates");
    let mut store = FileStore::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(store.load(at(0)).unwrap(), Loaded::default());
    let gates = ["a", "b", "c"].map(|token| opened(token, if token == "b" { "" } else { token }));
    let entries: Vec<_> = gates.iter().map(|gate| Entry::Opened(gate.clone(), Vec::new())).collect();
    store.write(&entries, at(2)).unwrap();
    store.write(&[Entry::Armed(gates[1].name, b"with".to_vec())], at(3)).unwrap();
    store.write(&[ended("c", at(4), b"passed".to_vec())], at(5)).unwrap();

    // What was written lasts also if the file is never closed.
    let copy = folder.path().join("copy");
    fs::copy(&path, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    let (_, loaded) = open_again(store, &path, at(0));
    assert_eq!(FileStore::open(&copy).unwrap().load(at(0)).unwrap(), loaded);

    assert_eq!(loaded.last, Some(at(5)));
    let Loaded { mut open, ended, .. } = loaded;
    open.sort_by_key(|(gate, _)| gate.request.clone());
    assert_eq!(open, [(gates[0].clone(), None), (gates[1].clone(), Some(b"with".to_vec()))]);
    let summary = b"passed".to_vec();
    assert_eq!(ended, [Ended { name: gates[2].name, asked: gates[2].asked.clone(), at: at(4), summary }]);
}

#[test]
fn what_is_no_longer_needed_gives_its_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gates");
    let mut store = FileStore::open(&path).unwrap();
    let many: Vec<_> = (0..1000).map(|number| ended(&format!("old{number}"), at(1), vec![7; 4096])).collect();
    store.write(&many, at(1)).unwrap();
    store.write(&[ended("new", at(9), vec![1]), ended("forgotten", at(9), vec![2])], at(9)).unwrap();
    store.write(&[Entry::Opened(opened("open", ""), vec![Name::of("forgotten")])], at(9)).unwrap();
    let large = fs::metadata(&path).unwrap().len();
    let (_, loaded) = open_again(store, &path, at(5));
    let names: Vec<_> = loaded.ended.iter().map(|gate| gate.name).collect();
    assert_eq!((names, loaded.open.len()), (vec![Name::of("new")], 1));
    let small = fs::metadata(&path).unwrap().len();
    assert!(small < large / 2, "{small} {large}");
}

#[test]
fn a_failure_does_not_impair_what_is_kept_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gates");
    let mut store = FileStore::open(&path).unwrap();
    store.write(&[ended("before", at(1), vec![1])], at(1)).unwrap();
    let failed = store.attempt(|_| Err::<(), _>(redb::Error::PreviousIo)).unwrap_err();
    assert!(matches!(failed, StoreError::File { .. }), "{failed:?}");
    store.write(&[ended("after", at(2), vec![2])], at(2)).unwrap();
    assert_eq!(open_again(store, &path, at(0)).1.ended.len(), 2);
}

#[test]
fn what_is_no_file_of_gates_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gates");
    let mut store = FileStore::open(&path).unwrap();
    let many: Vec<_> = (0..100).map(|number| ended(&format!("{number}"), at(1), vec![7; 4096])).collect();
    store.write(&many, at(1)).unwrap();
    assert!(matches!(FileStore::open(&path), Err(StoreError::InUse { .. })));
    drop(store);

    let whole = fs::read(&path).unwrap();
    for (what, bytes) in [
        ("text", b"no gates".repeat(1000)),
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("altered", whole.iter().enumerate().map(|(at, byte)| if at > 8192 { !byte } else { *byte }).collect()),
    ] {
        fs::write(&path, bytes).unwrap();
        let refused = FileStore::open(&path).and_then(|mut store| store.load(at(0))).unwrap_err();
        assert!(matches!(refused, StoreError::Damaged { .. }), "{what}: {refused:?}");
        assert_eq!(refused.to_string().lines().count(), 1, "{refused}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(FileStore::open(&path), Err(StoreError::Exposed { mode: 0o640, .. })));
    assert!(matches!(FileStore::open(folder.path()), Err(StoreError::File { .. })));
}

#[test]
fn a_file_of_a_newer_format_and_one_of_something_else_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gates");
    let store = FileStore::open(&path).unwrap();
    let database = store.open.unwrap();
    let writing = database.begin_write().unwrap();
    writing.open_table(FACTS).unwrap().insert(FORMAT_FACT, FORMAT + 1).unwrap();
    writing.commit().unwrap();
    drop(database);
    assert!(matches!(FileStore::open(&path), Err(StoreError::Newer { format: 2, known: 1, .. })));

    let path = folder.path().join("other");
    drop(private(&path).unwrap());
    let database = Database::create(&path).unwrap();
    let writing = database.begin_write().unwrap();
    writing.open_table(TableDefinition::<&str, &str>::new("words")).unwrap().insert("a", "b").unwrap();
    writing.commit().unwrap();
    drop(database);
    assert!(matches!(FileStore::open(&path), Err(StoreError::Damaged { .. })));
}

/// A store that counts its writes.
#[derive(Debug)]
struct Counting(FileStore, Arc<AtomicUsize>);

impl GateStore for Counting {
    fn load(&mut self, since: Timestamp) -> Result<Loaded, StoreError> {
        self.0.load(since)
    }

    fn write(&mut self, entries: &[Entry], at: Timestamp) -> Result<(), StoreError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.write(entries, at)
    }
}

#[tokio::test]
async fn what_is_kept_at_the_same_time_is_written_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gates");
    let writes = Arc::new(AtomicUsize::new(0));
    let store = Counting(FileStore::open(&path).unwrap(), Arc::clone(&writes));
    let (keeper, keeping) = Keeper::new(Box::new(store), Clock::System);
    let gates: Vec<_> = (0..500).map(|number| opened(&number.to_string(), "")).collect();
    let all = gates.iter().map(|gate| keeper.keep(Entry::Opened(gate.clone(), Vec::new())));
    // The first ones wait before anything is written.
    let mut all = Box::pin(futures::future::join_all(all));
    assert!(futures::poll!(&mut all).is_pending());
    let running = tokio::task::spawn_blocking(|| keeping.run());
    assert!(all.await.iter().all(Result::is_ok));
    keeper.stop().await;
    running.await.unwrap();
    assert!(writes.load(Ordering::Relaxed) < 250, "{writes:?}");
    assert!(keeper.keep(Entry::Armed(gates[0].name, Vec::new())).await.is_err(), "nobody writes any more");
    assert_eq!(FileStore::open(&path).unwrap().load(at(0)).unwrap().open.len(), 500);
}

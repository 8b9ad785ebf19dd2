//! The cache and its log against a model: what is logged adds up to what is
//! cached, in order, and a list says nothing that did not change.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "support/kinds.rs"]
mod kinds;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use daymarkd::cache::freshness::Freshness;
use daymarkd::cache::writer::Writer;
use daymarkd::cache::{Cache, Closed, Snapshot};
use daymarkd::caches::neighbours::Neighbours;
use daymarkd::caches::{Lease, Policy};
use daymarkd::catalog::Catalog;
use daymarkd::clock::Clock;
use daymarkd::decode::arrival::{Arrival, Decoder};
use daymarkd::event_log::{Entry, EventLog};
use daymarkd::record::{Key, Record};
use daymarkd::source::{Collection, Event};
use daymarkd::state::State;
use daymarkd::subscription::{Absence, Delivery, Feed, Found, Group, Named, Relation, Scope, Selection};
use proptest::prelude::*;
use serde_json::json;

use kinds::kinds;

/// An API server's truth about a few names, and what a source would say of it.
#[derive(Default)]
struct Model {
    version: u64,
    objects: BTreeMap<u8, Object>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Object {
    uid: u64,
    version: u64,
}

impl Model {
    fn json(name: u8, object: Object) -> Bytes {
        let json = json!({
            "metadata": {"name": format!("o{name}"), "namespace": "n", "uid": object.uid.to_string(),
                "resourceVersion": object.version.to_string()},
            "status": {"phase": "Running"},
        });
        json.to_string().into()
    }

    fn put(&mut self, name: u8) -> Event {
        self.version += 1;
        let version = self.version;
        let object = self.objects.entry(name).or_insert(Object { uid: version, version });
        object.version = version;
        Event::Changed(Self::json(name, *object))
    }

    fn delete(&mut self, name: u8) -> Option<Event> {
        let object = self.objects.remove(&name)?;
        self.version += 1;
        Some(Event::Deleted(Self::json(name, Object { version: self.version, ..object })))
    }

    fn list(&self) -> Vec<Event> {
        let items = self.objects.iter().map(|(name, object)| Event::Listed(Self::json(*name, *object)));
        [Event::ListBegins].into_iter().chain(items).chain([Event::ListEnds(self.version)]).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8),
    Delete(u8),
    /// These happen while the watch is broken; then everything is listed.
    Missed(Vec<(bool, u8)>),
    /// A list that breaks off.
    BrokenList,
    /// The watch says again what it said last, if no list came in between.
    Repeat,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = 0..6u8;
    let step = prop_oneof![
        4 => name.clone().prop_map(Step::Put),
        2 => name.clone().prop_map(Step::Delete),
        1 => proptest::collection::vec((any::<bool>(), name), 0..8).prop_map(Step::Missed),
        1 => Just(Step::BrokenList),
        1 => Just(Step::Repeat),
    ];
    proptest::collection::vec(step, 0..60)
}

fn cache(log: &EventLog, now: jiff::Timestamp) -> Arc<Cache> {
    let pods = Collection::of(Arc::new(kinds().swap_remove(0)), None);
    Arc::new(Cache::new(log.open_ring(), pods, true, Freshness::unheard(now)))
}

fn decoded(event: Event) -> Arrival {
    Decoder::new(Arc::new(kinds().swap_remove(0)), true, None).decode(event)
}

/// No other caches.
fn alone() -> Arc<Neighbours> {
    Arc::new(Neighbours::new(Arc::new(Catalog::of(kinds()))))
}

struct Daemon {
    cache: Arc<Cache>,
    log: Arc<EventLog>,
    writer: Writer,
}

impl Daemon {
    fn new() -> Self {
        let log = Arc::new(EventLog::new(Policy::default().changes));
        let cache = cache(&log, Clock::System.now());
        let writer = Writer::new(Arc::clone(&cache), Arc::clone(&log), Clock::System, alone());
        Self { cache, log, writer }
    }

    /// A daemon that has listed what the model holds, and where its log stands.
    fn listed(model: &Model) -> (Self, u64) {
        let mut daemon = Self::new();
        model.list().into_iter().for_each(|event| daemon.take(event));
        let head = daemon.log.head();
        (daemon, head)
    }

    fn take(&mut self, event: Event) {
        self.writer.take(decoded(event), Clock::System.now());
    }

    fn cached(&self) -> BTreeMap<u8, Object> {
        let snapshot = Snapshot::take([&*self.cache], &self.log);
        let objects = snapshot.objects(0, None).map(|(key, record)| {
            let object = Object { uid: record.uid.to_string().parse().unwrap(), version: record.resource_version };
            (key.name.trim_start_matches('o').parse().unwrap(), object)
        });
        objects.collect()
    }

    /// What changed.
    fn entries(&self, after: u64) -> Vec<Arc<Entry>> {
        let mut entries = self.log.read(&[self.cache.id()], after, u64::MAX).unwrap().0;
        entries.retain(|entry| entry.change.record().is_some());
        entries
    }
}

/// What a reader of the whole log holds in the end. On the way each change
/// begins where the one before it ended.
fn play(entries: &[Arc<Entry>]) -> BTreeMap<u8, Object> {
    let object = |record: &Arc<Record>| Object {
        uid: record.uid.to_string().parse().unwrap(),
        version: record.resource_version,
    };
    let mut played = BTreeMap::new();
    for entry in entries {
        let change = &entry.change;
        let record = change.after.as_ref().or(change.before.as_ref()).unwrap();
        let name: u8 = record.key.name.trim_start_matches('o').parse().unwrap();
        assert_eq!(played.get(&name).copied(), change.before.as_ref().map(object));
        let Some(after) = change.after.as_ref().map(object) else {
            played.remove(&name);
            continue;
        };
        if let Some(before) = played.insert(name, after) {
            assert_eq!(before.uid, after.uid, "one object became another without a deletion");
            assert!(before.version < after.version, "a change went back");
        }
    }
    played
}

proptest! {
    #[test]
    fn the_log_adds_up_to_the_truth(steps in steps()) {
        let mut model = Model::default();
        let (mut daemon, begun) = Daemon::listed(&model);
        let mut last = None;
        for step in steps {
            match step {
                Step::Put(name) => {
                    let event = model.put(name);
                    last = Some(event.clone());
                    daemon.take(event);
                }
                Step::Delete(name) => if let Some(event) = model.delete(name) {
                    last = Some(event.clone());
                    daemon.take(event);
                },
                Step::Missed(missed) => {
                    for (put, name) in missed {
                        if put { model.put(name); } else { model.delete(name); }
                    }
                    model.list().into_iter().for_each(|event| daemon.take(event));
                    last = None;
                }
                Step::BrokenList => {
                    let list = model.list();
                    let half = list.len() / 2;
                    list.into_iter().take(half).for_each(|event| daemon.take(event));
                }
                Step::Repeat => if let Some(event) = last.clone() {
                    let before = daemon.log.head();
                    daemon.take(event);
                    prop_assert_eq!(daemon.log.head(), before, "a repetition was logged");
                },
            }
            prop_assert_eq!(daemon.cached(), model.objects.clone());
        }

        prop_assert_eq!(play(&daemon.entries(begun)), model.objects);
    }
}

#[test]
fn a_list_of_the_same_says_nothing() {
    let (mut model, mut daemon) = (Model::default(), Daemon::new());
    for name in 0..5 {
        daemon.take(model.put(name));
    }
    model.list().into_iter().for_each(|event| daemon.take(event));
    let head = daemon.log.head();
    model.list().into_iter().for_each(|event| daemon.take(event));
    assert!(daemon.entries(head).is_empty());
    // But that something may have come and gone.
    assert_eq!(daemon.log.head(), head + 1);
}

#[test]
fn a_bad_object_is_unknown_counted_and_not_deleted() {
    let (mut model, mut daemon) = (Model::default(), Daemon::new());
    daemon.take(model.put(1));
    model.list().into_iter().for_each(|event| daemon.take(event));
    let bad = |metadata: serde_json::Value| json!({"metadata": metadata, "status": {"phase": 7}}).to_string().into();
    let list = |item| [Event::ListBegins, Event::Listed(item), Event::ListEnds(9)];
    let state = |daemon: &Daemon| daemon.cache.get(&Key::new("n", "o1")).unwrap().judgement.state;
    let whole = json!({"name": "o1", "namespace": "n", "uid": "1", "resourceVersion": "9"});
    list(bad(whole.clone())).into_iter().for_each(|event| daemon.take(event));
    assert_eq!(state(&daemon), State::Unknown, "the version before is not the newest");

    let mut odd = whole;
    odd["creationTimestamp"] = "yesterday".into();
    odd["resourceVersion"] = "ten".into();
    list(bad(odd)).into_iter().for_each(|event| daemon.take(event));
    daemon.take(Event::Changed("not JSON".into()));
    daemon.take(Event::Deleted("not JSON".into()));
    assert_eq!(daemon.cached().len(), 1);
    assert_eq!(daemon.cache.freshness().decode_errors, 4);
}

/// A list is as new as what is stored. If that has gone back, no version says any more what is newer.
#[test]
fn a_list_that_is_older_than_what_was_told_before_it_closes_the_cache() {
    let mut model = Model::default();
    let backup = model.list();
    model.put(1);
    let (mut daemon, _) = Daemon::listed(&model);
    let list = model.list();
    // What a list that is under way hears besides is no news to it.
    let (last, begun) = list.split_last().unwrap();
    begun.iter().cloned().for_each(|event| daemon.take(event));
    daemon.take(Event::Bookmark(model.version + 1));
    daemon.take(last.clone());
    assert!(!daemon.cache.closed().is_cancelled());
    let at = daemon.log.head();
    backup.into_iter().for_each(|event| daemon.take(event));
    assert!(daemon.cache.closed().is_cancelled());
    assert!(!daemon.log.holds(&[daemon.cache.id()], at), "who reads it is told");
}

#[tokio::test]
async fn a_cache_reaches_what_was_seen_and_not_before() {
    let (mut model, mut daemon) = (Model::default(), Daemon::new());
    daemon.take(model.put(1));
    model.list().into_iter().for_each(|event| daemon.take(event));
    let (cache, log) = (Arc::clone(&daemon.cache), Arc::clone(&daemon.log));
    let key = Key::new("n", "o1");
    let reaches = async |version| futures::poll!(std::pin::pin!(cache.reaches(version))).is_ready();
    let outlives = async |version| match futures::poll!(std::pin::pin!(cache.outlives(&key, version, &log))) {
        Poll::Ready(since) => Some(since.unwrap()),
        Poll::Pending => None,
    };

    let change = model.put(1);
    assert!(!reaches(model.version).await, "the watch has not brought it yet");
    daemon.take(change);
    assert!(reaches(model.version).await);

    let deletion = model.delete(1).unwrap();
    let absent_as_of = model.version;
    assert_eq!(outlives(absent_as_of).await, None, "the cache still holds what a list no longer sees");
    daemon.take(deletion);
    assert_eq!(outlives(absent_as_of).await, Some(daemon.log.head()));
    daemon.take(model.put(1));
    assert_eq!(outlives(absent_as_of).await, Some(daemon.log.head()), "what came since is no history");
    assert_eq!(outlives(model.version).await, None);
}

#[tokio::test]
async fn nobody_waits_for_a_cache_that_nothing_feeds_any_more() {
    let (mut model, mut daemon) = (Model::default(), Daemon::new());
    daemon.take(model.put(1));
    let (cache, log) = (Arc::clone(&daemon.cache), Arc::clone(&daemon.log));
    let key = Key::new("n", "o1");
    let waits = async {
        tokio::join!(cache.reaches(u64::MAX), cache.outlives(&key, u64::MAX, &log), cache.sheds(&log, |_| true))
    };
    let mut waits = std::pin::pin!(waits);
    let mut listed = std::pin::pin!(cache.holds_a_list());
    assert!(futures::poll!(&mut waits).is_pending() && futures::poll!(&mut listed).is_pending());
    cache.closed().cancel();
    assert_eq!(waits.await, (Err(Closed), Err(Closed), Err(Closed)));
    listed.await;
}

/// A watch that lags behind a list which saw no such object tells of one that
/// came and went before.
#[tokio::test]
async fn what_was_gone_when_a_list_was_made_is_history() {
    let mut model = Model::default();
    let (mut daemon, _) = Daemon::listed(&model);
    let named = Named { cache: 0, key: Key::new("n", "o1"), uid: None, absence: Found::default() };
    let lagging = [model.put(1), model.put(1), model.delete(1).unwrap()];
    let version = model.version;
    let since = daemon.cache.outlives(&named.key, version, &daemon.log).await.unwrap();
    named.absence.set(Absence { version, since });
    let caches = vec![Lease::of(Arc::clone(&daemon.cache))];
    let selection = Selection { every_version: true, ..Selection::of(caches, Scope::Named(vec![named])) };
    let mut feed = Feed::new(Arc::new(Group::new(&daemon.log, Arc::new(selection))), since);
    lagging.into_iter().for_each(|event| daemon.take(event));
    daemon.take(model.put(1));
    let (entry, relation) = told(&mut feed).await.remove(0);
    assert_eq!((entry.revision, relation), (daemon.log.head(), Relation::Entered));
}

/// What a feed tells next.
async fn told(feed: &mut Feed) -> Vec<Delivery> {
    feed.next().await.unwrap().piece().deliveries.clone()
}

#[tokio::test(start_paused = true)]
async fn a_state_that_depends_on_age_changes_without_an_event() {
    let from = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = Clock::replay(from, "2026-01-01T01:00:00Z".parse().unwrap(), 1.0);
    let log = Arc::new(EventLog::new(Policy::default().changes));
    let cache = cache(&log, from);
    let selection = Arc::new(Selection::of(vec![Lease::of(Arc::clone(&cache))], Scope::All));
    let (events, queue) = tokio::sync::mpsc::channel(1);
    let writer = tokio::spawn(Writer::new(Arc::clone(&cache), Arc::clone(&log), clock.clone(), alone()).run(queue));
    for event in [Event::ListBegins, Event::ListEnds(0)] {
        events.send(vec![(from, decoded(event))]).await.unwrap();
    }
    cache.holds_a_list().await;
    let mut feed = Feed::new(Arc::new(Group::new(&log, selection)), log.head());
    let condition =
        json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": from});
    let pod = json!({
        "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1"},
        "status": {"phase": "Pending", "conditions": [condition]},
    });
    events.send(vec![(from, decoded(Event::Changed(pod.to_string().into())))]).await.unwrap();
    let entries = [told(&mut feed).await.remove(0).0, told(&mut feed).await.remove(0).0];
    let states: Vec<_> = entries.iter().map(|e| e.change.after.as_ref().unwrap().judgement.state).collect();
    assert_eq!(states, [State::InProgress, State::Failed]);
    assert_eq!(entries[1].change.at, "2026-01-01T00:00:15Z".parse().unwrap());
    assert!(entries[1].change.state_changed);
    drop(events);
    writer.await.unwrap();
}

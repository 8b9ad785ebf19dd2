//! The store of events: what it keeps, in which order it tells it, and what makes room.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "support/kinds.rs"]
mod kinds;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daymarkd::cause::EventLine;
use daymarkd::event_store::filter::{EventFilter, Namespaces, Target};
use daymarkd::event_store::lineage::{Ancestor, Lineage};
use daymarkd::event_store::{Bounds, EventStore, Kept, Order, Step};
use daymarkd::kind::Kind;
use daymarkd::record::{Packer, Record, Uid};
use daymarkd::rule::{judge, view};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

const START: i64 = 1_767_225_600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

fn record(event: &Value) -> Arc<Record> {
    let kind = Kind { resource: "events".into(), kind: "Event".into(), ..kinds::kinds().swap_remove(0) };
    let object = daymarkd::decode::decode(&kind, event.to_string().as_bytes(), None).unwrap().object;
    let ruling = judge(&object, &view::Nothing, Timestamp::UNIX_EPOCH);
    Arc::new(Packer::default().pack(object, ruling, None))
}

/// An event about a pod, that happened so often and last so many seconds after the start.
fn event(namespace: &str, name: &str, version: u64, count: u32, last: i64) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name, "uid": format!("uid-{namespace}-{name}"),
            "resourceVersion": version.to_string(), "creationTimestamp": at(0).to_string()},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name,
            "uid": format!("pod-{namespace}-{name}")},
        "type": "Warning", "reason": "BackOff", "message": "Back-off restarting",
        "count": count, "firstTimestamp": at(0).to_string(), "lastTimestamp": at(last).to_string(),
    })
}

fn put(store: &EventStore, event: &Value, now: i64) {
    store.put(&record(event), None, at(now));
}

fn store(events: usize) -> EventStore {
    EventStore::new(Bounds { events, bytes: 64 << 20, age: Duration::from_secs(3600) })
}

fn everything() -> EventFilter {
    EventFilter { namespaces: Namespaces::All, target: None, types: Vec::new(), reasons: Vec::new(), since: None }
}

fn all(store: &EventStore, filter: &EventFilter) -> Vec<Kept> {
    store.page(filter, Order::OldestFirst, None, Step::MAX, usize::MAX)
}

/// `name x count`
fn told(kept: &[Kept]) -> Vec<String> {
    kept.iter().map(|kept| format!("{} x{}", kept.record.key.name, kept.happening.occurrences())).collect()
}

fn about(name: &str, with_owned: bool) -> EventFilter {
    let target = Target {
        group: "apps".into(),
        kind: "Deployment".into(),
        namespace: "n".into(),
        name: name.into(),
        uid: None,
        with_owned,
    };
    EventFilter { target: Some(target), ..everything() }
}

fn lineage() -> Lineage {
    let ancestor = |uid: &str, kind: &str, name: &str| Ancestor {
        uid: uid.into(),
        group: Some("apps".into()),
        kind: kind.into(),
        name: name.into(),
    };
    Lineage::of([ancestor("rs", "ReplicaSet", "web-1"), ancestor("deploy", "Deployment", "web")])
}

#[test]
fn each_times_field_may_be_missing() {
    let times = |fields: Value| {
        let mut event = event("n", "a", 1, 0, 0);
        for field in ["count", "firstTimestamp", "lastTimestamp"] {
            event.as_object_mut().unwrap().remove(field);
        }
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let store = store(10);
        put(&store, &event, 1000);
        let kept = all(&store, &everything()).swap_remove(0);
        let seconds = |time: Timestamp| time.as_second() - START;
        (kept.happening.first().map(seconds), seconds(kept.last()), kept.happening.occurrences())
    };
    let (early, late) = (at(10).to_string(), at(20).to_string());
    // As client-go's older recorder, and its newer one, fill them; once and several times.
    let old = json!({"firstTimestamp": early, "lastTimestamp": late, "count": 3, "eventTime": null});
    assert_eq!(times(old), (Some(10), 20, 3));
    assert_eq!(times(json!({"eventTime": early, "firstTimestamp": null, "lastTimestamp": null})), (Some(10), 10, 1));
    let series = json!({"eventTime": early, "series": {"count": 4, "lastObservedTime": late}, "count": 2});
    assert_eq!(times(series), (Some(10), 20, 4));
    // In the words of events.k8s.io.
    let other = json!({"deprecatedFirstTimestamp": early, "deprecatedLastTimestamp": late, "deprecatedCount": 5});
    assert_eq!(times(other), (Some(10), 20, 5));
    assert_eq!(times(json!({"count": -1})), (Some(0), 0, 1), "the creation is better than nothing");
}

#[test]
fn the_newest_version_is_kept_whatever_comes_later() {
    let store = store(10);
    put(&store, &event("n", "a", 5, 2, 20), 20);
    let first = store.newest();
    put(&store, &event("n", "a", 4, 1, 10), 21);
    put(&store, &event("n", "a", 5, 2, 20), 22);
    assert_eq!(store.newest(), first, "what is outdated, or known, is no news");
    put(&store, &event("n", "a", 6, 3, 30), 30);
    assert_eq!(told(&all(&store, &everything())), ["a x3"]);
    let (since, until) = store.since(&everything(), first, 10).unwrap();
    assert_eq!((told(&since), until), (vec!["a x3".to_owned()], store.newest()));
    // Another version that tells nothing else.
    let mut labelled = event("n", "a", 7, 3, 30);
    labelled["metadata"]["labels"] = json!({"a": "b"});
    put(&store, &labelled, 31);
    assert_eq!(store.newest(), until);
    assert_eq!(all(&store, &everything())[0].record.resource_version, 7);
}

#[test]
fn what_happened_within_a_second_is_in_the_order_of_its_versions() {
    let store = store(10);
    for (name, version, last) in [("c", 3, 10), ("b", 9, 10), ("a", 5, 10), ("d", 1, 11), ("e", 7, 9)] {
        put(&store, &event("n", name, version, 1, last), 20);
    }
    assert_eq!(told(&all(&store, &everything())), ["e x1", "c x1", "a x1", "b x1", "d x1"]);
    let newest = store.page(&everything(), Order::NewestFirst, None, Step::MAX, 2);
    assert_eq!(told(&newest), ["d x1", "b x1"]);
    let next = store.page(&everything(), Order::NewestFirst, Some(newest[1].place()), Step::MAX, 2);
    assert_eq!(told(&next), ["a x1", "c x1"]);
}

#[test]
fn a_noisy_namespace_makes_room_itself() {
    let store = store(10);
    for number in 0..3 {
        put(&store, &event("quiet", &format!("q{number}"), 1 + number, 1, 1), 1);
    }
    for number in 0..100 {
        put(&store, &event("noisy", &format!("n{number}"), 10 + number, 1, 10), 10);
    }
    let kept = told(&all(&store, &everything()));
    assert_eq!(kept.len(), 10);
    assert_eq!(kept[..3], ["q0 x1", "q1 x1", "q2 x1"]);
    assert_eq!(kept[9], "n99 x1");
    store.is_followed(Some(at(0)));
    let since = |namespace: &str| store.complete_since(&Namespaces::In([namespace.into()].into()), at(20)).unwrap();
    assert_eq!((since("quiet"), since("noisy")), (at(0), at(10)));
}

#[test]
fn what_is_old_goes_and_nothing_stays_that_says_to_be_of_the_future() {
    let store = store(10);
    put(&store, &event("n", "a", 1, 1, 10), 10);
    put(&store, &event("n", "future", 2, 1, 1_000_000), 20);
    put(&store, &event("n", "b", 3, 1, 30), 30);
    assert_eq!(store.expire(at(3609)), Some(at(3610)));
    assert_eq!(store.expire(at(3610)), Some(at(3620)));
    assert_eq!(told(&all(&store, &everything())), ["b x1", "future x1"]);
    assert_eq!(store.expire(at(3625)), Some(at(3630)));
    assert_eq!(told(&all(&store, &everything())), ["b x1"]);
    put(&store, &event("n", "late", 4, 1, 20), 3630);
    assert_eq!(store.expire(at(3630)), None);
    assert_eq!(store.size(), (0, 0));
}

#[test]
fn what_was_not_followed_without_a_gap_is_not_said_to_be_complete() {
    let store = store(10);
    let complete = |now| store.complete_since(&Namespaces::All, at(now));
    assert_eq!(complete(0), None);
    store.is_followed(Some(at(10)));
    assert_eq!(complete(20), Some(at(10)));
    store.is_followed(None);
    assert_eq!(complete(20), None, "its kind is followed otherwise");
    store.is_followed(Some(at(30)));
    assert_eq!(complete(40), Some(at(30)), "something may be missing from in between");
}

#[test]
fn who_has_missed_what_was_dropped_is_told_so() {
    let store = store(2);
    let namespace = |name: &str| Namespaces::In([Arc::from(name)].into());
    put(&store, &event("n", "a", 1, 1, 1), 1);
    let early = store.newest();
    put(&store, &event("n", "b", 2, 1, 2), 2);
    put(&store, &event("n", "c", 3, 1, 3), 3);
    let late = store.newest();
    assert!(store.holds(&Namespaces::All, early), "what was dropped was told before");
    put(&store, &event("m", "d", 4, 1, 4), 4);
    assert!(!store.holds(&Namespaces::All, early) && store.since(&everything(), early, 10).is_err());
    assert!(store.holds(&namespace("m"), early), "of that namespace nothing was dropped");
    assert!(store.holds(&Namespaces::All, late));
    // What is too old to be kept at all was told to nobody.
    let newest = store.newest();
    put(&store, &event("n", "old", 5, 1, 0), 5);
    assert!(store.holds(&Namespaces::All, newest) && store.since(&everything(), newest, 10).unwrap().0.is_empty());
    // By age, too, and when nothing is left of its namespace.
    store.expire(at(5000));
    assert!(!store.holds(&Namespaces::All, late) && !store.holds(&namespace("n"), early));
    assert!(store.holds(&Namespaces::All, store.newest()));
}

#[test]
fn what_an_object_owns_is_its_own_also_if_that_is_found_out_later() {
    let store = store(10);
    store.put(&record(&event("n", "known", 1, 1, 1)), Some(lineage()), at(1));
    put(&store, &event("n", "late", 2, 1, 2), 2);
    put(&store, &event("n", "stranger", 3, 1, 3), 3);
    assert_eq!(told(&all(&store, &about("web", true))), ["known x1"]);
    assert_eq!(told(&all(&store, &about("web", false))), [""; 0]);
    assert_eq!(told(&all(&store, &about("other", true))), [""; 0]);
    let before = store.newest();
    store.learn(&Uid::from("pod-n-late"), lineage());
    let (since, until) = store.since(&about("web", true), before, 10).unwrap();
    assert_eq!((told(&since), until), (vec!["late x1".to_owned()], store.newest()));
    // Whoever comes later, or has known it otherwise, is told once.
    assert_eq!(told(&store.since(&about("web", true), Step::START, 10).unwrap().0), ["known x1", "late x1"]);
    assert_eq!(told(&store.since(&everything(), before, 10).unwrap().0), [""; 0]);
    assert_eq!(told(&all(&store, &about("web", true))), ["known x1", "late x1"]);
    assert_eq!(told(&store.page(&about("web", true), Order::OldestFirst, None, before, 10)), ["known x1"]);
    // Another namespace's object of that name owns none of it.
    let mut elsewhere = about("web", true);
    elsewhere.target.as_mut().unwrap().namespace = "m".into();
    assert_eq!(told(&all(&store, &elsewhere)), [""; 0]);
}

#[test]
fn events_are_found_by_what_they_are_about() {
    let store = store(10);
    put(&store, &event("n", "a", 1, 2, 5), 5);
    put(&store, &event("n", "b", 2, 1, 4), 5);
    let lines: Vec<_> =
        store.of(&["pod-n-a".into(), "pod-n-b".into(), "x".into()]).iter().map(EventLine::from).collect();
    assert_eq!(
        lines.iter().map(|line| (line.count, line.last)).collect::<Vec<_>>(),
        [(1, Some(at(4))), (2, Some(at(5)))]
    );
    let mut node = event("default", "node-1", 3, 1, 6);
    node["involvedObject"] = json!({"kind": "Node", "name": "node-1", "uid": "node-1"});
    put(&store, &node, 6);
    let target = |uid: &str| Target {
        group: String::new(),
        kind: "Node".into(),
        namespace: "".into(),
        name: "node-1".into(),
        uid: (!uid.is_empty()).then(|| uid.into()),
        with_owned: false,
    };
    // A kubelet gives the name for the UID.
    for uid in ["", "0000-1"] {
        let filter = EventFilter { target: Some(target(uid)), ..everything() };
        assert_eq!(told(&all(&store, &filter)), ["node-1 x1"], "{uid}");
    }
    let filter = EventFilter { types: vec!["normal".into()], ..everything() };
    assert_eq!(told(&all(&store, &filter)), [""; 0]);
    let filter = EventFilter { types: vec!["WARNING".into()], since: Some(at(6)), ..everything() };
    assert_eq!(told(&all(&store, &filter)), ["node-1 x1"]);
}

#[derive(Clone, Debug)]
enum Happens {
    /// In that namespace, to that object: once more.
    Again(u8, u8),
    /// An old version comes again.
    Repeated(u8, u8),
    /// Time passes.
    Later(i64),
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let object = (0..4u8, 0..12u8);
    let happens = prop_oneof![
        6 => object.clone().prop_map(|(namespace, name)| Happens::Again(namespace, name)),
        1 => (0..12u8).prop_map(|name| Happens::Again(0, name)),
        2 => object.prop_map(|(namespace, name)| Happens::Repeated(namespace, name)),
        1 => (1..400i64).prop_map(Happens::Later),
    ];
    proptest::collection::vec(happens, 0..120)
}

/// What there would be without bounds: by namespace and name, version, count and time.
#[derive(Default)]
struct Model {
    now: i64,
    version: u64,
    truth: BTreeMap<(u8, u8), (u64, u32, i64)>,
}

/// Namespaces share it.
const MOST: usize = 12;
const NAMESPACES: u8 = 4;

impl Model {
    fn happens(&mut self, store: &EventStore, happens: &Happens) {
        let event = |(namespace, name): (u8, u8), version, count, last| {
            event(&format!("n{namespace}"), &format!("o{name}"), version, count, last)
        };
        match *happens {
            Happens::Again(namespace, name) => {
                self.version += 1;
                let count = self.truth.get(&(namespace, name)).map_or(0, |(_, count, _)| *count) + 1;
                self.truth.insert((namespace, name), (self.version, count, self.now));
                put(store, &event((namespace, name), self.version, count, self.now), self.now);
            }
            Happens::Repeated(namespace, name) => {
                // One that was dropped would come back in its newest version only.
                let is_kept = store.of(&[format!("pod-n{namespace}-o{name}").as_str().into()]).len() == 1;
                let known = self.truth.get(&(namespace, name)).filter(|(_, count, _)| is_kept && *count > 1);
                if let Some((version, count, last)) = known.copied() {
                    put(store, &event((namespace, name), version - 1, count - 1, last), self.now);
                }
            }
            Happens::Later(seconds) => {
                self.now += seconds;
                store.expire(at(self.now));
            }
        }
    }

    /// Those that are not of age, of a namespace.
    fn young(&self, namespace: u8) -> usize {
        let is_young = |last: i64| last + 3600 > self.now;
        self.truth.iter().filter(|((of, _), (.., last))| *of == namespace && is_young(*last)).count()
    }

    /// The newest versions are kept, within bounds, in order, and nobody's fair part is taken.
    fn is_kept(&self, kept: &[Kept]) -> Result<(), TestCaseError> {
        prop_assert!(kept.len() <= MOST && kept.is_sorted_by_key(Kept::place));
        let number = |text: &str| text[1..].parse::<u8>().unwrap();
        let mut of_namespace = [0; NAMESPACES as usize];
        for kept in kept {
            let place = (number(&kept.record.key.namespace), number(&kept.record.key.name));
            let (version, count, last) = self.truth[&place];
            let is = (kept.record.resource_version, kept.happening.occurrences(), kept.last());
            prop_assert_eq!(is, (version, count, at(last)));
            prop_assert!(last + 3600 > self.now);
            of_namespace[usize::from(place.0)] += 1;
        }
        for namespace in 0..NAMESPACES {
            let (kept, of) = (of_namespace[usize::from(namespace)], self.young(namespace));
            prop_assert!(kept >= of.min(MOST / usize::from(NAMESPACES)), "{namespace}: {kept} of {of}");
        }
        Ok(())
    }
}

/// Reads on behind a snapshot, unless some of what was told since was dropped: no version is told
/// twice, and the picture is that of now.
fn reads_on(store: &EventStore, mut place: Step, mut picture: BTreeMap<String, u64>) -> Result<(), TestCaseError> {
    loop {
        let Ok((some, until)) = store.since(&everything(), place, 3) else { return Ok(()) };
        for kept in &some {
            let before = picture.insert(kept.record.uid.to_string(), kept.record.resource_version);
            prop_assert!(before < Some(kept.record.resource_version), "{kept:?} is told twice");
        }
        if some.is_empty() && until == place {
            break;
        }
        place = until;
    }
    for kept in all(store, &everything()) {
        prop_assert_eq!(picture.get(&kept.record.uid.to_string()), Some(&kept.record.resource_version));
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_kept_is_the_newest_within_bounds(happenings in happenings(), reads_after in 0..60u64) {
        let (store, mut model, mut begun) = (store(MOST), Model::default(), None);
        for happens in &happenings {
            model.happens(&store, happens);
            let kept = all(&store, &everything());
            model.is_kept(&kept)?;
            if begun.is_none() && store.newest() >= Step::from(reads_after) {
                let versions = kept.iter().map(|it| (it.record.uid.to_string(), it.record.resource_version));
                begun = Some((store.newest(), versions.collect()));
            }
        }
        if let Some((place, picture)) = begun {
            reads_on(&store, place, picture)?;
        }
    }
}

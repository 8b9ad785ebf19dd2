//! A picture against a model: what it tells, taken together, is what is there.

use std::collections::BTreeMap;

use daymark_proto::v1::status_event::{Current, Reset, Resumed};

use super::*;

fn status(name: &str, uid: &str, version: &str, state: State) -> Status {
    Status {
        r#ref: Some(ObjectRef {
            resource: "pods".to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            ..ObjectRef::default()
        }),
        kind: "Pod".to_owned(),
        state: state.into(),
        resource_version: version.to_owned(),
        ..Status::default()
    }
}

fn snapshot(items: impl IntoIterator<Item = Status>) -> Vec<Event> {
    let mut events = vec![Event::Reset(Reset::default())];
    events.extend(items.into_iter().map(Event::Item));
    events.push(Event::Current(Current {}));
    events
}

fn tell(picture: &mut Picture, events: impl IntoIterator<Item = Event>) -> Vec<String> {
    let mut told = Vec::new();
    for event in events {
        for change in picture.apply(event) {
            let name = change.status.r#ref.as_ref().map_or("", |it| &it.name);
            told.push(format!("{:?} {name}/{}", change.kind, uid(&change.status)));
        }
    }
    told
}

#[test]
fn a_snapshot_that_comes_again_repeats_nothing() {
    let items = || [status("a", "1", "5", State::Ready), status("b", "2", "6", State::Failed)];
    let mut picture = Picture::new(View::Full);
    assert_eq!(tell(&mut picture, snapshot(items())), ["Entered a/1", "Entered b/2"]);
    assert!(tell(&mut picture, snapshot(items())).is_empty());
    assert!(picture.is_current());
}

#[test]
fn what_an_earlier_watch_has_told_is_not_told_again() {
    let before = [status("a", "1", "5", State::Ready), status("b", "2", "6", State::Ready)];
    let now = [before[0].clone(), status("b", "2", "7", State::Failed), status("c", "3", "8", State::Ready)];
    let mut picture = Picture::new(View::Basic).with(before.clone());
    assert!(!picture.is_current());
    assert_eq!(tell(&mut picture, snapshot(now)), ["Changed b/2", "Entered c/3"]);
    let mut picture = Picture::new(View::Basic).with(before);
    let resumed = [Event::Resumed(Resumed {}), Event::Deleted(status("a", "1", "9", State::Absent))];
    assert_eq!(tell(&mut picture, resumed), ["Deleted a/1"]);
}

#[test]
fn what_changes_before_a_snapshot_is_complete_changes_the_snapshot() {
    let mut picture = Picture::new(View::Basic);
    let mut events = snapshot([status("a", "1", "1", State::Ready), status("b", "2", "1", State::Ready)]);
    let current = events.pop();
    events.push(Event::Changed(status("a", "1", "2", State::InProgress)));
    events.push(Event::Deleted(status("b", "2", "2", State::Absent)));
    events.push(Event::Entered(status("b", "3", "3", State::Ready)));
    events.extend(current);
    assert_eq!(tell(&mut picture, events), ["Entered a/1", "Entered b/3"]);
    let states: Vec<_> = picture.statuses().map(Status::state).collect();
    assert_eq!(states, [State::InProgress, State::Ready]);
}

#[test]
fn a_snapshot_tells_what_differs_from_the_one_before() {
    let mut picture = Picture::new(View::Basic);
    let before = ["a", "b", "c", "d"].map(|name| status(name, name, "1", State::Ready));
    tell(&mut picture, snapshot(before));
    let after = [
        status("a", "a", "2", State::Ready),
        status("b", "b", "2", State::InProgress),
        status("c", "c2", "2", State::Ready),
        status("e", "e", "2", State::Ready),
    ];
    assert_eq!(
        tell(&mut picture, snapshot(after)),
        ["Deleted d/d", "Changed b/b", "Deleted c/c", "Entered c/c2", "Entered e/e"]
    );
}

#[test]
fn a_view_of_objects_tells_every_version_and_a_view_of_states_does_not() {
    for (view, told) in [(View::Basic, 0), (View::Full, 1)] {
        let mut picture = Picture::new(view);
        tell(&mut picture, snapshot([status("a", "1", "1", State::Ready)]));
        let newer = [Event::Changed(status("a", "1", "2", State::Ready))];
        assert_eq!(tell(&mut picture, newer).len(), told, "{view:?}");
    }
}

#[test]
fn a_deletion_is_told_once() {
    let mut picture = Picture::new(View::Basic);
    tell(&mut picture, snapshot([status("a", "1", "1", State::Ready)]));
    let deleted = || [Event::Deleted(status("a", "1", "2", State::Absent))];
    assert_eq!(tell(&mut picture, deleted()), ["Deleted a/1"]);
    assert!(tell(&mut picture, deleted()).is_empty());
    assert!(tell(&mut picture, snapshot([])).is_empty());
}

#[test]
fn a_late_deletion_of_a_namesake_does_not_remove_the_new_object() {
    let mut picture = Picture::new(View::Basic);
    tell(&mut picture, snapshot([status("a", "1", "1", State::Ready)]));
    let entered = [Event::Entered(status("a", "2", "2", State::InProgress))];
    assert_eq!(tell(&mut picture, entered), ["Deleted a/1", "Entered a/2"]);
    assert!(tell(&mut picture, [Event::Deleted(status("a", "1", "1", State::Absent))]).is_empty());
    assert_eq!(picture.statuses().len(), 1);
}

#[test]
fn a_snapshot_that_was_cut_off_changes_nothing() {
    let mut picture = Picture::new(View::Basic);
    tell(&mut picture, snapshot([status("a", "1", "1", State::Ready)]));
    let cut = [Event::Reset(Reset::default()), Event::Resumed(Resumed {})];
    assert!(tell(&mut picture, cut).is_empty());
    assert!(tell(&mut picture, [Event::Current(Current {})]).is_empty());
    assert_eq!(picture.statuses().len(), 1);
}

#[test]
fn an_object_of_a_kind_that_cannot_be_read_is_not_deleted() {
    let mut picture = Picture::new(View::Basic);
    tell(&mut picture, snapshot([status("a", "1", "1", State::Ready)]));
    let lacking = |namespace: &str| {
        let (kind, namespace) = ("pods".to_owned(), namespace.to_owned());
        let unreachable = vec![Unreachable { kind, namespace, ..Unreachable::default() }];
        [Event::Reset(Reset { unreachable, ..Reset::default() }), Event::Current(Current {})]
    };
    for namespace in ["", "shop"] {
        assert!(tell(&mut picture, lacking(namespace)).is_empty());
        assert_eq!(picture.statuses().len(), 1);
    }
    assert_eq!(tell(&mut picture, lacking("elsewhere")), ["Deleted a/1"]);
}

#[test]
fn an_object_that_may_not_be_seen_any_more_leaves() {
    let mut picture = Picture::new(View::Basic);
    tell(&mut picture, snapshot([status("a", "1", "1", State::Ready), status("b", "2", "1", State::Ready)]));
    let unreachable = vec![Unreachable { kind: "pods".into(), reason: NOT_PERMITTED.into(), ..Unreachable::default() }];
    let narrowed = [
        Event::Reset(Reset { unreachable, ..Reset::default() }),
        Event::Item(status("b", "2", "1", State::Ready)),
        Event::Current(Current {}),
    ];
    assert_eq!(tell(&mut picture, narrowed), ["Left a/1"]);
    assert_eq!(picture.statuses().len(), 1);
}

#[test]
fn an_absent_item_is_no_part_of_the_picture() {
    let mut picture = Picture::new(View::Basic);
    assert!(tell(&mut picture, snapshot([status("a", "", "", State::Absent)])).is_empty());
    let entered = [Event::Entered(status("a", "1", "1", State::Ready))];
    assert_eq!(tell(&mut picture, entered), ["Entered a/1"]);
    let absent = snapshot([status("a", "", "", State::Absent)]);
    assert_eq!(tell(&mut picture, absent), ["Deleted a/1"]);
}

/// A world of four names whose objects come, change and go by chance, seen over
/// a stream that is cut by chance: by a resumption, a snapshot that repeats all,
/// or one that is itself cut off.
#[test]
fn whatever_is_lost_the_told_changes_add_up_to_the_world() {
    for seed in 1..=500_u64 {
        let mut random = Random(seed);
        let mut world: BTreeMap<&str, Status> = BTreeMap::new();
        let mut sum: BTreeMap<String, Status> = BTreeMap::new();
        let mut picture = Picture::new(View::Full);
        let mut uids = 0_u64;
        for _ in 0..60 {
            let events = match random.below(10) {
                0 => snapshot(world.values().cloned()),
                1 => vec![Event::Reset(Reset::default()), Event::Resumed(Resumed {})],
                // Changes that the stream skips must come with a snapshot.
                2 => {
                    for _ in 0..3 {
                        step(&mut random, &mut world, &mut uids);
                    }
                    snapshot(world.values().cloned())
                }
                _ => step(&mut random, &mut world, &mut uids).into_iter().collect(),
            };
            for change in events.into_iter().flat_map(|event| picture.apply(event)) {
                add_up(seed, &mut sum, change);
            }
        }
        let end: Vec<_> = snapshot(world.values().cloned());
        for change in end.into_iter().flat_map(|event| picture.apply(event)) {
            add_up(seed, &mut sum, change);
        }
        assert!(sum.values().eq(world.values()), "seed {seed}");
        assert!(picture.statuses().eq(world.values()), "seed {seed}");
    }
}

/// Adds a change to the sum of changes, and checks that it says something new.
fn add_up(seed: u64, sum: &mut BTreeMap<String, Status>, change: Change) {
    let name = change.status.r#ref.as_ref().map(|it| it.name.clone()).unwrap_or_default();
    let before = match change.kind {
        ChangeKind::Entered | ChangeKind::Changed => sum.insert(name, change.status.clone()),
        ChangeKind::Left | ChangeKind::Deleted => sum.remove(&name),
    };
    let known = before.is_some();
    assert_eq!(known, change.kind != ChangeKind::Entered, "seed {seed}: {change:?}");
    assert_ne!(before, Some(change.status), "seed {seed}: told twice");
}

fn step(random: &mut Random, world: &mut BTreeMap<&str, Status>, uids: &mut u64) -> Option<Event> {
    let name = ["a", "b", "c", "d"][random.below(4)];
    *uids += 1;
    let version = uids.to_string();
    match (world.get_mut(name), random.below(3)) {
        (None, _) => {
            let status = status(name, &version, &version, State::InProgress);
            world.insert(name, status.clone());
            Some(Event::Entered(status))
        }
        (Some(_), 0) => world.remove(name).map(|mut status| {
            status.set_state(State::Absent);
            Event::Deleted(status)
        }),
        (Some(status), _) => {
            status.resource_version = version;
            Some(Event::Changed(status.clone()))
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit).unwrap_or(0)
    }
}

use daymark::api::status_event::reset::Cause;
use daymark::api::status_event::{Current, Reset, Resumed};
use daymark::api::{ObjectRef, State};

use super::*;

const ALL: Wanted = Wanted { initial: false, by_expression: false, entered: false, lasting: Duration::ZERO };
const SOME: Wanted = Wanted { by_expression: true, ..ALL };
const ENTERED: Wanted = Wanted { entered: true, ..SOME };
const LASTING: Duration = Duration::from_secs(60);
const FOR: Wanted = Wanted { lasting: LASTING, ..ENTERED };

fn object(name: &str, version: u32, state: State) -> Status {
    let r#ref = ObjectRef { name: name.to_owned(), uid: format!("uid-{name}"), ..ObjectRef::default() };
    Status {
        r#ref: Some(r#ref),
        state: state.into(),
        reason: "R".to_owned(),
        resource_version: version.to_string(),
        ..Status::default()
    }
}

/// Tells it, deals with all of it, and says what that was.
fn deal(follower: &mut Follower, told: Told, cursor: &[u8]) -> Vec<(&'static str, String)> {
    let transitions = follower.take(told, Instant::now());
    let dealt = transitions.iter().map(|it| (it.event.name(), it.id())).collect();
    transitions.into_iter().for_each(|transition| follower.settle(transition));
    follower.advance(cursor);
    dealt
}

fn snapshot(follower: &mut Follower, items: &[Status], cursor: &[u8]) -> Vec<(&'static str, String)> {
    deal(follower, Told::Reset(Reset { cause: Cause::Initial.into(), unreachable: vec![] }), b"");
    for item in items {
        deal(follower, Told::Item(item.clone()), b"");
    }
    deal(follower, Told::Current(Current {}), cursor)
}

/// What another process makes of a mark.
fn restarted(wanted: Wanted, follower: &Follower) -> Follower {
    let Mark { cursor, taken, objects, holding, begun } = follower.mark();
    let (objects, holding) = (objects.clone(), holding.clone());
    let mark = Mark { cursor: cursor.clone(), taken: taken.clone(), objects, holding, begun: *begun };
    Follower::new(wanted, mark)
}

#[test]
fn what_is_there_counts_only_if_it_is_wanted() {
    let there = [object("a", 1, State::Ready)];
    assert_eq!(snapshot(&mut Follower::new(ALL, Mark::default()), &there, b"1"), []);
    let mut follower = Follower::new(Wanted { initial: true, ..ALL }, Mark::default());
    assert_eq!(snapshot(&mut follower, &there, b"1"), [("CURRENT", "uid-a/1/READY/R".to_owned())]);
    assert_eq!(snapshot(&mut follower, &there, b"2"), []);
}

#[test]
fn what_is_gone_counts_without_an_expression() {
    for (wanted, count) in [(ALL, 2), (SOME, 0)] {
        let mut follower = Follower::new(wanted, Mark::default());
        snapshot(&mut follower, &[object("a", 1, State::Ready), object("b", 2, State::Ready)], b"1");
        let mut dealt = deal(&mut follower, Told::Left(object("a", 3, State::Ready)), b"2");
        dealt.extend(deal(&mut follower, Told::Deleted(object("b", 4, State::Absent)), b"3"));
        assert_eq!(dealt.len(), count);
        assert!(follower.mark().objects.is_empty());
    }
}

#[test]
fn a_state_that_comes_again_is_a_transition_again() {
    let mut follower = Follower::new(SOME, Mark::default());
    let failed = object("a", 1, State::Failed);
    snapshot(&mut follower, std::slice::from_ref(&failed), b"1");
    deal(&mut follower, Told::Left(object("a", 1, State::InProgress)), b"2");
    let dealt = deal(&mut follower, Told::Entered(failed), b"3");
    assert_eq!(dealt, [("ENTERED", "uid-a/1/FAILED/R".to_owned())]);
}

#[test]
fn what_was_dealt_with_behind_the_cursor_is_skipped_when_it_is_told_again() {
    let told = [State::InProgress, State::Ready, State::Failed];
    let told: Vec<_> = (2..).zip(told).map(|(version, state)| Told::Changed(object("a", version, state))).collect();
    let mut follower = Follower::new(ALL, Mark::default());
    snapshot(&mut follower, &[object("a", 1, State::Failed)], b"1");
    for it in &told[..2] {
        assert_eq!(deal(&mut follower, it.clone(), b"1").len(), 1);
    }
    // The third is being dealt with when the process ends.
    assert_eq!(follower.take(told[2].clone(), Instant::now()).len(), 1);

    let mut again = restarted(ALL, &follower);
    assert_eq!(deal(&mut again, Told::Resumed(Resumed {}), b"1"), []);
    let dealt: Vec<_> = told.iter().map(|it| deal(&mut again, it.clone(), b"1").len()).collect();
    assert_eq!(dealt, [0, 0, 1]);
    assert_eq!(again.mark().taken.len(), 3);

    // It is told otherwise: nothing of it is taken for what was before.
    let mut other = restarted(ALL, &follower);
    deal(&mut other, Told::Resumed(Resumed {}), b"1");
    let dealt: Vec<_> = told[1..].iter().map(|it| deal(&mut other, it.clone(), b"1").len()).collect();
    assert_eq!(dealt, [0, 1]);
}

#[test]
fn a_snapshot_that_is_half_dealt_with_is_compared_again() {
    let now = [object("a", 5, State::Ready), object("b", 6, State::Ready), object("c", 3, State::Ready)];
    let mut follower = Follower::new(SOME, Mark::default());
    snapshot(&mut follower, &[object("a", 1, State::Ready), now[2].clone()], b"1");
    deal(&mut follower, Told::Reset(Reset::default()), b"1");
    for item in &now {
        deal(&mut follower, Told::Item(item.clone()), b"1");
    }
    let mut transitions = follower.take(Told::Current(Current {}), Instant::now());
    assert_eq!(transitions.len(), 2);
    follower.settle(transitions.remove(0));
    assert_eq!(follower.mark().cursor, b"");

    let mut again = restarted(SOME, &follower);
    assert_eq!(snapshot(&mut again, &now, b"9"), [("ENTERED", "uid-b/6/READY/R".to_owned())]);
    assert_eq!(again.mark().cursor, b"9");
}

#[test]
fn another_object_of_the_same_name_is_another_object() {
    let mut follower = Follower::new(ALL, Mark::default());
    snapshot(&mut follower, &[object("a", 1, State::Ready)], b"1");
    let mut other = object("a", 2, State::Ready);
    other.r#ref.as_mut().unwrap().uid = "other".to_owned();
    let dealt = deal(&mut follower, Told::Changed(other), b"2");
    assert_eq!(dealt, [("DELETED", "uid-a/ABSENT".to_owned()), ("ENTERED", "other/2/READY/R".to_owned())]);
}

#[test]
fn an_object_enters_once_until_it_has_left() {
    let mut follower = Follower::new(ENTERED, Mark::default());
    let (failed, pulling) = (object("a", 2, State::Failed), object("a", 3, State::InProgress));
    snapshot(&mut follower, &[object("b", 1, State::Failed)], b"1");
    let tell = |follower: &mut Follower, told| deal(follower, told, b"2").len();
    assert_eq!(tell(&mut follower, Told::Entered(failed.clone())), 1);
    for changed in [&pulling, &failed, &object("b", 4, State::Ready)] {
        assert_eq!(tell(&mut follower, Told::Changed(changed.clone())), 0);
    }
    // Nor does a snapshot repeat it, whether another process takes it or this one.
    let now = [object("a", 5, State::Failed), object("b", 4, State::Ready)];
    assert_eq!(snapshot(&mut restarted(ENTERED, &follower), &now, b"9"), []);
    assert_eq!(snapshot(&mut follower, &now, b"3"), []);
    assert_eq!(tell(&mut follower, Told::Left(failed.clone())), 0);
    assert_eq!(tell(&mut follower, Told::Entered(failed)), 1);
}

#[test]
fn an_object_that_was_being_dealt_with_enters_again_after_a_restart() {
    let mut follower = Follower::new(ENTERED, Mark::default());
    snapshot(&mut follower, &[], b"1");
    let failed = object("a", 2, State::Failed);
    assert_eq!(follower.take(Told::Entered(failed.clone()), Instant::now()).len(), 1);
    let mut again = restarted(ENTERED, &follower);
    assert_eq!(snapshot(&mut again, &[failed], b"9"), [("ENTERED", "uid-a/2/FAILED/R".to_owned())]);
}

/// What is due then, and is dealt with.
fn due(follower: &mut Follower, now: Instant) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    while let Some(transition) = follower.due(now) {
        all.push((transition.event.name(), transition.id()));
        follower.settle(transition);
    }
    all
}

#[test]
fn what_has_held_for_long_enough_is_due_once_as_it_is_then() {
    let start = Instant::now();
    let mut follower = Follower::new(Wanted { initial: true, ..FOR }, Mark::default());
    assert_eq!(snapshot(&mut follower, &[object("a", 1, State::Failed)], b"1"), []);
    let told = [
        Told::Entered(object("b", 2, State::Failed)),
        Told::Entered(object("c", 3, State::Failed)),
        Told::Changed(object("b", 4, State::Unknown)),
        Told::Left(object("c", 5, State::Ready)),
    ];
    for told in told {
        assert_eq!(follower.take(told, start), []);
        follower.advance(b"2");
    }
    assert_eq!(due(&mut follower, start), []);
    assert_eq!(follower.due_at(), Some(start + LASTING));
    let expected = [("CURRENT", "uid-a/1/FAILED/R".to_owned()), ("ENTERED", "uid-b/4/UNKNOWN/R".to_owned())];
    assert_eq!(due(&mut follower, Instant::now() + LASTING), expected);
    assert_eq!((follower.due_at(), follower.mark().holding.len(), follower.mark().objects.len()), (None, 0, 2));
    assert_eq!(follower.take(Told::Changed(object("b", 6, State::Failed)), start), []);
    assert_eq!(follower.due_at(), None);
}

#[test]
fn what_holds_begins_anew_where_something_may_have_been_missed() {
    let start = Instant::now();
    let later = start + LASTING;
    let failed = object("a", 2, State::Failed);
    let mut follower = Follower::new(FOR, Mark::default());
    snapshot(&mut follower, &[], b"1");
    follower.take(Told::Entered(failed.clone()), start);
    follower.advance(b"2");
    follower.take(Told::Resumed(Resumed {}), later);
    assert_eq!(follower.due_at(), Some(later + LASTING));

    // A restart keeps what holds, and knows of it as soon as it has heard of it.
    for told in [vec![Told::Resumed(Resumed {})], vec![Told::Reset(Reset::default()), Told::Item(failed.clone())]] {
        let mut again = restarted(FOR, &follower);
        assert_eq!((again.due_at(), again.mark().holding.len()), (None, 1));
        let is_snapshot = told.len() > 1;
        for told in told {
            again.take(told, later);
        }
        assert_eq!(again.due_at().is_none(), is_snapshot, "not before all of the snapshot is told");
        if is_snapshot {
            again.take(Told::Current(Current {}), later);
        }
        assert_eq!(due(&mut again, later), []);
        assert_eq!(due(&mut again, later + LASTING), [("ENTERED", "uid-a/2/FAILED/R".to_owned())]);
    }
    // What has left meanwhile is forgotten.
    assert_eq!(snapshot(&mut follower, &[], b"9"), []);
    assert_eq!((follower.due_at(), follower.mark().holding.len()), (None, 0));
}

#[test]
fn what_is_not_read_is_not_known_to_hold() {
    let failed = object("a", 1, State::Failed);
    let mut follower = Follower::new(FOR, Mark::default());
    snapshot(&mut follower, &[], b"1");
    deal(&mut follower, Told::Entered(failed.clone()), b"2");
    assert!(follower.due_at().is_some());
    let unread = Unreachable { kind: String::new(), ..Unreachable::default() };
    for (unreachable, is_known) in [(vec![unread], false), (vec![], true)] {
        deal(&mut follower, Told::Reset(Reset { cause: Cause::Initial.into(), unreachable }), b"");
        if is_known {
            deal(&mut follower, Told::Item(failed.clone()), b"");
        }
        deal(&mut follower, Told::Current(Current {}), b"3");
        assert_eq!((follower.due_at().is_some(), follower.mark().holding.len()), (is_known, 1));
    }
}

//! Each clause is seen to be broken by a stream that breaks it.

use daymark_proto::v1::status_event::{Current, Progress, Reset, Resumed};
use daymark_proto::v1::{Freshness, ObjectRef, State, StatusEvent};
use daymarkd::event_log::cursor::Incarnation;

use super::*;

fn contract(view: View) -> Contract {
    Contract::new(&WatchStatusesRequest { view: view.into(), ..Default::default() })
}

struct Stream(Incarnation);

impl Stream {
    fn message(&self, at: Option<u64>, event: Event) -> Told {
        let cursor = at.map(|revision| Cursor { incarnation: self.0, revision, rights: 0 }.encode());
        let freshness = Freshness { time: Some(prost_types::Timestamp::default()), ..Default::default() };
        Told { event, cursor: Some(cursor.unwrap_or_default()), freshness }
    }

    /// `reset`, the object `u1` at version 5, `current` at 10.
    fn beginning(&self) -> Vec<Told> {
        vec![
            self.message(None, Event::Reset(Reset::default())),
            self.message(None, Event::Item(status("u1", 5, State::Ready))),
            self.message(Some(10), Event::Current(Current {})),
        ]
    }
}

fn status(uid: &str, version: u64, state: State) -> Status {
    Status {
        r#ref: Some(ObjectRef { resource: "pods".into(), name: uid.into(), uid: uid.into(), ..Default::default() }),
        state: state.into(),
        reason: "Because".into(),
        resource_version: version.to_string(),
        ..Default::default()
    }
}

/// After a whole beginning, these break that clause with the last of them.
fn broken_by(events: Vec<(Option<u64>, Event)>) -> &'static str {
    let stream = Stream(Incarnation::random());
    let mut contract = contract(View::Basic);
    for message in stream.beginning() {
        contract.take(&message).unwrap();
    }
    let last = events.len() - 1;
    for (number, (at, event)) in events.into_iter().enumerate() {
        match contract.take(&stream.message(at, event)) {
            Ok(()) if number < last => {}
            Err(broken) if number == last => return broken.clause,
            other => panic!("{number}: {other:?}"),
        }
    }
    unreachable!("the last is broken");
}

#[test]
fn a_stream_that_holds_it_is_let_pass() {
    let stream = Stream(Incarnation::random());
    let mut contract = contract(View::Basic);
    let mut messages = stream.beginning();
    messages.push(stream.message(Some(11), Event::Changed(status("u1", 6, State::Failed))));
    messages.push(stream.message(Some(11), Event::Progress(Progress {})));
    messages.push(stream.message(Some(12), Event::Deleted(status("u1", 6, State::Absent))));
    messages.push(stream.message(Some(13), Event::Entered(status("u2", 9, State::Ready))));
    for message in &messages {
        contract.take(message).unwrap();
    }
    contract.resume();
    contract.take(&stream.message(Some(13), Event::Resumed(Resumed {}))).unwrap();
    assert!(contract.is_live());
    assert_eq!(contract.picture.objects().keys().collect::<Vec<_>>(), ["u2"]);
    // Another daemon's cursors cannot be compared with this one's.
    contract.resume();
    for message in Stream(Incarnation::random()).beginning().into_iter().filter(|m| !describe(m).starts_with("item")) {
        contract.take(&message).unwrap();
    }
    assert!(contract.picture.objects().is_empty(), "a reset replaces the picture");
}

#[test]
fn a_message_without_events_or_freshness_is_seen() {
    let freshness = Some(Freshness { time: Some(prost_types::Timestamp::default()), ..Default::default() });
    let events = vec![StatusEvent { event: Some(Event::Current(Current {})) }; 2];
    let whole = WatchStatusesResponse { events: events.clone(), cursor: "c".into(), freshness: freshness.clone() };
    let told = Told::of(whole).unwrap();
    assert_eq!(told.iter().map(|told| told.cursor.clone()).collect::<Vec<_>>(), [None, Some(b"c".to_vec())]);
    let empty = WatchStatusesResponse { freshness, ..Default::default() };
    assert_eq!(Told::of(empty).unwrap_err().clause, "a message says what happened");
    let stale = WatchStatusesResponse { events, ..Default::default() };
    assert_eq!(Told::of(stale).unwrap_err().clause, "a message says how new it is");
}

#[test]
fn a_wrong_beginning_or_order_of_phases_is_seen() {
    let stream = Stream(Incarnation::random());
    for event in [Event::Current(Current {}), Event::Resumed(Resumed {}), Event::Progress(Progress {})] {
        assert!(contract(View::Basic).take(&stream.message(Some(1), event.clone())).is_err(), "{event:?}");
    }
    let early = contract(View::Basic).take(&stream.message(Some(1), Event::Entered(status("u1", 1, State::Ready))));
    assert_eq!(early.unwrap_err().clause, "a stream begins with reset, or resumed");
    let item = || Event::Item(status("u2", 6, State::Ready));
    assert_eq!(broken_by(vec![(None, item())]), "items come together, behind reset");
    assert_eq!(broken_by(vec![(Some(12), Event::Current(Current {}))]), "current ends a snapshot");
    let reset = || (None, Event::Reset(Reset::default()));
    let progress = (Some(11), Event::Progress(Progress {}));
    assert_eq!(broken_by(vec![reset(), progress]), "changes and progress follow current");
    assert_eq!(broken_by(vec![reset(), (Some(11), item())]), "a snapshot has no cursor before it is complete");
}

#[test]
fn only_a_proven_view_has_changes_before_it_is_whole() {
    let stream = Stream(Incarnation::random());
    let mut proven = Contract::new(&WatchStatusesRequest { proven: true, ..Default::default() });
    let mut snapshot = stream.beginning();
    let current = snapshot.pop().unwrap();
    let changed = stream.message(Some(9), Event::Changed(status("u1", 6, State::Failed)));
    let late = stream.message(Some(9), Event::Progress(Progress {}));
    for message in snapshot.iter().chain([&changed, &late, &current]) {
        proven.take(message).unwrap();
    }
    proven.resume();
    let missed = stream.message(Some(11), Event::Changed(status("u1", 7, State::Ready)));
    for message in [&missed, &stream.message(Some(11), Event::Resumed(Resumed {}))] {
        assert!(!proven.is_live());
        proven.take(message).unwrap();
    }
    let mut unproven = contract(View::Basic);
    snapshot.iter().for_each(|message| unproven.take(message).unwrap());
    assert_eq!(unproven.take(&changed).unwrap_err().clause, "changes and progress follow current");
}

#[test]
fn a_cursor_that_lacks_or_goes_back_is_seen() {
    let progress = || Event::Progress(Progress {});
    let changed = || Event::Changed(status("u1", 6, State::Failed));
    assert_eq!(broken_by(vec![(None, progress())]), "a message outside of a snapshot has a cursor");
    assert_eq!(broken_by(vec![(Some(9), progress())]), "the cursor goes on");
    assert_eq!(broken_by(vec![(Some(10), changed())]), "the cursor goes on");
}

#[test]
fn a_wrong_object_is_seen() {
    let at = |revision: u64, event: Event| (Some(revision), event);
    let known = |version: u64, state: State| status("u1", version, state);
    let gone = || at(11, Event::Deleted(known(6, State::Absent)));
    let mut renamed = status("u2", 7, State::Ready);
    renamed.r#ref.as_mut().unwrap().name = "u1".into();
    let mut with_body = known(6, State::Failed);
    with_body.object = b"{}".to_vec().into();
    for (events, clause) in [
        (vec![at(11, Event::Changed(known(4, State::Failed)))], "an object's version does not go back"),
        (vec![at(11, Event::Entered(known(6, State::Failed)))], "only an object that is not in the picture enters it"),
        (vec![at(11, Event::Changed(status("u2", 6, State::Ready)))], "only an object that is in the picture changes"),
        (vec![at(11, Event::Left(status("u2", 6, State::Ready)))], "only an object that is in the picture leaves it"),
        (vec![gone(), at(12, Event::Entered(known(7, State::Ready)))], "what was deleted does not come back"),
        (vec![at(11, Event::Deleted(known(6, State::Ready)))], "what was deleted is absent"),
        (vec![at(11, Event::Entered(renamed))], "a name has one object at a time"),
        (vec![at(11, Event::Changed(with_body))], "the basic view has no object"),
        (
            vec![at(11, Event::Changed(known(6, State::Ready)))],
            "a change without its object is one of state, reason, doom, progress or generation",
        ),
    ] {
        assert_eq!(broken_by(events), clause);
    }
}

#[test]
fn a_version_that_is_told_twice_or_is_not_the_object_is_seen() {
    let stream = Stream(Incarnation::random());
    let full = |version: u64, body: u64| {
        let mut status = status("u1", version, State::Ready);
        status.object = format!(r#"{{"metadata":{{"uid":"u1","resourceVersion":"{body}"}}}}"#).into();
        status
    };
    let mut contract = contract(View::Full);
    contract.take(&stream.message(None, Event::Reset(Reset::default()))).unwrap();
    contract.take(&stream.message(None, Event::Item(full(5, 5)))).unwrap();
    contract.take(&stream.message(Some(1), Event::Current(Current {}))).unwrap();
    contract.take(&stream.message(Some(2), Event::Changed(full(6, 6)))).unwrap();
    let twice = contract.take(&stream.message(Some(3), Event::Changed(full(6, 6)))).unwrap_err();
    assert_eq!(twice.clause, "no version is told twice");
    let other = contract.take(&stream.message(Some(4), Event::Changed(full(7, 6)))).unwrap_err();
    assert_eq!(other.clause, "the object is the version that was judged");
}

#[test]
fn an_end_without_a_reason_is_seen() {
    let unexplained = tonic::Status::unavailable("gone");
    assert_eq!(contract(View::Basic).end(None).unwrap_err().clause, "a stream never ends with OK");
    assert_eq!(contract(View::Basic).end(Some(&unexplained)).unwrap_err().clause, "an error carries its reason");
}

//! What a gate says of every course of events.

use daymark::api::status_event::{Current, Progress, Reset, Resumed};

use super::*;

const TOLERANCE: Duration = Duration::from_secs(120);

fn status(resource: &str, name: &str, uid: &str, state: State) -> Status {
    let group = if resource == "deployments" { "apps" } else { "" };
    let object = ObjectRef {
        group: group.to_owned(),
        resource: resource.to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        ..ObjectRef::default()
    };
    Status { r#ref: Some(object), state: state.into(), ..Status::default() }
}

fn pod(uid: &str, state: State) -> Status {
    status("pods", "a", uid, state)
}

fn fatal(uid: &str) -> Status {
    doomed(uid, Doom::Fatal)
}

fn doomed(uid: &str, doom: Doom) -> Status {
    Status { doom: doom.into(), ..pod(uid, State::Failed) }
}

fn reset() -> Event {
    Event::Reset(Reset::default())
}

fn current() -> Event {
    Event::Current(Current {})
}

fn target(kind: &str, name: &str) -> Target {
    Target { kind: kind.to_owned(), name: name.to_owned() }
}

fn verdict(events: impl IntoIterator<Item = Event>) -> Verdict {
    let mut gate = Gate::new(&[target("pod", "a")], None, TOLERANCE);
    for event in events {
        gate.apply(event).unwrap();
    }
    gate.verdict()
}

#[test]
fn the_verdict_follows_the_newest_proven_state() {
    use Event::{Changed, Deleted, Entered, Item, Left};
    use State::{Absent, InProgress, Paused, Ready, Terminating, Unknown};
    use Verdict::{Failed, Passed, Undecided};
    let after = |status, events: Vec<Event>| [vec![reset(), Item(status), current()], events].concat();
    let told = |status| after(status, vec![]);
    let cases = [
        ("nothing", vec![], Undecided),
        ("unproven ready", vec![reset(), Item(pod("1", Ready))], Undecided),
        ("unproven failure", vec![reset(), Item(fatal("1"))], Undecided),
        ("ready", told(pod("1", Ready)), Passed),
        ("failure", told(fatal("1")), Failed),
        ("persistent failure", told(doomed("1", Doom::Persistent)), Undecided),
        ("transient failure", told(doomed("1", Doom::Transient)), Undecided),
        ("a failure that nothing is said of", told(pod("1", State::Failed)), Undecided),
        ("absent", told(pod("", Absent)), Undecided),
        ("terminating", told(pod("1", Terminating)), Undecided),
        ("paused", told(pod("1", Paused)), Undecided),
        ("unknown", told(pod("1", Unknown)), Undecided),
        ("absent, then ready", after(pod("", Absent), vec![Entered(pod("1", Ready))]), Passed),
        ("changed to ready", after(pod("1", InProgress), vec![Changed(pod("1", Ready))]), Passed),
        ("ready, then a snapshot begins", after(pod("1", Ready), vec![reset()]), Undecided),
        ("resumed", after(pod("1", Ready), vec![Event::Resumed(Resumed {})]), Passed),
        ("deleted", after(pod("1", Ready), vec![Deleted(pod("1", Absent))]), Undecided),
        ("left", after(pod("1", Ready), vec![Left(pod("1", Ready))]), Undecided),
        ("the old one's late end", after(pod("2", Ready), vec![Deleted(pod("1", Absent))]), Passed),
        ("progress", after(pod("1", Ready), vec![Event::Progress(Progress {})]), Passed),
        ("a stranger", after(pod("", Absent), vec![Entered(status("pods", "b", "1", Ready))]), Undecided),
    ];
    for (case, events, expected) in cases {
        assert_eq!(verdict(events), expected, "{case}");
    }
}

#[test]
fn a_lost_stream_proves_nothing() {
    let mut gate = Gate::new(&[target("pod", "a")], None, TOLERANCE);
    for event in [reset(), Event::Item(pod("1", State::Ready)), current()] {
        gate.apply(event).unwrap();
    }
    gate.lose();
    assert_eq!(gate.verdict(), Verdict::Undecided);
    gate.apply(Event::Resumed(Resumed {})).unwrap();
    assert_eq!(gate.verdict(), Verdict::Passed);
}

#[test]
fn one_failure_fails_all_and_one_unfinished_holds_all() {
    let mut gate = Gate::new(&[target("pod", "a"), target("deploy", "b")], None, TOLERANCE);
    let b = |state| status("deployments", "b", "2", state);
    let events = [reset(), Event::Item(pod("1", State::Ready)), Event::Item(b(State::InProgress)), current()];
    for event in events {
        gate.apply(event).unwrap();
    }
    assert_eq!(gate.verdict(), Verdict::Undecided);
    gate.apply(Event::Changed(b(State::Ready))).unwrap();
    assert_eq!(gate.verdict(), Verdict::Passed);
    gate.apply(Event::Changed(fatal("1"))).unwrap();
    assert_eq!(gate.verdict(), Verdict::Failed);
    let goals: Vec<_> = gate.objects().iter().map(|object| gate.goal(object)).collect();
    assert_eq!(goals, [Goal::Ready, Goal::Rollout]);
}

#[test]
fn a_rollout_is_refused_where_there_is_none() {
    let mut gate = Gate::new(&[target("pod", "a")], Some(Goal::Rollout), TOLERANCE);
    gate.apply(reset()).unwrap();
    let error = gate.apply(Event::Item(pod("1", State::Ready))).unwrap_err();
    assert_eq!(error, GateError::NoRollout("pods/a".to_owned()));
}

#[test]
fn an_answer_to_another_question_is_no_answer() {
    let mut gate = Gate::new(&[target("pod", "a")], None, TOLERANCE);
    gate.apply(reset()).unwrap();
    let error = gate.apply(Event::Item(status("pods", "b", "1", State::Ready))).unwrap_err();
    assert!(matches!(error, GateError::Mismatch { .. }));
}

/// What is told at which second, and when the gate has failed at last.
fn fails_at(told: &[(u64, Status)]) -> Option<u64> {
    let mut gate = Gate::new(&[target("pod", "a")], None, TOLERANCE);
    for event in [reset(), Event::Item(told[0].1.clone()), current()] {
        gate.apply(event).unwrap();
    }
    let mut told = told[1..].iter().peekable();
    for second in 0..1000 {
        gate.at(Duration::from_secs(second));
        while let Some((_, status)) = told.next_if(|(at, _)| *at <= second) {
            gate.apply(Event::Changed(status.clone())).unwrap();
        }
        if gate.verdict() == Verdict::Failed {
            return Some(second);
        }
        // Nothing comes by time before it is due.
        assert!(gate.due().is_none_or(|due| due > Duration::from_secs(second)), "{second}");
    }
    None
}

#[test]
fn a_failure_that_may_pass_is_borne_for_a_while() {
    let crash = || doomed("1", Doom::Persistent);
    let running = || pod("1", State::InProgress);
    let generation = |generation| Status { generation, ..doomed("1", Doom::Persistent) };
    for (case, told, fails) in [
        ("it lasts", vec![(0, crash())], Some(120)),
        ("it comes later", vec![(0, running()), (30, crash())], Some(150)),
        ("it restarts in between", vec![(0, crash()), (20, running()), (60, crash())], Some(120)),
        ("it restarts just then", vec![(0, crash()), (110, running()), (140, crash())], Some(140)),
        ("it recovers", vec![(0, crash()), (100, pod("1", State::Ready))], None),
        (
            "it recovers, but not for good",
            vec![(0, crash()), (100, pod("1", State::Paused)), (110, crash())],
            Some(230),
        ),
        ("another object comes", vec![(0, crash()), (100, doomed("2", Doom::Persistent))], Some(220)),
        ("another generation comes", vec![(0, generation(1)), (100, generation(2))], Some(220)),
        ("what is transient never counts", vec![(0, doomed("1", Doom::Transient))], None),
    ] {
        assert_eq!(fails_at(&told), fails, "{case}");
    }
}

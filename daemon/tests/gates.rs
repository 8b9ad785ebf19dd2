//! What gates come to, whatever is told and whenever.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "gates/failures.rs"]
mod failures;
#[path = "gates/jobs.rs"]
mod jobs;

use std::sync::Arc;

use daymarkd::decode::decode;
use daymarkd::gate::seen::Seen;
use daymarkd::gate::tally::{Place, Tally};
use daymarkd::gate::{Applied, Criterion, Goal, Outcome, Policy, Verdict};
use daymarkd::kind::Kind;
use daymarkd::record::{Key, Packer, Record, Uid};
use daymarkd::rule::judge;
use daymarkd::rule::view::Nothing;
use daymarkd::wishes::Wishes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn place(name: &str) -> Place {
    (0, Key::new("n", name))
}

fn pods_kind() -> Kind {
    Kind {
        group: String::new(),
        version: "v1".into(),
        resource: "pods".into(),
        singular: "pod".into(),
        kind: "Pod".into(),
        short_names: Vec::new(),
        namespaced: true,
        has_status: true,
    }
}

/// A pod of that UID and version.
fn pod(name: &str, uid: &str, version: u64, status: Value) -> Option<Seen> {
    let json = json!({
        "metadata": {"name": name, "namespace": "n", "uid": uid, "resourceVersion": version.to_string(), "generation": version},
        "spec": {"containers": [{"name": "c"}]}, "status": status,
    });
    let object = decode(&pods_kind(), json.to_string().as_bytes(), None).unwrap().object;
    let ruling = judge(&object, &Nothing, at(0));
    Some(Seen::plain(Arc::new(Packer::default().pack_shared(&object, ruling))))
}

/// The same, with annotations.
fn asking(wishes: Wishes, seen: Option<Seen>) -> Option<Seen> {
    seen.map(|seen| {
        let record = Record { wishes: Some(Box::new(wishes)), ..seen.record.without_body() };
        Seen { record: Arc::new(record), ..seen }
    })
}

/// The same, of a gate with expressions.
fn holding(holds: &[bool], seen: Option<Seen>) -> Option<Seen> {
    seen.map(|seen| Seen { holds: holds.into(), ..seen })
}

fn ready() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
}

fn starting() -> Value {
    json!({"phase": "Pending"})
}

fn waiting(reason: &str) -> Value {
    json!({"phase": "Running", "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": reason}}}]})
}

fn crashing(restarts: u32) -> Value {
    json!({"phase": "Running", "containerStatuses": [
        {"name": "c", "restartCount": restarts, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
    ]})
}

/// The verdict where what is told is the truth.
fn proven(tally: &mut Tally, at: Timestamp) -> Option<Verdict> {
    let verdict = tally.verdict(at);
    match (verdict, tally.unproven()) {
        (None, Some(number)) => {
            tally.prove(number, at);
            tally.verdict(at)
        }
        (verdict, _) => verdict,
    }
}

/// What is told at which second; `None`: there is no such object.
type Told = Vec<(i64, Option<Seen>)>;

/// When a gate for pod `a` ends by itself, and how, if what is told is the truth.
fn ends(policy: Policy, told: Told) -> (i64, Outcome) {
    let mut tally = Tally::new(policy, Some(vec![place("a")]), false, at(0));
    let mut told = told.into_iter().peekable();
    let mut due = at(0);
    for second in 0..100_000 {
        let mut news = false;
        while let Some((_, seen)) = told.next_if(|(when, _)| *when <= second) {
            tally.learn(place("a"), seen, at(second));
            news = true;
        }
        let verdict = proven(&mut tally, at(second));
        // Nothing ends by time alone before it is due.
        assert!(verdict.is_none() || news || at(second) >= due, "{second}: {due}");
        if let Some(verdict) = verdict {
            return (second, verdict.outcome);
        }
        if news || at(second) >= due {
            due = tally.due(at(second));
            assert!(due > at(second), "{second}: it would be asked for ever");
        }
    }
    unreachable!("the deadline ends it")
}

fn both() -> Goal {
    Goal { all: vec![Criterion::Holds(0), Criterion::Holds(1)], any: Vec::new() }
}

#[test]
fn one_object_over_time() {
    use Outcome::{Failed, Passed, Undecided};
    let policy = Policy::default;
    let of = |status: Value| pod("a", "1", 1, status);
    let crash = || of(waiting("CrashLoopBackOff"));
    let stable = || Policy { stable_for: SignedDuration::from_secs(30), ..policy() };
    for (case, policy, told, expected) in [
        ("ready at once", policy(), vec![(0, of(ready()))], (0, Passed)),
        ("ready later", policy(), vec![(0, None), (5, of(starting())), (9, of(ready()))], (9, Passed)),
        ("it never comes", policy(), vec![(0, None)], (600, Undecided)),
        (
            "its own deadline",
            Policy { deadline: SignedDuration::from_secs(7), ..policy() },
            vec![(0, None)],
            (7, Undecided),
        ),
        ("doomed", policy(), vec![(3, of(waiting("InvalidImageName")))], (33, Failed)),
        ("doomed and mended", policy(), vec![(3, of(waiting("InvalidImageName"))), (20, of(ready()))], (20, Passed)),
        ("it has ended for good", policy(), vec![(3, of(json!({"phase": "Failed"})))], (3, Failed)),
        (
            "restarted too often",
            policy(),
            vec![(3, of(crashing(0))), (9, of(crashing(2))), (30, of(crashing(3)))],
            (30, Failed),
        ),
        (
            "restarts from before do not count",
            policy(),
            vec![(0, of(crashing(50))), (9, of(crashing(52))), (20, of(ready()))],
            (20, Passed),
        ),
        (
            "one that asks not to be judged",
            Policy { fail_on: vec![Criterion::Ready], ..stable() },
            vec![(3, asking(Wishes { ignore: true, ..Wishes::default() }, of(crashing(9))))],
            (3, Passed),
        ),
        (
            "one that asks for patience",
            policy(),
            vec![(0, asking(Wishes { tolerate: Some(SignedDuration::from_secs(300)), ..Wishes::default() }, crash()))],
            (300, Failed),
        ),
        (
            "one that asks for more stability",
            policy(),
            vec![(
                2,
                asking(Wishes { stable_for: Some(SignedDuration::from_secs(9)), ..Wishes::default() }, of(ready())),
            )],
            (11, Passed),
        ),
        (
            "one that asks for what makes no sense",
            policy(),
            vec![(2, asking(Wishes { wrong: Some("no duration".into()), ..Wishes::default() }, of(ready())))],
            (2, Failed),
        ),
        (
            "what fails on purpose",
            Policy { fail_on: vec![Criterion::Holds(0)], ..policy() },
            vec![(0, holding(&[false], of(starting()))), (4, holding(&[true], of(starting())))],
            (4, Failed),
        ),
        (
            "never both at the same time",
            Policy { goal: both(), ..policy() },
            vec![(0, holding(&[true, false], of(ready()))), (5, holding(&[false, true], of(ready())))],
            (600, Undecided),
        ),
        (
            "both at the same time",
            Policy { goal: both(), ..policy() },
            vec![(0, holding(&[true, false], of(ready()))), (5, holding(&[true, true], of(ready())))],
            (5, Passed),
        ),
        (
            "either",
            Policy { goal: Goal { any: vec![Criterion::Holds(0), Criterion::Holds(1)], ..both() }, ..policy() },
            vec![(0, holding(&[true, false], of(ready()))), (5, holding(&[true, true], of(ready())))],
            (5, Passed),
        ),
        (
            "it fails again when it was well for long",
            policy(),
            vec![(3, crash()), (20, of(starting())), (200, crash())],
            (320, Failed),
        ),
        ("it crashes on", policy(), vec![(3, crash()), (20, of(starting())), (40, crash())], (123, Failed)),
        (
            "it crashes twice, and then starts",
            policy(),
            vec![(3, crash()), (20, of(starting())), (60, of(ready()))],
            (60, Passed),
        ),
        (
            "no failure counts",
            Policy { ignore_failures: true, ..policy() },
            vec![(0, of(waiting("InvalidImageName")))],
            (600, Undecided),
        ),
        ("stable", stable(), vec![(4, of(ready()))], (34, Passed)),
        (
            "flapping",
            stable(),
            vec![(0, of(ready())), (20, of(starting())), (25, of(ready())), (50, of(starting()))],
            (600, Undecided),
        ),
        (
            "another object by its name is not stable yet",
            stable(),
            vec![(0, of(ready())), (20, pod("a", "2", 2, ready()))],
            (50, Passed),
        ),
        (
            "no progress",
            Policy { no_progress: Some(SignedDuration::from_secs(60)), ..policy() },
            vec![(0, of(starting())), (50, of(waiting("ContainerCreating")))],
            (110, Failed),
        ),
        (
            "there",
            Policy { goal: Goal::one(Criterion::Exists), ..policy() },
            vec![(0, None), (8, crash())],
            (8, Passed),
        ),
        (
            "gone",
            Policy { goal: Goal::one(Criterion::Deleted), ..policy() },
            vec![(0, crash()), (8, None)],
            (8, Passed),
        ),
        ("gone before", Policy { goal: Goal::one(Criterion::Deleted), ..policy() }, vec![(0, None)], (0, Passed)),
        (
            "gone, and another by its name is there",
            Policy { goal: Goal::one(Criterion::Deleted), ..policy() },
            vec![(0, of(ready())), (8, pod("a", "2", 2, ready()))],
            (8, Passed),
        ),
    ] {
        assert_eq!(ends(policy, told), expected, "{case}");
    }
}

#[test]
fn nothing_is_decided_before_it_is_armed_nor_by_what_is_older_than_the_apply() {
    let mut tally = Tally::new(Policy::default(), Some(vec![place("a")]), true, at(0));
    tally.learn(place("a"), pod("a", "1", 5, ready()), at(0));
    assert_eq!(proven(&mut tally, at(1)), None);
    let verdict = tally.verdict(at(600)).unwrap();
    assert_eq!((verdict.outcome, &*verdict.reason), (Outcome::Undecided, "NotArmed"));

    let applied = Applied { uid: Some(Uid::from("1")), generation: 6, resource_version: 6 };
    tally.arm(vec![(place("a"), applied)], at(1));
    assert_eq!(proven(&mut tally, at(2)), None);
    tally.learn(place("a"), pod("a", "1", 5, json!({"phase": "Failed"})), at(2));
    assert_eq!(proven(&mut tally, at(2)), None);
    tally.learn(place("a"), pod("a", "2", 7, ready()), at(3));
    assert_eq!(proven(&mut tally, at(3)), None);
    tally.learn(place("a"), pod("a", "1", 6, ready()), at(4));
    assert_eq!(proven(&mut tally, at(4)).unwrap().outcome, Outcome::Passed);
}

#[test]
fn only_a_proof_that_began_after_it_bears_a_leaning_out() {
    let mut tally = Tally::new(Policy::default(), Some(vec![place("a")]), false, at(0));
    assert_eq!((tally.verdict(at(0)), tally.unproven()), (None, None), "there is nothing to prove yet");
    tally.learn(place("a"), pod("a", "1", 1, ready()), at(1));
    assert_eq!(tally.verdict(at(1)), None);
    let first = tally.unproven().unwrap();
    // While it is read, what it leans to changes, and changes back.
    tally.learn(place("a"), pod("a", "1", 2, starting()), at(2));
    assert_eq!(tally.verdict(at(2)), None);
    tally.learn(place("a"), pod("a", "1", 3, ready()), at(3));
    assert_eq!(tally.verdict(at(3)), None);
    tally.prove(first, at(4));
    assert_eq!(tally.verdict(at(4)), None);
    let second = tally.unproven().unwrap();
    assert_ne!(first, second);
    tally.prove(second, at(5));
    assert_eq!(tally.verdict(at(5)).unwrap().outcome, Outcome::Passed);

    // The same of a failure; at the deadline it is said that it was not proven.
    tally.learn(place("a"), pod("a", "1", 4, json!({"phase": "Failed"})), at(6));
    assert_eq!(tally.verdict(at(6)), None);
    assert_eq!(tally.verdict(at(600)).unwrap().reason, "NotProven");
    let third = tally.unproven().unwrap();
    tally.prove(third, at(7));
    assert_eq!(tally.verdict(at(7)).unwrap().outcome, Outcome::Failed);
}

#[test]
fn a_look_ends_with_the_first_proof() {
    let look = || Tally::new(Policy { once: true, ..Policy::default() }, Some(vec![place("a")]), false, at(0));
    for (seen, outcome, reason) in [
        (None, Outcome::Undecided, "NotYet"),
        (pod("a", "1", 1, starting()), Outcome::Undecided, "NotYet"),
        (pod("a", "1", 1, ready()), Outcome::Passed, "Met"),
        (pod("a", "1", 1, json!({"phase": "Failed", "reason": "Evil"})), Outcome::Failed, "Evil"),
    ] {
        let mut tally = look();
        tally.learn(place("a"), seen, at(0));
        assert_eq!(tally.verdict(at(0)), None, "it is not proven");
        let verdict = proven(&mut tally, at(0)).unwrap();
        assert_eq!((verdict.outcome, &*verdict.reason), (outcome, reason));
    }
}

#[test]
fn what_is_not_seen_without_interruption_is_not_stable() {
    let policy = Policy { stable_for: SignedDuration::from_secs(10), ..Policy::default() };
    let mut tally = Tally::new(policy, Some(vec![place("a")]), false, at(0));
    tally.learn(place("a"), pod("a", "1", 1, ready()), at(0));
    tally.doubt(Some(1), at(3));
    tally.doubt(Some(0), at(4));
    // Where nothing has changed, nothing more is told.
    assert_eq!(proven(&mut tally, at(13)), None);
    assert_eq!(tally.due(at(13)), at(14));
    tally.begin_anew([(place("a"), pod("a", "1", 1, ready()).unwrap())].into(), at(6));
    assert_eq!(proven(&mut tally, at(15)), None);
    assert_eq!(proven(&mut tally, at(16)).unwrap().outcome, Outcome::Passed);
}

#[test]
fn whose_deletion_is_waited_for_is_known_when_it_is_proven() {
    let policy = || Policy { goal: Goal::one(Criterion::Deleted), ..Policy::default() };
    let mut tally = Tally::new(policy(), Some(vec![place("a")]), false, at(0));
    // An old namesake, which the view still holds.
    tally.learn(place("a"), pod("a", "1", 1, ready()), at(0));
    assert_eq!(tally.verdict(at(0)), None);
    let number = tally.unproven().expect("which object is meant is to be read");
    tally.learn(place("a"), pod("a", "2", 2, ready()), at(1));
    tally.prove(number, at(1));
    assert_eq!(proven(&mut tally, at(2)), None, "the one that was there when it was asked is");
    tally.learn(place("a"), None, at(3));
    tally.learn(place("a"), pod("a", "3", 3, ready()), at(3));
    assert_eq!(proven(&mut tally, at(3)).unwrap().outcome, Outcome::Passed);

    // Whoever says which one is believed.
    let mut tally = Tally::new(policy(), Some(vec![place("a")]), false, at(0));
    let applied = Applied { uid: Some(Uid::from("1")), ..Applied::default() };
    tally.arm(vec![(place("a"), applied)], at(0));
    tally.learn(place("a"), pod("a", "2", 2, ready()), at(0));
    assert_eq!(proven(&mut tally, at(0)).unwrap().outcome, Outcome::Passed);
}

#[test]
fn arming_begins_the_waits_anew() {
    let seconds = SignedDuration::from_secs;
    let policy = Policy { stable_for: seconds(10), no_progress: Some(seconds(30)), ..Policy::default() };
    let mut tally = Tally::new(policy, Some(vec![place("a"), place("b")]), true, at(0));
    tally.learn(place("a"), pod("a", "1", 1, ready()), at(0));
    tally.arm(vec![(place("b"), Applied::default())], at(100));
    assert_eq!(proven(&mut tally, at(109)), None, "nothing moved before it was armed, as nobody could expect");
    tally.learn(place("b"), pod("b", "1", 1, ready()), at(109));
    assert_eq!(tally.due(at(109)), at(110));
    assert_eq!(proven(&mut tally, at(118)), None);
    assert_eq!(proven(&mut tally, at(119)).unwrap().outcome, Outcome::Passed);
}

#[test]
fn a_set_passes_when_all_of_it_is_as_it_is_needed() {
    let mut tally = Tally::new(Policy { min_objects: 2, ..Policy::default() }, None, false, at(0));
    assert_eq!(proven(&mut tally, at(0)), None, "an empty set never passes");
    tally.learn(place("a"), pod("a", "1", 1, ready()), at(0));
    assert_eq!(proven(&mut tally, at(0)), None, "it is too small");
    tally.learn(place("b"), pod("b", "2", 1, starting()), at(1));
    tally.learn(place("c"), pod("c", "3", 1, ready()), at(1));
    assert_eq!(proven(&mut tally, at(1)), None, "one is not ready");
    tally.learn(place("b"), None, at(2));
    assert_eq!(proven(&mut tally, at(2)).unwrap().outcome, Outcome::Passed, "it is not there any more");
    tally.learn(place("d"), pod("d", "4", 1, json!({"phase": "Failed", "reason": "Evil"})), at(3));
    let verdict = proven(&mut tally, at(3)).unwrap();
    assert_eq!((verdict.outcome, &*verdict.reason), (Outcome::Failed, "Evil"));
    assert_eq!(verdict.culprit, Some(place("d")));
    assert!(verdict.message.starts_with("n/d"), "{verdict:?}");

    let mut none = Tally::new(Policy { min_objects: 0, ..Policy::default() }, None, false, at(0));
    assert_eq!(proven(&mut none, at(0)).unwrap().outcome, Outcome::Passed, "an empty one was asked for");
}

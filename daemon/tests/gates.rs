//! What gates come to, whatever is told and whenever.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use daymarkd::decode::decode;
use daymarkd::gate::tally::{Place, Tally};
use daymarkd::gate::{Applied, Goal, Outcome, Policy};
use daymarkd::kind::Kind;
use daymarkd::record::{Key, Packer, Record, Uid};
use daymarkd::rule::judge;
use daymarkd::rule::view::Nothing;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn place(name: &str) -> Place {
    (0, Key::new("n", name))
}

/// A pod of that UID and version.
fn pod(name: &str, uid: &str, version: u64, status: Value) -> Option<Arc<Record>> {
    let kind = Kind {
        group: String::new(),
        version: "v1".into(),
        resource: "pods".into(),
        singular: "pod".into(),
        kind: "Pod".into(),
        short_names: Vec::new(),
        namespaced: true,
    };
    let json = json!({
        "metadata": {"name": name, "namespace": "n", "uid": uid, "resourceVersion": version.to_string(), "generation": version},
        "spec": {"containers": [{"name": "c"}]}, "status": status,
    });
    let object = decode(&kind, json.to_string().as_bytes(), None).unwrap().object;
    let ruling = judge(&object, &Nothing, at(0));
    Some(Arc::new(Packer::default().pack_shared(&object, ruling)))
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

/// What is told at which second; `None`: there is no such object.
type Told = Vec<(i64, Option<Arc<Record>>)>;

/// When a proven gate for pod `a` ends by itself, and how.
fn ends(policy: Policy, told: Told) -> (i64, Outcome) {
    let mut tally = Tally::new(policy, Some(vec![place("a")]), false, at(0));
    tally.prove(true);
    let mut told = told.into_iter().peekable();
    let mut due = at(0);
    for second in 0..100_000 {
        let mut news = false;
        while let Some((_, seen)) = told.next_if(|(when, _)| *when <= second) {
            tally.learn(place("a"), seen, at(second));
            news = true;
        }
        let verdict = tally.verdict(at(second));
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
        ("doomed", policy(), vec![(3, of(waiting("InvalidImageName")))], (3, Failed)),
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
        ("there", Policy { goal: Goal::Exists, ..policy() }, vec![(0, None), (8, crash())], (8, Passed)),
        ("gone", Policy { goal: Goal::Deleted, ..policy() }, vec![(0, crash()), (8, None)], (8, Passed)),
        ("gone before", Policy { goal: Goal::Deleted, ..policy() }, vec![(0, None)], (0, Passed)),
        (
            "gone, and another by its name is there",
            Policy { goal: Goal::Deleted, ..policy() },
            vec![(0, of(ready())), (8, pod("a", "2", 2, ready()))],
            (8, Passed),
        ),
    ] {
        assert_eq!(ends(policy, told), expected, "{case}");
    }
}

#[test]
fn nothing_is_decided_before_it_is_proven_and_armed() {
    let mut tally = Tally::new(Policy::default(), Some(vec![place("a")]), true, at(0));
    tally.learn(place("a"), pod("a", "1", 5, ready()), at(0));
    tally.prove(true);
    assert_eq!(tally.verdict(at(1)), None);
    let verdict = tally.verdict(at(600)).unwrap();
    assert_eq!((verdict.outcome, &*verdict.reason), (Outcome::Undecided, "NotArmed"));

    // What is older than what was applied counts for nothing, good or bad.
    let applied = Applied { uid: Some(Uid::from("1")), generation: 6, resource_version: 6 };
    tally.arm(vec![(place("a"), applied)], at(1));
    assert_eq!(tally.verdict(at(2)), None);
    tally.learn(place("a"), pod("a", "1", 5, waiting("InvalidImageName")), at(2));
    assert_eq!(tally.verdict(at(2)), None);
    tally.learn(place("a"), pod("a", "2", 7, ready()), at(3));
    assert_eq!(tally.verdict(at(3)), None);
    tally.learn(place("a"), pod("a", "1", 6, ready()), at(4));
    tally.prove(false);
    assert_eq!(tally.verdict(at(4)), None);
    tally.prove(true);
    assert_eq!(tally.verdict(at(4)).unwrap().outcome, Outcome::Passed);
}

#[test]
fn arming_begins_the_waits_anew() {
    let seconds = SignedDuration::from_secs;
    let policy = Policy { stable_for: seconds(10), no_progress: Some(seconds(30)), ..Policy::default() };
    let mut tally = Tally::new(policy, Some(vec![place("a"), place("b")]), true, at(0));
    tally.prove(true);
    tally.learn(place("a"), pod("a", "1", 1, ready()), at(0));
    tally.arm(vec![(place("b"), Applied::default())], at(100));
    assert_eq!(tally.verdict(at(109)), None, "nothing moved before it was armed, as nobody could expect");
    tally.learn(place("b"), pod("b", "1", 1, ready()), at(109));
    assert_eq!(tally.due(at(109)), at(110));
    assert_eq!(tally.verdict(at(118)), None);
    assert_eq!(tally.verdict(at(119)).unwrap().outcome, Outcome::Passed);
}

#[test]
fn a_set_passes_when_all_of_it_is_as_it_is_needed() {
    let mut tally = Tally::new(Policy { min_objects: 2, ..Policy::default() }, None, false, at(0));
    tally.prove(true);
    assert_eq!(tally.verdict(at(0)), None, "an empty set never passes");
    tally.learn(place("a"), pod("a", "1", 1, ready()), at(0));
    assert_eq!(tally.verdict(at(0)), None, "it is too small");
    tally.learn(place("b"), pod("b", "2", 1, starting()), at(1));
    tally.learn(place("c"), pod("c", "3", 1, ready()), at(1));
    assert_eq!(tally.verdict(at(1)), None, "one is not ready");
    tally.learn(place("b"), None, at(2));
    assert_eq!(tally.verdict(at(2)).unwrap().outcome, Outcome::Passed, "it is not there any more");
    tally.learn(place("d"), pod("d", "4", 1, waiting("InvalidImageName")), at(3));
    let verdict = tally.verdict(at(3)).unwrap();
    assert_eq!((verdict.outcome, &*verdict.reason), (Outcome::Failed, "InvalidImageName"));
    assert!(verdict.message.starts_with("n/d: "), "{verdict:?}");
}

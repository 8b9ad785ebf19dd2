//! For how long failures are tolerated, and which restarts count.

use std::sync::Arc;

use daymarkd::decode::decode;
use daymarkd::gate::seen::Seen;
use daymarkd::gate::tally::Tally;
use daymarkd::gate::{Criterion, Goal, Outcome, Policy};
use daymarkd::kind::Kind;
use daymarkd::rule::judge;
use daymarkd::rule::view::Nothing;
use daymarkd::state::{Doom, Judgement, State};
use serde_json::json;

use super::{at, ends, holding, place, pod, pods_kind, proven, ready};

/// The same workload at all times, judged like that.
fn judged(judgement: Judgement) -> Option<Seen> {
    pod("a", "1", 1, ready()).map(|seen| Seen::plain(Arc::new(seen.record.judged_again(judgement.into()))))
}

/// Of ten replicas, so many are available.
fn available(state: State, done: i64) -> Judgement {
    Judgement::new(state, "Progressing", "").with_progress(done, 10, "available")
}

fn failing(doom: Doom, done: i64) -> Option<Seen> {
    judged(available(State::Failed, done).with_doom(doom))
}

fn restarted(state: State, restarts: Option<u32>) -> Option<Seen> {
    judged(Judgement { restarts, ..available(state, 3) })
}

#[test]
fn a_failure_that_has_healed_does_not_count_against_the_next() {
    use Doom::{Fatal, Persistent, Transient};
    let on_its_way = |done| judged(available(State::InProgress, done));
    for (case, told, expected) in [
        (
            "a second pod fails when the first is available",
            vec![(0, failing(Persistent, 3)), (60, on_its_way(4)), (150, failing(Persistent, 4))],
            270,
        ),
        (
            "a second pod fails in the moment in which the first is available",
            vec![(0, failing(Persistent, 3)), (90, failing(Persistent, 4))],
            210,
        ),
        (
            "nothing is further, so it may be the same pod",
            vec![(0, failing(Persistent, 3)), (60, on_its_way(3)), (110, failing(Persistent, 3))],
            120,
        ),
        (
            "a pod that comes and goes gets nobody further",
            vec![(0, failing(Persistent, 3)), (50, on_its_way(2)), (90, failing(Persistent, 3))],
            120,
        ),
        ("what is fatal counts from when it is", vec![(0, failing(Persistent, 3)), (100, failing(Fatal, 3))], 130),
        (
            "what is fatal now and then counts from the first time",
            vec![(0, failing(Fatal, 3)), (10, failing(Persistent, 3)), (40, failing(Fatal, 3))],
            40,
        ),
        ("what passes by itself does not count", vec![(0, failing(Transient, 3)), (100, failing(Persistent, 3))], 220),
    ] {
        assert_eq!(ends(Policy::default(), told), (expected, Outcome::Failed), "{case}");
    }
}

#[test]
fn restarts_count_from_where_somebody_looked_at_the_pods() {
    use State::{InProgress, Ready};
    for (case, told, expected) in [
        (
            "old restarts are seen when a ready workload is scaled",
            vec![(0, restarted(InProgress, None)), (5, restarted(InProgress, Some(7)))],
            (600, Outcome::Undecided),
        ),
        (
            "those behind them count",
            vec![(0, restarted(InProgress, Some(7))), (5, restarted(InProgress, Some(10)))],
            (5, Outcome::Failed),
        ),
        (
            "the pods are new",
            vec![
                (0, restarted(InProgress, None)),
                (5, restarted(InProgress, Some(0))),
                (9, restarted(InProgress, Some(3))),
            ],
            (9, Outcome::Failed),
        ),
    ] {
        assert_eq!(ends(Policy::default(), told), expected, "{case}");
    }
    let stable = Policy { stable_for: jiff::SignedDuration::from_secs(60), ..Policy::default() };
    let blips = vec![(0, restarted(Ready, None)), (20, restarted(InProgress, Some(7))), (25, restarted(Ready, None))];
    assert_eq!(ends(stable, blips), (85, Outcome::Passed), "it was restarted long ago");
}

#[test]
fn a_workload_that_is_ready_says_nothing_of_its_pods_restarts() {
    let pods = json!({"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 1});
    for (resource, kind) in [("deployments", "Deployment"), ("replicasets", "ReplicaSet")] {
        let kind = Kind {
            group: "apps".into(),
            resource: resource.into(),
            singular: resource.trim_end_matches('s').into(),
            kind: kind.into(),
            ..pods_kind()
        };
        let metadata = json!({"name": "a", "namespace": "n", "uid": "1", "resourceVersion": "1", "generation": 1});
        let json = json!({"metadata": metadata, "spec": {"replicas": 1}, "status": pods}).to_string();
        let judgement = judge(&decode(&kind, json.as_bytes(), None).unwrap().object, &Nothing, at(0)).judgement;
        assert_eq!((judgement.state, judgement.restarts), (State::Ready, None), "{kind}");
    }
}

#[test]
fn what_is_left_of_a_pod_that_was_replaced_does_not_count() {
    let evicted = || {
        let left = pod("b", "2", 1, json!({"phase": "Failed", "reason": "Evicted"}));
        let judgement = Judgement::new(State::Failed, "Evicted", "").with_doom(Doom::Transient);
        left.map(|seen| Seen::plain(Arc::new(seen.record.judged_again(judgement.into()))))
    };
    let tally = |goal: Criterion, named| {
        let mut tally = Tally::new(Policy { goal: Goal::one(goal), ..Policy::default() }, named, false, at(0));
        tally.learn(place("a"), pod("a", "1", 1, ready()), at(0));
        tally.learn(place("b"), evicted(), at(0));
        proven(&mut tally, at(0)).map(|verdict| (verdict.outcome, verdict.message))
    };
    let one = "1 of 1 objects meet the criteria".to_owned();
    assert_eq!(tally(Criterion::Ready, None), Some((Outcome::Passed, one)));
    assert_eq!(tally(Criterion::Ready, Some(vec![place("a"), place("b")])), None, "it is asked for by name");
    let both = "2 of 2 objects meet the criteria".to_owned();
    assert_eq!(tally(Criterion::Exists, None), Some((Outcome::Passed, both)), "it exists");

    let policy = Policy { fail_on: vec![Criterion::Holds(0)], ..Policy::default() };
    let mut failing = Tally::new(policy, None, false, at(0));
    failing.learn(place("a"), pod("a", "1", 1, ready()), at(0));
    failing.learn(place("b"), holding(&[true], evicted()), at(0));
    assert_eq!(proven(&mut failing, at(0)).unwrap().outcome, Outcome::Failed, "that is asked of every pod");
}

#[test]
fn what_nobody_can_judge_is_counted() {
    let mut tally = Tally::new(Policy { goal: Goal::one(Criterion::Settled), ..Policy::default() }, None, false, at(0));
    tally.learn(place("a"), pod("a", "1", 1, ready()), at(0));
    tally.learn(place("b"), judged(Judgement::new(State::Unknown, "NoStatus", "")), at(0));
    let verdict = proven(&mut tally, at(0)).unwrap();
    assert_eq!(verdict.message, "2 of 2 objects meet the criteria; the state of 1 is unknown");
    tally.learn(place("c"), judged(Judgement::new(State::Unknown, "StatusMissing", "")), at(1));
    assert_eq!(proven(&mut tally, at(1)), None, "its controller may not run");
}

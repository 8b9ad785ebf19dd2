//! Jobs, which end, and may be removed before anybody looks.

use std::sync::Arc;

use daymarkd::decode::decode;
use daymarkd::gate::seen::Seen;
use daymarkd::gate::tally::Tally;
use daymarkd::gate::{Criterion, Goal, Outcome, Policy};
use daymarkd::kind::Kind;
use daymarkd::record::Packer;
use daymarkd::rule::judge;
use daymarkd::rule::view::Nothing;
use serde_json::json;

use super::{at, holding, place, proven};

/// A Job that has ended, or has not; `goes` if it is being deleted.
fn job(uid: &str, version: u64, ended: bool, goes: bool) -> Option<Seen> {
    let kind = Kind {
        group: "batch".into(),
        version: "v1".into(),
        resource: "jobs".into(),
        singular: "job".into(),
        kind: "Job".into(),
        short_names: Vec::new(),
        namespaced: true,
    };
    let condition = json!({"type": "Complete", "status": if ended { "True" } else { "False" }});
    let json = json!({
        "metadata": {
            "name": "a", "namespace": "n", "uid": uid, "resourceVersion": version.to_string(), "generation": 1,
            "deletionTimestamp": goes.then_some("2026-01-01T00:00:00Z"), "finalizers": ["foregroundDeletion"],
        },
        "spec": {"completions": 1}, "status": {"succeeded": u8::from(ended), "conditions": [condition]},
    });
    let object = decode(&kind, json.to_string().as_bytes(), None).unwrap().object;
    let ruling = judge(&object, &Nothing, at(0));
    Some(Seen::plain(Arc::new(Packer::default().pack_shared(&object, ruling))))
}

#[test]
fn a_job_that_has_ended_and_goes_has_ended() {
    let told = |versions: Vec<Option<Seen>>| {
        let mut tally = Tally::new(Policy::default(), Some(vec![place("a")]), false, at(0)).from_a_proof();
        versions.into_iter().for_each(|seen| tally.learn(place("a"), seen, at(1)));
        proven(&mut tally, at(2)).map(|verdict| verdict.outcome)
    };
    assert_eq!(told(vec![job("1", 1, true, false), job("1", 2, true, true)]), Some(Outcome::Passed));
    assert_eq!(told(vec![job("1", 1, false, false), job("1", 2, false, true)]), None, "it has not ended");
    assert_eq!(told(vec![job("1", 1, false, false), job("1", 2, true, true)]), Some(Outcome::Passed));
    assert_eq!(told(vec![job("1", 1, true, false), job("2", 2, false, false)]), None, "another one");
    assert_eq!(told(vec![job("1", 2, true, true)]), None, "it went when it was asked for, to make room");
    assert_eq!(told(vec![job("1", 1, true, false), job("2", 2, true, true)]), None, "another one that goes");
    assert_eq!(told(vec![job("1", 1, true, false), None]), None, "it may have been gone when it was asked for");
}

#[test]
fn a_job_that_was_there_since_it_was_asked_for_need_not_be_there_any_more() {
    let told = |first: Option<Seen>, then: Vec<Option<Seen>>, policy: Policy| {
        let mut tally = Tally::new(policy, Some(vec![place("a")]), false, at(0)).from_a_proof();
        tally.learn(place("a"), first, at(0));
        assert_eq!(proven(&mut tally, at(1)), None);
        then.into_iter().for_each(|seen| tally.learn(place("a"), seen, at(2)));
        proven(&mut tally, at(3)).map(|verdict| verdict.outcome)
    };
    let (none, running, ended) = (|| None, || job("1", 1, false, false), || job("1", 2, true, false));
    for first in [none(), running()] {
        assert_eq!(told(first.clone(), vec![ended(), None], Policy::default()), Some(Outcome::Passed));
        let goes = vec![job("1", 3, true, true), None];
        assert_eq!(told(first.clone(), goes, Policy::default()), Some(Outcome::Passed));
        assert_eq!(told(first, vec![ended(), None, job("2", 4, false, false)], Policy::default()), None, "another one");
    }
    assert_eq!(told(none(), vec![running(), None], Policy::default()), None, "it had not ended");
    let replaced = job("1", 2, true, true);
    assert_eq!(told(replaced, vec![None], Policy::default()), None, "it went when it was asked for, to make room");
    let gone = || Policy { goal: Goal::one(Criterion::Exists), ..Policy::default() };
    assert_eq!(told(none(), vec![ended(), None], gone()), None, "it is to exist");
    let failing = Policy { fail_on: vec![Criterion::Deleted], ..Policy::default() };
    assert_eq!(told(running(), vec![ended(), None], failing), Some(Outcome::Failed), "it is not to be gone");
}

#[test]
fn a_job_that_goes_is_looked_at_by_who_asks_for_something_else() {
    let met = |policy: Policy, versions: [Option<Seen>; 2]| {
        let mut tally = Tally::new(policy, Some(vec![place("a")]), false, at(0));
        versions.into_iter().for_each(|seen| tally.learn(place("a"), seen, at(1)));
        proven(&mut tally, at(2)).map(|verdict| verdict.outcome)
    };
    let asks = |goal| Policy { goal: Goal::one(goal), ..Policy::default() };
    let versions = |ended: [bool; 2]| {
        [holding(&[ended[0]], job("1", 1, true, false)), holding(&[ended[1]], job("1", 2, true, true))]
    };
    assert_eq!(met(asks(Criterion::Exists), versions([false, false])), None, "it goes");
    assert_eq!(met(asks(Criterion::Holds(0)), versions([false, true])), Some(Outcome::Passed));
    let failing = Policy { fail_on: vec![Criterion::Holds(0)], ..Policy::default() };
    assert_eq!(met(failing, versions([false, true])), Some(Outcome::Failed));
}

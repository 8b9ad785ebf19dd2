//! Jobs, which end, and may be removed before anybody looks.

use std::sync::Arc;

use daymarkd::decode::decode;
use daymarkd::gate::seen::Seen;
use daymarkd::gate::tally::Tally;
use daymarkd::gate::{Applied, Criterion, Goal, Outcome, Policy};
use daymarkd::kind::Kind;
use daymarkd::record::Packer;
use daymarkd::rule::judge;
use daymarkd::rule::view::Nothing;
use jiff::SignedDuration;
use serde_json::json;

use super::{at, holding, place, proven};

/// A Job that has ended well, or has not; `goes` if it is being deleted.
fn job(uid: &str, version: u64, ended: bool, goes: bool) -> Option<Seen> {
    job_that(uid, version, ended.then_some("Complete"), goes)
}

/// A Job that has ended so, if it has.
fn job_that(uid: &str, version: u64, end: Option<&str>, goes: bool) -> Option<Seen> {
    let kind = Kind {
        group: "batch".into(),
        version: "v1".into(),
        resource: "jobs".into(),
        singular: "job".into(),
        kind: "Job".into(),
        short_names: Vec::new(),
        namespaced: true,
        has_status: true,
    };
    let conditions: Vec<_> = end.into_iter().map(|end| json!({"type": end, "status": "True"})).collect();
    let json = json!({
        "metadata": {
            "name": "a", "namespace": "n", "uid": uid, "resourceVersion": version.to_string(), "generation": 1 + u64::from(goes),
            "deletionTimestamp": goes.then_some("2026-01-01T00:00:00Z"), "finalizers": ["foregroundDeletion"],
        },
        "spec": {"completions": 1}, "status": {"conditions": conditions},
    });
    let object = decode(&kind, json.to_string().as_bytes(), None).unwrap().object;
    let ruling = judge(&object, &Nothing, at(0));
    Some(Seen::plain(Arc::new(Packer::default().pack_shared(&object, ruling))))
}

/// What a gate comes to that saw `first` when it was opened, and the others after a proof; they were applied under that UID, if any.
fn told(first: Option<Seen>, others: Vec<Option<Seen>>, policy: Policy, uid: Option<&str>) -> Option<Outcome> {
    let mut tally = Tally::new(policy, Some(vec![place("a")]), false, at(0)).from_a_proof();
    if let Some(uid) = uid {
        tally.arm(vec![(place("a"), Applied { uid: Some(uid.into()), ..Applied::default() })], at(0));
    }
    tally.learn(place("a"), first, at(0));
    let verdict = proven(&mut tally, at(1)).or_else(|| {
        others.into_iter().for_each(|seen| tally.learn(place("a"), seen, at(2)));
        proven(&mut tally, at(3))
    });
    verdict.map(|verdict| verdict.outcome)
}

#[test]
fn one_that_has_ended_and_goes_has_ended() {
    let outcome = |first, others| told(first, others, Policy::default(), None);
    let running = || job("1", 1, false, false);
    let (ended, goes) = (|| job("1", 2, true, false), || job("1", 3, true, true));
    assert_eq!(outcome(running(), vec![ended(), goes()]), Some(Outcome::Passed));
    assert_eq!(outcome(running(), vec![goes()]), Some(Outcome::Passed), "both at once");
    assert_eq!(outcome(None, vec![running(), goes()]), Some(Outcome::Passed));
    assert_eq!(outcome(running(), vec![job_that("1", 3, Some("Failed"), true)]), Some(Outcome::Failed));
    assert_eq!(outcome(running(), vec![job("1", 2, false, true)]), None, "it has not ended");
    assert_eq!(outcome(running(), vec![ended(), job("2", 3, false, false)]), None, "another one");
    assert_eq!(outcome(running(), vec![ended(), job("2", 3, true, true)]), None, "another one that goes");
}

/// What is not known to be of the time after the question counts for nothing: it may be what is to be replaced.
#[test]
fn one_that_went_when_it_was_asked_for_is_another() {
    let outcome = |first, others| told(first, others, Policy::default(), None);
    let (ended, goes) = (|| job("1", 2, true, false), || job("1", 3, true, true));
    assert_eq!(outcome(goes(), vec![]), None);
    assert_eq!(outcome(goes(), vec![job("1", 4, true, true), None, job("2", 5, false, false)]), None);
    assert_eq!(outcome(None, vec![goes()]), None, "it was never seen to stand");
    for first in [None, job("1", 1, false, false)] {
        assert_eq!(outcome(first, vec![ended(), goes(), None]), None, "it is gone");
    }
    // Both before there is a proof.
    let mut tally = Tally::new(Policy::default(), Some(vec![place("a")]), false, at(0)).from_a_proof();
    [ended(), goes()].into_iter().for_each(|seen| tally.learn(place("a"), seen, at(1)));
    assert_eq!(proven(&mut tally, at(2)), None);
}

#[test]
fn one_that_was_applied_need_not_be_there_any_more() {
    let outcome = |others, policy| told(None, others, policy, Some("1"));
    let (ended, goes) = (|| job("1", 2, true, false), || job("1", 3, true, true));
    for versions in [vec![goes()], vec![ended(), None], vec![goes(), None], vec![ended(), goes(), None]] {
        assert_eq!(outcome(versions, Policy::default()), Some(Outcome::Passed));
    }
    let replaced = vec![ended(), None, job("2", 4, false, false)];
    assert_eq!(outcome(replaced, Policy::default()), Some(Outcome::Passed), "whatever has its name by now");
    let failed = || job_that("1", 2, Some("Failed"), false);
    assert_eq!(outcome(vec![failed(), None], Policy::default()), Some(Outcome::Failed));
    assert_eq!(outcome(vec![job("1", 1, false, false), None], Policy::default()), None, "it had not ended");
    assert_eq!(outcome(vec![job("2", 2, true, false), None], Policy::default()), None, "another one");
    let exists = Policy { goal: Goal::one(Criterion::Exists), ..Policy::default() };
    assert_eq!(outcome(vec![ended(), None], exists), None, "it is to exist");
    let failing = Policy { fail_on: vec![Criterion::Deleted], ..Policy::default() };
    assert_eq!(outcome(vec![ended(), None], failing), Some(Outcome::Failed), "it is not to be gone");
}

#[test]
fn one_that_goes_has_been_over_for_as_long_as_before() {
    let policy = Policy { stable_for: SignedDuration::from_secs(30), ..Policy::default() };
    let mut tally = Tally::new(policy, Some(vec![place("a")]), false, at(0)).from_a_proof();
    tally.learn(place("a"), job("1", 1, false, false), at(0));
    assert_eq!(proven(&mut tally, at(1)), None);
    tally.learn(place("a"), job("1", 2, true, false), at(2));
    tally.learn(place("a"), job("1", 3, true, true), at(20));
    assert_eq!(proven(&mut tally, at(31)), None);
    assert_eq!(proven(&mut tally, at(32)).map(|verdict| verdict.outcome), Some(Outcome::Passed));
}

#[test]
fn one_stood_only_if_it_was_read() {
    let mut tally = Tally::new(Policy::default(), Some(vec![place("a")]), false, at(0));
    [job("1", 2, true, false), job("1", 3, true, true)]
        .into_iter()
        .for_each(|seen| tally.learn(place("a"), seen, at(1)));
    assert_eq!(proven(&mut tally, at(2)), None);
}

/// A proof that the first was there says nothing of the second.
#[test]
fn a_proof_of_one_object_is_none_of_another_by_its_name() {
    let mut tally = Tally::new(Policy::default(), Some(vec![place("a")]), false, at(0));
    tally.learn(place("a"), job("1", 2, true, false), at(0));
    assert_eq!(tally.verdict(at(0)), None);
    let number = tally.unproven().unwrap();
    [None, job("2", 4, true, false)].into_iter().for_each(|seen| tally.learn(place("a"), seen, at(1)));
    tally.prove(number, at(1));
    assert_eq!(tally.verdict(at(1)), None);
    assert_eq!(proven(&mut tally, at(2)).map(|verdict| verdict.outcome), Some(Outcome::Passed));
}

/// What comes in with the end of a proof may be younger than it.
#[test]
fn a_proof_bears_out_what_it_leaned_to_when_the_proof_began() {
    let mut tally = Tally::new(Policy::default(), Some(vec![place("a")]), false, at(0)).from_a_proof();
    let number = tally.unproven().unwrap();
    tally.learn(place("a"), job("1", 2, true, false), at(1));
    tally.prove(number, at(1));
    assert_eq!(tally.verdict(at(1)), None);
    assert_eq!(proven(&mut tally, at(2)).map(|verdict| verdict.outcome), Some(Outcome::Passed));
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

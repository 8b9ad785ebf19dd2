//! `daymark wait` where pods start up in an order: without a deadline, in few lines, and whether a
//! daemon is there or not.

use std::collections::VecDeque;

use daymark_proto::v1::{Outcome, Standing, State};
use serde_json::Value;

use crate::fake::{Fake, Script};
use crate::fake_gates::{GateScript, GateStep};
use crate::objects::{forbidden, pod, unavailable};
use crate::process::{Running, against, finish};
use crate::wait::{ended, object, script, told};
use crate::wait_lost::{passed, waiting};

/// A gate whose time is up.
fn undecided(reason: &str) -> Vec<GateStep> {
    let objects = vec![object(pod("a", State::InProgress), Standing::Waiting)];
    vec![told(ended(Outcome::Undecided, reason, "not yet", &objects), objects), GateStep::End]
}

fn refusing(refusal: tonic::Status) -> Fake {
    let mut refusals = VecDeque::new();
    refusals.resize(100, refusal);
    Fake::new(Script { gates: GateScript { refusals, ..Default::default() }, ..Default::default() })
}

/// `wait.no-deadline`
#[test]
fn without_a_deadline_one_gate_follows_the_other() {
    let fake = Fake::new(script(vec![undecided("Deadline"), undecided("DaemonAbsent"), passed()]));
    let run = finish(&mut against(&fake, &["wait", "pod/a", "--timeout", "none"]));
    assert_eq!(run.code, 0, "{run:?}");
    let seen = fake.seen_gates();
    let opened: Vec<_> = seen.opened.iter().map(|it| it.policy.as_ref().unwrap().deadline.unwrap().seconds).collect();
    // The longest that a daemon allows.
    assert_eq!(opened, [86400; 3]);
}

/// `wait.no-deadline`
#[test]
fn what_waiting_does_not_change_ends_it_all_the_same() {
    let fake = Fake::new(script(vec![undecided("NotEvaluated")]));
    let run = finish(&mut against(&fake, &["wait", "pod/a", "--timeout", "none"]));
    assert_eq!((run.code, fake.seen_gates().opened.len()), (3, 1), "{run:?}");
}

/// `gate.no-deadline`
#[test]
fn a_gate_has_a_deadline() {
    let run = finish(&mut against(&Fake::new(Script::default()), &["gate", "open", "pod/a", "--timeout", "none"]));
    run.expect_problem(2, &["a gate needs a deadline"]);
}

/// `wait.quiet`
#[test]
fn in_quiet_it_says_a_line_when_it_begins_and_one_when_it_ends() {
    let mut steps = vec![waiting()];
    steps.extend(passed());
    let fake = Fake::new(script(vec![steps.clone(), steps]));
    let run = finish(&mut against(&fake, &["wait", "pod/a", "svc/b", "--quiet", "--timeout", "none"]));
    assert_eq!((run.code, run.err.as_str()), (0, "waiting for pod/a svc/b, without a deadline\n"), "{run:?}");
    assert!(run.out.starts_with("passed: Met") && run.out.lines().count() == 1, "{run:?}");
    let run = finish(&mut against(&fake, &["wait", "pod/a", "-q"]));
    assert_eq!((run.code, run.err.as_str()), (0, "waiting for pod/a, 10m at most\n"), "{run:?}");
}

/// `wait.quiet`
#[test]
fn in_quiet_a_failure_is_told_whole() {
    let objects = vec![object(pod("a", State::Failed), Standing::Failed)];
    let steps = vec![told(ended(Outcome::Failed, "Broken", "it is", &objects), objects), GateStep::End];
    let run = finish(&mut against(&Fake::new(script(vec![steps])), &["wait", "pod/a", "-q"]));
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("pod/a failed") && run.out.contains("failed: Broken"), "{run:?}");
}

/// `wait.if-unreachable-wait`
#[test]
fn a_daemon_that_is_not_there_yet_is_looked_for_until_it_is() {
    let mut fake = Fake::new(script(vec![passed()]));
    fake.stop();
    let args = ["wait", "pod/a", "-q", "--timeout", "none", "--if-unreachable", "wait"];
    let mut running = Running::start(&mut against(&fake, &args));
    let said = running.err_until("trying again");
    assert_eq!(said.lines().count(), 2, "{said}");
    fake.start();
    let run = running.finish();
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
}

/// `wait.if-unreachable-wait`
#[test]
fn it_is_looked_for_until_the_deadline_at_the_latest() {
    let mut fake = Fake::new(script(vec![]));
    fake.stop();
    let run = finish(&mut against(&fake, &["wait", "pod/a", "--timeout", "1s", "--if-unreachable", "wait"]));
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.err.lines().last().unwrap().contains("no daemon answers"), "{run:?}");
}

/// `wait.if-unreachable-fail`
#[test]
fn a_daemon_that_is_not_there_ends_it() {
    let mut fake = Fake::new(script(vec![]));
    fake.stop();
    for args in [&["wait", "pod/a"][..], &["wait", "pod/a", "--timeout", "none", "--if-unreachable", "fail"]] {
        finish(&mut against(&fake, args)).expect_problem(4, &["no daemon answers", "start one with"]);
    }
}

/// `wait.if-unreachable-pass`
#[test]
fn a_daemon_that_is_not_there_is_passed_over_loudly() {
    let mut fake = Fake::new(script(vec![]));
    fake.stop();
    let args = ["wait", "pod/a", "--if-unreachable", "pass"];
    let run = finish(&mut against(&fake, &args));
    run.expect_problem(0, &["NOTHING WAS CHECKED", "no daemon answers", "--if-unreachable=pass"]);
    assert!(run.out.starts_with("undecided: NotChecked: no daemon answers"), "{run:?}");
    let json = finish(&mut against(&fake, &[&args[..], &["-o", "json"]].concat()));
    let verdict: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &verdict["outcome"], &verdict["reason"]), (0, &"UNDECIDED".into(), &"NotChecked".into()));

    let run = finish(&mut against(&refusing(unavailable()), &args));
    assert!(run.code == 0 && run.err.contains("NOTHING WAS CHECKED"), "{run:?}");
    // Whoever answers, and refuses, is there.
    assert_eq!(finish(&mut against(&refusing(forbidden()), &args)).code, 5);
}

/// `wait.if-unreachable-pass`
#[test]
fn a_daemon_that_is_lost_is_waited_for_and_passed_over_at_the_deadline() {
    let mut fake = Fake::new(script(vec![vec![waiting()]]));
    let args = ["wait", "pod/a", "--if-unreachable", "pass", "--timeout", "2s"];
    let mut running = Running::start(&mut against(&fake, &args));
    running.err_until("pod/a: InProgress");
    fake.stop();
    running.err_until("lost the daemon");
    let run = running.finish();
    assert!(run.code == 0 && run.err.contains("NOTHING WAS CHECKED: the deadline of 2s passed"), "{run:?}");
}

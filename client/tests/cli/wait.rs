//! `daymark wait`

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::{Doom, State, Status, View};
use serde_json::{Value, json};

use crate::fake::{Fake, Script, Step};
use crate::objects::{
    changed, current, deployment, doomed, forbidden, gone, item, message, pod, reset, snapshot, unreachable,
};
use crate::process::{Run, against, command, finish, run};

fn wait(steps: Vec<Step>, args: &[&str]) -> Run {
    run(Script { watches: [steps].into(), ..Script::default() }, &[&["wait"], args].concat())
}

/// A line without the time it took.
fn untimed(line: &str) -> &str {
    line.split(" (").next().unwrap()
}

fn with_message(mut status: Status, message: &str) -> Status {
    status.message = message.to_owned();
    status
}

/// `wait.passed` `wait.progress`
#[test]
fn objects_that_become_ready_pass() {
    let rolling = with_message(deployment("web", State::InProgress), "old pods remain");
    let mut steps = snapshot([rolling.clone(), pod("a", State::Ready)]);
    steps.push(changed("2", rolling));
    steps.push(changed("3", with_message(deployment("web", State::Ready), "3 pods are ready")));
    let run = wait(steps, &["deploy/web", "pod/a"]);
    assert_eq!(run.code, 0);
    let lines: Vec<_> = run.out.lines().collect();
    assert_eq!(untimed(lines[0]), "deployment.apps/web passed: Because: 3 pods are ready");
    assert_eq!(untimed(lines[1]), "pod/a passed: Because");
    assert!(lines[0].ends_with("s)"), "{run:?}");
    assert_eq!(
        run.err,
        "deployment.apps/web: InProgress Because 1/3 updated: old pods remain\n\
         pod/a: Ready Because\n\
         deployment.apps/web: Ready Because 1/3 updated: 3 pods are ready\n"
    );
}

/// `wait.request` `wait.goal-default`
#[test]
fn the_view_is_to_be_proven() {
    let fake = Fake::new(Script {
        watches: [snapshot([pod("a", State::Ready), deployment("web", State::Ready)])].into(),
        ..Script::default()
    });
    let run = finish(&mut against(&fake, &["wait", "pod/a", "deploy/web", "-n", "x", "-o", "json"]));
    let verdict: Value = serde_json::from_str(&run.out).unwrap();
    let goals: Vec<_> = verdict["targets"].as_array().unwrap().iter().map(|target| &target["for"]).collect();
    assert_eq!(goals, ["ready", "rollout"]);
    let request = fake.seen().watches[0].clone();
    assert!(request.proven && request.progress_interval.is_some_and(|it| it.seconds == 5));
    assert_eq!(request.view(), View::Basic);
    let refs = request.filter.unwrap().refs;
    let named: Vec<_> = refs.iter().map(|it| [&*it.resource, &*it.namespace, &*it.name]).collect();
    assert_eq!(named, [["pod", "x", "a"], ["deploy", "x", "web"]]);
}

/// `wait.failed`
#[test]
fn an_object_that_is_doomed_fails_at_once() {
    let steps =
        snapshot([doomed("a", Doom::Fatal, "the image is bad"), pod("b", State::Ready), pod("c", State::InProgress)]);
    let run = wait(steps, &["pod", "a", "b", "c"]);
    let lines: Vec<_> = run.out.lines().map(untimed).collect();
    assert_eq!(run.code, 1);
    assert_eq!(
        lines,
        ["pod/a failed: Because: the image is bad", "pod/b passed: Because", "pod/c undecided: InProgress Because"]
    );
}

/// `wait.may-heal`
#[test]
fn a_failure_that_may_pass_is_waited_out() {
    let mut steps = snapshot([doomed("a", Doom::Persistent, "crash loop")]);
    steps.push(changed("2", doomed("a", Doom::Transient, "pulling")));
    steps.push(changed("3", pod("a", State::Ready)));
    assert_eq!(wait(steps, &["pod/a"]).code, 0);
    let run = wait(snapshot([doomed("a", Doom::Persistent, "crash loop")]), &["pod/a", "--tolerate", "1s"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("failed") && run.out.contains("crash loop"), "{run:?}");
}

/// `wait.unproven`
#[test]
fn what_is_not_proven_decides_nothing() {
    for status in [pod("a", State::Ready), doomed("a", Doom::Fatal, "")] {
        let run = wait(vec![reset(Cause::Initial, vec![]), item(status)], &["pod/a", "--timeout", "2s"]);
        assert_eq!(run.code, 3);
        assert!(run.out.starts_with("pod/a undecided: not proven to be current: "), "{run:?}");
    }
}

/// `wait.undecided`
#[test]
fn at_the_deadline_what_is_missing_is_said() {
    let rolling = with_message(deployment("web", State::InProgress), "old pods remain");
    let steps = snapshot([rolling, pod("gone", State::Absent), pod("a", State::Ready)]);
    let run = wait(steps, &["deploy/web", "pod/gone", "pod/a", "--timeout", "2s"]);
    assert_eq!(run.code, 3);
    let lines: Vec<_> = run.out.lines().map(untimed).collect();
    assert_eq!(
        lines,
        [
            "deployment.apps/web undecided: InProgress Because 1/3 updated: old pods remain",
            "pod/gone undecided: does not exist",
            "pod/a passed: Because",
        ]
    );
    assert!(run.out.lines().next().unwrap().contains("s, view "), "{run:?}");
    let last = run.err.lines().last().unwrap();
    assert!(last.starts_with("daymark: undecided at the deadline of 2s: 2 of 3 unfinished; the view is "), "{last}");
}

/// `wait.absent` `wait.recreated`
#[test]
fn an_object_that_comes_later_or_again_is_waited_for() {
    let mut first = doomed("a", Doom::Fatal, "");
    first.r#ref.as_mut().unwrap().uid = "another".to_owned();
    let steps = vec![
        reset(Cause::Initial, vec![]),
        item(pod("a", State::Absent)),
        item(first.clone()),
        message("", Event::Deleted(gone(first))),
        current("1"),
        message("2", Event::Entered(pod("a", State::Ready))),
    ];
    let run = wait(steps, &["pod/a", "pods/a"]);
    assert_eq!((run.code, run.out.lines().count()), (0, 2), "{run:?}");
    assert!(run.err.contains("pod/a: does not exist\n"), "{run:?}");
}

/// `wait.no-rollout` `wait.kind-only` `wait.goals`
#[test]
fn words_that_make_no_sense() {
    wait(snapshot([pod("a", State::Ready)]), &["pod/a", "--for", "rollout"])
        .expect_problem(2, &["pod/a has no rollout"]);
    wait(vec![], &["pods"]).expect_problem(2, &["KIND/NAME"]);
    assert_eq!(wait(vec![], &["pod/a", "--for", "lunch"]).code, 2);
    for goal in ["rollout", "ready"] {
        assert_eq!(wait(snapshot([deployment("web", State::Ready)]), &["deploy", "web", "--for", goal]).code, 0);
    }
}

/// `wait.look-once`
#[test]
fn a_deadline_of_nothing_looks_once() {
    for (state, code) in [(State::Ready, 0), (State::InProgress, 3)] {
        assert_eq!(wait(snapshot([pod("a", state)]), &["pod/a", "--timeout", "0"]).code, code);
    }
}

/// `wait.deadline-default`
#[test]
fn the_deadline_is_ten_minutes() {
    let help = finish(&mut command(&["wait", "--help"])).out;
    assert!(help.contains("[default: 10m]"), "{help}");
}

/// `wait.json`
#[test]
fn the_verdict_is_a_document() {
    for (status, code, word) in [
        (pod("a", State::Ready), 0, "PASSED"),
        (doomed("a", Doom::Fatal, ""), 1, "FAILED"),
        (pod("a", State::InProgress), 3, "UNDECIDED"),
    ] {
        let run = wait(snapshot([status]), &["pods/a", "--timeout", "2s", "-o", "json"]);
        let mut verdict: Value = serde_json::from_str(&run.out).unwrap();
        let times = ["elapsedSeconds", "viewAgeSeconds"].map(|key| verdict.as_object_mut().unwrap().remove(key));
        assert!(times.iter().all(|time| time.as_ref().is_some_and(Value::is_number)), "{times:?}");
        let target = verdict["targets"][0].as_object_mut().unwrap();
        assert_eq!((target["target"].clone(), target["for"].clone()), (json!("pods/a"), json!("ready")));
        assert_eq!((target["verdict"].clone(), target["ref"]["uid"].clone()), (json!(word), json!("uid-a")));
        target.clear();
        assert_eq!(verdict, json!({"verdict": word, "replayed": false, "targets": [{}]}));
        assert_eq!(run.code, code);
    }
}

/// `wait.replayed`
#[test]
fn a_replay_is_marked() {
    let mut steps = snapshot([pod("a", State::Ready)]);
    for step in &mut steps {
        if let Step::Send(message) = step {
            message.freshness.as_mut().unwrap().replayed = true;
        }
    }
    let run = wait(steps.clone(), &["pod/a"]);
    assert!(run.out.ends_with(" (replayed)\n"), "{run:?}");
    let verdict: Value = serde_json::from_str(&wait(steps, &["pod/a", "-o", "json"]).out).unwrap();
    assert_eq!(verdict["replayed"], json!(true));
}

/// `wait.forbidden`
#[test]
fn what_may_not_be_read_is_not_waited_for() {
    wait(vec![Step::Fail(forbidden())], &["pod/a"]).expect_problem(5, &["forbidden"]);
    let kinds = vec![unreachable("pods", "Forbidden")];
    wait(vec![reset(Cause::Initial, kinds)], &["pod/a"]).expect_problem(5, &["pods cannot be read: Forbidden"]);
}

/// `wait.wrong-answer`
#[test]
fn an_answer_about_something_else_is_daymarks_fault() {
    wait(snapshot([pod("b", State::Ready)]), &["pod/a"]).expect_problem(70, &["pod/a", "pod/b"]);
}

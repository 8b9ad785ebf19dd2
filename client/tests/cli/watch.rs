//! `daymark get --watch`: what is shown.

use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::status_event::{Event, Gap};
use daymark_proto::v1::{State, View};
use serde_json::{Value, json};

use crate::fake::{Fake, Script, Step};
use crate::objects::{
    changed, current, error, forbidden, gone, info, item, message, pod, reset, snapshot, unavailable, unreachable,
};
use crate::process::{Run, Running, against, run};

/// A snapshot of a, then b enters, a changes, and a is deleted; then the end.
fn story() -> Vec<Step> {
    let mut steps = snapshot([pod("a", State::Ready)]);
    let mut failed = pod("a", State::Failed);
    failed.resource_version = "8".to_owned();
    steps.push(message("2", Event::Entered(pod("b", State::InProgress))));
    steps.push(changed("3", failed.clone()));
    steps.push(message("4", Event::Deleted(gone(failed))));
    steps.push(Step::Fail(forbidden()));
    steps
}

fn watch(steps: Vec<Step>, args: &[&str]) -> Run {
    watch_all([steps], args)
}

fn watch_all<const N: usize>(watches: [Vec<Step>; N], args: &[&str]) -> Run {
    let script = Script { watches: watches.into(), info: Some(info()), ..Script::default() };
    run(script, &[&["get", "-w"], args].concat())
}

/// `get.watch-table` `get.watch-final-error`
#[test]
fn rows_are_appended() {
    watch(story(), &["pods"]).expect(
        5,
        "NAME                             STATE         REASON                     PROGRESS         AGE\n\
         a                                Ready         Because                                     5m12s\n\
         b                                InProgress    Because                                     5m12s\n\
         a                                Failed        Because                                     5m12s\n\
         a                                Absent        Because                                     5m12s\n",
        "daymark: pods cannot be read: forbidden\n",
    );
}

/// `get.watch-name`
#[test]
fn names_come_with_each_change() {
    assert_eq!(watch(story(), &["pods", "-o", "name"]).out, "pod/a\npod/b\npod/a\npod/a\n");
}

/// `get.watch-json`
#[test]
fn objects_come_one_after_another() {
    let out = watch(story(), &["pods", "-o", "json"]).out;
    let objects: Vec<Value> = serde_json::Deserializer::from_str(&out).into_iter().collect::<Result<_, _>>().unwrap();
    let names: Vec<_> = objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "a", "a"]);
    assert!(out.starts_with("{\n    \"apiVersion\""));
}

/// `get.watch-yaml`
#[test]
fn documents_are_divided() {
    let out = watch(story(), &["pods", "-o", "yaml"]).out;
    assert_eq!(out.split("---\n").count(), 4);
    assert!(out.split("---\n").all(|document| document.starts_with("apiVersion: v1\nkind: Pod\n")), "{out}");
}

fn lines(format: &str) -> Vec<Value> {
    let out = watch(story(), &["pods", "-o", format]).out;
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `get.watch-ndjson`
#[test]
fn each_change_is_a_line_with_the_object() {
    let lines = lines("ndjson");
    let told: Vec<_> = lines.iter().map(|line| (&line["event"], &line["object"]["metadata"]["name"])).collect();
    assert_eq!(json!(told), json!([["ENTERED", "a"], ["ENTERED", "b"], ["CHANGED", "a"], ["DELETED", "a"]]));
}

/// `get.watch-status-json`
#[test]
fn each_change_is_a_line_with_the_state() {
    let lines = lines("status-json");
    let told: Vec<_> = lines.iter().map(|line| (&line["event"], &line["status"]["state"])).collect();
    assert_eq!(
        json!(told),
        json!([["ENTERED", "READY"], ["ENTERED", "IN_PROGRESS"], ["CHANGED", "FAILED"], ["DELETED", "ABSENT"]])
    );
}

/// `get.watch-request`
#[test]
fn the_daemon_is_asked_for_what_is_shown() {
    for (args, view) in [(&["pods"][..], View::Basic), (&["pods", "-o", "ndjson"], View::Full)] {
        let fake = Fake::new(Script { watches: [story()].into(), ..Script::default() });
        Running::start(&mut against(&fake, &[&["get", "-w", "-n", "x"], args].concat())).finish();
        let request = fake.seen().watches[0].clone();
        let filter = request.filter.clone().unwrap();
        assert_eq!((request.view(), request.proven), (view, false));
        assert_eq!((filter.kinds, filter.namespaces), (vec!["pods".to_owned()], vec!["x".to_owned()]));
        assert!(request.cursor.is_empty());
    }
}

/// `get.watch-history`
#[test]
fn every_version_is_shown_and_what_may_be_missing_is_said() {
    let mut steps = snapshot([pod("a", State::Ready)]);
    let mut same = pod("a", State::Ready);
    same.resource_version = "8".to_owned();
    steps.push(changed("2", same));
    steps.push(message("3", Event::Gap(Gap { kind: "pods".to_owned() })));
    steps.push(Step::Fail(forbidden()));
    let fake = Fake::new(Script { watches: [steps].into(), ..Script::default() });
    let run = Running::start(&mut against(&fake, &["get", "-w", "pods", "--history", "-o", "name"])).finish();
    assert!(fake.seen().watches[0].history);
    assert_eq!(run.out, "pod/a\npod/a\n");
    assert!(run.err.starts_with("daymark: changes of pods may be missing here: "), "{run:?}");
}

/// `get.watch-history`
#[test]
fn a_history_that_is_lost_with_the_connection_is_said_to_be() {
    let first = [snapshot([pod("a", State::Ready)]), vec![Step::Fail(unavailable())]].concat();
    let expired = vec![Step::Fail(error(tonic::Code::OutOfRange, "CURSOR_EXPIRED", "no longer held"))];
    let again = [snapshot([pod("a", State::Failed)]), vec![Step::Fail(forbidden())]].concat();
    let run = watch_all([first, expired, again], &["pods", "--history", "-o", "name"]);
    assert_eq!(run.out, "pod/a\npod/a\n");
    assert!(run.err.contains("\ndaymark: changes are missing here: "), "{run:?}");
}

/// `get.watch-absent`
#[test]
fn an_object_that_does_not_exist_is_followed() {
    let steps = vec![
        reset(Cause::Initial, vec![]),
        item(pod("a", State::Absent)),
        current("1"),
        message("2", Event::Entered(pod("a", State::Ready))),
        Step::Fail(forbidden()),
    ];
    let run = watch(steps, &["pod", "a", "-o", "name"]);
    assert_eq!(run.out, "pod/a\n");
    assert!(run.err.starts_with("daymark: pod/a does not exist; it is shown once it exists\n"), "{run:?}");
}

/// `get.watch-empty`
#[test]
fn an_empty_selection_is_said_and_followed() {
    let mut steps = snapshot([]);
    steps.push(message("2", Event::Entered(pod("a", State::Ready))));
    steps.push(Step::Fail(forbidden()));
    let run = watch(steps, &["pods", "-o", "name"]);
    assert_eq!(run.out, "pod/a\n");
    assert!(run.err.starts_with("No objects found in namespace \"shop\".\n"), "{run:?}");
}

/// `get.watch-unreachable` `get.watch-all-forbidden`
#[test]
fn kinds_that_cannot_be_read_are_reported() {
    let begin = |kinds| vec![reset(Cause::Initial, kinds), current("1"), Step::Fail(forbidden())];
    let run = watch(begin(vec![unreachable("pods", "Forbidden")]), &["pods,deploy"]);
    assert!(run.err.starts_with("daymark: warning: pods cannot be read: Forbidden: so it is\n"), "{run:?}");
    let run = watch(begin(vec![unreachable("pods", "Forbidden")]), &["pods"]);
    assert_eq!((run.code, run.err.lines().last()), (5, Some("daymark: none of the requested objects may be read")));
}

/// `get.watch-timeout`
#[test]
fn the_time_can_be_limited() {
    let fake = Fake::new(Script { watches: [snapshot([pod("a", State::Ready)])].into(), ..Script::default() });
    // Long enough for a slow machine to connect; what came is shown by then.
    let run = Running::start(&mut against(&fake, &["get", "pods", "-w", "--timeout", "2s", "-o", "name"])).finish();
    run.expect(0, "pod/a\n", "");
}

/// `get.watch-timeout-unread`
#[test]
fn a_snapshot_that_never_ends_is_no_success() {
    let steps = vec![reset(Cause::Initial, vec![]), item(pod("a", State::Ready))];
    let run = watch(steps, &["pods", "--timeout", "2s"]);
    run.expect_problem(4, &["timed out"]);
    assert_eq!(run.out, "");
}

//! `daymark get --watch` over connections that break.

use daymark_proto::v1::State;
use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::status_event::reset::Cause;
use tonic::Code;

use crate::fake::{Fake, Script, Step};
use crate::objects::{changed, current, error, forbidden, item, message, pod, reset, resumed, snapshot, unavailable};
use crate::process::{Running, against, run};

const NAMES: [&str; 5] = ["get", "pods", "-w", "-o", "name"];

fn lost_lines(err: &str) -> usize {
    err.lines().filter(|line| line.contains("lost the daemon")).count()
}

/// `get.watch-restart` `get.watch-lost`
#[test]
fn another_run_of_the_daemon_repeats_nothing() {
    let again = vec![
        reset(Cause::OtherIncarnation, vec![]),
        item(pod("a", State::Ready)),
        item(pod("b", State::Ready)),
        current("other-1"),
        changed("other-2", pod("b", State::Failed)),
        Step::Fail(forbidden()),
    ];
    let first = snapshot([pod("a", State::Ready), pod("b", State::Ready)]);
    let mut fake = Fake::new(Script { watches: [first, again].into(), ..Script::default() });
    let mut running = Running::start(&mut against(&fake, &NAMES));
    running.out_until("pod/b");
    fake.stop();
    let mut err = running.err_until("lost the daemon");
    fake.start();
    let run = running.finish();
    err += &run.err;
    assert_eq!((run.code, run.out.as_str()), (5, "pod/b\n"));
    assert_eq!(lost_lines(&err), 1, "{err}");
    let seen = fake.seen();
    assert_eq!(seen.watches.last().unwrap().cursor, "1");
}

/// `get.watch-resume`
#[test]
fn a_broken_connection_is_resumed_behind_the_last_message() {
    let mut first = snapshot([pod("a", State::Ready)]);
    first.push(changed("2", pod("a", State::Failed)));
    let second = vec![resumed("2"), changed("3", pod("a", State::Ready)), Step::Fail(forbidden())];
    let fake = Fake::new(Script { watches: [first, second].into(), ..Script::default() });
    let mut running = Running::start(&mut against(&fake, &["get", "pods", "-w"]));
    running.out_until("Failed");
    fake.cut();
    let run = running.finish();
    assert_eq!((run.out.lines().count(), lost_lines(&run.err)), (1, 1), "{run:?}");
    assert_eq!(fake.seen().watches[1].cursor, "2");
}

/// `get.watch-vanished`
#[test]
fn what_vanished_meanwhile_is_deleted_once() {
    let again = || vec![reset(Cause::CursorExpired, vec![]), item(pod("b", State::Ready)), current("9"), Step::End];
    let mut first = snapshot([pod("a", State::Ready), pod("b", State::Ready)]);
    first.push(Step::End);
    let last = vec![resumed("9"), Step::Fail(forbidden())];
    let script = Script { watches: [first, again(), again(), last].into(), ..Script::default() };
    let run = run(script, &["get", "pods", "-w", "-o", "status-json"]);
    let events: Vec<String> = run
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| format!("{} {}", line["event"].as_str().unwrap(), line["status"]["ref"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(events, ["ENTERED a", "ENTERED b", "DELETED a"]);
}

/// `get.watch-cut-snapshot`
#[test]
fn a_snapshot_that_was_cut_off_is_not_resumed_into() {
    let mut first = snapshot([pod("a", State::Ready)]);
    first.extend([reset(Cause::Lagged, vec![]), item(pod("b", State::Ready)), Step::Fail(unavailable())]);
    let second = vec![
        resumed("1"),
        message("2", Event::Entered(pod("b", State::Ready))),
        message("3", Event::Entered(pod("c", State::Ready))),
        Step::Fail(forbidden()),
    ];
    let fake = Fake::new(Script { watches: [first, second].into(), ..Script::default() });
    let run = Running::start(&mut against(&fake, &NAMES)).finish();
    assert_eq!(run.out, "pod/a\npod/b\npod/c\n");
    assert_eq!(fake.seen().watches[1].cursor, "1");
}

/// `get.watch-foreign-cursor`
#[test]
fn a_cursor_that_the_daemon_does_not_understand_is_given_up() {
    let mut first = snapshot([pod("a", State::Ready)]);
    first.push(Step::Fail(unavailable()));
    let refused = vec![Step::Fail(error(Code::InvalidArgument, "INVALID_CURSOR", "the cursor is not mine"))];
    let mut third = snapshot([pod("a", State::Ready), pod("b", State::Ready)]);
    third.push(Step::Fail(forbidden()));
    let fake = Fake::new(Script { watches: [first, refused, third].into(), ..Script::default() });
    let run = Running::start(&mut against(&fake, &NAMES)).finish();
    assert_eq!((run.code, run.out.as_str()), (5, "pod/a\npod/b\n"));
    assert_eq!(fake.seen().watches[2].cursor, "");
}

/// `get.watch-unavailable`
#[test]
fn a_cluster_that_cannot_be_reached_is_waited_for() {
    let later = || vec![Step::Fail(unavailable())];
    let mut third = snapshot([pod("a", State::Ready)]);
    third.push(Step::Fail(forbidden()));
    let script = Script { watches: [later(), later(), third].into(), ..Script::default() };
    let run = run(script, &NAMES);
    assert_eq!((run.code, run.out.as_str()), (5, "pod/a\n"));
    let told = run.err.lines().filter(|line| line.contains("the cluster cannot be reached")).count();
    assert_eq!(told, 1, "{run:?}");
}

/// `get.watch-timeout-lost`
#[test]
fn a_watch_that_is_lost_at_its_end_is_a_failure() {
    let mut first = snapshot([pod("a", State::Ready)]);
    first.push(Step::Fail(unavailable()));
    let later_watches = Some(vec![Step::Fail(unavailable())]);
    let script = Script { watches: [first].into(), later_watches, ..Script::default() };
    let run = run(script, &["get", "pods", "-w", "-o", "name", "--timeout", "2s"]);
    assert_eq!((run.code, run.out.as_str()), (4, "pod/a\n"));
    assert!(run.err.lines().last().unwrap().contains("timed out while the daemon was unreachable"), "{run:?}");
}

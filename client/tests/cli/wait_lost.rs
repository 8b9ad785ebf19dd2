//! `daymark wait` over connections that break.

use daymark_proto::v1::State;
use daymark_proto::v1::status_event::reset::Cause;

use crate::fake::{Fake, Script, Step};
use crate::objects::{current, item, pod, reset, snapshot, unavailable};
use crate::process::{Running, against, run};

/// `wait.lost`
#[test]
fn a_wait_goes_on_with_another_run_of_the_daemon() {
    let again = vec![
        reset(Cause::OtherIncarnation, vec![]),
        item(pod("a", State::InProgress)),
        item(pod("b", State::Ready)),
        current("other-1"),
        crate::objects::changed("other-2", pod("a", State::Ready)),
    ];
    let first = snapshot([pod("a", State::InProgress), pod("b", State::Ready)]);
    let mut fake = Fake::new(Script { watches: [first, again].into(), ..Script::default() });
    let mut running = Running::start(&mut against(&fake, &["wait", "pod", "a", "b"]));
    running.err_until("pod/b: Ready");
    fake.stop();
    running.err_until("lost the daemon");
    fake.start();
    let run = running.finish();
    assert_eq!((run.code, run.out.lines().count()), (0, 2), "{run:?}");
    // The states that were told before the loss are not told again.
    assert_eq!(run.err, "pod/a: Ready Because\n");
}

/// `wait.lost-unproven`
#[test]
fn what_was_proven_before_a_loss_is_not_proven_after_it() {
    let mut first = snapshot([pod("a", State::InProgress)]);
    first.push(Step::End);
    let second = vec![reset(Cause::OtherIncarnation, vec![]), item(pod("a", State::Ready))];
    let script = Script { watches: [first, second].into(), ..Script::default() };
    let run = run(script, &["wait", "pod/a", "--timeout", "2s"]);
    assert_eq!(run.code, 3, "{run:?}");
}

/// `wait.lost-at-deadline`
#[test]
fn a_daemon_that_is_lost_at_the_deadline_is_no_verdict() {
    let mut first = snapshot([pod("a", State::InProgress)]);
    first.push(Step::Fail(unavailable()));
    let later_watches = Some(vec![Step::Fail(unavailable())]);
    let script = Script { watches: [first].into(), later_watches, ..Script::default() };
    let run = run(script, &["wait", "pod/a", "--timeout", "2s"]);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.out.starts_with("pod/a undecided: not proven to be current: InProgress"), "{run:?}");
    assert!(run.err.lines().last().unwrap().contains("the deadline of 2s came, and the daemon is lost"), "{run:?}");
}

/// `wait.cluster-unreachable`
#[test]
fn a_cluster_that_cannot_be_reached_is_waited_for() {
    let later = || vec![Step::Fail(unavailable())];
    let script = Script { watches: [later(), later(), snapshot([pod("a", State::Ready)])].into(), ..Script::default() };
    let run = run(script, &["wait", "pod/a"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.err.lines().filter(|line| line.contains("the cluster cannot be reached")).count(), 1);
}

//! `daymark wait` over connections that break.

use daymark_proto::v1::{Outcome, Standing, State};

use crate::fake::{Fake, Script};
use crate::fake_gates::{GateScript, GateStep};
use crate::objects::{error, pod, unavailable};
use crate::process::{Running, against};
use crate::wait::{ended, object, script, told, wait};

pub fn waiting() -> GateStep {
    let objects = vec![object(pod("a", State::InProgress), Standing::Waiting)];
    told(Default::default(), objects)
}

pub fn passed() -> Vec<GateStep> {
    let objects = vec![object(pod("a", State::Ready), Standing::Met)];
    vec![told(ended(Outcome::Passed, "Met", "", &objects), objects), GateStep::End]
}

/// `wait.lost`
#[test]
fn a_wait_goes_on_with_the_same_gate() {
    let mut again = vec![waiting()];
    again.extend(passed());
    let mut fake = Fake::new(script(vec![vec![waiting()], again]));
    let mut running = Running::start(&mut against(&fake, &["wait", "pod/a"]));
    running.err_until("pod/a: InProgress");
    fake.stop();
    running.err_until("lost the daemon");
    fake.start();
    let run = running.finish();
    assert_eq!(run.code, 0, "{run:?}");
    // The states that were told before the loss are not told again.
    assert_eq!(run.err, "pod/a: Ready Because\n");
    let seen = fake.seen_gates();
    assert_eq!((seen.opened.len(), &seen.watched[..]), (1, &["token-1".to_owned(), "token-1".to_owned()][..]));
}

/// `wait.lost-forgotten`
#[test]
fn a_daemon_that_knows_nothing_of_it_is_asked_again() {
    let forgotten = GateStep::Fail(error(tonic::Code::NotFound, "GATE_NOT_FOUND", "there is no such gate"));
    let fake = Fake::new(script(vec![vec![waiting(), GateStep::Fail(unavailable())], vec![forgotten], passed()]));
    let run = crate::process::finish(&mut against(&fake, &["wait", "pod/a", "--timeout", "1m"]));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("opening another"), "{run:?}");
    let seen = fake.seen_gates();
    assert_eq!((seen.opened.len(), &*seen.watched[2]), (2, "token-2"));
    let left: Vec<_> = seen.opened.iter().map(|it| it.policy.clone().unwrap().deadline.unwrap()).collect();
    assert!((left[1].seconds, left[1].nanos) < (left[0].seconds, left[0].nanos), "the clock goes on: {left:?}");
}

/// `wait.lost-at-deadline`
#[test]
fn a_daemon_that_is_lost_at_the_deadline_is_no_verdict() {
    let mut refusals = std::collections::VecDeque::new();
    refusals.resize(100, unavailable());
    let fake = Fake::new(Script { gates: GateScript { refusals, ..Default::default() }, ..Default::default() });
    let run = crate::process::finish(&mut against(&fake, &["wait", "pod/a", "--timeout", "1s"]));
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.out.starts_with("undecided: DaemonLost: "), "{run:?}");
    assert!(run.err.lines().last().unwrap().contains("the deadline of 1s passed, and the daemon is lost"), "{run:?}");
}

/// `wait.silent`
#[test]
fn a_daemon_that_says_nothing_for_long_after_the_deadline_is_no_verdict() {
    let run = wait(vec![vec![waiting()]], &["pod/a", "--timeout", "1s"]);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.err.lines().last().unwrap().contains("the daemon has given no verdict"), "{run:?}");
}

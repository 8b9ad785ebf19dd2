//! `daymark on`, of what begins to match, and of what continues to.

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{Doom, State, Status};
use rustix::process::Signal;

use crate::fake::{Fake, Script, Step};
use crate::objects::{changed, doomed, gone, message, pod, snapshot};
use crate::on::{TELL, at, the_end};
use crate::process::{Running, against, command, finish, run};

const FAILED: [&str; 3] = ["pods", "--when", "state == \"FAILED\""];

fn failed(name: &str, reason: &str) -> Status {
    Status { reason: reason.to_owned(), ..pod(name, State::Failed) }
}

fn entered(cursor: &str, status: Status) -> Step {
    message(cursor, Event::Entered(status))
}

/// What is run, of `steps` behind a snapshot without objects.
fn ids(steps: &[Step], args: &[&str]) -> Vec<String> {
    let steps = [snapshot([]), steps.to_vec(), vec![the_end()]].concat();
    let run = run(Script { watches: [steps].into(), ..Script::default() }, &[&["on"], args, &TELL].concat());
    assert_eq!(run.code, 5, "{run:?}");
    run.out.lines().map(str::to_owned).collect()
}

/// `on.entered`
#[test]
fn what_goes_on_to_match_runs_nothing_again() {
    let steps = [
        entered("2", at(8, failed("a", "ErrImagePull"))),
        changed("3", at(9, failed("a", "ImagePullBackOff"))),
        changed("4", Status { reason: "ImagePullBackOff".to_owned(), ..at(9, doomed("a", Doom::Fatal, "")) }),
        changed("5", at(10, failed("a", "ErrImagePull"))),
        message("6", Event::Left(at(11, pod("a", State::Ready)))),
        entered("7", at(12, failed("a", "ErrImagePull"))),
        message("8", Event::Deleted(gone(at(12, pod("a", State::Failed))))),
    ];
    assert_eq!(ids(&steps, &FAILED).len(), 5);
    let once = ["ENTERED uid-a/8/FAILED/ErrImagePull", "ENTERED uid-a/12/FAILED/ErrImagePull"];
    assert_eq!(ids(&steps, &[&FAILED[..], &["--entered"]].concat()), once);
    // Labels can cease to match, too.
    assert_eq!(ids(&steps, &["pods", "-l", "app", "--entered"]), once);
}

/// `on.for`
#[test]
fn what_ceases_to_match_too_soon_runs_nothing() {
    let steps = [
        entered("2", at(8, failed("a", "Error"))),
        message("3", Event::Left(at(9, pod("a", State::Ready)))),
        entered("4", at(10, failed("a", "Error"))),
    ];
    assert_eq!(ids(&steps, &[&FAILED[..], &["--for", "1h"]].concat()), [""; 0]);
}

/// `on.for`
#[test]
fn what_goes_on_to_match_for_long_enough_runs_once() {
    let fake = Fake::new(Script { watches: [snapshot([])].into(), ..Script::default() });
    let mut running = Running::start(&mut against(&fake, &[&["on"], &FAILED[..], &["--for", "1ms"], &TELL].concat()));
    running.err_until("following");
    fake.push(entered("2", at(8, failed("a", "ErrImagePull"))));
    assert_eq!(running.out_until("uid-a"), "ENTERED uid-a/8/FAILED/ErrImagePull\n");
    fake.push(changed("3", at(9, failed("a", "ImagePullBackOff"))));
    fake.push(entered("4", at(10, failed("b", "Error"))));
    assert_eq!(running.out_until("uid-b"), "ENTERED uid-b/10/FAILED/Error\n");
    running.signal(Signal::TERM);
    assert_eq!(running.finish().code, 143);
}

/// `on.for`
#[test]
fn while_the_daemon_has_lost_the_cluster_nobody_knows_what_matches() {
    let fake = Fake::new(Script { watches: [snapshot([])].into(), ..Script::default() });
    let mut running = Running::start(&mut against(&fake, &[&["on"], &FAILED[..], &["--for", "1ms"], &TELL].concat()));
    running.err_until("following");
    fake.push(lost(entered("2", at(8, failed("a", "Error")))));
    fake.push(lost(entered("3", at(9, failed("b", "Error")))));
    // That takes much longer than what is told has to hold.
    assert_eq!(finish(&mut command(&["on", "--help"])).code, 0);
    fake.push(message("4", Event::Left(at(10, pod("a", State::Ready)))));
    assert_eq!(running.out_until("uid-"), "ENTERED uid-b/9/FAILED/Error\n");
    running.signal(Signal::TERM);
    assert_eq!(running.finish().code, 143);
}

/// The same, of a view that is not followed.
fn lost(mut step: Step) -> Step {
    if let Step::Send(message) = &mut step {
        message.freshness.iter_mut().for_each(|freshness| freshness.problem = "it is down".to_owned());
    }
    step
}

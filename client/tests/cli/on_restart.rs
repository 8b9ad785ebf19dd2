//! `daymark on` with a state file, over the deaths of either side.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{State, StatusEvent, WatchStatusesResponse};
use rustix::process::Signal;
use serde_json::Value;

use crate::fake::{Fake, Script, Step};
use crate::objects::{changed, error, freshness, message, pod, resumed, snapshot};
use crate::on::{TELL, at, the_end};
use crate::process::{Run, Running, against};

/// A daemon that is asked several times by commands with one state file.
struct Stage {
    fake: Fake,
}

impl Stage {
    fn new(watches: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let watches = watches.into_iter().collect();
        let stage = Self { fake: Fake::new(Script { watches, ..Script::default() }) };
        let made = Command::new("mkfifo").arg(stage.path("hold")).status().unwrap();
        assert!(made.success());
        stage
    }

    fn path(&self, name: &str) -> String {
        self.fake.folder().join(name).display().to_string()
    }

    fn start(&self, args: &[&str], command: &[&str]) -> Running {
        let file = ["--state-file", &self.path("state")];
        let mut process = against(&self.fake, &[&["on"][..], args, &file, command].concat());
        Running::start(process.current_dir(self.fake.folder()))
    }

    fn run(&self, args: &[&str], command: &[&str]) -> Run {
        self.start(args, command).finish()
    }

    /// Ends what reads from the pipe `hold`.
    fn release(&self) {
        drop(OpenOptions::new().write(true).open(self.path("hold")).unwrap());
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("state")).unwrap()).unwrap()
    }
}

/// Notes what it is run for. In state FAILED it does not end, the first time.
const HELD: [&str; 4] = [
    "--",
    "/bin/sh",
    "-c",
    "echo $DAYMARK_ID >> log
     if [ $DAYMARK_STATE = FAILED ] && [ ! -e second ]; then touch second; echo running; exec cat hold; fi",
];

/// Three transitions in one message, which has one cursor.
fn together() -> Step {
    let events = [at(8, pod("a", State::InProgress)), at(9, pod("a", State::Ready)), at(10, pod("a", State::Failed))];
    let events = events.map(|status| StatusEvent { event: Some(Event::Changed(status)) }).into();
    Step::Send(WatchStatusesResponse { events, cursor: "2".into(), freshness: freshness() })
}

fn held() -> [Vec<Step>; 2] {
    let first = [snapshot([pod("a", State::Ready)]), vec![together()]].concat();
    let second = vec![resumed("1"), together(), changed("3", at(11, pod("a", State::Ready))), the_end()];
    [first, second]
}

/// `on.killed` `on.resumed`
#[test]
fn what_was_being_done_is_done_again_and_nothing_before_it() {
    let stage = Stage::new(held());
    let mut killed = stage.start(&["pods"], &HELD);
    killed.out_until("running");
    killed.signal(Signal::KILL);
    stage.release();
    assert_eq!(killed.finish().code, -1);
    assert_eq!(stage.state()["streams"][0]["objects"][0]["id"], "uid-a/9/READY/Because");

    assert_eq!(stage.run(&["pods"], &HELD).code, 5);
    let log = fs::read_to_string(stage.path("log")).unwrap();
    let ids: Vec<_> = log.lines().map(|id| id.trim_end_matches("/Because").trim_start_matches("uid-a/")).collect();
    assert_eq!(ids, ["8/IN_PROGRESS", "9/READY", "10/FAILED", "10/FAILED", "11/READY"]);
    assert_eq!(stage.fake.seen().watches[1].cursor, "1");
}

/// `on.interrupted`
#[test]
fn a_signal_ends_the_command_first() {
    for (signal, code, text) in [(Signal::INT, 130, "interrupted"), (Signal::TERM, 143, "terminated")] {
        let stage = Stage::new(held());
        let mut running = stage.start(&["pods"], &HELD);
        running.out_until("running");
        running.signal(signal);
        let run = running.finish();
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.err.ends_with(&format!("daymark: {text}\n")), "{run:?}");
        // It was cut off, and is not done.
        assert_eq!(stage.state()["streams"][0]["objects"][0]["id"], "uid-a/9/READY/Because");
    }
}

/// `on.interrupted`
#[test]
fn a_command_that_ends_well_after_a_signal_is_done() {
    let stage = Stage::new(held());
    let shell = "trap 'exit 0' TERM; [ $DAYMARK_STATE = FAILED ] || exit 0
        cat hold >/dev/null 2>&1 & echo running; wait";
    let mut running = stage.start(&["pods"], &["--", "/bin/sh", "-c", shell]);
    running.out_until("running");
    running.signal(Signal::TERM);
    assert_eq!(running.finish().code, 143);
    stage.release();
    assert_eq!(stage.state()["streams"][0]["objects"][0]["id"], "uid-a/10/FAILED/Because");
}

/// `on.interrupted`
#[test]
fn a_signal_ends_it_while_nothing_runs() {
    let stage = Stage::new([snapshot([])]);
    let mut running = stage.start(&["pods"], &TELL);
    running.err_until("following");
    running.signal(Signal::INT);
    running.finish().expect(130, "", "daymark: interrupted\n");
}

/// `on.state-file`
#[test]
fn what_was_done_is_kept_in_a_private_file() {
    let story = [snapshot([pod("a", State::Ready)]), vec![changed("2", at(8, pod("a", State::Failed))), the_end()]];
    let stage = Stage::new([story.concat()]);
    stage.run(&["pods", "--when", "true"], &TELL);
    let mode = fs::metadata(stage.path("state")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let state = stage.state();
    assert_eq!((&state["version"], &state["of"]["when"]), (&1.into(), &"true".into()));
    let stream = &state["streams"][0];
    assert_eq!(stream["cursor"], "32");
    assert_eq!(stream["objects"][0]["id"], "uid-a/8/FAILED/Because");
    assert_eq!(stream["objects"][0]["status"]["state"], "FAILED");
}

/// `on.for-interrupted`
#[test]
fn what_was_waited_for_is_waited_for_again() {
    let failed = message("2", Event::Entered(at(8, pod("a", State::Failed))));
    let first = [snapshot([]), vec![failed, the_end()]].concat();
    let stage = Stage::new([first, vec![resumed("2")]]);
    assert_eq!(stage.run(&["pods", "--for", "1h"], &TELL).out, "");
    let stream = stage.state()["streams"][0].clone();
    assert_eq!(stream["holding"][0]["id"], "uid-a/8/FAILED/Because");
    assert_eq!(stream["objects"].as_array().map(Vec::len), Some(0));

    let again = stage.run(&["pods", "--for", "1ms", "--once"], &TELL);
    assert_eq!((again.code, &*again.out), (0, "ENTERED uid-a/8/FAILED/Because\n"), "{again:?}");
    assert_eq!(stage.state()["streams"][0]["objects"][0]["id"], "uid-a/8/FAILED/Because");
    assert_eq!(stage.fake.seen().watches[1].cursor, "2");
}

/// `on.restart-compared`
#[test]
fn where_the_daemon_cannot_resume_what_differs_is_done() {
    let first = [snapshot([pod("a", State::Ready), pod("b", State::Ready)]), vec![the_end()]].concat();
    let expired = vec![Step::Fail(error(tonic::Code::OutOfRange, "CURSOR_EXPIRED", "no longer held"))];
    let now = [pod("a", State::Ready), at(9, pod("b", State::Failed)), at(8, pod("c", State::Ready))];
    let again = [snapshot(now), vec![the_end()]].concat();
    let stage = Stage::new([first, expired, again]);
    assert_eq!(stage.run(&["pods"], &TELL).out, "");
    let run = stage.run(&["pods"], &["--", "/bin/sh", "-c", "echo $DAYMARK_PREVIOUS_STATE $DAYMARK_ID"]);
    assert_eq!(run.out, "READY uid-b/9/FAILED/Because\nuid-c/8/READY/Because\n");
    assert_eq!(run.err.lines().filter(|line| line.contains("missing")).count(), 1, "{run:?}");
    assert_eq!(stage.fake.seen().watches[1].cursor, "1");
}

/// `on.state-file-other` `on.state-file-unusable`
#[test]
fn a_file_of_something_else_is_refused() {
    let stage = Stage::new([[snapshot([]), vec![the_end()]].concat()]);
    assert_eq!(stage.run(&["pods"], &TELL).code, 5);
    for args in [&["deploy"][..], &["pods", "-A"], &["pods", "-n", "x"], &["pods", "--when", "true"], &["pod/a"]] {
        stage.run(args, &TELL).expect_problem(2, &["state", "belongs to other objects", "remove it"]);
    }
    fs::write(stage.path("state"), "none").unwrap();
    stage.run(&["pods"], &TELL).expect_problem(2, &["state", "damaged"]);
    assert_eq!(stage.fake.seen().watches.len(), 1);

    let stage = Stage::new([snapshot([])]);
    let file = ["--state-file", "/nowhere/state"];
    let run = Running::start(&mut against(&stage.fake, &[&["on", "pods"][..], &file, &TELL].concat())).finish();
    assert_eq!(run.code, 2);
    assert!(run.err.lines().last().unwrap().contains("/nowhere/state cannot be written: "), "{run:?}");
}

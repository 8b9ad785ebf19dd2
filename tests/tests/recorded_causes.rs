//! The recording of the broken situations: `daymark diagnose` tells the same causes
//! first by it as by the cluster that was recorded. No cluster is needed.

#![allow(clippy::expect_used, reason = "these are tests")]

use std::thread;
use std::time::Instant;

use daymark_tests::cli::Cli;
use daymark_tests::daemon::Daemon;
use daymark_tests::process::PATIENCE;
use daymark_tests::situation::{self, Situation};

/// How many times as fast as it was recorded.
const SPEED: u32 = 1000;

#[test]
fn all_are_told() {
    let daemon = Daemon::of_recording(&situation::recording(), SPEED);
    let cli = &daemon.cli();
    situation::await_end(cli);
    // Each kind is replayed by itself, at that speed some behind others: all of it is there when each has been told once.
    of_each(|situation| await_told(cli, situation));
    let wrong = of_each(|situation| situation.judge(cli, &situation.name).err());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is found out about the situations, those of a folder beside those of the others.
fn of_each<T: Send>(find: impl Fn(&Situation) -> Option<T> + Sync) -> Vec<T> {
    let find = &find;
    let in_folder = |folder: String| {
        let situations = situation::in_folder(&folder);
        assert!(!situations.is_empty(), "{folder} holds none");
        situations.iter().filter_map(find).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let folders: Vec<_> =
            situation::folders().into_iter().map(|folder| scope.spawn(move || in_folder(folder))).collect();
        folders.into_iter().flat_map(|folder| folder.join().expect("a diagnosis can be read")).collect()
    })
}

/// Returns when what is wrong was told, or never will be: which, is found out afterwards.
fn await_told(cli: &Cli, situation: &Situation) -> Option<()> {
    let begun = Instant::now();
    while situation.judge(cli, &situation.name).is_err() && begun.elapsed() < PATIENCE {}
    None
}

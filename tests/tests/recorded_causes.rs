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
    let wrong: Vec<String> = thread::scope(|scope| {
        let folders: Vec<_> =
            situation::folders().into_iter().map(|folder| scope.spawn(move || wrong_in(cli, &folder))).collect();
        folders.into_iter().flat_map(|folder| folder.join().expect("a diagnosis can be read")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The situations of a folder of which something else is told.
fn wrong_in(cli: &Cli, folder: &str) -> Vec<String> {
    let situations = situation::in_folder(folder);
    assert!(!situations.is_empty(), "{folder} holds none");
    situations.iter().filter_map(|situation| judged(cli, situation).err()).collect()
}

/// A kind that nobody has asked for before is replayed from its beginning on, however late it is: what is said
/// meanwhile is of then.
fn judged(cli: &Cli, situation: &Situation) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let judged = situation.judge(cli, &situation.name);
        if judged.is_ok() || begun.elapsed() > PATIENCE {
            return judged;
        }
    }
}

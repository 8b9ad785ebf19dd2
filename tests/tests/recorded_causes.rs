//! The recording of the broken situations: `daymark diagnose` tells the same causes
//! first by it as by the cluster that was recorded. No cluster is needed.

#![allow(clippy::expect_used, reason = "these are tests")]

use daymark_tests::daemon::Daemon;
use daymark_tests::situation::{self, Situation};

/// How many times as fast as it was recorded.
const SPEED: u32 = 1000;

#[test]
fn all_are_told() {
    let daemon = Daemon::of_recording(&situation::recording(), SPEED);
    let cli = daemon.cli();
    situation::await_end(&cli);
    let folders = situation::folders();
    let all: Vec<Situation> = folders.iter().flat_map(|folder| situation::in_folder(folder)).collect();
    let wrong: Vec<_> = all.iter().filter_map(|situation| situation.judge(&cli, &situation.name).err()).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

//! The client as a process.

#![expect(clippy::expect_used, reason = "a test that cannot start its client has failed")]

use std::process::Command;

use crate::binaries;
use crate::process::{Finished, Process, awaited};

/// What a client would take from the environment of the tests, which may run in a
/// CI system.
const OF_THE_OUTSIDE: &[&str] = &[
    "DAYMARK_CLUSTER",
    "DAYMARK_COMPLETION_TIMEOUT",
    "DAYMARK_CONFIG",
    "DAYMARK_CONTEXT",
    "DAYMARK_NAMESPACE",
    "DAYMARK_TOKEN",
    "DAYMARK_TOKEN_FILE",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "GITLAB_CI",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// What is said where the API server, or the machine, was too slow for something to be read.
pub const LATE: &str = "read in time";

/// A client of one daemon.
#[derive(Clone, Debug)]
pub struct Cli {
    /// The daemon's address.
    pub address: String,
    env: Vec<(&'static str, String)>,
}

impl Cli {
    /// A client of the daemon at `address`.
    #[must_use]
    pub fn new(address: String) -> Self {
        Self { address, env: Vec::new() }
    }

    /// The same client with a variable of the environment set.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// Runs `daymark` with arguments that are separated by white space.
    #[must_use]
    pub fn run(&self, args: &str) -> Finished {
        self.start(args).finish()
    }

    /// The same, again as long as something is left out because it was not read in time.
    #[must_use]
    pub fn run_in_time(&self, args: &str) -> Finished {
        let is_whole = |run: &Finished| !run.stdout.contains(LATE) && !run.stderr.contains(LATE);
        awaited("an answer of which nothing is late", || self.run(args), is_whole)
    }

    /// Starts `daymark` with arguments that are separated by white space.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(&self, args: &str) -> Process {
        self.start_words(&args.split_whitespace().collect::<Vec<_>>())
    }

    /// Starts `daymark` with these arguments.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start_words(&self, args: &[&str]) -> Process {
        Process::start(&mut self.command(args))
    }

    /// What `daymark` with these arguments has written to standard output, byte for byte.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn output(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("daymark runs");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("it is text")
    }

    fn command(&self, args: &[&str]) -> Command {
        let daymark = &binaries::build().expect("the binaries build").daymark;
        let mut command = Command::new(daymark);
        for variable in OF_THE_OUTSIDE {
            command.env_remove(variable);
        }
        let env = self.env.iter().map(|(name, value)| (name, value));
        command.args(args).env("DAYMARK_ADDRESS", &self.address).envs(env);
        command
    }
}

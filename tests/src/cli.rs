//! The client as a process.

#![expect(clippy::expect_used, reason = "a test that cannot start its client has failed")]

use std::process::Command;

use crate::binaries;
use crate::process::{Finished, Process};

/// A client of one daemon.
#[derive(Clone, Debug)]
pub struct Cli {
    /// The daemon's address.
    pub address: String,
}

impl Cli {
    /// A client of the daemon at `address`.
    #[must_use]
    pub fn new(address: String) -> Self {
        Self { address }
    }

    /// Runs `daymark` with arguments that are separated by white space.
    #[must_use]
    pub fn run(&self, args: &str) -> Finished {
        self.start(args).finish()
    }

    /// Starts `daymark` with arguments that are separated by white space.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(&self, args: &str) -> Process {
        let daymark = &binaries::build().expect("the binaries build").daymark;
        let mut command = Command::new(daymark);
        for variable in ["DAYMARK_NAMESPACE", "DAYMARK_TOKEN_FILE"] {
            command.env_remove(variable);
        }
        Process::start(command.args(args.split_whitespace()).env("DAYMARK_ADDRESS", &self.address))
    }
}

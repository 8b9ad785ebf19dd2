//! What Daymark does, in one terminal and without a cluster: a recorded session
//! is replayed in a daemon, followed live, and judged by two gates.
//!
//! Ends by itself when standard input is no terminal.

#![allow(clippy::print_stdout, reason = "a demo prints")]

use std::io::{IsTerminal as _, Read as _};
use std::process::{Child, Command, ExitCode};

use daymark_tests::binaries::{self, Binaries};
use daymark_tests::demo_recording;

/// The recording takes half a minute; this shows it in some ten seconds.
const SPEED: &str = "3";

/// The exit codes of `daymark wait`.
const PASSED: i32 = 0;
const FAILED: i32 = 1;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("\nThe demo went wrong: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    println!("Building the daemon and the client…");
    let binaries = binaries::build()?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let demo = Demo { binaries, address: format!("unix:{}/daymark.sock", folder.path().display()) };
    let _daemon = demo.daemon()?;

    println!("\nA recorded session is replayed. Every transition, as it happens:");
    demo.daymark("get deployments,jobs,pods --watch --timeout 11s", None)?;
    println!("\nA gate that passes, with exit code 0:");
    demo.daymark("wait deployment/web --for rollout --timeout 60s", Some(PASSED))?;
    println!("\nGates that fail, with exit code 1 and the reason:");
    demo.daymark("wait deployment/broken --for rollout --fatal-after 1s --timeout 60s", Some(FAILED))?;
    demo.daymark("wait job/migrate --timeout 60s", Some(FAILED))?;

    let daymark = binaries.daymark.display();
    let ends =
        if std::io::stdin().is_terminal() { "until you press Enter" } else { "no longer: run this in a terminal" };
    println!("\nThe daemon runs {ends}. To try next, in another terminal:");
    println!("  export DAYMARK_ADDRESS={}", demo.address);
    for command in ["get pods", "get deployment web -o status-json", "get job/migrate -o yaml", "version"] {
        println!("  {daymark} {command}");
    }
    if std::io::stdin().is_terminal() {
        // However it ends, so does the demo.
        let _ended = std::io::stdin().read(&mut [0]);
    }
    Ok(())
}

struct Demo {
    binaries: &'static Binaries,
    address: String,
}

/// Ends with the demo.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself; the demo is over in any case.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

impl Demo {
    fn daemon(&self) -> Result<Daemon, String> {
        let recording = demo_recording();
        println!("\n$ daymarkd --replay {} --speed {SPEED} --listen {}", recording.display(), self.address);
        let mut command = Command::new(&self.binaries.daymarkd);
        command.arg("--replay").arg(recording).args(["--speed", SPEED, "--listen", &self.address, "--log", "warn"]);
        let child = command.spawn().map_err(|e| format!("daymarkd: {e}"))?;
        let mut daemon = Daemon(child);
        loop {
            if let Some(status) = daemon.0.try_wait().map_err(|e| e.to_string())? {
                return Err(format!("daymarkd ended: {status}"));
            }
            let version = self.command("version").output().map_err(|e| format!("daymark: {e}"))?;
            if version.status.success() {
                return Ok(daemon);
            }
        }
    }

    /// Shows a command and runs it; `expected` is the exit code that it must have.
    fn daymark(&self, args: &str, expected: Option<i32>) -> Result<(), String> {
        println!("\n$ daymark {args}");
        let status = self.command(args).status().map_err(|e| format!("daymark: {e}"))?;
        println!("(exit code {})", status.code().map_or("none".into(), |code| code.to_string()));
        if expected.is_some() && status.code() != expected {
            return Err(format!("daymark {args} ended with {status}"));
        }
        Ok(())
    }

    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(&self.binaries.daymark);
        command.args(args.split_whitespace()).args(["--address", &self.address]);
        command
    }
}

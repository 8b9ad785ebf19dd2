//! The binary as a process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::fake::{Fake, Script};

/// How a process ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The command, in an environment of its own.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daymark"));
    command.args(args).env_clear().env("XDG_RUNTIME_DIR", "/nowhere").stdin(Stdio::null());
    command
}

/// The command against a daemon.
pub fn against(fake: &Fake, args: &[&str]) -> Command {
    let mut command = command(args);
    command.env("DAYMARK_ADDRESS", fake.address());
    command
}

pub fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the command against a daemon that plays `script`.
pub fn run(script: Script, args: &[&str]) -> Run {
    finish(&mut against(&Fake::new(script), args))
}

impl Run {
    pub fn expect(&self, code: i32, out: &str, err: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (code, out, err));
    }

    /// One line on stderr that begins with the program's name and names all `parts`.
    pub fn expect_problem(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.starts_with("daymark: ") && self.err.lines().count() == 1, "{self:?}");
        for part in parts {
            assert!(self.err.contains(part), "{part:?} in {self:?}");
        }
    }
}

/// A process that is still running. Dropping it kills it.
pub struct Running {
    child: Child,
    pub out: BufReader<ChildStdout>,
    pub err: BufReader<ChildStderr>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Reads lines of stdout up to one that contains `part`.
    pub fn out_until(&mut self, part: &str) -> String {
        until(&mut self.out, part)
    }

    /// Reads lines of stderr up to one that contains `part`.
    pub fn err_until(&mut self, part: &str) -> String {
        until(&mut self.err, part)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end and returns what was not yet read.
    pub fn finish(mut self) -> Run {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.err.read_to_string(&mut err).unwrap();
        Run { code: self.child.wait().unwrap().code().unwrap_or(-1), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(reader: &mut impl BufRead, part: &str) -> String {
    let mut text = String::new();
    loop {
        let before = text.len();
        assert!(reader.read_line(&mut text).unwrap() > 0, "{part:?} did not come: {text}");
        if text[before..].contains(part) {
            return text;
        }
    }
}

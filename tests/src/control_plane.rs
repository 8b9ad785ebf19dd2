//! A control plane of a test's own, started by `tests/control-plane/up`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot steer its control plane has failed")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

/// A running control plane. It ends when dropped, or with the test process.
#[derive(Debug)]
pub struct ControlPlane {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    ready: Ready,
}

#[derive(Debug, Deserialize)]
struct Ready {
    kubeconfig: PathBuf,
    bin: PathBuf,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    error: String,
}

impl ControlPlane {
    /// Starts one with `nodes` nodes; the first time, builds its binaries, which
    /// takes minutes and shows its progress on standard error.
    ///
    /// # Errors
    /// If it cannot be built or started: why is on standard error.
    pub fn start(nodes: usize) -> Result<Self, String> {
        Self::start_with(nodes, &[])
    }

    /// As [`ControlPlane::start`], with further flags of `tests/control-plane/up`.
    ///
    /// # Errors
    /// If it cannot be started.
    ///
    /// # Panics
    /// If its pipes are not there.
    pub fn start_with(nodes: usize, flags: &[&str]) -> Result<Self, String> {
        let up = crate::workspace().join("tests/control-plane/up");
        let mut child = Command::new(&up)
            .args(["--nodes", &nodes.to_string()])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{}: {e}", up.display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or("its standard output is not piped")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).map_err(|e| e.to_string())?;
        match serde_json::from_str(&line) {
            Ok(ready) => Ok(Self { child, stdin, stdout, ready }),
            Err(_) => {
                let status = child.wait().map_err(|e| e.to_string())?;
                Err(format!("tests/control-plane/up did not start ({status}): see its last lines above"))
            }
        }
    }

    /// A kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.ready.kubeconfig.clone()
    }

    /// `kubectl` of the same version.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.ready.bin.join("kubectl")
    }

    /// Says a line to the control channel, such as `kill kube-apiserver`, and
    /// waits until it is done.
    ///
    /// # Panics
    /// If it cannot be done.
    pub fn say(&mut self, command: &str) {
        let stdin = self.stdin.as_mut().expect("the channel is open until the end");
        writeln!(stdin, "{command}").expect("the control plane reads its channel");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the control plane answers");
        let answer: Answer = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{command}: {line:?}: {e}"));
        assert!(answer.ok, "{command}: {}", answer.error);
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // It ends by itself when its standard input closes.
        self.stdin.take();
        let _ended = self.child.wait();
    }
}

//! A real control plane, started by `tests/control-plane/up`.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// A running control plane. It ends when dropped, or with this process.
pub struct ControlPlane {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Kept open: it answers there.
    _stdout: BufReader<ChildStdout>,
    ready: Ready,
}

#[derive(Deserialize)]
struct Ready {
    kubeconfig: PathBuf,
    bin: PathBuf,
    components: HashMap<String, Component>,
}

#[derive(Deserialize)]
struct Component {
    pid: u32,
}

impl ControlPlane {
    /// Starts one; the first time, builds it, which takes minutes.
    pub fn start(up: &Path) -> Result<Self> {
        let mut child = Command::new(up)
            .args(["--nodes", "3"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("--control-plane {}: cannot be started", up.display()))?;
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().context("its output is not piped")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let ready = serde_json::from_str(&line).context("the control plane did not start: see above")?;
        Ok(Self { child, stdin, _stdout: stdout, ready })
    }

    /// Where it is.
    pub fn kubeconfig(&self) -> &Path {
        &self.ready.kubeconfig
    }

    /// The `kubectl` of its version.
    pub fn kubectl(&self) -> PathBuf {
        self.ready.bin.join("kubectl")
    }

    /// The process identifier of its `kube-apiserver`.
    pub fn api_server(&self) -> Result<u32> {
        Ok(self.ready.components.get("kube-apiserver").context("the control plane has no kube-apiserver")?.pid)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // It ends by itself when its standard input closes.
        self.stdin.take();
        let _ended = self.child.wait();
    }
}

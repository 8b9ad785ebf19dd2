//! A process that forwards a port.

use std::fmt;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// Which program.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tool {
    Daymark,
    Kubectl,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Daymark => "daymark tunnel",
            Self::Kubectl => "kubectl port-forward",
        })
    }
}

/// A running one, and where it listens.
pub(super) struct Peer {
    child: Child,
    pub(super) place: String,
    /// Kept open: it tells each connection there.
    _reading: tokio::task::JoinHandle<()>,
}

impl Peer {
    pub(super) async fn daymark(program: &Path, socket: &Path, port: u16) -> Result<Self> {
        let mut command = Command::new(program);
        let address = format!("unix:{}", socket.display());
        command.args(["--address", &address, "tunnel", "-n", "default", "pod/web", &format!(":{port}")]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = child.stderr.take().context("it is piped")?;
        Self::listening(child, output).await
    }

    pub(super) async fn kubectl(program: &Path, kubeconfig: &Path, port: u16) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("--kubeconfig").arg(kubeconfig);
        command.args(["port-forward", "-n", "default", "--address", "127.0.0.1", "pod/web", &format!(":{port}")]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = child.stdout.take().context("it is piped")?;
        Self::listening(child, output).await
    }

    async fn listening(child: Child, output: impl AsyncRead + Unpin + Send + 'static) -> Result<Self> {
        let mut lines = BufReader::new(output).lines();
        loop {
            let line = lines.next_line().await?.context("it ended before it listened: see above")?;
            let place = line.strip_prefix("Forwarding from ").and_then(|rest| rest.split(' ').next());
            if let Some(place) = place {
                let place = place.to_owned();
                let reading = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { child, place, _reading: reading });
            }
        }
    }

    pub(super) async fn end(mut self) -> Result<()> {
        self.child.kill().await.context("it cannot be ended")
    }
}

//! What is measured: a daemon or a reflector, as a fresh process.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::daemon::{Daemon, DaemonBinary};
use crate::fake::FakeApiServer;
use crate::peer::reflector;
use crate::proc;
use crate::process::{PATIENCE, Process};

/// Something that keeps all pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The daemon.
    Daemon,
    /// The daemon, which keeps no bodies of pods.
    DaemonWithoutBodies,
    /// kube-rs' reflector.
    Reflector(reflector::Kind),
}

/// A running subject.
pub enum Running {
    /// A daemon.
    Daemon(Daemon),
    /// A reflector.
    Reflector(Process),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Daemon => "daymarkd",
            Self::DaemonWithoutBodies => "daymarkd --no-bodies pods",
            Self::Reflector(reflector::Kind { trimmed: true, .. }) => "reflector<Pod>, no managedFields",
            Self::Reflector(reflector::Kind { dynamic: false, .. }) => "reflector<Pod>",
            Self::Reflector(reflector::Kind { dynamic: true, .. }) => "reflector<DynamicObject>",
        })
    }
}

impl Subject {
    /// Whether `binary` can be that.
    pub fn exists(self, binary: &DaemonBinary) -> bool {
        self != Self::DaemonWithoutBodies || binary.takes("--no-bodies")
    }

    /// Starts it on the cluster of `server`.
    pub fn start(self, binary: &DaemonBinary, server: &FakeApiServer) -> Result<Running> {
        let kubeconfig = server.kubeconfig();
        Ok(match self {
            Self::Daemon => Running::Daemon(binary.start(&kubeconfig, &[], None)?),
            Self::DaemonWithoutBodies => Running::Daemon(binary.start(&kubeconfig, &["--no-bodies=pods"], None)?),
            Self::Reflector(kind) => Running::Reflector(reflector::start(&kubeconfig, kind)?),
        })
    }
}

impl Running {
    /// Its process identifier.
    pub fn pid(&self) -> u32 {
        match self {
            Self::Daemon(daemon) => daemon.pid(),
            Self::Reflector(process) => process.pid(),
        }
    }

    /// Waits until it holds all pods of `server`, and returns when that was. A
    /// daemon is asked by a stream of one object, so that none of its memory is
    /// a client's.
    pub async fn ready(&mut self, server: &FakeApiServer) -> Result<Instant> {
        match self {
            Self::Daemon(daemon) => {
                let name = if server.pods() > 0 { server.name(0) } else { ("none".to_owned(), "none".to_owned()) };
                daemon.synced(name).await
            }
            Self::Reflector(process) => {
                let (at, count) = process.says("ready").await?;
                ensure!(count.parse() == Ok(server.pods()), "a reflector holds {count} of {} pods", server.pods());
                Ok(at)
            }
        }
    }

    /// Waits until it rests.
    pub async fn settled(&self) -> Result<()> {
        settled(self.pid()).await
    }

    /// Ends it.
    pub async fn end(self) -> Result<()> {
        match self {
            Self::Daemon(daemon) => daemon.end().await,
            Self::Reflector(process) => process.end().await,
        }
    }
}

/// Waits until a process rests: its memory changes by less than 1 % in a second,
/// and it uses next to no CPU.
pub async fn settled(pid: u32) -> Result<()> {
    let began = Instant::now();
    let (mut memory, mut cpu) = (proc::pss(pid)?, proc::cpu(pid)?);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (memory_now, cpu_now) = (proc::pss(pid)?, proc::cpu(pid)?);
        let rests = (memory_now - memory).abs() < memory * 0.01 && cpu_now - cpu < Duration::from_millis(30);
        if rests {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "process {pid} does not come to rest");
        (memory, cpu) = (memory_now, cpu_now);
    }
}

/// The peak resident memory, in bytes, of one run of a program that ends.
pub async fn peak_of_run(program: &PathBuf, arguments: &[String]) -> Result<f64> {
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    let pid = child.id().context("it has ended at once")?;
    let mut peak = 0.0;
    loop {
        // The kernel keeps the peak; only growth within the last pause is missed.
        if let Ok(now) = proc::peak_rss(pid) {
            peak = now;
        }
        if let Ok(ended) = tokio::time::timeout(Duration::from_millis(2), child.wait()).await {
            ensure!(ended?.success(), "{} failed", program.display());
            return Ok(peak);
        }
    }
}

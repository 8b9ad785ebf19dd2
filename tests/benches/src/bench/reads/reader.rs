//! A process that reads all pods.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::cluster::Cluster;
use crate::proc;
use crate::stats::ms;

/// Read at a time: while the rest waits, the process can be looked at.
const CHUNK: usize = 16 << 10;

/// What reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Daymark,
    Kubectl,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Daymark => "daymark get",
            Self::Kubectl => "kubectl get",
        })
    }
}

/// What one run showed.
pub(super) struct Sample {
    /// In milliseconds, as the next.
    pub(super) cpu: f64,
    pub(super) first: f64,
    pub(super) last: f64,
    /// In bytes.
    pub(super) peak: f64,
}

/// How both are called.
pub(super) struct Reader {
    daymark: [String; 1],
    kubectl: [String; 2],
    programs: [PathBuf; 2],
    /// Of kubectl's discovery cache, and where the clients are at home.
    folder: TempDir,
}

impl Reader {
    pub(super) fn new(cluster: &Cluster, daymark: PathBuf, kubectl: Option<PathBuf>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let cache = folder.path().join("cache");
        Ok(Self {
            daymark: [format!("--address=unix:{}", cluster.daemon().socket().display())],
            kubectl: [
                format!("--kubeconfig={}", cluster.kubeconfig().display()),
                format!("--cache-dir={}", cache.display()),
            ],
            programs: [daymark, kubectl.unwrap_or_else(|| cluster.kubectl())],
            folder,
        })
    }

    /// Reads all pods, of which there are so many.
    pub(super) async fn read(&self, tool: Tool, pods: usize) -> Result<Sample> {
        let mut command = Command::new(&self.programs[tool as usize]);
        match tool {
            Tool::Daymark => command.args(&self.daymark),
            Tool::Kubectl => command.args(&self.kubectl),
        };
        command.args(["get", "pods", "-A"]).env_clear().env("HOME", self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let (before, began) = (proc::cpu_of_ended_children()?, Instant::now());
        let mut child = command.spawn().with_context(|| format!("{tool} cannot be run"))?;
        let pid = child.id().context("it has ended at once")?;
        let mut output = child.stdout.take().context("its output is not piped")?;
        let (mut rows, mut first, mut peak) = (0, None, 0.0_f64);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = output.read(&mut chunk).await?;
            if read == 0 {
                break;
            }
            first.get_or_insert_with(|| began.elapsed());
            rows += chunk[..read].iter().filter(|byte| **byte == b'\n').count();
            // It may have ended meanwhile, with the last of its output in the pipe.
            peak = peak.max(proc::peak_rss(pid).unwrap_or_default());
        }
        let last = began.elapsed();
        let status = child.wait().await?;
        ensure!(status.success() && rows == pods + 1, "{tool}: {status}, {rows} lines of {}", pods + 1);
        let cpu = ms(proc::cpu_of_ended_children()? - before);
        Ok(Sample { cpu, first: ms(first.unwrap_or(last)), last: ms(last), peak })
    }
}

//! A process that makes a dump.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use super::cluster::Cluster;
use crate::proc;

/// How often the process is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// What makes a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Daymark,
    Kubectl,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Daymark => "daymark dump",
            Self::Kubectl => "kubectl cluster-info dump",
        })
    }
}

/// What one run showed.
pub(super) struct Sample {
    pub(super) seconds: f64,
    /// In bytes, as the next.
    pub(super) peak: f64,
    /// By how much the daemon's largest resident set exceeded the one before.
    pub(super) daemon: f64,
    pub(super) files: usize,
    /// What was written. It stays until all is measured: where thousands of files were just removed, ext4
    /// takes ten times as long to make one, as it does not use their inodes again at once.
    _home: TempDir,
}

/// How both are called.
pub(super) struct Dumper {
    daymark: (PathBuf, String),
    kubectl: (PathBuf, String),
    daemon: u32,
}

impl Dumper {
    pub(super) fn new(cluster: &Cluster, daymark: PathBuf, kubectl: Option<PathBuf>) -> Self {
        let address = format!("--address=unix:{}", cluster.daemon().socket().display());
        let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
        Self {
            daymark: (daymark, address),
            kubectl: (kubectl.unwrap_or_else(|| cluster.kubectl()), kubeconfig),
            daemon: cluster.daemon().pid(),
        }
    }

    /// Dumps a cluster of so many pods.
    pub(super) async fn dump(&self, tool: Tool, pods: usize) -> Result<Sample> {
        let home = tempfile::tempdir()?;
        let folder = home.path().join("dump");
        let ((program, server), words) = match tool {
            Tool::Daymark => (&self.daymark, &["dump", "-A"][..]),
            Tool::Kubectl => (&self.kubectl, &["cluster-info", "dump", "-A"][..]),
        };
        let mut command = Command::new(program);
        command.arg(server).args(words).arg(format!("--output-directory={}", folder.display()));
        command.env_clear().env("HOME", home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let before = proc::rss(self.daemon)?;
        proc::reset_peak(self.daemon)?;
        let began = Instant::now();
        let mut child = command.kill_on_drop(true).spawn().with_context(|| format!("{tool} cannot be run"))?;
        let pid = child.id().context("it has ended at once")?;
        let mut peak = 0.0_f64;
        let status = loop {
            match tokio::time::timeout(EVERY, child.wait()).await {
                Ok(status) => break status?,
                // It may have ended meanwhile.
                Err(_) => peak = peak.max(proc::peak_rss(pid).unwrap_or_default()),
            }
        };
        let seconds = began.elapsed().as_secs_f64();
        ensure!(status.success(), "{tool}: {status}");
        let (files, logs) = count(&folder)?;
        ensure!(logs >= pods, "{tool}: {logs} logs of {pods} pods");
        let daemon = (proc::peak_rss(self.daemon)? - before).max(0.0);
        Ok(Sample { seconds, peak, daemon, files, _home: home })
    }
}

/// How many files there are, and how many of them are logs.
fn count(root: &Path) -> Result<(usize, usize)> {
    let (mut files, mut logs, mut folders) = (0, 0, vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            logs += usize::from(path.extension().is_some_and(|it| it == "log" || it == "txt"));
        }
    }
    Ok((files, logs))
}

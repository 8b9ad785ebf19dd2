//! Processes that wait for the pod.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::cluster::{Cluster, NAME, NAMESPACE};
use crate::proc;
use crate::process::PATIENCE;

/// For how long a process that is at rest has used no CPU.
const REST: Duration = Duration::from_secs(1);
/// Between two looks at the API server's count.
const LOOKING: Duration = Duration::from_millis(200);

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Daymark,
    Kubectl,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Daymark => "daymark wait",
            Self::Kubectl => "kubectl wait",
        })
    }
}

/// How both are called.
pub(super) struct Calls {
    daymark: [String; 2],
    kubectl: [String; 3],
    programs: [PathBuf; 2],
    /// Of kubectl's discovery cache, and where the clients are at home.
    folder: TempDir,
}

impl Calls {
    pub(super) fn new(cluster: &Cluster, daymark: PathBuf, kubectl: Option<PathBuf>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let cache = folder.path().join("cache");
        Ok(Self {
            daymark: [
                format!("--address=unix:{}", cluster.daemon().socket().display()),
                format!("--namespace={NAMESPACE}"),
            ],
            kubectl: [
                format!("--kubeconfig={}", cluster.kubeconfig().display()),
                format!("--cache-dir={}", cache.display()),
                format!("--namespace={NAMESPACE}"),
            ],
            programs: [daymark, kubectl.unwrap_or_else(|| cluster.kubectl())],
            folder,
        })
    }

    fn wait(&self, tool: Tool) -> Command {
        let mut command = Command::new(&self.programs[tool as usize]);
        match tool {
            Tool::Daymark => command.args(&self.daymark).args(["wait", "--timeout=10m"]),
            Tool::Kubectl => command.args(&self.kubectl).args(["wait", "--for=condition=Ready", "--timeout=10m"]),
        };
        command.arg(format!("pod/{NAME}"));
        // Nobody's settings, and no CI system.
        command.env_clear().env("HOME", self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// How long one takes to find that the pod is ready.
    pub(super) async fn find_ready(&self, tool: Tool) -> Result<Duration> {
        let began = Instant::now();
        let output = self.wait(tool).output().await.with_context(|| format!("{tool} cannot be run"))?;
        let took = began.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{tool} did not find the pod ready: {said}");
        Ok(took)
    }
}

/// One process that waits.
struct Client {
    child: Child,
    pid: u32,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Client {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.spawn().context("a client cannot be started")?;
        let pid = child.id().context("a client has ended at once")?;
        let stderr = BufReader::new(child.stderr.take().context("its errors are not piped")?).lines();
        Ok(Self { child, pid, stderr })
    }

    /// Waits for its line about the pod.
    async fn hears(&mut self) -> Result<()> {
        while let Some(line) = self.stderr.next_line().await? {
            if line.contains(NAME) {
                return Ok(());
            }
            eprintln!("{line}");
        }
        bail!("a client has ended before it heard of the pod")
    }

    /// Waits for its end; returns when that was.
    async fn ends(&mut self) -> Result<Instant> {
        let mut said = Vec::new();
        while let Some(line) = self.stderr.next_line().await? {
            said.push(line);
        }
        let status = self.child.wait().await?;
        let at = Instant::now();
        ensure!(status.success(), "a client ended with {status}: {}", said.join("; "));
        Ok(at)
    }
}

/// All that wait at a time.
pub(super) struct Clients(Vec<Client>);

impl Clients {
    /// Starts them; returns when all of them wait, and have nothing else to do.
    pub(super) async fn start(cluster: &Cluster, calls: &Calls, tool: Tool, count: usize) -> Result<Self> {
        // Those of the round before are over.
        watched_by(cluster, 0).await?;
        let clients = (0..count).map(|_| Client::start(calls.wait(tool))).collect::<Result<_>>()?;
        let mut clients = Self(clients);
        let waiting = async {
            match tool {
                Tool::Daymark => drop(try_join_all(clients.0.iter_mut().map(Client::hears)).await?),
                Tool::Kubectl => watched_by(cluster, count).await?,
            }
            clients.rest().await
        };
        tokio::time::timeout(PATIENCE, waiting).await.with_context(|| format!("not every {tool} waits"))??;
        Ok(clients)
    }

    /// Waits until none of them has used any CPU for a while.
    async fn rest(&self) -> Result<()> {
        let mut before = self.sum(|pid| Ok(proc::cpu(pid)?.as_secs_f64()))?;
        loop {
            tokio::time::sleep(REST).await;
            let now = self.sum(|pid| Ok(proc::cpu(pid)?.as_secs_f64()))?;
            if now <= before {
                return Ok(());
            }
            before = now;
        }
    }

    /// Something of each, in total.
    pub(super) fn sum(&self, of: impl Fn(u32) -> Result<f64>) -> Result<f64> {
        self.0.iter().map(|client| of(client.pid)).sum()
    }

    /// Waits until all have ended; returns when the last one had.
    pub(super) async fn end(mut self) -> Result<Instant> {
        let ended = try_join_all(self.0.iter_mut().map(Client::ends));
        let ended = tokio::time::timeout(PATIENCE, ended).await.context("a client waits in vain")??;
        ended.into_iter().max().context("there were no clients")
    }
}

/// Waits until the API server counts so many watches of the pod.
async fn watched_by(cluster: &Cluster, count: usize) -> Result<()> {
    let began = Instant::now();
    loop {
        let watches = cluster.watches().await?;
        if watches == count {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "the API server has {watches} watches of the pod, not {count}");
        tokio::time::sleep(LOOKING).await;
    }
}

//! Processes under test. They end with the value that stands for them.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long a process may take to become ready.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A child process, its standard output, and a folder of its own.
pub struct Process {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
    pid: u32,
}

impl Process {
    /// Starts a program in a new folder, where `kubeconfig` is already written.
    /// `arguments` are made from the folder's path.
    pub fn start(
        program: &Path,
        kubeconfig: &str,
        cpu: Option<usize>,
        arguments: impl FnOnce(&Path) -> Vec<String>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().context("no folder for temporary files")?;
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig)?;
        let mut command = match cpu {
            Some(cpu) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &cpu.to_string()]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(arguments(folder.path())).env_remove("KUBECONFIG").env_remove("DAYMARK_LOG");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.with_context(|| format!("{} cannot be started", program.display()))?;
        let pid = child.id().context("it has ended at once")?;
        let output = BufReader::new(child.stdout.take().context("its output is not piped")?).lines();
        Ok(Self { child, output, folder, pid })
    }

    /// Its process identifier.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until it prints a line that begins with `word`; returns when that
    /// was, and the rest of the line.
    pub async fn says(&mut self, word: &str) -> Result<(Instant, String)> {
        let line = async {
            while let Some(line) = self.output.next_line().await? {
                if let Some(rest) = line.strip_prefix(word) {
                    return Ok((Instant::now(), rest.trim().to_owned()));
                }
            }
            bail!("process {} has ended without saying {word:?}", self.pid)
        };
        tokio::time::timeout(PATIENCE, line).await.with_context(|| format!("it never said {word:?}"))?
    }

    /// Kills it and waits for its end, so that it takes no CPU from the next.
    pub async fn end(mut self) -> Result<()> {
        self.child.kill().await.context("it cannot be ended")
    }
}

//! The daemon under test.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use tonic::transport::Channel;

use crate::grpc;
use crate::process::{PATIENCE, Process};

/// A `daymarkd` and the flags that it takes.
pub struct DaemonBinary {
    path: PathBuf,
    help: String,
}

/// A running daemon.
pub struct Daemon {
    process: Process,
    socket: PathBuf,
}

impl DaemonBinary {
    /// The binary at `path`.
    ///
    /// # Errors
    /// If it does not print its help.
    pub fn new(path: &Path) -> Result<Self> {
        let output = std::process::Command::new(path).arg("--help").output();
        let output = output.with_context(|| format!("--daymarkd {}: cannot be run", path.display()))?;
        Ok(Self { path: path.to_owned(), help: String::from_utf8_lossy(&output.stdout).into_owned() })
    }

    /// Whether it has that flag.
    pub fn takes(&self, flag: &str) -> bool {
        self.help.split_whitespace().any(|word| word == flag)
    }

    /// Starts it on the cluster of `kubeconfig`, keeping pods only where it can
    /// be told so. `cpu` pins it to one core.
    pub fn start(&self, kubeconfig: &str, flags: &[&str], cpu: Option<usize>) -> Result<Daemon> {
        let process = Process::start(&self.path, kubeconfig, cpu, |folder| {
            let folder = folder.display();
            let mut arguments = vec![
                format!("--kubeconfig={folder}/kubeconfig"),
                format!("--listen=unix:{folder}/daymark.sock"),
                "--log=error,kube_client=off".to_owned(),
            ];
            if self.takes("--warm") {
                arguments.push("--warm=pods".to_owned());
            }
            arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
            arguments
        })?;
        let socket = process.folder().join("daymark.sock");
        Ok(Daemon { process, socket })
    }
}

impl Daemon {
    /// Its process identifier.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A connection of its own, as soon as it listens.
    pub async fn connect(&self) -> Result<Channel> {
        let began = Instant::now();
        loop {
            match grpc::connect(&self.socket).await {
                Ok(channel) => return Ok(channel),
                Err(error) if began.elapsed() > PATIENCE => return Err(error.context("the daemon does not listen")),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            }
        }
    }

    /// Waits until a stream of all pods is current; returns when that was and
    /// how many pods it told.
    pub async fn ready(&self) -> Result<(Instant, usize)> {
        let mut stream = grpc::watch(self.connect().await?, grpc::all_pods()).await?;
        let items = tokio::time::timeout(PATIENCE, grpc::until_current(&mut stream));
        let items = items.await.context("the daemon was not ready in time")??;
        Ok((Instant::now(), items.len()))
    }

    /// Waits until it is synced, and returns when that was. It is asked by a stream
    /// of one pod, by namespace and name, so that none of its memory is a client's.
    pub async fn synced(&self, pod: (String, String)) -> Result<Instant> {
        let mut stream = grpc::watch(self.connect().await?, grpc::named_pods([pod])).await?;
        let current = tokio::time::timeout(PATIENCE, grpc::until_current(&mut stream));
        current.await.context("the daemon was not ready in time")??;
        Ok(Instant::now())
    }

    /// Ends it.
    pub async fn end(self) -> Result<()> {
        self.process.end().await
    }
}

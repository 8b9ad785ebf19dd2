//! A daemon as a process.

#![expect(clippy::expect_used, reason = "a test that cannot start its daemon has failed")]

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::binaries;
use crate::cli::Cli;
use crate::process::{Finished, Process, mortal};

/// Any free port of loopback.
const ANY_PORT: &str = "127.0.0.1:0";
/// What the daemon's log says of it.
const LISTENING: &str = "listening on 127.0.0.1:";

/// A running daemon on a unix socket of its own.
#[derive(Debug)]
pub struct Daemon {
    /// Behind a lock, because tests share a daemon: a process can be read by one
    /// thread only.
    process: Mutex<Process>,
    args: Vec<OsString>,
    folder: TempDir,
    tcp: Option<String>,
}

impl Daemon {
    /// Starts a daemon for the cluster of that kubeconfig, and waits until its
    /// caches are synced.
    #[must_use]
    pub fn of_cluster(kubeconfig: &Path) -> Self {
        Self::start(["--kubeconfig".as_ref(), kubeconfig.as_os_str()])
    }

    /// Starts a daemon that replays `recording`, `speed` times as fast.
    #[must_use]
    pub fn of_recording(recording: &Path, speed: u32) -> Self {
        Self::start(["--replay".as_ref(), recording.as_os_str(), format!("--speed={speed}").as_ref()])
    }

    /// Starts a daemon with `args`, and waits until its caches are synced.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start<'a>(args: impl IntoIterator<Item = &'a std::ffi::OsStr>) -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let mut args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        args.push("--listen".into());
        args.push(format!("unix:{}", socket(&folder).display()).into());
        let (process, tcp) = launch(&args);
        Self { process: Mutex::new(process), args, folder, tcp }
    }

    /// Starts a daemon for the cluster of that kubeconfig that also listens by TCP, at a
    /// port of loopback that is free, with further `args`.
    #[must_use]
    pub fn shared(kubeconfig: &Path, args: &[&str]) -> Self {
        let listen = ["--listen", ANY_PORT].map(OsStr::new);
        let of_cluster = [OsStr::new("--kubeconfig"), kubeconfig.as_os_str()];
        Self::start(of_cluster.into_iter().chain(listen).chain(args.iter().map(OsStr::new)))
    }

    /// Where it listens by TCP.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn tcp(&self) -> &str {
        self.tcp.as_deref().expect("it listens by TCP")
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Awaits a line of its log.
    ///
    /// # Panics
    /// If there is none in time.
    pub fn expect_log(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).expect_stderr(what, wanted);
    }

    /// Kills it as the kernel would.
    pub fn kill(&mut self) {
        self.process().kill();
    }

    /// Starts it again as it was.
    pub fn restart(&mut self) {
        let (process, tcp) = launch(&self.args);
        *self.process() = process;
        self.tcp = tcp;
    }

    /// Sends SIGTERM and waits for the end.
    #[must_use]
    pub fn terminate(self) -> Finished {
        let process = self.process.into_inner().unwrap_or_else(PoisonError::into_inner);
        process.signal("TERM");
        process.finish()
    }

    fn process(&mut self) -> &mut Process {
        self.process.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client of this daemon.
    #[must_use]
    pub fn cli(&self) -> Cli {
        Cli::new(format!("unix:{}", socket(&self.folder).display()))
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("daymark.sock")
}

/// Starts a daemon; says where it listens by TCP, if it does.
fn launch(args: &[OsString]) -> (Process, Option<String>) {
    let daymarkd = &binaries::build().expect("the binaries build").daymarkd;
    let mut process = Process::start(mortal(daymarkd).args(args).env_remove("DAYMARK_LOG"));
    let tcp = args.iter().any(|arg| arg == ANY_PORT).then(|| {
        let line = process.expect_stderr("where it listens", |line| line.contains(LISTENING));
        line.split(LISTENING).nth(1).map(|port| format!("127.0.0.1:{}", port.trim())).unwrap_or_default()
    });
    process.expect_stderr("the daemon's \"ready\"", |line| line.contains("INFO ready"));
    (process, tcp)
}

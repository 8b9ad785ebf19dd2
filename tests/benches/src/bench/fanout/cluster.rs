//! A control plane, a daemon on it, and one pod whose state changes.

use std::path::Path;

use anyhow::Result;
use kube::{Client, Config};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::bench::lone_pod::LonePod;
use crate::control_plane::ControlPlane;
use crate::daemon::{Daemon, DaemonBinary};
use crate::raw;

/// The pod.
pub(super) const NAMESPACE: &str = "default";
pub(super) const NAME: &str = "fanout";

/// Everything that is measured in `fanout`.
pub(super) struct Cluster {
    control_plane: ControlPlane,
    daemon: Daemon,
    pub(super) config: Config,
    pod: LonePod,
    ready: AtomicBool,
}

impl Cluster {
    pub(super) async fn start(up: &Path, binary: &DaemonBinary) -> Result<Self> {
        let control_plane = ControlPlane::start(up)?;
        let mut config = raw::config(control_plane.kubeconfig()).await?;
        // A watch may be silent for longer than a phase takes.
        config.read_timeout = None;
        let pod = LonePod::create(Client::try_from(config.clone())?, NAMESPACE, NAME).await?;
        let kubeconfig = std::fs::read_to_string(control_plane.kubeconfig())?;
        let daemon = binary.start(&kubeconfig, &[], None)?;
        daemon.ready().await?;
        Ok(Self { control_plane, daemon, config, pod, ready: AtomicBool::new(false) })
    }

    pub(super) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    pub(super) fn api_server(&self) -> Result<u32> {
        self.control_plane.api_server()
    }

    /// Makes the pod ready or unready, and returns its new resourceVersion.
    pub(super) async fn change(&self) -> Result<u64> {
        let ready = !self.ready.fetch_xor(true, Ordering::Relaxed);
        self.pod.set_ready(ready).await
    }

    /// The pod's resourceVersion.
    pub(super) async fn version(&self) -> Result<u64> {
        self.pod.version().await
    }

    pub(super) async fn end(self) -> Result<()> {
        self.daemon.end().await
    }
}

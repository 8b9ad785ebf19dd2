//! A control plane, a daemon on it, and one pod whose state changes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Config};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::control_plane::ControlPlane;
use crate::daemon::{Daemon, DaemonBinary};
use crate::process::PATIENCE;
use crate::raw;

/// The pod, which no scheduler and so no node takes.
pub(super) const NAMESPACE: &str = "default";
pub(super) const NAME: &str = "fanout";

/// Everything that is measured in `fanout`.
pub(super) struct Cluster {
    control_plane: ControlPlane,
    daemon: Daemon,
    pub(super) config: Config,
    pods: Api<Pod>,
    ready: AtomicBool,
}

impl Cluster {
    pub(super) async fn start(up: &Path, binary: &DaemonBinary) -> Result<Self> {
        let control_plane = ControlPlane::start(up)?;
        let mut config = raw::config(control_plane.kubeconfig()).await?;
        // A watch may be silent for longer than a phase takes.
        config.read_timeout = None;
        let pods = Api::namespaced(Client::try_from(config.clone())?, NAMESPACE);
        create(&pods).await?;
        let kubeconfig = std::fs::read_to_string(control_plane.kubeconfig())?;
        let daemon = binary.start(&kubeconfig, &[], None)?;
        daemon.ready().await?;
        Ok(Self { control_plane, daemon, config, pods, ready: AtomicBool::new(false) })
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
        let status = json!({"status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": if ready { "True" } else { "False" }},
        ]}});
        let pod = self.pods.patch_status(NAME, &PatchParams::default(), &Patch::Merge(&status)).await?;
        version(&pod)
    }

    /// The pod's resourceVersion.
    pub(super) async fn version(&self) -> Result<u64> {
        version(&self.pods.get(NAME).await?)
    }

    pub(super) async fn end(self) -> Result<()> {
        self.daemon.end().await
    }
}

/// Creates the pod, as soon as its ServiceAccount is there.
async fn create(pods: &Api<Pod>) -> Result<()> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": NAME},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "registry.example.com/c:1"}]},
    }))?;
    let began = Instant::now();
    loop {
        match pods.create(&PostParams::default(), &pod).await {
            Ok(_) => return Ok(()),
            Err(error) if began.elapsed() > PATIENCE => return Err(error).context("the pod cannot be created"),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

fn version(pod: &Pod) -> Result<u64> {
    let version = pod.metadata.resource_version.as_deref().context("the pod has no resourceVersion")?;
    Ok(version.parse()?)
}

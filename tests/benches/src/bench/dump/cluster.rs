//! A control plane with many pods that run, and a daemon on it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::bench::lone_pod::LonePod;
use crate::control_plane::ControlPlane;
use crate::daemon::{Daemon, DaemonBinary};
use crate::raw;

/// Where the pods are.
pub(super) const NAMESPACE: &str = "dump";
/// Requests at a time.
const AT_ONCE: usize = 32;
/// How long the pods may take to run.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where everything happens.
pub(super) struct Cluster {
    control_plane: ControlPlane,
    daemon: Daemon,
}

impl Cluster {
    pub(super) async fn start(up: &Path, binary: &DaemonBinary, pods: usize) -> Result<Self> {
        let control_plane = ControlPlane::start(up)?;
        let client = raw::client(control_plane.kubeconfig()).await?;
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        // Its namespace is ready for others, then.
        LonePod::create(client.clone(), NAMESPACE, "first").await?;
        eprintln!("dump: creating {pods} pods");
        create(&client, pods).await?;
        until_running(&client, pods).await?;
        let kubeconfig = std::fs::read_to_string(control_plane.kubeconfig())?;
        let daemon = binary.start(&kubeconfig, &[], None)?;
        daemon.ready().await?;
        Ok(Self { control_plane, daemon })
    }

    pub(super) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    pub(super) fn kubeconfig(&self) -> &Path {
        self.control_plane.kubeconfig()
    }

    pub(super) fn kubectl(&self) -> PathBuf {
        self.control_plane.kubectl()
    }

    pub(super) async fn end(self) -> Result<()> {
        self.daemon.end().await
    }
}

/// Pods that name their nodes: nothing has to be scheduled.
async fn create(client: &Client, count: usize) -> Result<()> {
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await?;
    let nodes: Vec<_> = nodes.items.into_iter().filter_map(|node| node.metadata.name).collect();
    ensure!(!nodes.is_empty(), "the control plane has no nodes");
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let create = |number: usize| {
        let (pods, node) = (pods.clone(), nodes[number % nodes.len()].clone());
        async move {
            let pod: Pod = serde_json::from_value(json!({
                "metadata": {
                    "name": format!("service-{}-7d4b9c6f5d-{number:05}", number % 40),
                    "labels": {"app": format!("service-{}", number % 40), "pod-template-hash": "7d4b9c6f5d"},
                },
                "spec": {
                    "nodeName": node,
                    "containers": [{"name": "main", "image": "registry.example.com/team/service:1.25.2"}],
                },
            }))?;
            pods.create(&PostParams::default(), &pod).await.context("a pod cannot be created")?;
            Ok::<_, anyhow::Error>(())
        }
    };
    stream::iter((0..count).map(create)).buffer_unordered(AT_ONCE).try_collect().await
}

async fn until_running(client: &Client, count: usize) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let began = Instant::now();
    let running = ListParams::default().fields("status.phase=Running");
    while pods.list_metadata(&running).await?.items.len() < count {
        ensure!(began.elapsed() < PATIENCE, "the pods do not run");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

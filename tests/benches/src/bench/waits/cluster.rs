//! A control plane, a daemon on it, and one pod that is waited for.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use http::Request;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use crate::bench::lone_pod::LonePod;
use crate::control_plane::ControlPlane;
use crate::daemon::{Daemon, DaemonBinary};
use crate::raw;

/// The pod, in a namespace of its own.
pub(super) const NAMESPACE: &str = "waits";
pub(super) const NAME: &str = "waits";

/// Where everything happens.
pub(super) struct Cluster {
    control_plane: ControlPlane,
    daemon: Daemon,
    client: Client,
    pod: LonePod,
}

impl Cluster {
    pub(super) async fn start(up: &Path, binary: &DaemonBinary) -> Result<Self> {
        let control_plane = ControlPlane::start(up)?;
        let client = raw::client(control_plane.kubeconfig()).await?;
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        let pod = LonePod::create(client.clone(), NAMESPACE, NAME).await?;
        let kubeconfig = std::fs::read_to_string(control_plane.kubeconfig())?;
        let daemon = binary.start(&kubeconfig, &[], None)?;
        daemon.ready().await?;
        Ok(Self { control_plane, daemon, client, pod })
    }

    pub(super) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    pub(super) fn pod(&self) -> &LonePod {
        &self.pod
    }

    pub(super) fn kubeconfig(&self) -> &Path {
        self.control_plane.kubeconfig()
    }

    pub(super) fn kubectl(&self) -> PathBuf {
        self.control_plane.kubectl()
    }

    /// Open watches of single pods, by the API server's own count. Nobody but
    /// `kubectl wait` has any.
    pub(super) async fn watches(&self) -> Result<usize> {
        let request = Request::get("/metrics").body(Vec::new())?;
        let metrics = self.client.request_text(request).await.context("the API server's metrics cannot be read")?;
        let is_wanted = |line: &&str| {
            let labels = [r#"resource="pods""#, r#"scope="resource""#, r#"verb="WATCH""#];
            line.starts_with("apiserver_longrunning_requests{") && labels.iter().all(|label| line.contains(label))
        };
        ensure!(metrics.contains("apiserver_longrunning_requests"), "the API server does not count its watches");
        let counts =
            metrics.lines().filter(is_wanted).filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
        Ok(counts.sum())
    }

    pub(super) async fn end(self) -> Result<()> {
        self.daemon.end().await
    }
}

//! A pod of a real control plane that no scheduler takes, and so no node: its
//! status is what the benchmark says.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::process::PATIENCE;

/// The pod.
pub struct LonePod {
    pods: Api<Pod>,
    name: &'static str,
}

impl LonePod {
    /// Creates it, as soon as its namespace has a ServiceAccount.
    pub async fn create(client: Client, namespace: &str, name: &'static str) -> Result<Self> {
        let pods = Api::namespaced(client, namespace);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "registry.example.com/c:1"}]},
        }))?;
        let began = Instant::now();
        loop {
            match pods.create(&PostParams::default(), &pod).await {
                Ok(_) => return Ok(Self { pods, name }),
                Err(error) if began.elapsed() > PATIENCE => return Err(error).context("the pod cannot be created"),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Makes it ready or unready, and returns its new resourceVersion.
    pub async fn set_ready(&self, ready: bool) -> Result<u64> {
        let status = json!({"status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": if ready { "True" } else { "False" }},
        ]}});
        version(&self.pods.patch_status(self.name, &PatchParams::default(), &Patch::Merge(&status)).await?)
    }

    /// Its resourceVersion.
    pub async fn version(&self) -> Result<u64> {
        version(&self.pods.get(self.name).await?)
    }
}

fn version(pod: &Pod) -> Result<u64> {
    let version = pod.metadata.resource_version.as_deref().context("the pod has no resourceVersion")?;
    Ok(version.parse()?)
}

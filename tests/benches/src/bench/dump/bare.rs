//! What no dump can do without: the pods and their logs, read and discarded.

use std::time::Instant;

use anyhow::{Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use super::cluster::{Cluster, NAMESPACE};
use crate::raw;

/// Logs that are read at a time: as many as the daemon reads.
const AT_ONCE: usize = 8;

/// How long that takes, in seconds.
pub(super) async fn read(cluster: &Cluster) -> Result<f64> {
    let client = raw::client(cluster.kubeconfig()).await?;
    let began = Instant::now();
    let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
    let list: Value = serde_json::from_slice(&get(&client, &pods).await?)?;
    let names = list["items"].as_array().into_iter().flatten().filter_map(|pod| pod["metadata"]["name"].as_str());
    let log = |name: &str| {
        let (client, path) = (client.clone(), format!("{pods}/{name}/log"));
        async move { get(&client, &path).await.map(drop) }
    };
    stream::iter(names.map(log)).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(began.elapsed().as_secs_f64())
}

async fn get(client: &Client, path: &str) -> Result<Vec<u8>> {
    let response = client.send(Request::get(path).body(Body::empty())?).await?;
    ensure!(response.status().is_success(), "{path}: {}", response.status());
    Ok(response.into_body().collect().await?.to_bytes().into())
}

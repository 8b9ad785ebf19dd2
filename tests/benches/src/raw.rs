//! A watch as any client of the API server holds one.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Bytes, BytesMut};
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// An open watch, on a connection of its own. Its events are not decoded.
pub struct RawWatch {
    body: Body,
    buffer: BytesMut,
    searched: usize,
    /// The connection ends with it.
    _client: Client,
}

/// A client of the cluster that a kubeconfig names.
pub async fn client(kubeconfig: &Path) -> Result<Client> {
    Ok(Client::try_from(config(kubeconfig).await?)?)
}

/// What the clients of a cluster are made of.
pub async fn config(kubeconfig: &Path) -> Result<Config> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // It is on this machine.
    config.proxy_url = None;
    Ok(config)
}

impl RawWatch {
    /// Opens the watch of `path`, which has its parameters.
    pub async fn open(client: Client, path: &str) -> Result<Self> {
        // Compressed events would cost the API server what nobody asks of the daemon.
        let request = Request::get(path).header("accept", "application/json").header("accept-encoding", "identity");
        let response = client.send(request.body(Body::empty())?).await.context("a watch cannot be opened")?;
        ensure!(response.status().is_success(), "{path}: {}", response.status());
        Ok(Self { body: response.into_body(), buffer: BytesMut::new(), searched: 0, _client: client })
    }

    /// The next event, as it came.
    pub async fn next(&mut self) -> Result<Bytes> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end + 1).freeze();
                self.searched = 0;
                return Ok(line);
            }
            self.searched = self.buffer.len();
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame.context("a watch broke")?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None => bail!("a watch ended"),
            }
        }
    }
}

/// The resourceVersion that an event brings, if it is of an object.
pub fn version(event: &[u8]) -> Option<u64> {
    const FIELD: &[u8] = br#""resourceVersion":""#;
    if event.starts_with(br#"{"type":"BOOKMARK""#) {
        return None;
    }
    let start = event.windows(FIELD.len()).position(|bytes| bytes == FIELD)? + FIELD.len();
    let digits = event[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&event[start..start + digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_objects() {
        let event = br#"{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"42"}}}"#;
        assert_eq!(super::version(event), Some(42));
        assert_eq!(super::version(br#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"42"}}}"#), None);
    }
}

//! What several targets need.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::PathBuf;

use daymarkd::kind::Kind;
use daymarkd::source::apiserver::ApiServer;
use daymarkd::source::connect::{Target, connect};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// What stands before the first zero byte, and what stands behind it.
pub fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    let (before, behind) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    (before, behind.get(1..).unwrap_or_default())
}

/// A file of this process's own.
pub fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("daymark-fuzz-{}-{name}", std::process::id()))
}

/// Where a target's tasks run, all by turns.
///
/// # Panics
/// If the system has no room for it.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime needs little")
}

/// Serves each connection to the address that is returned, on this runtime.
///
/// # Panics
/// If the system has no port left.
pub async fn listen<S>(serve: fn(TcpStream) -> S) -> SocketAddr
where
    S: Future<Output = Option<()>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// The API server at an address. `name` is the target's.
///
/// # Panics
/// If no file can be written.
pub async fn api_server(name: &str, address: SocketAddr) -> ApiServer {
    let kubeconfig = file(name);
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    });
    std::fs::write(&kubeconfig, config.to_string()).expect("a file can be written");
    connect(&Target { kubeconfig: Some(kubeconfig), context: None }).await.expect("the configuration is one")
}

/// Pods, or Secrets.
pub fn kind(of_secrets: bool) -> Kind {
    let [resource, singular, kind] = if of_secrets { ["secrets", "secret", "Secret"] } else { ["pods", "pod", "Pod"] };
    Kind {
        group: String::new(),
        version: "v1".into(),
        resource: resource.into(),
        singular: singular.into(),
        kind: kind.into(),
        short_names: Vec::new(),
        namespaced: true,
        has_status: true,
    }
}

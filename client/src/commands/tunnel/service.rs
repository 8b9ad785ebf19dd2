//! A Service as the API server's service proxy serves it: by its own ports. Whether it has endpoints is for
//! the API server to say, which goes to pods alone.

use daymark::api::{FetchRequest, ObjectRef, TunnelPort};
use daymark::{Client, Fetched};
use serde::Deserialize;

use super::super::{proxy, session};
use super::words::{Port, Wanted};
use crate::args::Global;
use crate::exit::{Exit, Failure};

/// Bytes of an answer: etcd takes no Service that is as large.
const LARGEST: usize = 4 << 20;

/// `core/v1`'s Service, as far as it says which ports there are.
#[derive(Deserialize)]
struct Service {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    ports: Vec<ServicePort>,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    external_name: String,
}

#[derive(Deserialize)]
struct ServicePort {
    port: u16,
    #[serde(default)]
    name: String,
    #[serde(default)]
    protocol: String,
}

/// What the API server says of a request that it refuses (`meta/v1`, `Status`).
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
}

/// Reads a Service, and what the ports that are wanted of it are.
///
/// # Errors
/// If it is no Service, there is none or no such port, or it cannot be read.
pub async fn read(global: &Global, client: &Client, wanted: &Wanted) -> Result<(ObjectRef, Vec<TunnelPort>), Failure> {
    let target = &wanted.target;
    if !matches!(&*target.kind.to_lowercase(), "svc" | "service" | "services") {
        return Err(Failure::usage(format!("{target}: --via proxy works with Services only, such as svc/web")));
    }
    let cluster = proxy::cluster(global, client).await?;
    let namespace = session::one_namespace(global)?.map_or(cluster.default_namespace, str::to_owned);
    for name in [&namespace, &target.name] {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')) {
            return Err(Failure::usage(format!("{target}: {name:?} is not a valid object name")));
        }
    }
    let path = format!("/api/v1/namespaces/{namespace}/services/{}", target.name);
    let fetched = client.fetch(FetchRequest { path, head: false, headers: Vec::new() }).await?;
    let status = fetched.head.status;
    let body = body(fetched).await?;
    let failed = |exit, why: &str| Failure::new(exit, format!("{target} in namespace {namespace:?}: {why}"));
    if status != 200 {
        let Refusal { message } = serde_json::from_slice(&body).unwrap_or_default();
        let because = if message.is_empty() { String::new() } else { format!(": {message}") };
        return Err(failed(exit_of(status), &format!("the API server answers {status}{because}")));
    }
    let service: Service = serde_json::from_slice(&body)
        .map_err(|error| failed(Exit::Fault, &format!("the API server sent an invalid Service: {error}")))?;
    let ports = wanted.ports.iter().map(|port| meant(&service.spec, port));
    let ports = ports.collect::<Result<_, _>>().map_err(|(exit, why)| failed(exit, &why))?;
    let (resource, name) = ("services".to_owned(), target.name.clone());
    Ok((ObjectRef { cluster: cluster.name, resource, namespace, name, ..ObjectRef::default() }, ports))
}

async fn body(mut fetched: Fetched) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(data) = fetched.next().await? {
        body.extend_from_slice(&data);
        if body.len() > LARGEST {
            return Err(Failure::new(Exit::Fault, "the API server's answer is larger than any Service"));
        }
    }
    Ok(body)
}

fn exit_of(status: i32) -> Exit {
    match status {
        401 | 403 => Exit::NotPermitted,
        404 => Exit::NotFound,
        _ => Exit::Unreachable,
    }
}

/// What a port that is wanted is, in the words that are said of ports that are forwarded.
fn meant(spec: &Spec, wanted: &Port) -> Result<TunnelPort, (Exit, String)> {
    if spec.r#type == "ExternalName" {
        let why = format!("it is an alias of {}, which is not in the cluster", spec.external_name);
        return Err((Exit::Usage, why));
    }
    let remote = &wanted.remote;
    let found = spec.ports.iter().find(|port| port.name == *remote || port.port.to_string() == *remote);
    let found = found.ok_or_else(|| {
        let known: Vec<_> = spec.ports.iter().map(ServicePort::told).collect();
        (Exit::NotFound, format!("it has no port {remote:?}; it has {}", known.join(", ")))
    })?;
    if !matches!(&*found.protocol, "" | "TCP") {
        return Err((Exit::Usage, format!("port {remote:?} is {}, but HTTP needs TCP", found.protocol)));
    }
    Ok(TunnelPort { port: found.port.into(), name: found.name.clone(), ..TunnelPort::default() })
}

impl ServicePort {
    /// `80 (http)`
    fn told(&self) -> String {
        if self.name.is_empty() { self.port.to_string() } else { format!("{} ({})", self.port, self.name) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn told(spec: &str, remote: &str) -> Result<String, String> {
        let spec: Spec = serde_json::from_str(spec).unwrap();
        let found = meant(&spec, &Port { local: None, remote: remote.to_owned() });
        found.map(|port| format!("{} {}", port.port, port.name)).map_err(|(exit, why)| format!("{}: {why}", exit as u8))
    }

    #[test]
    fn ports_are_the_services_own() {
        let spec = r#"{"ports": [{"port": 80, "name": "http", "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}"#;
        for (remote, meaning) in [
            ("80", Ok("80 http")),
            ("http", Ok("80 http")),
            ("81", Err("6: it has no port \"81\"; it has 80 (http), 53")),
            ("53", Err("2: port \"53\" is UDP, but HTTP needs TCP")),
        ] {
            assert_eq!(told(spec, remote), meaning.map(str::to_owned).map_err(str::to_owned), "{remote}");
        }
        let alias = r#"{"type": "ExternalName", "externalName": "example.com"}"#;
        assert_eq!(told(alias, "80").unwrap_err(), "2: it is an alias of example.com, which is not in the cluster");
    }
}

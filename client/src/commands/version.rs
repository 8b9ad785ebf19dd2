//! `daymark version`

use daymark::Client;
use daymark::api::{Cluster, GetServerInfoResponse};
use serde::Serialize;

use super::session;
use crate::args::{Global, Output, Version};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::sanitize;

const CLIENT: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Document<'a> {
    client: ClientJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<ServerJson<'a>>,
}

#[derive(Serialize)]
struct ClientJson {
    version: &'static str,
}

#[derive(Serialize)]
struct ServerJson<'a> {
    address: String,
    version: &'a str,
    incarnation: &'a str,
    clusters: Vec<ClusterJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterJson<'a> {
    name: &'a str,
    kubernetes_version: &'a str,
    default_namespace: &'a str,
    replayed: bool,
}

/// Prints the versions. The client's own comes out whatever the daemon does.
pub async fn run(global: &Global, args: &Version, printer: &mut Printer) -> Result<Exit, Failure> {
    let outcome = match args.client {
        true => Ok(None),
        false => ask(global).await.map(Some),
    };
    let server = outcome.as_ref().ok().and_then(Option::as_ref);
    match args.output {
        Output::Json => {
            let server = server.map(|(client, info)| server_json(client, info));
            let document = Document { client: ClientJson { version: CLIENT }, server };
            printer.json(&document)?;
        }
        Output::Text => {
            printer.line(&format!("client: {CLIENT}"))?;
            if let Some((client, info)) = server {
                text(printer, client, info)?;
            }
        }
    }
    outcome.map(|_| Exit::Passed)
}

async fn ask(global: &Global) -> Result<(Client, GetServerInfoResponse), Failure> {
    let client = session::connect(&session::resolve(global, None)?.global).await?;
    let info = client.server_info().await?;
    Ok((client, info))
}

fn text(printer: &mut Printer, client: &Client, info: &GetServerInfoResponse) -> Result<(), Failure> {
    let server = format!("server: {} at {}, incarnation {}", info.version, client.address(), info.incarnation);
    printer.line(&sanitize::line(&server))?;
    for cluster in &info.clusters {
        printer.line(&sanitize::line(&cluster_line(cluster)))?;
    }
    Ok(())
}

/// `cluster NAME: Kubernetes VERSION`
pub fn cluster_line(cluster: &Cluster) -> String {
    let version = match cluster.kubernetes_version.as_str() {
        "" => "not reached",
        version => version,
    };
    let replayed = if cluster.replayed { " (replayed)" } else { "" };
    format!("cluster {}: Kubernetes {version}{replayed}", cluster.name)
}

impl<'a> From<&'a Cluster> for ClusterJson<'a> {
    fn from(it: &'a Cluster) -> Self {
        Self {
            name: &it.name,
            kubernetes_version: &it.kubernetes_version,
            default_namespace: &it.default_namespace,
            replayed: it.replayed,
        }
    }
}

fn server_json<'a>(client: &Client, info: &'a GetServerInfoResponse) -> ServerJson<'a> {
    ServerJson {
        address: client.address().to_string(),
        version: &info.version,
        incarnation: &info.incarnation,
        clusters: info.clusters.iter().map(ClusterJson::from).collect(),
    }
}

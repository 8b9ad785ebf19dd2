//! `daymark proxy`

use daymark::api::{Cluster, FetchRequest};
use tokio::task::JoinSet;

use self::server::Server;
use super::session;
use super::tunnel::listening::listen;
use crate::args::{Global, Proxy};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::sanitize;

mod admission;
pub mod server;

/// Serves the API on this machine to be read, until it is ended.
pub async fn run(global: &Global, args: &Proxy, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    let cluster = cluster(global, &client).await?.name;
    // Whether anything is passed on is to be known before somebody relies on it.
    client.fetch(FetchRequest { path: "/version".into(), head: true, headers: Vec::new() }).await?;
    let listeners = listen(&args.listen, args.port, "choose another port with --port").await?;
    let addresses: Vec<_> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let addresses: Vec<_> = addresses.iter().map(|address| format!("http://{address}")).collect();
    let text =
        format!("Serving the API of cluster {cluster} on {}: reads only, for debugging", addresses.join(" and "));
    printer.note(&sanitize::line(&text));
    // They end with it.
    let mut serving = JoinSet::new();
    for listener in listeners {
        let client = client.clone();
        serving.spawn(async move { Server::new(client, String::new(), true).serve(listener).await });
    }
    while serving.join_next().await.is_some() {}
    Ok(Exit::Passed)
}

/// The cluster; the daemon must have the one that was asked for.
pub async fn cluster(global: &Global, client: &daymark::Client) -> Result<Cluster, Failure> {
    let info = client.server_info().await?;
    let wanted = session::cluster(global);
    let names: Vec<_> = info.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let found = info.clusters.into_iter().find(|cluster| wanted.is_empty() || cluster.name == wanted);
    found.ok_or_else(|| Failure::usage(format!("no cluster {wanted:?} is served; available: {}", names.join(", "))))
}

//! `daymark proxy`

use daymark::api::FetchRequest;
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
    let cluster = cluster(global, &client).await?;
    // Whether anything is passed on is to be known before somebody relies on it.
    client.fetch(FetchRequest { path: "/version".into(), head: true, headers: Vec::new() }).await?;
    let listeners = listen(&args.listen, args.port, "name another port with --port").await?;
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

/// The cluster's name; the daemon must have the one that was asked for.
async fn cluster(global: &Global, client: &daymark::Client) -> Result<String, Failure> {
    let info = client.server_info().await?;
    let wanted = session::cluster(global);
    let names: Vec<_> = info.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    match names.iter().find(|name| wanted.is_empty() || **name == wanted) {
        Some(name) => Ok((*name).to_owned()),
        None => Err(Failure::usage(format!("no cluster {wanted:?} is served; there is {}", names.join(", ")))),
    }
}

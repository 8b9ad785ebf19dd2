//! `daymark node`

mod cordon;
mod drain;
mod gap;
mod list;
mod plan;
mod wait;

use daymark::Client;
use daymark::api::{Filter, ListStatusesRequest, ObjectRef};

use super::session;
use crate::args::{Global, Node, NodeNames};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::signals::Signals;
use crate::targets::Selection;

/// Does what is asked of nodes.
pub async fn run(global: &Global, args: &Node, printer: &mut Printer, signals: &mut Signals) -> Result<Exit, Failure> {
    match args {
        Node::List(args) => signals.or(list::run(global, args, printer)).await,
        Node::Wait(args) => signals.or(wait::run(global, args, printer)).await,
        Node::Cordon(args) => signals.or(cordon::cordon(global, args, printer)).await,
        Node::Uncordon(args) => signals.or(cordon::uncordon(global, args, printer)).await,
        Node::Drain(args) => drain::run(global, args, printer, signals).await,
    }
}

/// The nodes that are meant; one that is selected is meant by its UID.
async fn nodes(global: &Global, client: &Client, args: &NodeNames) -> Result<Vec<ObjectRef>, Failure> {
    let cluster = session::cluster(global);
    if let Some(selector) = &args.selector {
        let filter = Filter {
            cluster: cluster.to_owned(),
            kinds: vec!["nodes".to_owned()],
            label_selector: selector.clone(),
            ..Filter::default()
        };
        let request = ListStatusesRequest { filter: Some(filter), ..ListStatusesRequest::default() };
        let listed = client.list_statuses(request).await?;
        if let Some(unread) = listed.unreachable.first() {
            let nodes = Selection::Kinds(vec!["nodes".to_owned()]);
            let exit = session::all_unreachable(&nodes, None, &listed.unreachable).unwrap_or(Exit::Unreachable);
            return Err(Failure::new(exit, session::unreachable(unread)));
        }
        let nodes: Vec<_> = listed.statuses.into_iter().filter_map(|status| status.r#ref).collect();
        return match nodes.is_empty() {
            true => Err(Failure::new(Exit::NotFound, format!("no node matches the selector: {selector}"))),
            false => Ok(nodes),
        };
    }
    let mut nodes: Vec<ObjectRef> = Vec::new();
    for name in &args.names {
        let node = named(cluster, name)?;
        // One that is named twice has one turn.
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    Ok(nodes)
}

/// `NAME`, `node/NAME` or another form that the kind goes by.
fn named(cluster: &str, word: &str) -> Result<ObjectRef, Failure> {
    let name = match word.split_once('/') {
        None => word,
        Some(("no" | "node" | "nodes", name)) => name,
        Some((kind, _)) => return Err(Failure::usage(format!("{kind:?} is not the kind of a node: name nodes"))),
    };
    if name.is_empty() {
        return Err(Failure::usage("the name of a node is empty"));
    }
    let (cluster, resource) = (cluster.to_owned(), "nodes".to_owned());
    Ok(ObjectRef { cluster, resource, name: name.to_owned(), ..ObjectRef::default() })
}

//! `daymark node cordon` and `uncordon`

use daymark::api::{CordonRequest, UncordonRequest};

use super::nodes;
use crate::args::{Cordon, DryRun, Global};
use crate::commands::operation::announce;
use crate::commands::session;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::sanitize;

/// Has no more pods scheduled to nodes.
pub async fn cordon(global: &Global, args: &Cordon, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    announce(&client, printer, "cordoning nodes").await?;
    for node in nodes(global, &client, &args.nodes).await? {
        let (name, dry_run) = (node.name.clone(), args.dry_run == DryRun::Server);
        let done = client.cordon(CordonRequest { r#ref: Some(node), dry_run }).await?;
        say(printer, &name, if done.changed { "cordoned" } else { "already cordoned" }, args.dry_run)?;
    }
    Ok(Exit::Passed)
}

/// Has pods scheduled to nodes again.
pub async fn uncordon(global: &Global, args: &Cordon, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    announce(&client, printer, "uncordoning nodes").await?;
    for node in nodes(global, &client, &args.nodes).await? {
        let (name, dry_run) = (node.name.clone(), args.dry_run == DryRun::Server);
        let done = client.uncordon(UncordonRequest { r#ref: Some(node), dry_run }).await?;
        say(printer, &name, if done.changed { "uncordoned" } else { "already uncordoned" }, args.dry_run)?;
    }
    Ok(Exit::Passed)
}

/// As kubectl says it.
fn say(printer: &mut Printer, name: &str, what: &str, dry_run: DryRun) -> Result<(), Failure> {
    let suffix = if dry_run == DryRun::Server { " (server dry run)" } else { "" };
    Ok(printer.line(&sanitize::line(&format!("node/{name} {what}{suffix}")))?)
}

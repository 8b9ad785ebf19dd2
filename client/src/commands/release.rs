//! `daymark release`

use daymark::api::ReleaseRequest;

use super::operation::announce;
use super::quarantine::{labels, pod};
use super::session;
use crate::args::{DryRun, Global, Output, Release};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::quarantine_json::ReleaseJson;
use crate::sanitize;

/// Puts a pod back that is in quarantine.
pub async fn run(global: &Global, args: &Release, printer: &mut Printer) -> Result<Exit, Failure> {
    let pod = pod(global, &args.words)?;
    let client = session::connect(global).await?;
    announce(&client, printer, &format!("releasing pod/{}", pod.name)).await?;
    let name = pod.name.clone();
    let dry_run = args.dry_run == DryRun::Server;
    let released = client.release(ReleaseRequest { r#ref: Some(pod), dry_run }).await?;
    if args.output == Output::Json {
        printer.json(&ReleaseJson::of(&released))?;
        return Ok(Exit::Passed);
    }
    let suffix = if dry_run { " (server dry run)" } else { "" };
    printer.line(&sanitize::line(&format!("pod/{name} released{suffix}: {}", labels(&released.labels))))?;
    printer.note(&sanitize::line(&released.message));
    Ok(Exit::Passed)
}

//! `daymark context`

use std::time::{Duration, Instant};

use daymark::api::GetServerInfoResponse;
use daymark::{Address, Client, TlsPeer};
use serde::Serialize;

use super::session::{self, Session};
use super::version::{ClusterJson, cluster_line};
use crate::args::{Connection, Context, ContextAdd, ContextList, ContextTest, Global, Output};
use crate::contexts::Contexts;
use crate::exit::{Exit, Failure};
use crate::layout::{self, Cell};
use crate::printer::Printer;
use crate::sanitize;

/// Does what is asked of contexts.
pub async fn run(global: &Global, args: &Context, printer: &mut Printer) -> Result<Exit, Failure> {
    match args {
        Context::Add(args) => add(global, args)?,
        Context::Use(args) => Contexts::to_change()?.take(&args.name)?,
        Context::Remove(args) => Contexts::to_change()?.remove(&args.name)?,
        Context::List(args) => list(args, printer)?,
        Context::Test(args) => test(global, args, printer).await?,
    }
    Ok(Exit::Passed)
}

/// What the flags say, and nothing of the environment, which may be another one later.
fn add(global: &Global, args: &ContextAdd) -> Result<(), Failure> {
    let connection = global.connection.clone().over(Connection::default());
    let Some(address) = &connection.address else {
        return Err(Failure::usage("a context needs an address: pass --address"));
    };
    address.parse::<Address>()?;
    session::check(&connection)?;
    Ok(Contexts::to_change()?.add(&args.name, &connection)?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContextJson<'a> {
    name: &'a str,
    current: bool,
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    /// How the caller proves itself, without what with.
    credentials: Vec<&'static str>,
}

fn list(args: &ContextList, printer: &mut Printer) -> Result<(), Failure> {
    let contexts = Contexts::read()?;
    let all = contexts.all.iter().map(|(name, it)| ContextJson {
        name,
        current: contexts.current.as_deref() == Some(name),
        address: it.address.as_deref().unwrap_or_default(),
        cluster: it.cluster.as_deref(),
        namespace: it.namespace.as_deref(),
        credentials: session::proofs(it),
    });
    let all: Vec<_> = all.collect();
    if args.output == Output::Json {
        return Ok(printer.json(&all)?);
    }
    if all.is_empty() {
        printer.note("No contexts; create one with: daymark context add CONTEXT --address ADDRESS");
        return Ok(());
    }
    let header = ["CURRENT", "NAME", "ADDRESS", "CLUSTER", "NAMESPACE", "CREDENTIALS"];
    Ok(printer.table(Some(layout::header(header)), all.iter().map(row))?)
}

fn row(it: &ContextJson<'_>) -> Vec<Cell> {
    let credentials = it.credentials.join(",");
    layout::plain([
        if it.current { "*" } else { "" },
        it.name,
        it.address,
        it.cluster.unwrap_or_default(),
        it.namespace.unwrap_or_default(),
        &credentials,
    ])
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsJson<'a>>,
    version: &'a str,
    incarnation: &'a str,
    clusters: Vec<ClusterJson<'a>>,
    round_trip_seconds: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsJson<'a> {
    version: &'a str,
    server_name: &'a str,
    fingerprint: &'a str,
}

/// What a test has found.
struct Found<'a> {
    context: Option<&'a str>,
    client: Client,
    peer: Option<TlsPeer>,
    info: GetServerInfoResponse,
    round_trip: Duration,
}

async fn test(global: &Global, args: &ContextTest, printer: &mut Printer) -> Result<(), Failure> {
    let Session { context, global } = session::resolve(global, args.name.as_deref())?;
    let client = session::connect(&global).await?;
    // The first one also fetches what is fetched once.
    client.server_info().await?;
    let asked = Instant::now();
    let info = client.server_info().await?;
    let round_trip = asked.elapsed();
    let found = Found { context: context.as_deref(), peer: client.peer(), client, info, round_trip };
    match args.output {
        Output::Json => printer.json(&found.json())?,
        Output::Text => found.text(printer)?,
    }
    let names: Vec<_> = found.info.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    match session::cluster(&global) {
        cluster if cluster.is_empty() || names.contains(&cluster) => Ok(()),
        cluster => {
            Err(Failure::usage(format!("no cluster {cluster:?} is served there; available: {}", names.join(", "))))
        }
    }
}

impl Found<'_> {
    fn json(&self) -> TestJson<'_> {
        let tls = self.peer.as_ref().map(|peer| TlsJson {
            version: &peer.version,
            server_name: &peer.server_name,
            fingerprint: &peer.fingerprint,
        });
        TestJson {
            context: self.context,
            address: self.client.address().to_string(),
            tls,
            version: &self.info.version,
            incarnation: &self.info.incarnation,
            clusters: self.info.clusters.iter().map(ClusterJson::from).collect(),
            round_trip_seconds: self.round_trip.as_secs_f64(),
        }
    }

    fn text(&self, printer: &mut Printer) -> Result<(), Failure> {
        let tls = self.peer.as_ref().map_or_else(
            || "none".to_owned(),
            |peer| format!("{}, a certificate for {}, SHA-256 {}", peer.version, peer.server_name, peer.fingerprint),
        );
        let mut lines = vec![
            format!("context: {}", self.context.unwrap_or("none")),
            format!("address: {}", self.client.address()),
            format!("tls: {tls}"),
            format!("server: {}, incarnation {}", self.info.version, self.info.incarnation),
        ];
        lines.extend(self.info.clusters.iter().map(cluster_line));
        lines.push(format!("round trip: {:.1} ms", 1e3 * self.round_trip.as_secs_f64()));
        for line in lines {
            printer.line(&sanitize::line(&line))?;
        }
        Ok(())
    }
}

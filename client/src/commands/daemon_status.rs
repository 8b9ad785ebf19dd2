//! `daymark daemon status`

use daymark::api::{CacheStatus, ListCachesResponse};
use serde::Serialize;

use super::session;
use crate::args::{DaemonStatus, Global, Output};
use crate::exit::{Exit, Failure};
use crate::layout::{self, Cell};
use crate::printer::Printer;
use crate::status_json::{FreshnessJson, age};
use crate::words::bytes;
use crate::{duration, sanitize};

const HEADER: [&str; 11] =
    ["CACHE", "NAMESPACE", "STATE", "OBJECTS", "SIZE", "BODIES", "CHANGES", "HEARD", "STREAMS", "LISTS", "ERRORS"];

/// Shows the daemon's caches and how they are.
pub async fn run(global: &Global, args: &DaemonStatus, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    let status = client.list_caches().await?;
    match args.output {
        Output::Json => printer.json(&Document::from(&status))?,
        Output::Text => text(printer, &status)?,
    }
    Ok(Exit::Passed)
}

fn text(printer: &mut Printer, status: &ListCachesResponse) -> Result<(), Failure> {
    printer.table(Some(layout::header(HEADER)), status.caches.iter().map(row))?;
    let streams = if status.streams == 1 { "stream is" } else { "streams are" };
    printer.note(&format!("{} {streams} open", status.streams));
    for cache in &status.caches {
        let problem = cache.freshness.as_ref().map_or("", |freshness| freshness.problem.as_str());
        if !problem.is_empty() {
            printer.problem(&sanitize::line(&format!("{}: {problem}", shown(cache))));
        }
    }
    Ok(())
}

fn row(cache: &CacheStatus) -> Vec<Cell> {
    let heard = cache.freshness.as_ref().and_then(age);
    layout::plain([
        shown(cache),
        if cache.namespace.is_empty() { "*".into() } else { cache.namespace.clone() },
        state(cache).into(),
        cache.objects.to_string(),
        bytes(cache.bytes),
        bytes(cache.body_bytes),
        bytes(cache.change_bytes),
        heard.map(|heard| format!("{} ago", duration::show(heard))).unwrap_or_default(),
        cache.subscribers.to_string(),
        cache.lists.to_string(),
        cache.decode_errors.to_string(),
    ])
}

/// `deployments.apps`
fn kind(cache: &CacheStatus) -> String {
    let kind = cache.kind.clone().unwrap_or_default();
    if kind.group.is_empty() { kind.resource } else { format!("{}.{}", kind.resource, kind.group) }
}

/// `events (reason=FailedCreate)`, `events (involvedObject.kind=Pod,...)`
fn shown(cache: &CacheStatus) -> String {
    match (&*cache.field_selector, cache.field_selector.split_once(',')) {
        ("", _) => kind(cache),
        (_, Some((first, _))) => format!("{} ({first},...)", kind(cache)),
        (only, None) => format!("{} ({only})", kind(cache)),
    }
}

/// How far the cache can be trusted, in one word.
fn state(cache: &CacheStatus) -> &'static str {
    match &cache.freshness {
        Some(freshness) if freshness.synced => "Synced",
        // What it holds may be outdated by now.
        Some(_) if cache.listed => "Lagging",
        Some(freshness) if !freshness.problem.is_empty() => "Unreachable",
        _ => "Listing",
    }
}

#[derive(Serialize)]
struct Document<'a> {
    streams: i64,
    caches: Vec<CacheJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CacheJson<'a> {
    cluster: &'a str,
    kind: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    field_selector: &'a str,
    namespace: &'a str,
    state: &'static str,
    objects: i64,
    bytes: i64,
    body_bytes: i64,
    change_bytes: i64,
    resource_version: &'a str,
    subscribers: i64,
    lists: i64,
    decode_errors: i64,
    warm: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    freshness: Option<FreshnessJson<'a>>,
}

impl<'a> From<&'a ListCachesResponse> for Document<'a> {
    fn from(it: &'a ListCachesResponse) -> Self {
        Self { streams: it.streams, caches: it.caches.iter().map(CacheJson::from).collect() }
    }
}

impl<'a> From<&'a CacheStatus> for CacheJson<'a> {
    fn from(it: &'a CacheStatus) -> Self {
        Self {
            cluster: &it.cluster,
            kind: kind(it),
            field_selector: &it.field_selector,
            namespace: &it.namespace,
            state: state(it),
            objects: it.objects,
            bytes: it.bytes,
            body_bytes: it.body_bytes,
            change_bytes: it.change_bytes,
            resource_version: &it.resource_version,
            subscribers: it.subscribers,
            lists: it.lists,
            decode_errors: it.decode_errors,
            warm: it.warm,
            freshness: it.freshness.as_ref().map(FreshnessJson::from),
        }
    }
}

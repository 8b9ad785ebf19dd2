//! The daemon as the command line names it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use daymark::api::{GetServerInfoResponse, ServedKind, Unreachable};
use daymark::{Address, Client, Credentials, Error, Identity, NOT_PERMITTED, Options, Proxy, Tls, Token};

use crate::args::{Connection, Global};
use crate::contexts;
use crate::exit::{Exit, Failure, exit_of};
use crate::targets::{self, Selection};

pub use crate::duration::FOREVER;

/// How long a single call may take, where nothing is said of it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What the command line, the environment and the context say together.
pub struct Session {
    /// The context's name, if there is one.
    pub context: Option<String>,
    /// What the command line would say if it said everything.
    pub global: Global,
}

/// What is said of the connection: by flags before variables, by these before the context, which is that of
/// `name`, of `--context`, of `DAYMARK_CONTEXT`, or the one in use.
pub fn resolve(global: &Global, name: Option<&str>) -> Result<Session, Failure> {
    let variable = std::env::var("DAYMARK_CONTEXT").unwrap_or_default();
    let names = [name, global.context.as_deref(), Some(&variable)];
    let name = names.into_iter().flatten().find(|name| !name.is_empty());
    let (context, named) = contexts::chosen(name)?.unzip();
    let said = global.connection.clone().over(Connection::from_env()?);
    let connection = said.over_context(named.unwrap_or_default());
    Ok(Session { context, global: Global { connection, ..global.clone() } })
}

/// Whether a connection's parts go together.
pub fn check(connection: &Connection) -> Result<(), Failure> {
    if connection.client_certificate.is_some() != connection.client_key.is_some() {
        return Err(Failure::usage("client-certificate and client-key must be given together"));
    }
    match connection.credentials().as_slice() {
        [] | [_] => Ok(()),
        several => Err(Failure::usage(format!("{} cannot be combined: give one", several.join(" and ")))),
    }
}

/// How the caller proves itself.
pub fn proofs(connection: &Connection) -> Vec<&'static str> {
    let certificate = connection.client_certificate.is_some().then_some("client-certificate");
    connection.credentials().into_iter().chain(certificate).collect()
}

/// Where the daemon is.
pub fn address(global: &Global) -> Result<Address, Failure> {
    match global.connection.address.as_deref() {
        None | Some("") => Ok(Address::default_socket()),
        Some(text) => Ok(text.parse()?),
    }
}

/// Connects to the daemon.
pub async fn connect(global: &Global) -> Result<Client, Failure> {
    let address = address(global)?;
    let connection = &global.connection;
    check(connection)?;
    let identity = connection.client_certificate.clone().zip(connection.client_key.clone());
    let tls = Tls {
        ca_file: connection.ca_file.clone(),
        server_name: connection.server_name.clone(),
        identity: identity.map(|(certificate, key)| Identity { certificate, key }),
    };
    // Who needs no proxy is not held up by one that cannot be used.
    let proxied = address.is_tls() || connection.github_oidc_audience.is_some();
    let proxy = if proxied { Proxy::from_env()? } else { Proxy::default() };
    let options = Options {
        credentials: credentials(connection)?,
        tls,
        proxy,
        insecure_plaintext: connection.insecure_plaintext,
        request_timeout: request_timeout(global),
    };
    Ok(Client::connect(address, options).await?)
}

fn credentials(connection: &Connection) -> Result<Credentials, Failure> {
    if let Some(token) = &connection.token {
        return Ok(token.clone().into());
    }
    if let Some(path) = &connection.token_file {
        return Ok(Credentials::token_file(path.clone()).map_err(Error::from)?);
    }
    if let Some(name) = &connection.token_env {
        return Ok(Token::from_env(name)?.into());
    }
    match &connection.github_oidc_audience {
        Some(audience) => Ok(Credentials::github_oidc(audience).map_err(Error::from)?),
        None => Ok(Credentials::default()),
    }
}

/// How long a single call may take.
pub fn request_timeout(global: &Global) -> Duration {
    match global.connection.request_timeout {
        None => REQUEST_TIMEOUT,
        Some(Duration::ZERO) => FOREVER,
        Some(limit) => limit,
    }
}

/// The namespace that was named; `None` for the daemon's default one.
pub fn namespace(global: &Global) -> Option<&str> {
    global.connection.namespace.as_deref().filter(|namespace| !namespace.is_empty())
}

/// The one namespace that was named, for what can be in one only.
///
/// # Errors
/// If there are several.
pub fn one_namespace(global: &Global) -> Result<Option<&str>, Failure> {
    match namespace(global) {
        Some(several) if several.contains(',') => Err(targets::in_several(several)),
        one => Ok(one),
    }
}

/// The cluster that was named; empty for the daemon's only one.
pub fn cluster(global: &Global) -> &str {
    global.connection.cluster.as_deref().unwrap_or_default()
}

/// One line for a connection that was lost, or an answer that is not to be had.
pub fn lost(client: &Client, error: &Error) -> String {
    match error {
        Error::Rpc(error) if error.reason == "CURSOR_EXPIRED" => {
            "changes are missing here: the daemon no longer has those after the last one".to_owned()
        }
        Error::Rpc(error) => format!("the daemon cannot answer now: {error}; trying again"),
        Error::Unreachable { .. } => format!("{error}; trying again"),
        Error::Broken { problem } => format!("lost the daemon at {}: {problem}; reconnecting", client.address()),
        error => format!("lost the daemon at {}: {error}; reconnecting", client.address()),
    }
}

/// The time is over, and the daemon is lost: what was shown is not known to be so still.
pub fn timed_out(error: &Error) -> Failure {
    Failure::new(exit_of(error), format!("timed out while the daemon was unreachable: {error}"))
}

/// One line for a kind that could not be read.
pub fn unreachable(kind: &Unreachable) -> String {
    let Unreachable { kind, reason, message, namespace } = kind;
    if reason == NOT_PERMITTED {
        return format!("warning: not all {kind} are shown: {message}");
    }
    let place = if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace:?}") };
    format!("warning: {kind}{place} cannot be read: {reason}: {message}")
}

/// In how many namespaces a selection is looked for; `None` if in all that there are.
pub fn places(namespace: Option<&str>, all_namespaces: bool) -> Option<usize> {
    (!all_namespaces).then(|| namespace.map_or(1, |namespace| targets::namespaces(namespace).count()))
}

/// The exit code when `unreachable` kinds leave nothing of a selection in so many namespaces; `None` when something else was
/// read.
pub fn all_unreachable(selection: &Selection, places: Option<usize>, unreachable: &[Unreachable]) -> Option<Exit> {
    let asked = match selection {
        Selection::Kinds(kinds) => kinds.len(),
        Selection::Objects(targets) => targets.iter().map(|target| &target.kind).collect::<BTreeSet<_>>().len(),
    };
    none_readable(asked, places, unreachable)
}

/// As [`all_unreachable`], of so many kinds.
pub fn none_readable(asked: usize, places: Option<usize>, unreachable: &[Unreachable]) -> Option<Exit> {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    // Of a kind that may not be seen everywhere something may.
    for kind in unreachable.iter().filter(|kind| kind.reason != NOT_PERMITTED) {
        kinds.entry(&kind.kind).or_default().push(&kind.namespace);
    }
    // One that is missing in some namespaces is there in others.
    let is_unread =
        |namespaces: &&Vec<&str>| namespaces.contains(&"") || places.is_some_and(|places| namespaces.len() >= places);
    if unreachable.is_empty() || kinds.values().filter(is_unread).count() < asked {
        return None;
    }
    let forbidden = unreachable.iter().all(|kind| kind.reason == "Forbidden");
    Some(if forbidden { Exit::NotPermitted } else { Exit::Unreachable })
}

/// One line for an empty selection, with the namespace where one was searched.
pub async fn nothing_found(client: &Client, selection: &Selection, namespace: Option<&str>, all: bool) -> String {
    let info = match all {
        true => return "No objects found.".to_owned(),
        false => client.server_info().await.unwrap_or_default(),
    };
    if let Selection::Kinds(kinds) = selection
        && kinds.iter().all(|word| is_cluster_scoped(&info, word))
    {
        return "No objects found.".to_owned();
    }
    let default = info.clusters.first().map(|cluster| cluster.default_namespace.as_str());
    match namespace.or(default).filter(|namespace| !namespace.is_empty()) {
        Some(several) if several.contains(',') => {
            let names: Vec<_> = targets::namespaces(several).map(|name| format!("{name:?}")).collect();
            format!("No objects found in namespaces {}.", names.join(", "))
        }
        Some(namespace) => format!("No objects found in namespace {namespace:?}."),
        None => "No objects found in the daemon's default namespace.".to_owned(),
    }
}

fn is_cluster_scoped(info: &GetServerInfoResponse, word: &str) -> bool {
    let word = word.to_lowercase();
    let mut kinds = info.clusters.iter().flat_map(|cluster| &cluster.kinds);
    kinds.find(|kind| goes_by(kind, &word)).is_some_and(|kind| !kind.namespaced)
}

fn goes_by(kind: &ServedKind, word: &str) -> bool {
    let (name, group) = word.split_once('.').unwrap_or((word, ""));
    let group_fits = group.is_empty() || group == kind.group || group == format!("{}.{}", kind.version, kind.group);
    group_fits
        && (name == kind.resource || name == kind.kind.to_lowercase() || kind.short_names.iter().any(|it| it == name))
}

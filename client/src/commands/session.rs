//! The daemon as the command line names it.

use std::time::Duration;

use daymark::api::{GetServerInfoResponse, ServedKind, Unreachable};
use daymark::{Address, Client, Error, NOT_PERMITTED, Options, Token};

use crate::args::Global;
use crate::exit::Failure;
use crate::targets::Selection;

/// No limit, as far as anybody will notice, and far from overflow.
pub const FOREVER: Duration = Duration::from_secs(100 * 365 * 86400);

/// Where the daemon is.
pub fn address(global: &Global) -> Result<Address, Failure> {
    match global.address.as_deref() {
        None | Some("") => Ok(Address::default_socket()),
        Some(text) => Ok(text.parse()?),
    }
}

/// Connects to the daemon.
pub async fn connect(global: &Global) -> Result<Client, Failure> {
    let file = global.token_file.as_deref().filter(|file| !file.as_os_str().is_empty());
    let token = file.map(Token::from_file).transpose()?;
    let options = Options { token, request_timeout: request_timeout(global) };
    Ok(Client::connect(address(global)?, options).await?)
}

/// How long a single call may take.
pub fn request_timeout(global: &Global) -> Duration {
    match global.request_timeout {
        Duration::ZERO => FOREVER,
        limit => limit,
    }
}

/// The namespace that was named; `None` for the daemon's default one.
pub fn namespace(global: &Global) -> Option<&str> {
    global.namespace.as_deref().filter(|namespace| !namespace.is_empty())
}

/// One line for a connection that was lost, or an answer that is not to be had.
pub fn lost(client: &Client, error: &Error) -> String {
    match error {
        Error::Rpc(error) if error.reason == "CURSOR_EXPIRED" => {
            "changes are missing here: the daemon no longer holds what came behind the last one".to_owned()
        }
        Error::Rpc(error) => format!("the daemon cannot answer now: {error}; trying again"),
        Error::Unreachable { .. } => format!("{error}; trying again"),
        Error::Broken { problem } => format!("lost the daemon at {}: {problem}; reconnecting", client.address()),
        error => format!("lost the daemon at {}: {error}; reconnecting", client.address()),
    }
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

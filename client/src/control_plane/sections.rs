//! What is told of a control plane, thing by thing.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use daymark::api::{
    ControlPlane, DeprecatedApi, EtcdOperation, EtcdSize, HealthEndpoint, KubeletVersion, LatencyQuantiles,
    LeaderLease, Unreachable, VersionSkew,
};

use super::{failing, is_led};
use crate::layout::Cell;
use crate::{duration, sanitize, words};

/// The rows of a section.
type Rows = Vec<Vec<Cell>>;

/// What something is, in a word, and whether that is well.
enum Word {
    Well(&'static str),
    Wrong(&'static str),
    Plain(&'static str),
}

/// Every section, with its title.
pub(super) fn all(it: &ControlPlane) -> Vec<(&'static str, Rows)> {
    vec![
        ("CHECKS", checks(it)),
        ("LEADERS", leaders(it)),
        ("VERSIONS", versions(it)),
        ("LATENCY, as the daemon sees it", latencies(it)),
        ("ETCD, as the API server sees it", etcd(it)),
        ("DEPRECATED APIS that were used since the API server started", deprecated(it)),
    ]
}

fn row(name: &str, word: Word, text: &str) -> Vec<Cell> {
    let coloured = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    let (style, word) = match word {
        Word::Well(word) => (coloured(AnsiColor::Green), word),
        Word::Wrong(word) => (coloured(AnsiColor::Red), word),
        Word::Plain(word) => (Style::new(), word),
    };
    let plain = |text: &str| (Style::new(), sanitize::cell(text).into_owned());
    let mut row = vec![plain(name), (style, word.to_owned()), plain(text)];
    // Nothing stands behind the last cell, nor for it.
    row.retain(|(_, text)| !text.is_empty());
    row
}

/// What is hidden of those things that are taken from there.
fn hidden(it: &ControlPlane, name: &str, is_meant: impl Fn(&Unreachable) -> bool) -> Rows {
    let hidden = it.not_visible.iter().filter(|hidden| is_meant(hidden));
    hidden.map(|hidden| row(name, Word::Plain("not visible"), &hidden.message)).collect()
}

fn checks(it: &ControlPlane) -> Rows {
    let mut rows: Rows = it.endpoints.iter().map(endpoint).collect();
    for (path, name) in [("/livez", "livez"), ("/readyz", "readyz")] {
        rows.extend(hidden(it, name, |hidden| hidden.kind == path));
    }
    // That the API server reaches its store is a check of several names.
    let of_etcd = |endpoint: &HealthEndpoint| {
        let checks = endpoint.checks.iter().filter(|check| check.name.starts_with("etcd"));
        let told = checks.map(|check| (format!("{}/{}", endpoint.name, check.name), check.passed));
        told.collect::<Vec<_>>()
    };
    let of_etcd: Vec<_> = it.endpoints.iter().flat_map(of_etcd).collect();
    if !of_etcd.is_empty() {
        let is_well = of_etcd.iter().all(|(_, passed)| *passed);
        let said = |(name, passed): &(String, bool)| format!("{name} {}", if *passed { "ok" } else { "failed" });
        let said = of_etcd.iter().map(said).collect::<Vec<_>>().join(", ");
        rows.push(row("etcd", if is_well { Word::Well("ok") } else { Word::Wrong("failed") }, &said));
    }
    rows
}

fn endpoint(it: &HealthEndpoint) -> Vec<Cell> {
    let count = match it.checks.len() {
        0 => String::new(),
        1 => "1 check".to_owned(),
        number => format!("{number} checks"),
    };
    let failing = failing(it);
    match (it.passed, &failing[..]) {
        (true, _) => row(&it.name, Word::Well("ok"), &count),
        (false, []) => row(&it.name, Word::Wrong("failed"), &it.message),
        (false, some) => {
            let text = format!("{} of {count}: {}", some.len(), some.join(", "));
            row(&it.name, Word::Wrong("failed"), &text)
        }
    }
}

fn leaders(it: &ControlPlane) -> Rows {
    let mut rows: Rows = it.leases.iter().map(|lease| leader(it, lease)).collect();
    for lease in it.not_visible.iter().filter_map(|hidden| hidden.kind.strip_prefix("leases.coordination.k8s.io/")) {
        rows.extend(hidden(it, lease, |hidden| hidden.kind.ends_with(&format!("/{lease}"))));
    }
    rows
}

fn leader(it: &ControlPlane, lease: &LeaderLease) -> Vec<Cell> {
    if !lease.found {
        let text = format!("there is no such lease in {}: it elects nobody, or runs elsewhere", lease.namespace);
        return row(&lease.name, Word::Plain("none"), &text);
    }
    let word = match (is_led(lease), lease.holder.is_empty()) {
        (true, _) => Word::Well("held"),
        (false, true) => Word::Wrong("free"),
        (false, false) => Word::Wrong("expired"),
    };
    let ago = |time: &Option<prost_types::Timestamp>| words::age(time.as_ref(), it.observed_at.as_ref());
    let mut said = Vec::new();
    if !lease.holder.is_empty() {
        said.push(format!("by {}", lease.holder));
    }
    if lease.renewed_at.is_some() {
        said.push(format!("renewed {} ago", ago(&lease.renewed_at)));
    }
    if let Some(lasts) = time(lease.lasts) {
        said.push(format!("for {}", duration::show(lasts)));
    }
    if lease.acquired_at.is_some() {
        said.push(format!("acquired {} ago", ago(&lease.acquired_at)));
    }
    said.push(match lease.transitions {
        1 => "1 transition".to_owned(),
        number => format!("{number} transitions"),
    });
    row(&lease.name, word, &said.join(", "))
}

fn versions(it: &ControlPlane) -> Rows {
    let mut rows = hidden(it, "kube-apiserver", |hidden| hidden.kind == "/version");
    if !it.version.is_empty() {
        rows.push(vec![plain("kube-apiserver"), plain(&it.version)]);
    }
    rows.extend(it.kubelets.iter().map(kubelets));
    rows.extend(hidden(it, "kubelet", |hidden| hidden.kind == "nodes"));
    rows
}

fn kubelets(it: &KubeletVersion) -> Vec<Cell> {
    let nodes = if it.nodes == 1 { "1 node".to_owned() } else { format!("{} nodes", it.nodes) };
    let skew = match it.skew() {
        VersionSkew::Supported | VersionSkew::Unspecified => "",
        VersionSkew::TooOld => "too old for the API server",
        VersionSkew::TooNew => "newer than the API server, which is not supported",
    };
    let more = usize::try_from(it.nodes).is_ok_and(|nodes| nodes > it.examples.len());
    let examples = format!("{}{}", it.examples.join(", "), if more { ", ..." } else { "" });
    let said = if skew.is_empty() { nodes } else { format!("{nodes}: {skew}: {examples}") };
    let version = if it.version.is_empty() { "not reported" } else { &it.version };
    let style = if skew.is_empty() { Style::new() } else { Style::new().fg_color(Some(AnsiColor::Yellow.into())) };
    let (_, version) = plain(version);
    vec![plain("kubelet"), (style, version), plain(&said)]
}

fn latencies(it: &ControlPlane) -> Rows {
    let latency = |it: &daymark::api::RequestLatency| vec![plain(&it.request), plain(&shown(it.duration))];
    match &it.latencies[..] {
        [] => vec![vec![plain("none is visible")]],
        some => some.iter().map(latency).collect(),
    }
}

fn etcd(it: &ControlPlane) -> Rows {
    let Some(etcd) = &it.etcd else { return without_metrics(it) };
    let size = |size: &EtcdSize| format!("{} ({})", words::bytes(size.bytes), size.server);
    let mut rows: Rows = etcd.sizes.iter().map(|it| vec![plain("size"), plain(&size(it))]).collect();
    let recent = time(etcd.recent).map(duration::show).unwrap_or_default();
    rows.extend(etcd.operations.iter().map(|operation| latency_of(operation, &recent)));
    if rows.is_empty() {
        rows.push(vec![plain("the API server's metrics have no data on etcd")]);
    }
    rows
}

/// `get   p50 1.2ms, p99 24ms of 120 in the last 15s; p50 1.1ms, p99 20ms of 12345 since the start`
fn latency_of(it: &EtcdOperation, recent: &str) -> Vec<Cell> {
    let said = |it: &LatencyQuantiles| match it.p50 {
        None => "none".to_owned(),
        Some(_) => format!("p50 {}, p99 {} of {}", shown(it.p50), shown(it.p99), it.count),
    };
    let all = it.since_start.as_ref().map_or_else(String::new, |all| format!("{} since the start", said(all)));
    let recent = it.recent.as_ref().map(|it| format!("{} in the last {recent}", said(it)));
    let text = [Some(all), recent].into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    vec![plain(&it.operation), plain(&text.join("; "))]
}

fn deprecated(it: &ControlPlane) -> Rows {
    if it.etcd.is_none() {
        return without_metrics(it);
    }
    match &it.deprecated_apis[..] {
        [] => vec![vec![plain("none")]],
        some => some.iter().map(api).collect(),
    }
}

/// `horizontalpodautoscalers   autoscaling/v2beta2   removed in 1.26`
fn api(it: &DeprecatedApi) -> Vec<Cell> {
    let resource = match &*it.subresource {
        "" => it.resource.clone(),
        subresource => format!("{}/{subresource}", it.resource),
    };
    let version = if it.group.is_empty() { it.version.clone() } else { format!("{}/{}", it.group, it.version) };
    let mut row = vec![plain(&resource), plain(&version)];
    if !it.removed_release.is_empty() {
        row.push(plain(&format!("removed in {}", it.removed_release)));
    }
    row
}

fn without_metrics(it: &ControlPlane) -> Rows {
    hidden(it, "/metrics", |hidden| hidden.kind == "/metrics")
}

fn plain(text: &str) -> Cell {
    (Style::new(), sanitize::cell(text).into_owned())
}

fn time(duration: Option<prost_types::Duration>) -> Option<Duration> {
    duration.and_then(|duration| duration.try_into().ok())
}

/// `0.8ms`, `24ms`, `1.2s`
fn shown(duration: Option<prost_types::Duration>) -> String {
    match time(duration) {
        None => "-".to_owned(),
        Some(short) if short < Duration::from_millis(10) => format!("{:.1}ms", short.as_secs_f64() * 1000.0),
        Some(long) => duration::show(long),
    }
}

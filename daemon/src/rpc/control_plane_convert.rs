//! A control plane as it goes over the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use daymark_proto::v1;
use jiff::Timestamp;

use super::convert::{duration, timestamp};
use crate::control_plane::checks::{Check, Endpoint};
use crate::control_plane::leader::Leader;
use crate::control_plane::metrics::Deprecated;
use crate::control_plane::skew::{Skew, skew};
use crate::control_plane::{Histogram, Kubelets, Latency, Measured, Subject};

/// What one place says: `/livez` is `livez`.
pub(super) fn endpoint(subject: Subject, it: &Endpoint) -> v1::HealthEndpoint {
    let check = |it: &Check| v1::HealthCheck { name: it.name.clone(), passed: it.passed, message: it.message.clone() };
    v1::HealthEndpoint {
        name: subject.object().trim_start_matches('/').to_owned(),
        passed: it.passed,
        checks: it.checks.iter().map(check).collect(),
        message: it.message.clone(),
    }
}

/// Who leads, if there is such a lease.
pub(super) fn lease(subject: Subject, it: Option<&Leader>, now: Timestamp) -> v1::LeaderLease {
    let told = v1::LeaderLease {
        name: subject.object().to_owned(),
        namespace: subject.namespace().to_owned(),
        ..v1::LeaderLease::default()
    };
    let Some(it) = it else { return told };
    v1::LeaderLease {
        found: true,
        holder: it.holder.clone(),
        acquired_at: it.acquired.map(timestamp),
        renewed_at: it.renewed.map(timestamp),
        lasts: it.lasts.map(|lasts| duration(lasts.try_into().unwrap_or_default())),
        transitions: it.transitions,
        expired: it.has_expired(now),
        ..told
    }
}

/// Kubelets of one version, beside an API server of that version, if it is known.
pub(super) fn kubelets(it: &Kubelets, api_server: &str) -> v1::KubeletVersion {
    let skew = match skew(api_server, &it.version) {
        Skew::Unknown => v1::VersionSkew::Unspecified,
        Skew::Supported => v1::VersionSkew::Supported,
        Skew::TooOld => v1::VersionSkew::TooOld,
        Skew::TooNew => v1::VersionSkew::TooNew,
    };
    v1::KubeletVersion {
        version: it.version.to_string(),
        nodes: i32::try_from(it.nodes).unwrap_or(i32::MAX),
        examples: it.examples.iter().map(ToString::to_string).collect(),
        skew: skew.into(),
    }
}

/// How long one answer took.
pub(super) fn latency(it: &Latency) -> v1::RequestLatency {
    v1::RequestLatency { request: it.subject.request(), duration: Some(duration(it.took)) }
}

/// What metrics tell of etcd.
pub(super) fn etcd(it: &Measured) -> v1::EtcdMetrics {
    let size = |(server, bytes): (&String, &u64)| v1::EtcdSize {
        server: server.clone(),
        bytes: i64::try_from(*bytes).unwrap_or(i64::MAX),
    };
    let none = BTreeMap::new();
    let recent = it.recent.as_ref().map_or(&none, |recent| &recent.operations);
    let operation = |(operation, all): (&String, &Histogram)| v1::EtcdOperation {
        operation: operation.clone(),
        since_start: Some(quantiles(all)),
        recent: recent.get(operation).map(quantiles),
    };
    v1::EtcdMetrics {
        sizes: it.metrics.sizes.iter().map(size).collect(),
        operations: it.metrics.operations.iter().map(operation).collect(),
        recent: it.recent.as_ref().map(|recent| duration(recent.over)),
    }
}

/// When an API server has started that says so in seconds since 1970.
pub(super) fn started(it: &Measured) -> Option<prost_types::Timestamp> {
    let seconds = it.metrics.started.filter(|seconds| *seconds >= 0.0)?;
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since).ok().map(timestamp)
}

/// An API that will be removed.
pub(super) fn deprecated(it: &Deprecated) -> v1::DeprecatedApi {
    v1::DeprecatedApi {
        group: it.group.clone(),
        version: it.version.clone(),
        resource: it.resource.clone(),
        subresource: it.subresource.clone(),
        removed_release: it.removed_release.clone(),
    }
}

fn quantiles(it: &Histogram) -> v1::LatencyQuantiles {
    let at = |of_all| {
        let seconds = it.quantile(of_all)?;
        Duration::try_from_secs_f64(seconds).ok().map(duration)
    };
    v1::LatencyQuantiles { count: i64::try_from(it.count()).unwrap_or(i64::MAX), p50: at(0.5), p99: at(0.99) }
}

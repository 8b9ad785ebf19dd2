//! A control plane as JSON: the shape that docs/cli-contract.md promises.

use std::time::Duration;

use daymark::api::{
    ControlPlane, ControlPlaneHealth, DeprecatedApi, EtcdMetrics, HealthCheck, HealthEndpoint, KubeletVersion,
    LatencyQuantiles, LeaderLease, VersionSkew,
};
use serde::Serialize;

use crate::status_json::{UnreachableJson, time};

/// A control plane.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneJson<'a> {
    cluster: &'a str,
    health: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    unreachable: &'a str,
    observed_at: Option<String>,
    endpoints: Vec<EndpointJson<'a>>,
    leases: Vec<LeaseJson<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    kubelets: Vec<KubeletsJson<'a>>,
    latencies: Vec<LatencyJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etcd: Option<EtcdJson<'a>>,
    deprecated_apis: Vec<ApiJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_since: Option<String>,
    not_visible: Vec<UnreachableJson<'a>>,
}

#[derive(Debug, Serialize)]
struct EndpointJson<'a> {
    name: &'a str,
    passed: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    checks: Vec<CheckJson<'a>>,
}

#[derive(Debug, Serialize)]
struct CheckJson<'a> {
    name: &'a str,
    passed: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LeaseJson<'a> {
    name: &'a str,
    namespace: &'a str,
    found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<HeldJson<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldJson<'a> {
    holder: &'a str,
    acquired_at: Option<String>,
    renewed_at: Option<String>,
    seconds: Option<f64>,
    transitions: i64,
    expired: bool,
}

#[derive(Debug, Serialize)]
struct KubeletsJson<'a> {
    version: &'a str,
    nodes: i32,
    examples: &'a [String],
    skew: &'static str,
}

#[derive(Debug, Serialize)]
struct LatencyJson<'a> {
    request: &'a str,
    seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EtcdJson<'a> {
    sizes: Vec<SizeJson<'a>>,
    operations: Vec<OperationJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recent_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct SizeJson<'a> {
    server: &'a str,
    bytes: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OperationJson<'a> {
    operation: &'a str,
    since_start: Option<QuantilesJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recent: Option<QuantilesJson>,
}

#[derive(Debug, Serialize)]
struct QuantilesJson {
    count: i64,
    p50: Option<f64>,
    p99: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiJson<'a> {
    group: &'a str,
    version: &'a str,
    resource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    removed_release: &'a str,
}

impl<'a> From<&'a ControlPlane> for ControlPlaneJson<'a> {
    fn from(it: &'a ControlPlane) -> Self {
        let health = match it.health() {
            ControlPlaneHealth::Unspecified => "unknown",
            ControlPlaneHealth::Healthy => "healthy",
            ControlPlaneHealth::Unhealthy => "unhealthy",
            ControlPlaneHealth::Unreachable => "unreachable",
        };
        Self {
            cluster: &it.cluster,
            health,
            unreachable: &it.unreachable,
            observed_at: it.observed_at.as_ref().and_then(time),
            endpoints: it.endpoints.iter().map(endpoint).collect(),
            leases: it.leases.iter().map(lease).collect(),
            version: &it.version,
            kubelets: it.kubelets.iter().map(kubelets).collect(),
            latencies: it
                .latencies
                .iter()
                .map(|it| LatencyJson { request: &it.request, seconds: seconds(it.duration) })
                .collect(),
            etcd: it.etcd.as_ref().map(etcd),
            deprecated_apis: it.deprecated_apis.iter().map(api).collect(),
            metrics_since: it.metrics_since.as_ref().and_then(time),
            not_visible: it.not_visible.iter().map(UnreachableJson::from).collect(),
        }
    }
}

fn endpoint(it: &HealthEndpoint) -> EndpointJson<'_> {
    EndpointJson {
        name: &it.name,
        passed: it.passed,
        message: &it.message,
        checks: it.checks.iter().map(check).collect(),
    }
}

fn check(it: &HealthCheck) -> CheckJson<'_> {
    CheckJson { name: &it.name, passed: it.passed, message: &it.message }
}

fn lease(it: &LeaderLease) -> LeaseJson<'_> {
    let held = HeldJson {
        holder: &it.holder,
        acquired_at: it.acquired_at.as_ref().and_then(time),
        renewed_at: it.renewed_at.as_ref().and_then(time),
        seconds: seconds(it.lasts),
        transitions: it.transitions,
        expired: it.expired,
    };
    LeaseJson { name: &it.name, namespace: &it.namespace, found: it.found, held: it.found.then_some(held) }
}

fn kubelets(it: &KubeletVersion) -> KubeletsJson<'_> {
    let skew = match it.skew() {
        VersionSkew::Unspecified => "unknown",
        VersionSkew::Supported => "supported",
        VersionSkew::TooOld => "tooOld",
        VersionSkew::TooNew => "tooNew",
    };
    KubeletsJson { version: &it.version, nodes: it.nodes, examples: &it.examples, skew }
}

fn etcd(it: &EtcdMetrics) -> EtcdJson<'_> {
    EtcdJson {
        sizes: it.sizes.iter().map(|it| SizeJson { server: &it.server, bytes: it.bytes }).collect(),
        operations: it
            .operations
            .iter()
            .map(|it| OperationJson {
                operation: &it.operation,
                since_start: it.since_start.as_ref().map(quantiles),
                recent: it.recent.as_ref().map(quantiles),
            })
            .collect(),
        recent_seconds: seconds(it.recent),
    }
}

fn quantiles(it: &LatencyQuantiles) -> QuantilesJson {
    QuantilesJson { count: it.count, p50: seconds(it.p50), p99: seconds(it.p99) }
}

fn api(it: &DeprecatedApi) -> ApiJson<'_> {
    ApiJson {
        group: &it.group,
        version: &it.version,
        resource: &it.resource,
        subresource: &it.subresource,
        removed_release: &it.removed_release,
    }
}

/// To a microsecond.
fn seconds(duration: Option<prost_types::Duration>) -> Option<f64> {
    let duration: Duration = duration?.try_into().ok()?;
    Some((duration.as_secs_f64() * 1e6).round() / 1e6)
}

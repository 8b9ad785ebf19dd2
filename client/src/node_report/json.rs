//! Nodes as JSON: the shape that docs/cli-contract.md promises.

use daymark::api::{
    NodeCertificateRequest, NodePart, NodePartResult, NodeReport, NodeResource, NodeVersions, StaticPod,
};
use serde::Serialize;

use crate::status_json::{StatusJson, time};

/// A node.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusJson<'a>>,
    usable: bool,
    parts: Vec<PartJson<'a>>,
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<VersionsJson<'a>>,
    taints: &'a [String],
    resources: Vec<ResourceJson<'a>>,
    static_pods: Vec<StaticPodJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_renew_time: Option<String>,
    certificate_requests: Vec<RequestJson<'a>>,
}

#[derive(Debug, Serialize)]
struct PartJson<'a> {
    name: &'a str,
    result: &'static str,
    message: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionsJson<'a> {
    kubelet: &'a str,
    container_runtime: &'a str,
    kernel: &'a str,
    os_image: &'a str,
    operating_system: &'a str,
    architecture: &'a str,
}

#[derive(Debug, Serialize)]
struct ResourceJson<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    allocatable: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    requested: &'a str,
}

#[derive(Debug, Serialize)]
struct StaticPodJson<'a> {
    namespace: &'a str,
    name: &'a str,
    ready: bool,
}

/// A kubelet's request for a certificate.
#[derive(Debug, Serialize)]
pub struct RequestJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusJson<'a>>,
    signer: &'a str,
    username: &'a str,
    node: &'a str,
}

impl<'a> From<&'a NodeReport> for NodeJson<'a> {
    fn from(it: &'a NodeReport) -> Self {
        Self {
            status: it.status.as_ref().map(StatusJson::from),
            usable: it.usable,
            parts: it.parts.iter().map(PartJson::from).collect(),
            roles: &it.roles,
            versions: it.versions.as_ref().map(VersionsJson::from),
            taints: &it.taints,
            resources: it.resources.iter().map(ResourceJson::from).collect(),
            static_pods: it.static_pods.iter().map(StaticPodJson::from).collect(),
            lease_renew_time: it.lease_renew_time.as_ref().and_then(time),
            certificate_requests: it.certificate_requests.iter().map(RequestJson::from).collect(),
        }
    }
}

impl<'a> From<&'a NodePart> for PartJson<'a> {
    fn from(it: &'a NodePart) -> Self {
        let result = match it.result() {
            NodePartResult::Ok => "ok",
            NodePartResult::Missing => "missing",
            NodePartResult::NotVisible | NodePartResult::Unspecified => "notVisible",
        };
        Self { name: &it.name, result, message: &it.message }
    }
}

impl<'a> From<&'a NodeVersions> for VersionsJson<'a> {
    fn from(it: &'a NodeVersions) -> Self {
        Self {
            kubelet: &it.kubelet,
            container_runtime: &it.container_runtime,
            kernel: &it.kernel,
            os_image: &it.os_image,
            operating_system: &it.operating_system,
            architecture: &it.architecture,
        }
    }
}

impl<'a> From<&'a NodeResource> for ResourceJson<'a> {
    fn from(it: &'a NodeResource) -> Self {
        Self { name: &it.name, allocatable: &it.allocatable, requested: &it.requested }
    }
}

impl<'a> From<&'a StaticPod> for StaticPodJson<'a> {
    fn from(it: &'a StaticPod) -> Self {
        Self { namespace: &it.namespace, name: &it.name, ready: it.ready }
    }
}

impl<'a> From<&'a NodeCertificateRequest> for RequestJson<'a> {
    fn from(it: &'a NodeCertificateRequest) -> Self {
        let status = it.status.as_ref().map(StatusJson::from);
        Self { status, signer: &it.signer, username: &it.username, node: &it.node }
    }
}

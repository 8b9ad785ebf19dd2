//! From what is found of nodes to the API's messages. The cluster's own text is redacted here.

use daymark_proto::v1::{
    self, NodeCertificateRequest, NodePart, NodePartResult, NodeReport, NodeResource, NodeVersions, StaticPod,
};

use super::Served;
use super::convert::{View, timestamp};
use super::diagnosis_gather::json;
use crate::diagnose::fields::{brief, text};
use crate::kind::Kind;
use crate::node::{self, Finding, Known, Part, PartName, Report, Resource, SIGNERS, Versions};
use crate::record::Record;

/// Static pods and taints that are told of a node.
const MOST: usize = 50;

impl Served {
    /// What is told of a node.
    pub(super) fn node_report(
        &self,
        status: v1::Status,
        known: &Known<'_>,
        report: &Report,
        required: &[PartName],
    ) -> NodeReport {
        let static_pods = known.pods.pods.iter().filter(|pod| pod.is_static).take(MOST).map(|pod| StaticPod {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            ready: pod.is_ready,
        });
        NodeReport {
            status: Some(status),
            usable: report.is_usable(required),
            parts: report.parts.iter().map(|part| self.node_part(part)).collect(),
            roles: node::roles(known.node).into_iter().take(MOST).collect(),
            versions: Some(versions(Versions::of(known.node))),
            taints: node::taints(known.node).into_iter().take(MOST).collect(),
            resources: node::resources(known.node, known.pods).iter().map(resource).collect(),
            static_pods: static_pods.collect(),
            lease_renew_time: known.lease.renewed().map(timestamp),
            certificate_requests: Vec::new(),
        }
    }

    /// What is told of a node that there is not, or that cannot be read.
    pub(super) fn bare_node(&self, status: v1::Status, report: &Report) -> NodeReport {
        let parts = report.parts.iter().map(|part| self.node_part(part)).collect();
        NodeReport { status: Some(status), parts, ..NodeReport::default() }
    }

    fn node_part(&self, part: &Part) -> NodePart {
        let result = match part.finding {
            Finding::Ok => NodePartResult::Ok,
            Finding::Missing => NodePartResult::Missing,
            Finding::NotVisible => NodePartResult::NotVisible,
        };
        NodePart {
            name: part.name.as_str().to_owned(),
            result: result.into(),
            message: self.redaction.of(&part.message),
        }
    }

    /// What is told of a request for a certificate, if a kubelet makes it.
    pub(super) fn certificate_request(&self, kind: &Kind, record: &Record) -> Option<NodeCertificateRequest> {
        let request = json(record)?;
        let signer = text(&request, "/spec/signerName");
        if !SIGNERS.contains(&signer) {
            return None;
        }
        let mut status = self.status(kind, record, View::Basic).ok()?;
        status.message = self.redaction.of(&status.message);
        Some(NodeCertificateRequest {
            status: Some(status),
            signer: signer.to_owned(),
            username: brief(text(&request, "/spec/username")),
            node: node::asked_for(&request),
        })
    }
}

fn versions(it: Versions) -> NodeVersions {
    let Versions { kubelet, container_runtime, kernel, os_image, operating_system, architecture } = it;
    NodeVersions { kubelet, container_runtime, kernel, os_image, operating_system, architecture }
}

fn resource(it: &Resource) -> NodeResource {
    let spoken = |quantity: Option<_>| quantity.map(|it_is| it.spoken(it_is)).unwrap_or_default();
    NodeResource { name: it.name.to_owned(), allocatable: spoken(it.allocatable), requested: spoken(it.requested) }
}

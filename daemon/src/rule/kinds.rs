//! Which kinds have a rule, and what is read of their objects.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Error;

use super::custom::{Custom, CustomRule};
use super::plain::Plain;
use super::{
    Facts, admission, autoscaling, certificate, claim, conventions, cron_job, daemon_set, deployment, disruption,
    endpoint_slice, event, extension, gateway, ingress, job, lease, namespace, node, pod, quota, replica_set, service,
    stateful_set, storage,
};
use crate::body::{Cuts, Span};
use crate::object::{Metadata, Object};

/// What is read of an object: what was asked for, and what is.
#[derive(Debug, Default)]
pub(super) struct Facet<Spec, Status> {
    pub(super) spec: Spec,
    pub(super) status: Status,
}

/// An object that was read, and where its JSON has what its body does not.
pub type Read = (Object, Cuts);

/// Reads the object of one kind that a text begins with; how long it is there, too.
type Reader = fn(&str) -> Result<(Read, usize), Error>;

/// Kinds whose objects are as they should be by being there.
const PLAIN: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Binding",
            "ComponentStatus",
            "ConfigMap",
            "Endpoints",
            "LimitRange",
            "PodTemplate",
            "Secret",
            "ServiceAccount",
        ],
    ),
    (
        "admissionregistration.k8s.io",
        &["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding"],
    ),
    ("apps", &["ControllerRevision"]),
    ("certificates.k8s.io", &["ClusterTrustBundle"]),
    ("coordination.k8s.io", &["LeaseCandidate"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("gateway.networking.k8s.io", &["ReferenceGrant"]),
    ("networking.k8s.io", &["IPAddress", "IngressClass", "NetworkPolicy"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("resource.k8s.io", &["DeviceClass", "ResourceClaimTemplate", "ResourceSlice"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("storage.k8s.io", &["CSIDriver", "CSINode", "CSIStorageCapacity", "VolumeAttributesClass"]),
];

/// Kinds whose status no controller writes by default, or only one that is no sign of health.
const SILENT: &[(&str, &[&str])] = &[
    ("autoscaling.k8s.io", &["VerticalPodAutoscaler"]),
    ("extensions.istio.io", &["WasmPlugin"]),
    (
        "monitoring.coreos.com",
        &["AlertmanagerConfig", "PodMonitor", "Probe", "PrometheusRule", "ScrapeConfig", "ServiceMonitor"],
    ),
    (
        "networking.istio.io",
        &[
            "DestinationRule",
            "EnvoyFilter",
            "Gateway",
            "ProxyConfig",
            "ServiceEntry",
            "Sidecar",
            "VirtualService",
            "WorkloadEntry",
            "WorkloadGroup",
        ],
    ),
    ("security.istio.io", &["AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"]),
    ("telemetry.istio.io", &["Telemetry"]),
];

/// Of which kind objects are, and how these are judged: by `custom` if there is such a rule, else by
/// the one that is built in, else by the conventions.
#[derive(Clone, Copy, Debug)]
pub struct ReadAs<'a> {
    /// The kind's group.
    pub group: &'a str,
    /// The kind, such as `Deployment`.
    pub kind: &'a str,
    /// Whether a controller is to write their status: see [`Kind`](crate::kind::Kind).
    pub has_status: bool,
    /// The rule that is not built in.
    pub custom: Option<&'a Arc<dyn CustomRule>>,
}

/// Reads an object of that kind.
///
/// # Errors
/// If it is not JSON, or a field that the rule reads is not of its type.
pub fn read(json: &[u8], as_what: ReadAs<'_>) -> Result<Read, Error> {
    // As text: it is looked at as a whole once, and not each of its strings by itself.
    let text = std::str::from_utf8(json)
        .map_err(|error| <Error as serde::de::Error>::custom(format!("it is not UTF-8: {error}")))?;
    let (read, length) = read_first(text, as_what)?;
    match text.get(length..).map(str::trim_ascii) {
        Some("") => Ok(read),
        _ => Err(serde::de::Error::custom(format!("something stands behind it, at byte {length}"))),
    }
}

/// As [`read`], of the object that `text` begins with; how many bytes it takes up there, too.
///
/// # Errors
/// As of [`read`].
pub fn read_first(text: &str, as_what: ReadAs<'_>) -> Result<(Read, usize), Error> {
    match (as_what.custom, reader(as_what.group, as_what.kind)) {
        (Some(rule), _) => by_custom_rule(text, rule),
        (None, Some(read)) => read(text),
        (None, None) => {
            let has_status = as_what.has_status;
            whole_with(text, |facts: conventions::Conventional| facts.of_kind_with_status(has_status))
        }
    }
}

/// Whether objects of that kind are as they should be by being there.
#[must_use]
pub fn is_plain(group: &str, kind: &str) -> bool {
    PLAIN.iter().chain(SILENT).any(|(g, kinds)| *g == group && kinds.contains(&kind))
}

fn reader(group: &str, kind: &str) -> Option<Reader> {
    let reader: Reader = match (group, kind) {
        ("", "Event") | ("events.k8s.io", "Event") => whole::<event::Event>,
        ("", "Namespace") => facet::<_, namespace::Status>,
        ("", "Node") => facet::<node::Spec, node::Status>,
        ("", "PersistentVolume") => facet::<storage::VolumeSpec, storage::VolumeStatus>,
        ("", "PersistentVolumeClaim") => facet::<storage::ClaimSpec, storage::ClaimStatus>,
        ("", "Pod") => facet::<pod::Spec, pod::Status>,
        ("", "ReplicationController") => facet::<replica_set::Spec, replica_set::Status>,
        ("", "ResourceQuota") => facet::<quota::Spec, quota::Status>,
        ("", "Service") => facet::<service::Spec, service::Status>,
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => {
            whole::<admission::Webhooks>
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => facet::<IgnoredAny, admission::PolicyStatus>,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            facet::<extension::DefinitionSpec, extension::DefinitionStatus>
        }
        ("apiregistration.k8s.io", "APIService") => facet::<_, extension::ApiServiceStatus>,
        ("apps", "DaemonSet") => facet::<daemon_set::Spec, daemon_set::Status>,
        ("apps", "Deployment") => facet::<deployment::Spec, deployment::Status>,
        ("apps", "ReplicaSet") => facet::<replica_set::Spec, replica_set::Status>,
        ("apps", "StatefulSet") => facet::<stateful_set::Spec, stateful_set::Status>,
        ("autoscaling", "HorizontalPodAutoscaler") => facet::<_, autoscaling::Status>,
        ("batch", "CronJob") => facet::<cron_job::Spec, cron_job::Status>,
        ("batch", "Job") => facet::<job::Spec, job::Status>,
        ("certificates.k8s.io", "CertificateSigningRequest") => facet::<_, certificate::Status>,
        ("coordination.k8s.io", "Lease") => facet::<lease::Spec, _>,
        ("discovery.k8s.io", "EndpointSlice") => whole::<endpoint_slice::EndpointSlice>,
        ("gateway.networking.k8s.io", "Gateway") => facet::<_, gateway::GatewayStatus>,
        ("gateway.networking.k8s.io", "GatewayClass") => facet::<_, gateway::ClassStatus>,
        ("gateway.networking.k8s.io", "GRPCRoute" | "HTTPRoute" | "TCPRoute" | "TLSRoute" | "UDPRoute") => {
            facet::<gateway::RouteSpec, gateway::RouteStatus>
        }
        ("networking.k8s.io", "Ingress") => facet::<_, ingress::Status>,
        ("policy", "PodDisruptionBudget") => facet::<_, disruption::Status>,
        ("resource.k8s.io", "ResourceClaim") => facet::<_, claim::Status>,
        ("storage.k8s.io", "StorageClass") => whole::<storage::StorageClass>,
        ("storage.k8s.io", "VolumeAttachment") => facet::<_, storage::AttachmentStatus>,
        _ if is_plain(group, kind) => whole::<Plain>,
        _ => return None,
    };
    Some(reader)
}

/// The members of an object's JSON that are there for all kinds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(bound(deserialize = "Spec: DeserializeOwned + Default, Status: DeserializeOwned + Default"))]
struct Document<Spec, Status> {
    #[serde(default, deserialize_with = "crate::body::there")]
    api_version: Option<Span>,
    #[serde(default, deserialize_with = "crate::body::there")]
    kind: Option<Span>,
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

/// `spec` and `status`, in one pass.
fn facet<Spec, Status>(text: &str) -> Result<(Read, usize), Error>
where
    Spec: DeserializeOwned + Default,
    Status: DeserializeOwned + Default,
    Facet<Spec, Status>: Facts + 'static,
{
    let (Document { api_version, kind, metadata, spec, status }, length) = first(text)?;
    let cuts = Cuts { api_version, kind, managed_fields: metadata.managed_fields };
    Ok(((Object { metadata, facts: Box::new(Facet { spec, status }) }, cuts), length))
}

/// Members of the object itself, in a second pass.
fn whole<F: DeserializeOwned + Facts + 'static>(text: &str) -> Result<(Read, usize), Error> {
    whole_with(text, |facts: F| facts)
}

/// The same, with what is known of the kind.
fn whole_with<F: DeserializeOwned + Facts + 'static>(
    text: &str,
    complete: impl FnOnce(F) -> F,
) -> Result<(Read, usize), Error> {
    let (metadata, cuts, length) = metadata(text)?;
    let (facts, _) = first(text)?;
    Ok(((Object { metadata, facts: Box::new(complete(facts)) }, cuts), length))
}

fn by_custom_rule(text: &str, rule: &Arc<dyn CustomRule>) -> Result<(Read, usize), Error> {
    let (metadata, cuts, length) = metadata(text)?;
    let (conventional, _) = first(text)?;
    let json = text.get(..length).unwrap_or(text).as_bytes();
    let says_what_is_observed = rule.says_what_is_observed();
    let custom = Custom { conventional, says_what_is_observed, judgement: rule.judge(json) };
    Ok(((Object { metadata, facts: Box::new(custom) }, cuts), length))
}

fn metadata(text: &str) -> Result<(Metadata, Cuts, usize), Error> {
    let (Document { api_version, kind, metadata, .. }, length) = first::<Document<IgnoredAny, IgnoredAny>>(text)?;
    let cuts = Cuts { api_version, kind, managed_fields: metadata.managed_fields };
    Ok((metadata, cuts, length))
}

/// The value that a text begins with, and how many bytes it takes up.
fn first<T: DeserializeOwned>(text: &str) -> Result<(T, usize), Error> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    match values.next() {
        Some(value) => Ok((value?, values.byte_offset())),
        None => Err(serde::de::Error::custom("it is empty")),
    }
}

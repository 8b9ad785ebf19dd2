//! What is read of Services, EndpointSlices and Pods.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// `null` counts as nothing.
fn none_for_null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `core/v1`, `Service`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Service {
    pub(super) spec: ServiceSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ServiceSpec {
    r#type: String,
    external_name: String,
    #[serde(deserialize_with = "none_for_null")]
    selector: BTreeMap<String, String>,
    #[serde(deserialize_with = "none_for_null")]
    pub(super) ports: Vec<ServicePort>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ServicePort {
    pub(super) name: String,
    pub(super) port: u16,
    target_port: Option<TargetPort>,
    pub(super) protocol: String,
}

/// A number or a name (`IntOrString`).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TargetPort {
    Number(u16),
    Name(String),
}

impl Service {
    pub(super) fn read(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    pub(super) fn alias(&self) -> Option<&str> {
        (self.spec.r#type == "ExternalName").then_some(&*self.spec.external_name)
    }

    pub(super) fn has_selector(&self) -> bool {
        !self.spec.selector.is_empty()
    }
}

impl ServicePort {
    /// The pods' port, where that is another one.
    pub(super) fn target(&self) -> String {
        match &self.target_port {
            None => String::new(),
            Some(TargetPort::Number(number)) if *number == self.port || *number == 0 => String::new(),
            Some(TargetPort::Number(number)) => number.to_string(),
            Some(TargetPort::Name(name)) => name.clone(),
        }
    }

    /// `80 (http)`
    pub(super) fn told(&self) -> String {
        if self.name.is_empty() { self.port.to_string() } else { format!("{} ({})", self.port, self.name) }
    }
}

/// `discovery.k8s.io/v1`, `EndpointSlice`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Slice {
    #[serde(deserialize_with = "none_for_null")]
    ports: Vec<SlicePort>,
    #[serde(deserialize_with = "none_for_null")]
    pub(super) endpoints: Vec<SliceEndpoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SlicePort {
    name: Option<String>,
    port: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SliceEndpoint {
    #[serde(deserialize_with = "none_for_null")]
    conditions: Conditions,
    target_ref: Option<TargetRef>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TargetRef {
    kind: String,
    name: String,
}

impl Slice {
    pub(super) fn read(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// The number of the port of that name.
    pub(super) fn number(&self, name: &str) -> Option<u16> {
        self.ports.iter().find(|port| port.name.as_deref().unwrap_or_default() == name)?.port
    }
}

impl SliceEndpoint {
    /// What is unknown counts as ready (`discovery.k8s.io/v1`, `EndpointConditions`).
    pub(super) fn is_ready(&self) -> bool {
        self.conditions.ready.unwrap_or(true)
    }

    pub(super) fn pod(&self) -> Option<&str> {
        self.target_ref.as_ref().filter(|target| target.kind == "Pod").map(|target| &*target.name)
    }
}

/// `core/v1`, `Pod`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    metadata: Metadata,
    spec: PodSpec,
    pub(super) status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    deletion_timestamp: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    #[serde(deserialize_with = "none_for_null")]
    containers: Vec<Container>,
    /// Sidecars are among them.
    #[serde(deserialize_with = "none_for_null")]
    init_containers: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    #[serde(deserialize_with = "none_for_null")]
    ports: Vec<ContainerPort>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerPort {
    name: String,
    container_port: u16,
    protocol: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodStatus {
    pub(super) phase: String,
    #[serde(deserialize_with = "none_for_null")]
    conditions: Vec<PodCondition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodCondition {
    r#type: String,
    status: String,
}

impl Pod {
    pub(super) fn read(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    pub(super) fn runs(&self) -> bool {
        self.status.phase == "Running"
    }

    pub(super) fn is_ready(&self) -> bool {
        let is_ready = |condition: &PodCondition| condition.r#type == "Ready" && condition.status == "True";
        self.runs() && self.metadata.deletion_timestamp.is_none() && self.status.conditions.iter().any(is_ready)
    }

    pub(super) fn ports(&self) -> impl Iterator<Item = &ContainerPort> {
        self.spec.containers.iter().chain(&self.spec.init_containers).flat_map(|container| &container.ports)
    }

    /// Number and protocol of the port of that name.
    pub(super) fn number(&self, name: &str) -> Option<(u16, &str)> {
        self.ports().find(|port| port.name == name).map(|port| (port.container_port, &*port.protocol))
    }
}

impl ContainerPort {
    /// `http (8080)`, or `8080`.
    pub(super) fn told(&self) -> String {
        match &*self.name {
            "" => self.container_port.to_string(),
            name => format!("{name} ({})", self.container_port),
        }
    }
}

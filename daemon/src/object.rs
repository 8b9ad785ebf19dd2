//! Objects as they are judged: their metadata, and what the rules read of the rest.

use jiff::Timestamp;
use serde::Deserialize;

use crate::record::Key;
use crate::rule::Facts;

/// What every object has. Namespace is empty for a cluster-scoped object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The namespace; empty for a cluster-scoped object.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
    /// The UID: another one is another object.
    pub uid: Box<str>,
    /// The version, comparable within a kind (KEP-5504).
    #[serde(deserialize_with = "crate::decode::resource_version")]
    pub resource_version: u64,
    /// The generation of the specification; 0 where the kind has none.
    pub generation: i64,
    /// When it was created.
    pub creation_timestamp: Option<Timestamp>,
    /// When it was asked to go, plus its grace period.
    pub deletion_timestamp: Option<Timestamp>,
    /// What keeps it from going.
    pub finalizers: Vec<Box<str>>,
    /// The labels.
    #[serde(deserialize_with = "crate::decode::labels")]
    pub labels: Labels,
    /// The owners.
    pub owner_references: Vec<OwnerReference>,
    /// Of the annotations, those that a rule reads.
    pub annotations: Option<Annotations>,
    /// Where in the JSON the managedFields are, which are never built.
    #[serde(deserialize_with = "crate::body::there")]
    pub(crate) managed_fields: Option<crate::body::Span>,
}

/// The annotations that rules read; the others are not built.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// Of a Deployment its newest revision, of a ReplicaSet the revision that it is.
    #[serde(rename = "deployment.kubernetes.io/revision")]
    pub revision: Box<str>,
    /// Of a DaemonSet, the number of its template: its pods carry it as a label.
    #[serde(rename = "deprecated.daemonset.template.generation")]
    pub template_generation: Box<str>,
    /// Of a claim, the node on which the pod that waits for it is to run.
    #[serde(rename = "volume.kubernetes.io/selected-node")]
    pub selected_node: Box<str>,
    /// Of a claim, its class, as before there was a field for it.
    #[serde(rename = "volume.beta.kubernetes.io/storage-class")]
    pub class: Box<str>,
    /// Of a StorageClass, `true` if it is for claims that name none.
    #[serde(rename = "storageclass.kubernetes.io/is-default-class")]
    pub default_class: Box<str>,
    /// Of any object, what it asks of gates: see [`crate::wishes`].
    #[serde(rename = "daymark.dev/ignore")]
    pub ignore: Box<str>,
    /// As before.
    #[serde(rename = "daymark.dev/ignore-failures")]
    pub ignore_failures: Box<str>,
    /// As before.
    #[serde(rename = "daymark.dev/stable-for")]
    pub stable_for: Box<str>,
    /// As before.
    #[serde(rename = "daymark.dev/fatal-after")]
    pub fatal_after: Box<str>,
    /// As before.
    #[serde(rename = "daymark.dev/tolerate")]
    pub tolerate: Box<str>,
    /// As before.
    #[serde(rename = "daymark.dev/tolerate-restarts")]
    pub restarts: Box<str>,
    /// As before.
    #[serde(rename = "daymark.dev/no-progress")]
    pub no_progress: Box<str>,
    /// Of a pod in quarantine, what was done to it: see [`crate::act::quarantine`].
    #[serde(rename = "daymark.dev/quarantine")]
    pub quarantine: Box<str>,
}

/// `metadata.ownerReferences[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnerReference {
    /// The owner's UID.
    pub uid: Box<str>,
    /// Its kind.
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Whether it manages the object.
    pub controller: bool,
}

/// Labels, as they come.
#[derive(Clone, Debug, Default)]
pub struct Labels(pub Vec<(Box<str>, Box<str>)>);

/// One object, decoded.
#[derive(Debug)]
pub struct Object {
    /// Its identity.
    pub metadata: Metadata,
    /// What its kind's rule reads.
    pub facts: Box<dyn Facts>,
}

impl Metadata {
    /// The owner that manages the object.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

impl Object {
    /// Where it stands in its cache.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(&*self.metadata.namespace, &*self.metadata.name)
    }
}

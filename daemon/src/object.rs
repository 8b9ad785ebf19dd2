//! Objects as they are judged: their metadata, and what the rules read.

use jiff::Timestamp;
use serde::Deserialize;

use crate::record::Key;

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
    /// Where in the JSON the managedFields are, which are never built.
    #[serde(deserialize_with = "crate::body::there")]
    pub(crate) managed_fields: Option<crate::body::Span>,
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

/// What the rules read of an object: what was asked for, and what is.
#[derive(Clone, Debug, Default)]
pub struct Facet<Spec, Status> {
    /// From `spec`.
    pub spec: Spec,
    /// From `status`.
    pub status: Status,
}

/// What the rules read of an object, by kind.
#[derive(Clone, Debug)]
pub enum Facts {
    /// Of a pod.
    Pod(Box<pod::Pod>),
    /// Of a Deployment.
    Deployment(Box<workload::Replicated>),
    /// Of a ReplicaSet.
    ReplicaSet(Box<workload::Replicated>),
    /// Of a Job.
    Job(Box<workload::Job>),
    /// Of a kind that has no rule.
    None,
    /// Why they could not be read.
    Undecodable(Box<str>),
}

/// One object, decoded.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its identity.
    pub metadata: Metadata,
    /// What the rules read.
    pub facts: Facts,
}

impl Object {
    /// Where it stands in its cache.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(&*self.metadata.namespace, &*self.metadata.name)
    }
}

/// A condition, as most kinds have them in `status.conditions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Its type, such as `Ready`.
    pub r#type: Box<str>,
    /// `True`, `False` or `Unknown`.
    pub status: Box<str>,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: Option<Timestamp>,
}

/// The condition of that type with the status `True`.
#[must_use]
pub fn condition_true<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| &*c.r#type == r#type && &*c.status == "True")
}

/// What the rules read of pods.
pub mod pod {
    use super::{Condition, Deserialize};

    /// A pod.
    pub type Pod = super::Facet<Spec, Status>;

    /// `spec`.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct Spec {
        /// `Always`, `OnFailure` or `Never`.
        pub restart_policy: Box<str>,
        /// The node that it was scheduled to.
        pub node_name: Box<str>,
        /// The containers, counted only.
        pub containers: Vec<serde::de::IgnoredAny>,
    }

    /// `status`.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct Status {
        /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
        pub phase: Box<str>,
        /// Why the pod failed as a whole, such as `Evicted`.
        pub reason: String,
        /// The same in a sentence.
        pub message: String,
        /// The conditions.
        pub conditions: Vec<Condition>,
        /// The init containers.
        pub init_container_statuses: Vec<Container>,
        /// The containers.
        pub container_statuses: Vec<Container>,
    }

    /// `status.containerStatuses[]`.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct Container {
        /// Its name.
        pub name: Box<str>,
        /// Whether its readiness probe passes.
        pub ready: bool,
        /// What it does now.
        pub state: ContainerState,
        /// How it ended last.
        pub last_state: ContainerState,
    }

    /// At most one of the fields is set, or `running`, which no rule reads.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(default)]
    pub struct ContainerState {
        /// It has not started.
        pub waiting: Option<Waiting>,
        /// It has ended.
        pub terminated: Option<Terminated>,
    }

    /// Why a container waits.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(default)]
    pub struct Waiting {
        /// In one word, such as `CrashLoopBackOff`.
        pub reason: String,
        /// In a sentence.
        pub message: String,
    }

    /// How a container ended.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct Terminated {
        /// Its exit code.
        pub exit_code: i64,
        /// In one word, such as `OOMKilled`.
        pub reason: String,
        /// In a sentence.
        pub message: String,
    }
}

/// What the rules read of workloads.
pub mod workload {
    use super::{Condition, Deserialize, Timestamp};

    /// A Deployment or ReplicaSet.
    pub type Replicated = super::Facet<ReplicasSpec, ReplicasStatus>;

    /// `spec` of a Deployment or ReplicaSet.
    #[derive(Clone, Debug, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct ReplicasSpec {
        /// How many pods; the API server's default is 1.
        pub replicas: i64,
        /// Whether the rollout is held back.
        pub paused: bool,
    }

    impl Default for ReplicasSpec {
        fn default() -> Self {
            Self { replicas: 1, paused: false }
        }
    }

    /// `status` of a Deployment or ReplicaSet.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct ReplicasStatus {
        /// The generation that the controller has acted on.
        pub observed_generation: i64,
        /// Pods of any revision.
        pub replicas: i64,
        /// Pods of the newest revision.
        pub updated_replicas: i64,
        /// Pods that are ready.
        pub ready_replicas: i64,
        /// Pods that have been ready for `minReadySeconds`.
        pub available_replicas: i64,
        /// The conditions.
        pub conditions: Vec<Condition>,
    }

    /// A Job.
    pub type Job = super::Facet<JobSpec, JobStatus>;

    /// `spec` of a Job.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct JobSpec {
        /// How many pods must succeed; without it, any one.
        pub completions: Option<i64>,
        /// Whether it is held back.
        pub suspend: bool,
    }

    /// `status` of a Job.
    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub struct JobStatus {
        /// When its controller took it up.
        pub start_time: Option<Timestamp>,
        /// Pods that run or are pending.
        pub active: i64,
        /// Pods that succeeded.
        pub succeeded: i64,
        /// Pods that failed.
        pub failed: i64,
        /// The conditions.
        pub conditions: Vec<Condition>,
    }
}

//! Objects as rules read them.

use jiff::Timestamp;
use serde_json::Value;

use super::fields::{list, text, time, word};
use crate::state::{Doom, State};

/// The kinds that rules know, as [`Name::id`] has them.
pub mod kinds {
    /// Pods.
    pub const POD: &str = "Pod";
    /// Nodes.
    pub const NODE: &str = "Node";
    /// Namespaces.
    pub const NAMESPACE: &str = "Namespace";
    /// Services.
    pub const SERVICE: &str = "Service";
    /// ServiceAccounts.
    pub const SERVICE_ACCOUNT: &str = "ServiceAccount";
    /// Secrets.
    pub const SECRET: &str = "Secret";
    /// ConfigMaps.
    pub const CONFIG_MAP: &str = "ConfigMap";
    /// PersistentVolumeClaims.
    pub const CLAIM: &str = "PersistentVolumeClaim";
    /// PersistentVolumes.
    pub const VOLUME: &str = "PersistentVolume";
    /// ResourceQuotas.
    pub const QUOTA: &str = "ResourceQuota";
    /// LimitRanges.
    pub const LIMIT_RANGE: &str = "LimitRange";
    /// Deployments.
    pub const DEPLOYMENT: &str = "Deployment.apps";
    /// ReplicaSets.
    pub const REPLICA_SET: &str = "ReplicaSet.apps";
    /// StatefulSets.
    pub const STATEFUL_SET: &str = "StatefulSet.apps";
    /// DaemonSets.
    pub const DAEMON_SET: &str = "DaemonSet.apps";
    /// Jobs.
    pub const JOB: &str = "Job.batch";
    /// CronJobs.
    pub const CRON_JOB: &str = "CronJob.batch";
    /// EndpointSlices.
    pub const ENDPOINT_SLICE: &str = "EndpointSlice.discovery.k8s.io";
    /// Ingresses.
    pub const INGRESS: &str = "Ingress.networking.k8s.io";
    /// HorizontalPodAutoscalers.
    pub const AUTOSCALER: &str = "HorizontalPodAutoscaler.autoscaling";
    /// PodDisruptionBudgets.
    pub const BUDGET: &str = "PodDisruptionBudget.policy";
    /// StorageClasses.
    pub const STORAGE_CLASS: &str = "StorageClass.storage.k8s.io";
}

/// What an object is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind, such as `Pod`.
    pub kind: String,
    /// The namespace; empty if it has none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Name {
    /// The name of an object of one of [`kinds`].
    #[must_use]
    pub fn of(id: &str, namespace: &str, name: &str) -> Self {
        let (kind, group) = id.split_once('.').unwrap_or((id, ""));
        Self { group: group.to_owned(), kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Its kind: `Pod`, `Deployment.apps`.
    #[must_use]
    pub fn id(&self) -> String {
        match &*self.group {
            "" => self.kind.clone(),
            group => format!("{}.{group}", self.kind),
        }
    }

    /// As it is called in a sentence: `pod web-1`.
    pub(super) fn spoken(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// As kubectl takes it: `deployment/web`.
    pub(super) fn short(&self) -> String {
        let known = ["", "apps", "batch", "policy", "autoscaling", "networking.k8s.io", "storage.k8s.io"];
        let kind = match known.contains(&&*self.group) {
            true => self.kind.to_lowercase(),
            false => format!("{}.{}", self.kind.to_lowercase(), self.group),
        };
        word(&format!("{kind}/{}", self.name))
    }

    /// A command of kubectl in its namespace.
    pub(super) fn kubectl(&self, words: &str) -> String {
        match &*self.namespace {
            "" => format!("kubectl {words}"),
            namespace => format!("kubectl -n {} {words}", word(namespace)),
        }
    }
}

/// What the daemon says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its state.
    pub state: State,
    /// Why, in a word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// How hopeless that is.
    pub doom: Doom,
}

/// One object, whole.
#[derive(Clone, Debug)]
pub struct Object {
    /// What it is called.
    pub name: Name,
    /// Its UID.
    pub uid: String,
    /// The object.
    pub value: Value,
    /// What the daemon says of it, if it was asked.
    pub verdict: Option<Verdict>,
}

impl Object {
    /// An object of that JSON, which has `apiVersion` and `kind`; `None` if it has no name.
    #[must_use]
    pub fn read(value: Value) -> Option<Self> {
        let group = text(&value, "/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
        let name = Name {
            group: group.to_owned(),
            kind: text(&value, "/kind").to_owned(),
            namespace: text(&value, "/metadata/namespace").to_owned(),
            name: text(&value, "/metadata/name").to_owned(),
        };
        let is_named = !name.kind.is_empty() && !name.name.is_empty();
        is_named.then(|| Self { uid: text(&value, "/metadata/uid").to_owned(), name, value, verdict: None })
    }

    /// Whether it is of that kind, of [`kinds`].
    #[must_use]
    pub fn is_a(&self, id: &str) -> bool {
        self.name.id() == id
    }

    /// Its namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.name.namespace
    }

    /// The UIDs of its owners.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &str> {
        list(&self.value, "/metadata/ownerReferences").iter().map(|owner| text(owner, "/uid"))
    }

    /// Whether an object manages it.
    pub(crate) fn is_managed(&self) -> bool {
        list(&self.value, "/metadata/ownerReferences").iter().any(|owner| super::fields::is(owner, "/controller"))
    }

    /// The value of an annotation; empty if it has none.
    pub(crate) fn annotation(&self, key: &str) -> &str {
        let annotations = super::fields::map(&self.value, "/metadata/annotations");
        annotations.and_then(|map| map.get(key)).and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of a label; empty if it has none.
    pub(crate) fn label(&self, key: &str) -> &str {
        let labels = super::fields::map(&self.value, "/metadata/labels");
        labels.and_then(|map| map.get(key)).and_then(Value::as_str).unwrap_or_default()
    }

    /// When it was created.
    pub(crate) fn created(&self) -> Option<Timestamp> {
        time(&self.value, "/metadata/creationTimestamp")
    }

    /// Whether it is being deleted.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        !text(&self.value, "/metadata/deletionTimestamp").is_empty()
    }
}

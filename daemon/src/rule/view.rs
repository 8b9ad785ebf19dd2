//! What a rule sees of other objects.

use std::cell::Cell;
use std::sync::Arc;

use jiff::Timestamp;

use crate::record::{Link, Record};

/// One watch for several reasons: a selector can name one, or leave out many. These are the frequent ones
/// that say nothing of volumes and sandboxes. (API servers keep no events in their watch cache: they read each
/// event for each watch of events.)
const STARTS: &str = "involvedObject.kind=Pod,reason!=Scheduled,reason!=Pulled,reason!=Created,reason!=Started,\
    reason!=Killing,reason!=BackOff,reason!=Failed,reason!=Unhealthy,reason!=FailedScheduling";

/// A set of objects that rules look at, or that depend on others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Related {
    /// CustomResourceDefinitions.
    CustomResourceDefinitions,
    /// DaemonSets.
    DaemonSets,
    /// Deployments.
    Deployments,
    /// EndpointSlices.
    EndpointSlices,
    /// Jobs.
    Jobs,
    /// Leases.
    Leases,
    /// MutatingWebhookConfigurations.
    MutatingWebhooks,
    /// Nodes.
    Nodes,
    /// PersistentVolumeClaims.
    Claims,
    /// Pods.
    Pods,
    /// Events that tell of pods which could not be created.
    Refusals,
    /// ReplicaSets.
    ReplicaSets,
    /// ReplicationControllers.
    ReplicationControllers,
    /// Services.
    Services,
    /// Events that tell what holds up the start of pods, or that it goes on.
    Starts,
    /// StatefulSets.
    StatefulSets,
    /// StorageClasses.
    StorageClasses,
    /// ValidatingWebhookConfigurations.
    ValidatingWebhooks,
}

impl Related {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::CustomResourceDefinitions,
        Self::DaemonSets,
        Self::Deployments,
        Self::EndpointSlices,
        Self::Jobs,
        Self::Leases,
        Self::MutatingWebhooks,
        Self::Nodes,
        Self::Claims,
        Self::Pods,
        Self::Refusals,
        Self::ReplicaSets,
        Self::ReplicationControllers,
        Self::Services,
        Self::Starts,
        Self::StatefulSets,
        Self::StorageClasses,
        Self::ValidatingWebhooks,
    ];

    /// The group and kind of its objects.
    #[must_use]
    pub fn group_kind(self) -> (&'static str, &'static str) {
        match self {
            Self::CustomResourceDefinitions => ("apiextensions.k8s.io", "CustomResourceDefinition"),
            Self::DaemonSets => ("apps", "DaemonSet"),
            Self::Deployments => ("apps", "Deployment"),
            Self::EndpointSlices => ("discovery.k8s.io", "EndpointSlice"),
            Self::Jobs => ("batch", "Job"),
            Self::Leases => ("coordination.k8s.io", "Lease"),
            Self::MutatingWebhooks => ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
            Self::Nodes => ("", "Node"),
            Self::Claims => ("", "PersistentVolumeClaim"),
            Self::Pods => ("", "Pod"),
            Self::Refusals | Self::Starts => ("", "Event"),
            Self::ReplicaSets => ("apps", "ReplicaSet"),
            Self::ReplicationControllers => ("", "ReplicationController"),
            Self::Services => ("", "Service"),
            Self::StatefulSets => ("apps", "StatefulSet"),
            Self::StorageClasses => ("storage.k8s.io", "StorageClass"),
            Self::ValidatingWebhooks => ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        }
    }

    /// Which objects of the kind, if not all: a field selector.
    #[must_use]
    pub fn field_selector(self) -> Option<&'static str> {
        match self {
            Self::Refusals => Some("reason=FailedCreate"),
            Self::Starts => Some(STARTS),
            _ => None,
        }
    }

    /// The set of all objects of that kind, or of those that a field selector
    /// selects.
    #[must_use]
    pub fn find(group: &str, kind: &str, field_selector: Option<&str>) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|related| related.group_kind() == (group, kind) && related.field_selector() == field_selector)
    }
}

/// An answer about an object that is asked for by name.
#[derive(Clone, Debug)]
pub enum Named {
    /// Objects of its kind are not visible.
    NotVisible,
    /// There is none.
    Absent,
    /// There it is.
    There(Arc<Record>),
}

impl Named {
    /// The object, if it is there.
    #[must_use]
    pub fn there(self) -> Option<Arc<Record>> {
        match self {
            Self::There(record) => Some(record),
            Self::NotVisible | Self::Absent => None,
        }
    }
}

/// Other objects, as they are now.
pub trait View {
    /// The objects that have that link; `None` where objects of their kind are
    /// not visible. For a kind that has namespaces, in that one.
    fn linked(&self, set: Related, namespace: &str, link: &Link) -> Option<Vec<Arc<Record>>>;

    /// The object of that name.
    fn named(&self, set: Related, namespace: &str, name: &str) -> Named;

    /// Until when it is known what objects of that set are; `None` while that is
    /// not known.
    fn known_until(&self, set: Related, namespace: &str) -> Option<Timestamp>;

    /// Whether the API server serves objects of that group and resource; `None` if
    /// that is not known.
    fn serves(&self, group: &str, resource: &str) -> Option<bool>;
}

/// Sees nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl View for Nothing {
    fn linked(&self, _set: Related, _namespace: &str, _link: &Link) -> Option<Vec<Arc<Record>>> {
        None
    }

    fn named(&self, _set: Related, _namespace: &str, _name: &str) -> Named {
        Named::NotVisible
    }

    fn known_until(&self, _set: Related, _namespace: &str) -> Option<Timestamp> {
        None
    }

    fn serves(&self, _group: &str, _resource: &str) -> Option<bool> {
        None
    }
}

/// Notes whether a rule has looked.
pub(super) struct Looking<'a> {
    view: &'a dyn View,
    looked: Cell<bool>,
}

impl<'a> Looking<'a> {
    pub(super) fn at(view: &'a dyn View) -> Self {
        Self { view, looked: Cell::new(false) }
    }

    pub(super) fn has_looked(&self) -> bool {
        self.looked.get()
    }
}

impl View for Looking<'_> {
    fn linked(&self, set: Related, namespace: &str, link: &Link) -> Option<Vec<Arc<Record>>> {
        self.looked.set(true);
        self.view.linked(set, namespace, link)
    }

    fn named(&self, set: Related, namespace: &str, name: &str) -> Named {
        self.looked.set(true);
        self.view.named(set, namespace, name)
    }

    fn known_until(&self, set: Related, namespace: &str) -> Option<Timestamp> {
        self.looked.set(true);
        self.view.known_until(set, namespace)
    }

    fn serves(&self, group: &str, resource: &str) -> Option<bool> {
        self.looked.set(true);
        self.view.serves(group, resource)
    }
}

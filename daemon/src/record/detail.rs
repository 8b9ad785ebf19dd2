//! What the rules for other objects read of one, and how they find it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Happening, Key, Labels, Uid};
use crate::state::Judgement;

/// What the rules for other objects read of one, by its kind; of a node also what its control plane
/// is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    None,
    /// Of a Job that has ended, how: that stays so when it is being deleted.
    Over(Arc<Judgement>),
    /// Of a pod.
    Pod {
        /// Its node; empty before it has one.
        node: Arc<str>,
        /// Whether none of its containers will run again.
        over: bool,
        /// Whether it is in quarantine.
        quarantined: bool,
    },
    /// Of a node.
    Node {
        /// Whether its kubelet is ready.
        ready: bool,
        /// Its kubelet's version; empty before it has said it.
        kubelet: Arc<str>,
    },
    /// Of a ReplicaSet, which revision of its Deployment it is.
    Revision(u64),
    /// Of an EndpointSlice: a label names its Service, its progress counts.
    Endpoints {
        /// Whether the addresses are IPv6: a pod may have one of each family.
        ipv6: bool,
    },
    /// Of a Lease, until when it lasts; `None` if nobody holds it.
    Lease(Option<Timestamp>),
    /// Of an event.
    Event(Arc<Happening>),
    /// Of a StorageClass.
    StorageClass {
        /// Whether it is for claims that name none.
        default: bool,
        /// Whether it makes volumes only when a pod needs them.
        waits: bool,
        /// Whether its volumes may be made larger.
        expands: bool,
    },
    /// Of a workload that wants no pods, the labels that they would have.
    Idle(Arc<Labels>),
}

impl Detail {
    /// Whether the object has ended: nothing will become of it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Over(_) | Self::Pod { over: true, .. })
    }
}

/// What objects can be found by, besides their names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// The object of that UID owns them.
    Owner(Uid),
    /// They are pods on that node.
    Node(Arc<str>),
    /// They are events about the object of that UID.
    About(Uid),
    /// They are EndpointSlices of that Service.
    Service(Key),
    /// They are what is taken where none is named.
    Default,
    /// They are workloads of that namespace that want no pods.
    Idle(Arc<str>),
}

//! The parts of which a usable node is made.

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartName {
    /// The API server has the node.
    Registered,
    /// Its kubelet is ready.
    Ready,
    /// What runs on it goes with the control plane.
    Versions,
    /// Its kubelet renews its lease.
    Lease,
    /// Pods have a network on it.
    Network,
    /// Services are reached from it.
    Proxy,
    /// It takes pods.
    Schedulable,
    /// It has room for pods.
    Capacity,
    /// A pod runs on it that proves what its kubelet does.
    FirstPod,
}

impl PartName {
    /// Every part, in the order in which they are told.
    pub const ALL: [Self; 9] = [
        Self::Registered,
        Self::Ready,
        Self::Versions,
        Self::Lease,
        Self::Network,
        Self::Proxy,
        Self::Schedulable,
        Self::Capacity,
        Self::FirstPod,
    ];

    /// The word that programs compare.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Ready => "ready",
            Self::Versions => "versions",
            Self::Lease => "lease",
            Self::Network => "network",
            Self::Proxy => "proxy",
            Self::Schedulable => "schedulable",
            Self::Capacity => "capacity",
            Self::FirstPod => "firstPod",
        }
    }

    /// The part of that word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == word)
    }
}

/// What came of a look at a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is there.
    Ok,
    /// It is not there, or does not work.
    Missing,
    /// It cannot be seen.
    NotVisible,
}

/// A part, and what came of a look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub name: PartName,
    /// What came of it.
    pub finding: Finding,
    /// The same in a sentence, which counts no seconds: it is the same while nothing happens.
    pub message: String,
}

impl Part {
    pub(super) fn ok(name: PartName, message: impl Into<String>) -> Self {
        Self { name, finding: Finding::Ok, message: message.into() }
    }

    pub(super) fn missing(name: PartName, message: impl Into<String>) -> Self {
        Self { name, finding: Finding::Missing, message: message.into() }
    }

    pub(super) fn not_visible(name: PartName, message: impl Into<String>) -> Self {
        Self { name, finding: Finding::NotVisible, message: message.into() }
    }
}

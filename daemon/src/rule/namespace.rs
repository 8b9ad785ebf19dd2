//! Namespaces.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{self, Condition};
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Judgement, State};

/// What is read of a namespace.
pub(super) type Namespace = super::kinds::Facet<IgnoredAny, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    phase: Box<str>,
    conditions: Vec<Condition>,
}

/// What keeps a namespace from going, the more telling first (kubernetes
/// `pkg/controller/namespace/deletion/status_condition_utils.go`).
const OBSTACLES: [&str; 5] = [
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceFinalizersRemaining",
    "NamespaceContentRemaining",
];

impl Facts for Namespace {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        match &*self.status.phase {
            "Active" => Judgement::new(State::Ready, "Active", "it accepts objects").into(),
            phase => Judgement::new(State::InProgress, "NotActive", format!("its phase is {phase:?}")).into(),
        }
    }

    fn lingers(&self, _metadata: &Metadata, _view: &dyn View) -> Option<(String, String)> {
        let obstacles = OBSTACLES.iter().filter_map(|obstacle| condition::find_true(&self.status.conditions, obstacle));
        let obstacles: Vec<_> = obstacles.collect();
        let says: Vec<_> = obstacles.iter().map(|obstacle| obstacle.says()).collect();
        Some((obstacles.first()?.reason_or("Deleting"), format!("being deleted; {}", says.join("; "))))
    }
}

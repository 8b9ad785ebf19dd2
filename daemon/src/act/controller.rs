//! What manages a pod, as the pod names it.

use serde::{Deserialize, Serialize};

use crate::diagnose::Object;
use crate::diagnose::fields::{is, list, text};

/// What manages a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    /// Its group.
    #[serde(default)]
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

impl Controller {
    /// What a pod names as its controller.
    #[must_use]
    pub fn of(pod: &Object) -> Option<Self> {
        let owner = list(&pod.value, "/metadata/ownerReferences").iter().find(|owner| is(owner, "/controller"))?;
        let group = text(owner, "/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
        Some(Self {
            group: group.to_owned(),
            kind: text(owner, "/kind").to_owned(),
            name: text(owner, "/name").to_owned(),
            uid: text(owner, "/uid").to_owned(),
        })
    }

    /// Whether it is what a pod names as its controller.
    #[must_use]
    pub fn manages(&self, pod: &Object) -> bool {
        Self::of(pod).is_some_and(|of| of.uid == self.uid)
    }

    /// Its kind and name: `ReplicaSet web-5d4f`.
    #[must_use]
    pub fn spoken(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

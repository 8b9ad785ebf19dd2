//! ResourceClaims: devices.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lenient::Filled;
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Judgement, State};

/// What is read of a ResourceClaim.
pub(super) type ResourceClaim = super::kinds::Facet<IgnoredAny, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    allocation: Filled,
}

impl Facts for ResourceClaim {
    /// The scheduler allocates devices when the first pod needs them: until then
    /// a claim is as it should be.
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let judgement = match self.status.allocation.0 {
            true => Judgement::new(State::Ready, "Allocated", "devices are allocated to it"),
            false => Judgement::new(State::Ready, "NotInUse", "devices are allocated when a pod needs them"),
        };
        judgement.into()
    }
}

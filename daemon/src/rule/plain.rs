//! Kinds that are as they should be by being there.

use jiff::Timestamp;
use serde::Deserialize;

use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Judgement, State};

/// Nothing is read of such an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plain {}

impl Facts for Plain {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        exists().into()
    }
}

/// It is there.
pub(super) fn exists() -> Judgement {
    Judgement::new(State::Ready, "Exists", "objects of this kind are ready when they exist")
}

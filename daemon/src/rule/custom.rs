//! Kinds that an expression judges.

use std::fmt;

use jiff::Timestamp;

use super::conventions::Conventional;
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::Judgement;

/// A rule for one kind that is not built in.
pub trait CustomRule: fmt::Debug + Send + Sync {
    /// Whether it says itself if the controller has seen the generation.
    fn says_what_is_observed(&self) -> bool;

    /// The state of the object with that JSON, which is not being deleted, and
    /// whose controller has seen its generation, as far as it tells.
    fn judge(&self, json: &[u8]) -> Judgement;
}

/// An object of such a kind.
#[derive(Debug)]
pub(super) struct Custom {
    pub(super) conventional: Conventional,
    pub(super) says_what_is_observed: bool,
    /// What the rule says, if it is asked.
    pub(super) judgement: Judgement,
}

impl Facts for Custom {
    fn observed_generation(&self) -> Option<i64> {
        if self.says_what_is_observed { None } else { self.conventional.observed_generation() }
    }

    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        self.judgement.clone().into()
    }
}

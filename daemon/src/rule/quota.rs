//! ResourceQuotas.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::quantity::Quantity;
use crate::state::{Judgement, State};

/// Quantities by resource, as they are written.
type Quantities = BTreeMap<Box<str>, Box<str>>;

/// What is read of a ResourceQuota.
pub(super) type Quota = super::kinds::Facet<Spec, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    hard: Quantities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    hard: Quantities,
    used: Quantities,
}

impl Facts for Quota {
    /// It is ready when the quota controller has counted for what it says now;
    /// that it is used up is no failure of the quota's, but worth a word.
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let Self { spec, status } = self;
        if spec.hard != status.hard || spec.hard.keys().any(|resource| !status.used.contains_key(resource)) {
            return Judgement::new(State::InProgress, "NotCounted", "what is used is not counted yet").into();
        }
        let is_used = |resource, hard: &str| {
            status.used.get(resource).and_then(|used| Some(Quantity::parse(used)? >= Quantity::parse(hard)?))
        };
        let used_up = status.hard.iter().filter(|(resource, hard)| is_used(*resource, hard) == Some(true));
        let used_up: Vec<_> = used_up.map(|(resource, hard)| format!("{resource} ({hard})")).collect();
        match &used_up[..] {
            [] => Judgement::new(State::Ready, "Enforced", "there is room in it").into(),
            _ => Judgement::new(State::Ready, "UsedUp", format!("used up: {}", used_up.join(", "))).into(),
        }
    }
}

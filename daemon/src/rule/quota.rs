//! ResourceQuotas.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
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
        let is_used =
            |resource, hard: &str| status.used.get(resource).and_then(|used| Some(number(used)? >= number(hard)?));
        let used_up = status.hard.iter().filter(|(resource, hard)| is_used(*resource, hard) == Some(true));
        let used_up: Vec<_> = used_up.map(|(resource, hard)| format!("{resource} ({hard})")).collect();
        match &used_up[..] {
            [] => Judgement::new(State::Ready, "Enforced", "there is room in it").into(),
            _ => Judgement::new(State::Ready, "UsedUp", format!("used up: {}", used_up.join(", "))).into(),
        }
    }
}

/// A quantity as a number (k8s.io/apimachinery `pkg/api/resource`); `None` if it is
/// none. As precise as a comparison needs.
fn number(quantity: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 16] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("", 1.0),
    ];
    let with = |(suffix, factor): &(&str, f64)| Some(quantity.strip_suffix(suffix)?.parse::<f64>().ok()? * factor);
    SUFFIXES.iter().find_map(with).filter(|number| number.is_finite())
}

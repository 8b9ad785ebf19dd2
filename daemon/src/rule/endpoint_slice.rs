//! EndpointSlices.

use jiff::Timestamp;
use serde::Deserialize;

use super::view::View;
use super::{Facts, Ruling};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::Detail;
use crate::state::{Judgement, State};

/// What is read of an EndpointSlice.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EndpointSlice {
    /// `IPv4`, `IPv6` or `FQDN`.
    address_type: Box<str>,
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    conditions: Option<Conditions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
}

impl Endpoint {
    /// What is unknown counts as ready (`discovery.k8s.io/v1`, `EndpointConditions`).
    fn is_ready(&self) -> bool {
        self.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
    }
}

impl Facts for EndpointSlice {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let endpoints = self.endpoints.as_deref().unwrap_or_default();
        let (ready, total) = (endpoints.iter().filter(|e| e.is_ready()).count(), endpoints.len());
        let judgement = match (ready, total) {
            (0, 0) => Judgement::new(State::InProgress, "NoEndpoints", "there is no endpoint in it"),
            (0, _) => {
                Judgement::new(State::InProgress, "NoReadyEndpoints", format!("none of {total} endpoints is ready"))
            }
            _ => Judgement::new(State::Ready, "EndpointsReady", format!("{ready} of {total} endpoints are ready")),
        };
        // The API server allows 1000 in a slice.
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        judgement.with_progress(count(ready), count(total), "ready").into()
    }

    fn detail(&self, _metadata: &Metadata, _texts: &mut Interner<str>) -> Detail {
        Detail::Endpoints { ipv6: &*self.address_type == "IPv6" }
    }
}

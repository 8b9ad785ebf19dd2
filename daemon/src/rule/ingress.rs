//! Ingresses.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::service::LoadBalancer;
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Judgement, State};

/// For how long an address may be on its way. Some controllers never give one
/// (argo-cd#14607 waits for ever); what they do cannot be told then.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// The reason of one that has no address.
pub(super) const NO_ADDRESS: &str = "NoAddress";

/// What is read of an Ingress.
pub(super) type Ingress = super::kinds::Facet<serde::de::IgnoredAny, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    load_balancer: LoadBalancer,
}

impl Facts for Ingress {
    fn judge(&self, metadata: &Metadata, _view: &dyn View, now: Timestamp) -> Ruling {
        if self.status.load_balancer.ingress.0 {
            return Judgement::new(State::Ready, "AddressAssigned", "a controller has given it an address").into();
        }
        let until = metadata.creation_timestamp.and_then(|created| created.checked_add(PATIENCE).ok());
        match until.filter(|until| now < *until) {
            Some(until) => {
                let message = "no controller has given it an address yet";
                Ruling::until(Judgement::new(State::InProgress, NO_ADDRESS, message), until)
            }
            None => {
                let message = "it has no address: either no controller handles it, or its controller assigns none";
                Judgement::new(State::Unknown, NO_ADDRESS, message).into()
            }
        }
    }
}

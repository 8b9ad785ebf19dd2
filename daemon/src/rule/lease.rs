//! Leases.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::view::{Related, View};
use super::{Facts, Ruling};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::Detail;
use crate::state::{Doom, Judgement, State};

/// What is read of a Lease.
pub(super) type Lease = super::kinds::Facet<Spec, IgnoredAny>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    holder_identity: Box<str>,
    lease_duration_seconds: Option<i64>,
    renew_time: Option<Timestamp>,
}

impl Spec {
    /// Until when it lasts.
    fn ends(&self) -> Option<Timestamp> {
        let lasts = SignedDuration::from_secs(self.lease_duration_seconds?);
        self.renew_time.and_then(|renewed| renewed.checked_add(lasts).ok())
    }
}

/// How long to wait for news of Leases before one is taken to have run out.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// Whether a Lease has run out that lasted until `ends`, as far as is known: a
/// renewal that was not heard of is no end. If it has not, when to ask again.
pub(super) fn has_ended(ends: Timestamp, namespace: &str, view: &dyn View, now: Timestamp) -> Result<(), Timestamp> {
    if now < ends {
        return Err(ends);
    }
    match view.known_until(Related::Leases, namespace) {
        Some(known) if known >= ends => Ok(()),
        _ => Err(now.saturating_add(AGAIN).unwrap_or(Timestamp::MAX)),
    }
}

impl Facts for Lease {
    fn judge(&self, metadata: &Metadata, view: &dyn View, now: Timestamp) -> Ruling {
        let holder = &self.spec.holder_identity;
        if holder.is_empty() {
            return Judgement::new(State::Ready, "NotHeld", "nobody holds it").into();
        }
        let held = Judgement::new(State::Ready, "Held", format!("held by {holder}"));
        match self.spec.ends().map(|ends| has_ended(ends, &metadata.namespace, view, now)) {
            None => held.into(),
            Some(Err(again)) => Ruling::until(held, again),
            Some(Ok(())) => {
                let message = format!("held by {holder}, who has not renewed it in time");
                Judgement::new(State::Failed, "Expired", message).with_doom(Doom::Persistent).into()
            }
        }
    }

    fn detail(&self, _metadata: &Metadata, _texts: &mut Interner<str>) -> Detail {
        Detail::Lease(self.spec.ends().filter(|_| !self.spec.holder_identity.is_empty()))
    }
}

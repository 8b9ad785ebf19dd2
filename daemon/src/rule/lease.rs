//! Leases.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::view::View;
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

impl Facts for Lease {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, now: Timestamp) -> Ruling {
        let holder = &self.spec.holder_identity;
        if holder.is_empty() {
            return Judgement::new(State::Ready, "NotHeld", "nobody holds it").into();
        }
        let held = Judgement::new(State::Ready, "Held", format!("held by {holder}"));
        match self.spec.ends() {
            None => held.into(),
            Some(ends) if now < ends => Ruling::until(held, ends),
            Some(_) => {
                let message = format!("held by {holder}, who has not renewed it in time");
                Judgement::new(State::Failed, "Expired", message).with_doom(Doom::Persistent).into()
            }
        }
    }

    fn detail(&self, _metadata: &Metadata, _texts: &mut Interner<str>) -> Detail {
        Detail::Lease(self.spec.ends().filter(|_| !self.spec.holder_identity.is_empty()))
    }
}

//! Leases.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Doom, Judgement, State};

/// What is read of a Lease.
pub(super) type Lease = super::kinds::Facet<Spec, IgnoredAny>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    holder_identity: Box<str>,
    lease_duration_seconds: i64,
    renew_time: Option<Timestamp>,
}

impl Facts for Lease {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, now: Timestamp) -> Ruling {
        let Spec { holder_identity: holder, lease_duration_seconds, renew_time } = &self.spec;
        if holder.is_empty() {
            return Judgement::new(State::Ready, "NotHeld", "nobody holds it").into();
        }
        let held = Judgement::new(State::Ready, "Held", format!("held by {holder}"));
        let lasts = SignedDuration::from_secs(*lease_duration_seconds);
        let Some(ends) = renew_time.and_then(|renewed| renewed.checked_add(lasts).ok()) else { return held.into() };
        match now < ends {
            true => Ruling::until(held, ends),
            false => {
                let message = format!("held by {holder}, who has not renewed it in time");
                Judgement::new(State::Failed, "Expired", message).with_doom(Doom::Persistent).into()
            }
        }
    }
}

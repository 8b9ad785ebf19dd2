//! CertificateSigningRequests.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{self, Condition};
use super::lenient::Filled;
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Doom, Judgement, State};

/// What is read of a CertificateSigningRequest.
pub(super) type Request = super::kinds::Facet<IgnoredAny, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    conditions: Vec<Condition>,
    certificate: Filled,
}

impl Facts for Request {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let Status { conditions, certificate } = &self.status;
        for r#type in ["Denied", "Failed"] {
            if let Some(refused) = condition::find_true(conditions, r#type) {
                let judgement = Judgement::new(State::Failed, refused.reason_or(r#type), refused.says());
                return judgement.with_doom(Doom::Fatal).into();
            }
        }
        let judgement = match (certificate.0, condition::find_true(conditions, "Approved")) {
            (true, _) => Judgement::new(State::Ready, "Issued", "the certificate is issued"),
            (false, Some(_)) => Judgement::new(State::InProgress, "Approved", "approved, but not signed yet"),
            (false, None) => Judgement::new(State::InProgress, "NotApproved", "somebody has to approve it"),
        };
        judgement.into()
    }
}

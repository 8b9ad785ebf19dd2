//! Pods that the API server would not let a controller create: quota, admission.
//!
//! StatefulSets, DaemonSets and Jobs tell of it by events only.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Ruling;
use super::view::{Related, View};
use crate::object::Metadata;
use crate::record::{Detail, Link, Record, Uid};
use crate::state::{Doom, Judgement, State};

/// The longest that controllers wait before they try again (k8s.io/client-go
/// `util/workqueue`, `DefaultTypedControllerRateLimiter`: 1000 s), and some more: an
/// older refusal is over.
const LASTS: SignedDuration = SignedDuration::from_mins(20);

/// The same judgement, or that the newest attempt to create a pod was refused.
///
/// A refusal is over when a pod was created after it, or what asks for pods has
/// begun after it.
pub(super) fn or_refused(
    own: Judgement,
    begun: Option<Timestamp>,
    metadata: &Metadata,
    pods: &[Arc<Record>],
    view: &dyn View,
    now: Timestamp,
) -> Ruling {
    let about = Link::About(Uid::from(&*metadata.uid));
    let events = view.linked(Related::Refusals, &metadata.namespace, &about).unwrap_or_default();
    let at = |event: &Arc<Record>| match &event.detail {
        Detail::Event(happening) if event.judgement.reason == "FailedCreate" => happening.last(),
        _ => None,
    };
    let newest = events.iter().filter_map(|event| Some((at(event)?, event))).max_by_key(|(at, _)| *at);
    let Some((at, refusal)) = newest else { return own.into() };
    let since = pods.iter().filter_map(|pod| pod.created).chain(begun).max();
    let until = at.saturating_add(LASTS).unwrap_or(Timestamp::MAX);
    if since >= Some(at) || until <= now {
        return own.into();
    }
    let message = format!("{}; {}", own.message, refusal.judgement.message);
    let refused = Judgement { state: State::Failed, reason: "FailedCreate".into(), message: message.into(), ..own };
    Ruling::until(refused.with_doom(Doom::Persistent), until)
}

//! Pods that the API server would not let a controller create: quota, admission.
//!
//! StatefulSets, DaemonSets and Jobs tell of it by events only.

use std::sync::Arc;

use super::view::{Related, View};
use crate::record::{Detail, Link, Record, Uid};
use crate::state::{Doom, Judgement, State};

/// The same judgement, or that the newest attempt to create a pod was refused.
///
/// A refusal is over when a pod was created after it.
pub(super) fn or_refused(
    own: Judgement,
    uid: &Uid,
    namespace: &str,
    pods: &[Arc<Record>],
    view: &dyn View,
) -> Judgement {
    let events = view.linked(Related::Refusals, namespace, &Link::About(uid.clone())).unwrap_or_default();
    let at = |event: &Arc<Record>| match &event.detail {
        Detail::Event(happening) if event.judgement.reason == "FailedCreate" => happening.last,
        _ => None,
    };
    let newest_pod = pods.iter().filter_map(|pod| pod.created).max();
    let Some(refusal) = events.iter().filter(|event| at(event).is_some()).max_by_key(|event| at(event)) else {
        return own;
    };
    if newest_pod >= at(refusal) {
        return own;
    }
    let message = format!("{}; {}", own.message, refusal.judgement.message);
    let refused = Judgement { state: State::Failed, reason: "FailedCreate".into(), message: message.into(), ..own };
    refused.with_doom(Doom::Persistent)
}

//! The pods below a workload: which of them keeps it from being ready.

use std::cmp::Reverse;
use std::sync::Arc;

use super::view::{Related, View};
use crate::record::{Detail, Link, Record, Uid};
use crate::state::{Doom, Judgement, State};

/// The pods that the object of that UID owns; none where pods are not visible.
pub(super) fn of(uid: &Uid, namespace: &str, view: &dyn View) -> Vec<Arc<Record>> {
    view.linked(Related::Pods, namespace, &Link::Owner(uid.clone())).unwrap_or_default()
}

/// Those of them that may still run.
pub(super) fn not_over(pods: &[Arc<Record>]) -> Vec<Arc<Record>> {
    let may_run = |pod: &&Arc<Record>| matches!(pod.detail, Detail::Pod { over: false, .. });
    pods.iter().filter(may_run).cloned().collect()
}

/// The same judgement, with the worst of the pods as its cause. A workload that
/// is on its way has failed when one of them has.
pub(super) fn blame(own: Judgement, pods: &[Arc<Record>]) -> Judgement {
    let restarts = pods.iter().filter_map(|pod| pod.judgement.restarts).max();
    let own = Judgement { restarts, ..own };
    let blocks = |pod: &&Arc<Record>| pod.judgement.state != State::Ready;
    let failed = |judgement: &Judgement| judgement.state == State::Failed;
    let blocking: Vec<_> = pods.iter().filter(blocks).collect();
    let goes = |pod: &Record| pod.judgement.state == State::Terminating;
    let order =
        |pod: &&&Arc<Record>| (failed(&pod.judgement), pod.judgement.doom, !goes(pod), Reverse(pod.key.clone()));
    let Some(worst) = blocking.iter().max_by_key(order) else { return own };
    let cause = &worst.judgement;
    let mut message = format!("{}; pod {}: {}", own.message, worst.key.name, describe(cause));
    let alike = blocking.iter().filter(|pod| pod.judgement.reason == cause.reason).count() - 1;
    if alike > 0 {
        message.push_str(&format!("; {alike} more like it"));
    }
    let own = Judgement { message: message.into(), blames: Some(Box::new(worst.key.clone())), ..own };
    if cause.doom == Doom::None || failed(&own) {
        return own;
    }
    let state = if failed(cause) { State::Failed } else { own.state };
    Judgement { state, reason: cause.reason.clone(), doom: cause.doom, ..own }
}

fn describe(judgement: &Judgement) -> String {
    match (&*judgement.reason, &*judgement.message) {
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

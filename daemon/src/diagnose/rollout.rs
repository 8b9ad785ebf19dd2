//! Rollouts: a newest revision that fails while an older one serves, StatefulSets that wait for
//! a broken pod, and what is paused.

use super::cause::{Cause, Evidence};
use super::containers::is_ready;
use super::fields::{condition, is, number, text, word};
use super::object::{Object, kinds};
use super::observation::Observation;
use super::ranking::ranked;
use super::reason::Reason;
use super::target::{Pod, Target, is_complete, revision};
use super::{config, crash, image, init, memory, probe};

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for workload in &target.family {
        let found = match &*workload.name.id() {
            kinds::DEPLOYMENT => [paused(workload), failing(observation, target, workload)],
            kinds::STATEFUL_SET => [blocked(observation, target, workload), failing(observation, target, workload)],
            kinds::DAEMON_SET => [failing(observation, target, workload), None],
            _ => [None, None],
        };
        causes.extend(found.into_iter().flatten());
    }
    causes
}

/// What is wrong with some of a target's pods by themselves.
fn wrong(observation: &Observation, target: &Target<'_>, is_meant: impl Fn(&Pod<'_>) -> bool) -> Option<Cause> {
    let troubled: Vec<_> = target.troubled.iter().copied().filter(is_meant).collect();
    let some = Target { object: target.object, family: target.family.clone(), pods: troubled.clone(), troubled };
    let rules = [config::rule, crash::rule, image::rule, init::rule, memory::rule, probe::rule];
    ranked(rules.iter().flat_map(|rule| rule(observation, &some)).collect()).into_iter().next()
}

/// The newest revision fails, while one before serves.
fn failing(observation: &Observation, target: &Target<'_>, workload: &Object) -> Option<Cause> {
    let serving: Vec<_> =
        target.pods.iter().filter(|pod| pod.is_old && is_ready(pod.object) && !pod.object.is_deleted()).collect();
    if serving.is_empty() || is_complete(workload) {
        return None;
    }
    let inner = wrong(observation, target, |pod| !pod.is_old);
    let late = condition(&workload.value, "Progressing").filter(|it| text(it, "/reason") == "ProgressDeadlineExceeded");
    if inner.is_none() && late.is_none() {
        return None;
    }
    let why = inner.as_ref().map(|cause| format!(": {}: {}", cause.reason.as_str(), cause.message)).unwrap_or_default();
    let count = super::fields::counted(serving.len(), "pod");
    let message = format!(
        "the newest revision of {} fails, and {count} of the previous one still serve{why}",
        workload.name.spoken()
    );
    let revisions = observation
        .owned_by(workload)
        .filter(|it| it.is_a(kinds::REPLICA_SET))
        .filter(|it| number(&it.value, "/spec/replicas").unwrap_or_default() > 0);
    let revisions = revisions.map(|it| {
        let count = |path| number(&it.value, path).unwrap_or_default();
        let ready = count("/status/readyReplicas");
        Evidence::arithmetic(it, format!("revision {}: {ready} of {} ready", revision(it), count("/spec/replicas")))
    });
    let short = workload.name.short();
    let next = [
        workload.name.kubectl(&format!("rollout undo {short}")),
        workload.name.kubectl(&format!("rollout history {short}")),
    ];
    let cause = Cause::new(Reason::BadRollout, workload, message)
        .because(revisions)
        .because(late.map(|condition| Evidence::condition(workload, condition)))
        .because(inner.iter().flat_map(|cause| cause.evidence.clone()))
        .then(next);
    Some(cause)
}

/// The controller goes on only when a pod is ready that is of a broken revision, and has to be
/// deleted by hand (kubernetes.io, StatefulSets, "Forced rollback").
fn blocked(observation: &Observation, target: &Target<'_>, workload: &Object) -> Option<Cause> {
    let is_ordered = text(&workload.value, "/spec/podManagementPolicy") != "Parallel";
    let is_rolling = text(&workload.value, "/spec/updateStrategy/type") != "OnDelete";
    let pod = target.troubled.iter().find(|pod| pod.is_old).filter(|_| is_ordered && is_rolling)?;
    let name = &pod.object.name;
    let inner = wrong(observation, target, |other| other.object.name == *name)?;
    let message = format!(
        "{} waits for {}, which is of a broken revision, before it creates the newest: {}: {}",
        workload.name.spoken(),
        name.spoken(),
        inner.reason.as_str(),
        inner.message
    );
    let hash = pod.object.label("controller-revision-hash");
    let newest = text(&workload.value, "/status/updateRevision");
    let delete = name.kubectl(&format!("delete pod {}", word(&name.name)));
    let field = Evidence::field(pod.object, format!("it is of revision {hash}, the newest is {newest}"));
    Some(Cause::new(Reason::RollbackBlocked, workload, message).because([field]).because(inner.evidence).then([delete]))
}

fn paused(workload: &Object) -> Option<Cause> {
    let is_held = is(&workload.value, "/spec/paused") && !is_complete(workload);
    is_held.then(|| {
        let message = format!("the rollout of {} is paused", workload.name.spoken());
        let resume = workload.name.kubectl(&format!("rollout resume {}", workload.name.short()));
        Cause::new(Reason::Paused, workload, message)
            .because([Evidence::field(workload, "spec.paused is true")])
            .then([resume])
    })
}

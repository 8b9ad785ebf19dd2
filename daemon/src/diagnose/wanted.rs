//! What is worth finding out besides objects: what events tell of some of them, and logs.

use std::collections::BTreeSet;

use super::containers::{containers, is_troubled, worth_reading};
use super::fields::condition_is;
use super::object::{Name, Object, kinds};
use super::observation::Observation;
use super::storage::claims;
use super::target::Target;

/// Members of a family that are asked about, beside its pods.
const MEMBERS: usize = 6;
/// Pods of a target that are asked about: what is wrong with more of them is the same, usually.
const PODS: usize = 5;
/// Objects that are asked about in all.
const SUBJECTS: usize = 40;
/// Logs that are read in all.
const LOGS: usize = 6;

/// A log that is worth reading.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogOf {
    /// The pod.
    pub pod: Name,
    /// Its UID.
    pub uid: String,
    /// The container.
    pub container: String,
    /// Whether it is that of the run before the last restart.
    pub previous: bool,
}

fn targets<'a>(observation: &'a Observation, names: &'a [Name]) -> impl Iterator<Item = Target<'a>> {
    names.iter().filter_map(|name| Target::of(observation, name))
}

/// The pods that are not well, the newest revision's first.
fn unwell<'a>(target: &Target<'a>) -> Vec<&'a Object> {
    let mut pods = target.troubled.clone();
    pods.sort_by_key(|pod| pod.is_old);
    pods.into_iter().map(|pod| pod.object).take(PODS).collect()
}

/// The objects of which events may tell why they are as they are.
#[must_use]
pub fn subjects(observation: &Observation, names: &[Name]) -> Vec<Name> {
    let mut subjects = Vec::new();
    for target in targets(observation, names) {
        let pods = unwell(&target);
        let claims = pods.iter().flat_map(|pod| {
            let claims = claims(pod).into_iter();
            claims.filter_map(|name| observation.find(kinds::CLAIM, pod.namespace(), &name)).collect::<Vec<_>>()
        });
        let claims: Vec<_> = claims.collect();
        let short: Vec<_> = target.short_of_pods().collect();
        let family = short.into_iter().chain(target.family.iter().copied()).take(MEMBERS);
        let autoscalers = observation.within(kinds::AUTOSCALER, target.object.namespace()).take(1);
        subjects.extend(family.chain(pods).chain(claims).chain(autoscalers).map(|object| object.name.clone()));
    }
    let mut seen = BTreeSet::new();
    subjects.retain(|name| seen.insert(name.clone()));
    subjects.truncate(SUBJECTS);
    subjects
}

/// The logs that may tell why a process does not do what it is to do.
#[must_use]
pub fn logs(observation: &Observation, names: &[Name]) -> Vec<LogOf> {
    let mut logs = Vec::new();
    for target in targets(observation, names) {
        let failed =
            target.members(kinds::JOB).flat_map(|job| observation.owned_by(job)).filter(|pod| !pod.is_deleted());
        // Pods of one owner log the same: of each the first.
        for pod in unwell(&target).into_iter().take(2).chain(failed.take(1)) {
            let log = |(container, previous): (super::containers::ContainerOfPod<'_>, bool)| LogOf {
                pod: pod.name.clone(),
                uid: pod.uid.clone(),
                container: container.name().to_owned(),
                previous,
            };
            logs.extend(worth_reading(pod, observation.now).into_iter().map(log));
        }
    }
    let mut seen = BTreeSet::new();
    logs.retain(|log| seen.insert(log.clone()));
    logs.truncate(LOGS);
    logs
}

/// Whether a pod waits for something that Secrets or ConfigMaps may lack.
#[must_use]
pub fn configures(observation: &Observation) -> bool {
    let is_waiting =
        |pod: &Object| containers(pod).iter().any(|container| !container.runs() && container.end().is_none());
    observation.all(kinds::POD).any(|pod| is_troubled(pod, observation.now) && is_waiting(pod))
}

/// Whether a pod finds no node.
#[must_use]
pub fn is_crowded(observation: &Observation) -> bool {
    observation.all(kinds::POD).any(|pod| condition_is(&pod.value, "PodScheduled", "False"))
}

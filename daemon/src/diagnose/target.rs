//! What is diagnosed: an object, and what belongs to it.

use std::collections::BTreeSet;

use super::containers::is_troubled;
use super::fields::{at, condition_is, list, map, number, text};
use super::object::{Name, Object, kinds};
use super::observation::Observation;
use super::selector;

/// Steps from an owner to what it owns.
const STEPS: usize = 6;

/// Pods of one target that are looked into: what is wrong with more of them is the same, usually.
const TROUBLED: usize = 500;

/// A pod of a target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pod<'a> {
    /// The pod.
    pub(super) object: &'a Object,
    /// Whether it is of an older revision.
    pub(super) is_old: bool,
}

/// An object with all that belongs to it.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// The object.
    pub(super) object: &'a Object,
    /// It, and what belongs to it, without pods.
    pub(super) family: Vec<&'a Object>,
    /// Its pods that count.
    pub(super) pods: Vec<Pod<'a>>,
    /// Those of them that are not well.
    pub(super) troubled: Vec<Pod<'a>>,
}

impl<'a> Target<'a> {
    /// The object of that name, with what belongs to it.
    pub(super) fn of(observation: &'a Observation, name: &Name) -> Option<Self> {
        let object = observation.get(name)?;
        let mut family = Vec::new();
        let mut pods = Vec::new();
        let mut seen = BTreeSet::new();
        let mut level = vec![(object, false)];
        for _ in 0..STEPS {
            let mut next = Vec::new();
            for (member, is_old) in level {
                if !seen.insert(&member.name) {
                    continue;
                }
                match member.is_a(kinds::POD) {
                    true => pods.push(Pod { object: member, is_old }),
                    false => {
                        family.push(member);
                        next.extend(below(observation, member, is_old));
                    }
                }
            }
            level = next;
        }
        // What has failed before is over where all is well again.
        let complete: BTreeSet<&str> = family.iter().filter(|it| is_complete(it)).map(|it| &*it.uid).collect();
        let is_over = |pod: &Pod<'_>| {
            let is_complete = complete.contains(&*object.uid) || pod.object.owners().any(|uid| complete.contains(uid));
            is_complete && text(&pod.object.value, "/status/phase") == "Failed"
        };
        pods.retain(|pod| !is_over(pod));
        let mut troubled: Vec<_> =
            pods.iter().copied().filter(|pod| is_troubled(pod.object, observation.now)).collect();
        troubled.sort_by_key(|pod| pod.is_old);
        troubled.truncate(TROUBLED);
        Some(Self { object, family, pods, troubled })
    }

    /// Those of the family of a kind.
    pub(super) fn members(&self, id: &'static str) -> impl Iterator<Item = &'a Object> {
        self.family.iter().copied().filter(move |member| member.is_a(id))
    }

    /// Those that make pods, and want more than there are, of the newest revision.
    pub(super) fn short_of_pods(&self) -> impl Iterator<Item = &'a Object> {
        self.family.iter().copied().filter(|member| lacks_pods(member))
    }
}

/// What belongs to an object, and whether it is of an older revision.
fn below<'a>(observation: &'a Observation, object: &'a Object, is_old: bool) -> Vec<(&'a Object, bool)> {
    let owned: Vec<_> = observation.owned_by(object).collect();
    match &*object.name.id() {
        kinds::DEPLOYMENT => {
            let newest = owned.iter().map(|owned| revision(owned)).max();
            owned.iter().map(|owned| (*owned, is_old || Some(revision(owned)) != newest)).collect()
        }
        kinds::STATEFUL_SET => {
            let newest = text(&object.value, "/status/updateRevision");
            let is_older = |pod: &Object| !newest.is_empty() && pod.label("controller-revision-hash") != newest;
            owned.iter().map(|owned| (*owned, is_old || (owned.is_a(kinds::POD) && is_older(owned)))).collect()
        }
        kinds::CRON_JOB => {
            let newest = owned.iter().max_by_key(|job| (job.created(), &job.name));
            newest.map(|newest| (*newest, is_old)).into_iter().collect()
        }
        kinds::SERVICE | kinds::BUDGET => {
            let pods = selected(observation, object);
            pods.into_iter().map(|pod| (pod, is_old)).collect()
        }
        kinds::AUTOSCALER => scaled(observation, object).map(|workload| (workload, is_old)).into_iter().collect(),
        kinds::INGRESS => {
            let services = backends(object);
            let services =
                services.iter().filter_map(|name| observation.find(kinds::SERVICE, object.namespace(), name));
            services.map(|service| (service, is_old)).collect()
        }
        _ => owned.into_iter().map(|owned| (owned, is_old)).collect(),
    }
}

/// The revision of a ReplicaSet (k8s.io/kubectl `deployment.kubernetes.io/revision`).
pub(super) fn revision(replica_set: &Object) -> u64 {
    replica_set.annotation("deployment.kubernetes.io/revision").parse().unwrap_or_default()
}

/// The pods that a Service or a disruption budget selects.
pub(super) fn selected<'a>(observation: &'a Observation, object: &Object) -> Vec<&'a Object> {
    let pods = observation.within(kinds::POD, object.namespace());
    let over = |pod: &&Object| matches!(text(&pod.value, "/status/phase"), "Succeeded" | "Failed");
    match object.is_a(kinds::SERVICE) {
        true => {
            let Some(labels) = map(&object.value, "/spec/selector") else { return Vec::new() };
            pods.filter(|pod| selector::has_labels(pod, labels) && !over(pod)).collect()
        }
        false => {
            let selector = at(&object.value, "/spec/selector");
            pods.filter(|pod| selector::selects(selector, pod) && !over(pod)).collect()
        }
    }
}

/// What an autoscaler scales.
pub(super) fn scaled<'a>(observation: &'a Observation, autoscaler: &Object) -> Option<&'a Object> {
    let wanted = at(&autoscaler.value, "/spec/scaleTargetRef");
    let group = text(wanted, "/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    let (group, kind) = (group.to_owned(), text(wanted, "/kind").to_owned());
    let (namespace, name) = (autoscaler.namespace().to_owned(), text(wanted, "/name").to_owned());
    observation.get(&Name { group, kind, namespace, name })
}

/// The Services that an Ingress leads to.
pub(super) fn backends(ingress: &Object) -> BTreeSet<String> {
    let paths = list(&ingress.value, "/spec/rules").iter().flat_map(|rule| list(rule, "/http/paths"));
    let names = paths.map(|path| text(path, "/backend/service/name"));
    let default = text(&ingress.value, "/spec/defaultBackend/service/name");
    names.chain([default]).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// How many pods a workload wants.
pub(super) fn wanted(workload: &Object) -> i64 {
    let value = &workload.value;
    match &*workload.name.id() {
        kinds::DAEMON_SET => number(value, "/status/desiredNumberScheduled").unwrap_or_default(),
        kinds::JOB => 1,
        _ => number(value, "/spec/replicas").unwrap_or(1),
    }
}

/// Whether a workload makes pods itself, and has fewer than it wants.
fn lacks_pods(workload: &Object) -> bool {
    let value = &workload.value;
    let count = |path: &str| number(value, path).unwrap_or_default();
    match &*workload.name.id() {
        kinds::REPLICA_SET | kinds::STATEFUL_SET => count("/status/replicas") < wanted(workload),
        kinds::DAEMON_SET => count("/status/currentNumberScheduled") < wanted(workload),
        kinds::JOB => {
            let is_over = ["Complete", "Failed"].iter().any(|it| condition_is(value, it, "True"));
            !is_over && count("/status/active") + count("/status/succeeded") + count("/status/failed") == 0
        }
        _ => false,
    }
}

/// Whether a workload is as it is wanted.
pub(super) fn is_complete(workload: &Object) -> bool {
    let value = &workload.value;
    let count = |path: &str| number(value, path).unwrap_or_default();
    let is_seen = count("/status/observedGeneration") >= count("/metadata/generation");
    let all = |paths: &[&str]| is_seen && paths.iter().all(|path| count(path) == wanted(workload));
    match &*workload.name.id() {
        kinds::DEPLOYMENT => all(&["/status/updatedReplicas", "/status/availableReplicas", "/status/replicas"]),
        kinds::REPLICA_SET => all(&["/status/availableReplicas"]),
        kinds::STATEFUL_SET => {
            let revisions = ["/status/currentRevision", "/status/updateRevision"].map(|path| text(value, path));
            all(&["/status/readyReplicas"]) && revisions[0] == revisions[1]
        }
        kinds::DAEMON_SET => all(&["/status/numberAvailable", "/status/updatedNumberScheduled"]),
        kinds::JOB => condition_is(value, "Complete", "True"),
        _ => false,
    }
}

impl<'a> Pod<'a> {
    /// What makes the same trouble of the same container in several pods of one owner one.
    pub(super) fn key(&self, container: &str) -> String {
        let owners = list(&self.object.value, "/metadata/ownerReferences");
        let owner = owners.first().map_or(&*self.object.name.name, |owner| text(owner, "/name"));
        format!("{}/{owner}/{container}", self.object.namespace())
    }
}

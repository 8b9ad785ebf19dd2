//! The pods below objects: by who owns whom, and of a Service by its endpoints.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashSet, HashSetExt as _};
use serde::Deserialize;

use crate::cache::{Cache, Snapshot};
use crate::caches::{Caches, Lease};
use crate::event_log::EventLog;
use crate::kind::Kind;
use crate::record::{Key, Link, Record, Uid};
use crate::source::{Problem, ProblemReason, Source};
use crate::subscription::{Scope, Selection};

/// Objects whose pods are looked for.
pub const MOST_TARGETS: usize = 1000;
/// Objects between one and its pods that are gone through.
const MOST_BETWEEN: usize = 10_000;

const PODS: (&str, &str) = ("", "Pod");
const SLICES: (&str, &str) = ("discovery.k8s.io", "EndpointSlice");
/// What owns pods, or what owns them.
const WORKLOADS: &[(&str, &str)] = &[
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("", "ReplicationController"),
];

/// An object, and where it is.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its cache.
    pub cache: Arc<Cache>,
    /// Its version there.
    pub record: Arc<Record>,
}

/// What is followed to find the pods below objects.
#[derive(Debug)]
pub struct Below {
    pods: Vec<Lease>,
    slices: Vec<Lease>,
    /// What lies between.
    between: Vec<Lease>,
    /// Whether it is known what lies between.
    is_known: bool,
}

impl Below {
    /// Follows what is needed to find the pods below objects of these kinds; `None` if no pods
    /// are served.
    ///
    /// # Errors
    /// If the daemon ends.
    pub async fn open(caches: &Caches, targets: &[Lease]) -> Result<Option<Self>, Problem> {
        let pods = lease(caches, PODS).await?;
        if pods.is_empty() {
            return Ok(None);
        }
        let mut between: BTreeSet<&(&str, &str)> = BTreeSet::new();
        let (mut is_known, mut slices) = (true, Vec::new());
        for target in targets {
            match way(target.kind()) {
                Way::Owned(kinds) => between.extend(kinds),
                Way::Endpoints => slices = lease(caches, SLICES).await?,
                Way::Unknown => {
                    is_known = false;
                    between.extend(WORKLOADS);
                }
            }
        }
        let mut leases = Vec::new();
        for kind in between {
            leases.extend(lease(caches, *kind).await?);
        }
        Ok(Some(Self { pods, slices, between: leases, is_known }))
    }

    /// Without these nothing can be said.
    pub fn needed(&self) -> impl Iterator<Item = &Lease> {
        self.pods.iter().chain(&self.slices).chain(self.between.iter().filter(|_| self.is_known))
    }

    /// All that is followed.
    pub fn all(&self) -> impl Iterator<Item = &Lease> {
        self.pods.iter().chain(&self.slices).chain(&self.between)
    }

    /// The pods below an object, which may be one.
    ///
    /// # Errors
    /// If what the daemon does not keep is needed, and the API server does not give it.
    pub async fn pods(&self, source: &Source, log: &EventLog, target: &Found) -> Result<Vec<Found>, Problem> {
        match way(target.cache.kind()) {
            _ if target.cache.kind().is_pods() => Ok(vec![target.clone()]),
            Way::Endpoints => self.endpoints(source, &target.record.key).await,
            Way::Owned(_) | Way::Unknown => Ok(self.owned(log, &target.record)),
        }
    }

    fn owned(&self, log: &EventLog, target: &Record) -> Vec<Found> {
        let namespace = Some(&target.key.namespace).filter(|namespace| !namespace.is_empty());
        let mut seen = HashSet::new();
        let mut owners = vec![target.uid.clone()];
        let mut pods = Vec::new();
        while let Some(owner) = owners.pop() {
            if seen.len() > MOST_BETWEEN || !seen.insert(owner.clone()) {
                continue;
            }
            pods.extend(self.pods.iter().flat_map(|cache| owned_by(cache, log, &owner, namespace)));
            let between = self.between.iter().flat_map(|cache| owned_by(cache, log, &owner, namespace));
            owners.extend(between.map(|found| found.record.uid.clone()));
        }
        pods
    }

    /// The EndpointSlices of a Service.
    pub fn slices(&self, service: &Key) -> Vec<Found> {
        let link = Link::Service(service.clone());
        let of = |cache: &Lease| {
            let found = |record| Found { cache: Arc::clone(cache.cache()), record };
            cache.linked(&link).into_iter().map(found).collect::<Vec<_>>()
        };
        self.slices.iter().flat_map(of).collect()
    }

    async fn endpoints(&self, source: &Source, service: &Key) -> Result<Vec<Found>, Problem> {
        let mut pods = Vec::new();
        for slice in self.slices(service) {
            let Some(json) = slice.json(source).await? else { continue };
            for name in pods_of(&json) {
                let key = Key { namespace: Arc::clone(&service.namespace), name: name.into() };
                pods.extend(
                    self.pods
                        .iter()
                        .filter_map(|cache| Some(Found { record: cache.get(&key)?, cache: Arc::clone(cache.cache()) })),
                );
            }
        }
        Ok(pods)
    }
}

impl Found {
    /// Its JSON; `None` if it is gone.
    ///
    /// # Errors
    /// If the daemon does not keep it, and the API server does not give it.
    pub async fn json(&self, source: &Source) -> Result<Option<Vec<u8>>, Problem> {
        match &self.record.body {
            Some(body) => body.json().map(Some).map_err(|e| Problem::new(ProblemReason::Refused, e.to_string())),
            None => Ok(source.read_whole(self.cache.collection(), &self.record.key).await?.map(String::into_bytes)),
        }
    }
}

/// How pods are found below objects of a kind.
enum Way {
    /// By owners, of which these kinds lie between.
    Owned(&'static [(&'static str, &'static str)]),
    /// By EndpointSlices.
    Endpoints,
    /// By owners of any kind that is known to own pods.
    Unknown,
}

fn way(kind: &Kind) -> Way {
    match (&*kind.group, &*kind.kind) {
        ("apps", "Deployment") => Way::Owned(&[("apps", "ReplicaSet")]),
        ("batch", "CronJob") => Way::Owned(&[("batch", "Job")]),
        ("apps", "DaemonSet" | "ReplicaSet" | "StatefulSet") | ("batch", "Job") => Way::Owned(&[]),
        ("", "Pod" | "ReplicationController") => Way::Owned(&[]),
        ("", "Service") => Way::Endpoints,
        _ => Way::Unknown,
    }
}

async fn lease(caches: &Caches, kind: (&str, &str)) -> Result<Vec<Lease>, Problem> {
    match caches.catalog().find_exactly(kind) {
        Some(kind) => caches.lease(&kind).await,
        None => Ok(Vec::new()),
    }
}

/// What an object owns in a cache.
fn owned_by(cache: &Lease, log: &EventLog, owner: &Uid, namespace: Option<&Arc<str>>) -> Vec<Found> {
    let found = |record: Arc<Record>| Found { cache: Arc::clone(cache.cache()), record };
    if cache.related().is_some() {
        return cache.linked(&Link::Owner(owner.clone())).into_iter().map(found).collect();
    }
    let Some(namespace) = namespace else { return Vec::new() };
    let snapshot = Snapshot::take([&**cache], log);
    let owned = |record: &&Arc<Record>| record.owners.iter().any(|it| it.uid == *owner);
    snapshot.in_namespace(0, namespace).filter(owned).cloned().map(found).collect()
}

/// The pods that an EndpointSlice names.
fn pods_of(slice: &[u8]) -> Vec<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Slice {
        endpoints: Option<Vec<Endpoint>>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Endpoint {
        target_ref: Option<Target>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Target {
        kind: String,
        name: String,
    }
    let slice: Slice = serde_json::from_slice(slice).unwrap_or_default();
    let targets = slice.endpoints.into_iter().flatten().filter_map(|endpoint| endpoint.target_ref);
    targets.filter(|target| target.kind == "Pod").map(|target| target.name).collect()
}

/// The objects that a selection means, at most [`MOST_TARGETS`].
#[must_use]
pub fn targets(selection: &Selection, log: &EventLog) -> Vec<Found> {
    let mut targets = Vec::new();
    let found =
        |cache: &Lease, record: &Arc<Record>| Found { cache: Arc::clone(cache.cache()), record: Arc::clone(record) };
    if let Scope::Named(named) = &selection.scope {
        let head = log.head();
        for named in named {
            let cache = &selection.caches[named.cache];
            let record = cache.get(&named.key).filter(|record| named.means(record, head));
            targets.extend(record.map(|record| found(cache, &record)));
        }
        return targets;
    }
    for cache in &selection.caches {
        let snapshot = Snapshot::take([&**cache], log);
        let meant = |record: &&Arc<Record>| selection.may_select(cache.id(), record, snapshot.revision);
        let room = |targets: &Vec<Found>| MOST_TARGETS.saturating_sub(targets.len());
        match &selection.scope {
            Scope::Namespaces(namespaces) => {
                for namespace in namespaces {
                    let records = snapshot.in_namespace(0, namespace).filter(meant).take(room(&targets));
                    targets.extend(records.map(|record| found(cache, record)));
                }
            }
            Scope::All | Scope::Named(_) => {
                let records = snapshot.objects(0, None).map(|(_, record)| record).filter(meant);
                targets.extend(records.take(room(&targets)).map(|record| found(cache, record)));
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_slice_names_pods_among_others() {
        let slice = br#"{"endpoints": [{"targetRef": {"kind": "Pod", "name": "a"}}, {}, {"targetRef": {"kind": "Node", "name": "b"}}]}"#;
        assert_eq!(super::pods_of(slice), ["a"]);
        assert_eq!(super::pods_of(br#"{"endpoints": null}"#), [""; 0]);
    }
}

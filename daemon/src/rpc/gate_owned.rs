//! From a gate's targets to what they own.

use std::collections::BTreeSet;
use std::sync::Arc;

use daymark_proto::v1::Owned;
use tonic::Status;

use super::Served;
use super::filter::Caches;
use super::gate_policy::invalid;
use crate::gate::family::{Family, Targets};
use crate::gate::{Criterion, Policy};
use crate::kind::Kind;
use crate::rule::kinds;
use crate::subscription::{Scope, Selection};

/// Kinds whose objects' states are of what they own already.
const SPEAK_FOR_THEIR_OWN: &[(&str, &[&str])] = &[
    ("", &["Pod", "ReplicationController", "Service"]),
    ("apps", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("batch", &["CronJob", "Job"]),
];
/// Kinds whose objects are no part of what somebody waits for.
const BYSTANDERS: &[(&str, &[&str])] = &[
    ("", &["Event"]),
    ("coordination.k8s.io", &["Lease"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    ("events.k8s.io", &["Event"]),
];

impl Served {
    /// All objects that are to be looked at, and which of them are meant.
    pub(super) async fn with_owned(
        &self,
        targets: Selection,
        owned: &Owned,
        policy: &Policy,
    ) -> Result<(Selection, Family), Status> {
        if policy.goal.asks(Criterion::Deleted) {
            return Err(invalid("owned objects cannot be awaited if the object is to be deleted"));
        }
        let namespaces = namespaces(&targets);
        let kinds = match &owned.kinds[..] {
            [] => self.caches.catalog().kinds().iter().filter(|kind| can_be_unready(kind)).cloned().collect(),
            names => self.kinds(names).await?,
        };
        let Selection { caches, scope, labels, .. } = targets;
        let number = caches.len();
        let targets = match scope {
            Scope::Named(named) => {
                Targets::Named(named.into_iter().map(|named| ((named.cache, named.key), named.uid)).collect())
            }
            Scope::Namespaces(namespaces) => Targets::Selected { caches: number, labels, namespaces: Some(namespaces) },
            Scope::All => Targets::Selected { caches: number, labels, namespaces: None },
        };
        let mut all = Caches::from(caches);
        let is_near = |only: Option<&str>| match (only, &namespaces) {
            (Some(only), Some(near)) => near.contains(only),
            _ => true,
        };
        for kind in kinds.iter().filter(|kind| kind.namespaced || namespaces.is_none()) {
            let caches = self.lease(kind).await?.into_iter();
            caches.filter(|cache| is_near(cache.collection().namespace.as_deref())).for_each(|cache| all.add(cache));
        }
        let caches = all.into_inner();
        let speak_for_their_own = caches.iter().map(|cache| is_among(cache.kind(), SPEAK_FOR_THEIR_OWN)).collect();
        let scope = namespaces.map_or(Scope::All, Scope::Namespaces);
        Ok((Selection::of(caches, scope), Family::new(targets, speak_for_their_own)))
    }
}

/// Where what the targets own may be: an owner is in the namespace of what it owns, or
/// in none.
fn namespaces(targets: &Selection) -> Option<BTreeSet<Arc<str>>> {
    if targets.caches.iter().any(|cache| !cache.kind().namespaced) {
        return None;
    }
    match &targets.scope {
        Scope::All => None,
        Scope::Namespaces(namespaces) => Some(namespaces.clone()),
        Scope::Named(named) => Some(named.iter().map(|named| Arc::clone(&named.key.namespace)).collect()),
    }
}

pub(super) fn can_be_unready(kind: &Kind) -> bool {
    !kinds::is_plain(&kind.group, &kind.kind) && !is_among(kind, BYSTANDERS)
}

fn is_among(kind: &Kind, groups: &[(&str, &[&str])]) -> bool {
    groups.iter().any(|(group, kinds)| *group == kind.group && kinds.contains(&kind.kind.as_str()))
}

//! Words that a command line is completed with, from what is held anyway.

mod containers;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use self::containers::{Container, containers};
use crate::cache::Snapshot;
use crate::event_log::EventLog;
use crate::kind::Kind;
use crate::record::Record;
use crate::subscription::{Scope, Selection};

/// Objects whose labels are looked at: most have the keys that others of their kind have.
const LABELLED: usize = 10_000;

/// Words that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// In their order.
    pub words: Vec<Arc<str>>,
    /// Whether there are more, or may be.
    pub truncated: bool,
}

/// The names of kinds that begin with `prefix`, and which kind each means: plural names, with the
/// group where the plural alone is another kind's or `prefix` has a dot; and short names with which
/// it does not begin, if `prefix` is not empty. Of several kinds of a name, the first one has it.
#[must_use]
pub fn kinds(kinds: &[Arc<Kind>], prefix: &str) -> BTreeMap<String, String> {
    let mut owners: HashMap<String, usize> = HashMap::new();
    for (place, kind) in kinds.iter().enumerate() {
        let names = [&kind.resource, &kind.singular, &kind.kind].into_iter().chain(&kind.short_names);
        names.for_each(|name| _ = owners.entry(name.to_ascii_lowercase()).or_insert(place));
    }
    let mut words = BTreeMap::new();
    for (place, kind) in kinds.iter().enumerate() {
        let means_it = |name: &str| owners.get(name) == Some(&place);
        let is_enough = means_it(&kind.resource) && !prefix.contains('.');
        let plural = if is_enough { kind.resource.clone() } else { kind.to_string() };
        // `po` goes on to `pods`, but `svc` to nothing.
        let is_other = |name: &str| !prefix.is_empty() && !plural.starts_with(name);
        let short = kind.short_names.iter().filter(|name| is_other(name) && means_it(name));
        for name in short.cloned().chain([plural.clone()]).filter(|name| name.starts_with(prefix)) {
            words.entry(name).or_insert_with(|| format!("{} {}", kind.kind, kind.api_version()));
        }
    }
    words
}

/// The names of selected objects that begin with `prefix`: the first `limit` of them.
#[must_use]
pub fn names(selection: &Selection, log: &EventLog, prefix: &str, limit: usize) -> Words {
    let mut names = BTreeSet::new();
    for cache in &selection.caches {
        let snapshot = Snapshot::take([&**cache], log);
        for namespace in namespaces(selection, &snapshot) {
            let found = snapshot.beginning(0, &namespace, prefix);
            let found = found.filter(|record| selection.may_select(cache.id(), record, snapshot.revision));
            names.extend(found.take(limit + 1).map(|record| Arc::clone(&record.key.name)));
            while names.len() > limit + 1 {
                names.pop_last();
            }
        }
    }
    first_of(names, limit)
}

/// The keys of labels of selected objects that begin with `prefix`: the first `limit` of them.
#[must_use]
pub fn label_keys(selection: &Selection, log: &EventLog, prefix: &str, limit: usize) -> Words {
    let (mut keys, mut left) = (BTreeSet::new(), LABELLED);
    for cache in &selection.caches {
        let snapshot = Snapshot::take([&**cache], log);
        for namespace in namespaces(selection, &snapshot) {
            let seen = |record: &&Arc<Record>| selection.may_select(cache.id(), record, snapshot.revision);
            for record in snapshot.in_namespace(0, &namespace).take(left) {
                left -= 1;
                if seen(&record) {
                    let known = record.labels.iter().map(|(key, _)| key).filter(|key| key.starts_with(prefix));
                    keys.extend(known.cloned());
                }
            }
        }
    }
    let words = first_of(keys, limit);
    Words { truncated: words.truncated || left == 0, ..words }
}

fn first_of(words: BTreeSet<Arc<str>>, limit: usize) -> Words {
    let truncated = words.len() > limit;
    Words { words: words.into_iter().take(limit).collect(), truncated }
}

/// The namespaces in which the first cache of a snapshot may have selected objects.
fn namespaces(selection: &Selection, snapshot: &Snapshot<'_>) -> Vec<Arc<str>> {
    match &selection.scope {
        Scope::Namespaces(namespaces) => namespaces.iter().cloned().collect(),
        Scope::All | Scope::Named(_) => snapshot.namespaces(0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_go_by_the_names_that_mean_them() {
        let mut all = crate::kind::samples();
        let other = Kind { group: "metrics.k8s.io".into(), ..all[0].clone() };
        all.push(other);
        let all: Vec<_> = all.into_iter().map(Arc::new).collect();
        let words = |prefix| kinds(&all, prefix).into_keys().collect::<Vec<_>>().join(" ");
        for (prefix, found) in [
            ("", "deployments jobs pods pods.metrics.k8s.io replicasets"),
            ("p", "pods pods.metrics.k8s.io"),
            ("r", "replicasets rs"),
            ("rs", "rs"),
            ("deploy", "deployments"),
            ("deployments.", "deployments.apps"),
            ("jobs.b", "jobs.batch"),
            ("x", ""),
        ] {
            assert_eq!(words(prefix), found, "{prefix:?}");
        }
        assert_eq!(kinds(&all, "rs")["rs"], "ReplicaSet apps/v1");
    }
}

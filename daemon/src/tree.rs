//! An object and what it owns, as caches hold it.

use std::sync::Arc;

use foldhash::{HashSet, HashSetExt as _};

use crate::caches::Lease;
use crate::record::{Link, Record, Uid};

/// Objects that a tree has at most: more are for nobody to look at.
const MOST: usize = 2000;

/// How deep a tree is at most: parsers of JSON take 128 levels, of which each takes two.
const DEEPEST: usize = 32;

/// A kind by group and name.
pub type Name = (&'static str, &'static str);

/// Kinds whose objects own no others than of these kinds.
const OWN: &[(Name, &[Name])] = &[
    (("", "Node"), &[("", "Pod")]),
    (("", "Pod"), &[("", "PersistentVolumeClaim")]),
    (("", "ReplicationController"), &[("", "Pod")]),
    (("", "Service"), &[("discovery.k8s.io", "EndpointSlice")]),
    (("apps", "DaemonSet"), &[("", "Pod")]),
    (("apps", "Deployment"), &[("apps", "ReplicaSet")]),
    (("apps", "ReplicaSet"), &[("", "Pod")]),
    (("apps", "StatefulSet"), &[("", "PersistentVolumeClaim"), ("", "Pod")]),
    (("batch", "CronJob"), &[("batch", "Job")]),
    (("batch", "Job"), &[("", "Pod")]),
    (("", "PersistentVolumeClaim"), &[]),
    (("discovery.k8s.io", "EndpointSlice"), &[]),
];

/// The kinds that an object of this kind owns, and those that these own; `None` if
/// that may be any.
#[must_use]
pub fn owned_kinds(group: &str, kind: &str) -> Option<Vec<Name>> {
    let own = |group: &str, kind: &str| OWN.iter().find(|(owner, _)| *owner == (group, kind)).map(|(_, own)| *own);
    let mut all = own(group, kind)?.to_vec();
    let mut place = 0;
    while let Some((group, kind)) = all.get(place).copied() {
        let below = own(group, kind).unwrap_or_default();
        let new: Vec<_> = below.iter().filter(|kind| !all.contains(kind)).copied().collect();
        all.extend(new);
        place += 1;
    }
    Some(all)
}

/// An object in a tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// The place of its cache.
    pub cache: usize,
    /// The object.
    pub record: Arc<Record>,
    /// How far below the root it is.
    pub depth: usize,
}

/// What is below an object.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Each object before what it owns; siblings by cache, then name.
    pub nodes: Vec<Node>,
    /// How many were left out.
    pub omitted: usize,
}

impl Tree {
    /// What the object of that UID owns in these caches, as far as it `may` be seen, and
    /// what that owns. An object that two own stands below the first.
    #[must_use]
    pub fn below(root: &Uid, caches: &[Lease], may: impl Fn(usize, &Record) -> bool) -> Self {
        let mut tree = Self::default();
        let mut seen = HashSet::new();
        seen.insert(root.clone());
        let mut open = children(root, caches, 1);
        open.reverse();
        while let Some(node) = open.pop() {
            if !may(node.cache, &node.record) || !seen.insert(node.record.uid.clone()) {
                continue;
            }
            if tree.nodes.len() >= MOST || node.depth > DEEPEST {
                tree.omitted += 1;
                continue;
            }
            let below = children(&node.record.uid, caches, node.depth + 1);
            open.extend(below.into_iter().rev());
            tree.nodes.push(node);
        }
        tree
    }
}

fn children(owner: &Uid, caches: &[Lease], depth: usize) -> Vec<Node> {
    let link = Link::Owner(owner.clone());
    let mut nodes = Vec::new();
    for (cache, lease) in caches.iter().enumerate() {
        let mut owned = lease.linked(&link);
        owned.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        nodes.extend(owned.into_iter().map(|record| Node { cache, record, depth }));
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_followed_to_the_last() {
        assert_eq!(
            owned_kinds("batch", "CronJob").unwrap(),
            [("batch", "Job"), ("", "Pod"), ("", "PersistentVolumeClaim")]
        );
        assert_eq!(owned_kinds("", "PersistentVolumeClaim").unwrap(), []);
        assert_eq!(owned_kinds("example.com", "Widget"), None);
    }
}

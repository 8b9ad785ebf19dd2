//! Which open cache may hold an object that is known by its kind's name alone.

use std::sync::Arc;

use super::Caches;
use crate::cache::Cache;

impl Caches {
    /// The open caches of whole kinds by that name, such as `ReplicaSet`, that hold a list,
    /// and the objects of that namespace or those without one.
    #[must_use]
    pub fn holding(&self, kind: &str, namespace: &str) -> Vec<Arc<Cache>> {
        let open = self.open.lock();
        let holds = |cache: &&Arc<Cache>| {
            let collection = cache.collection();
            let is_there = collection.namespace.as_deref().is_none_or(|only| only == namespace);
            cache.kind().kind == kind && collection.field_selector.is_none() && is_there && cache.freshness().listed
        };
        open.values().map(|open| &open.cache).filter(holds).cloned().collect()
    }
}

//! What rules see of other caches, and whom a change concerns there.

use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use futures::future::join_all;
use jiff::Timestamp;
use parking_lot::RwLock;

use crate::cache::Cache;
use crate::catalog::Catalog;
use crate::record::{Key, Link, Record};
use crate::rule::relations::{self, Dependent};
use crate::rule::view::{Named, Related, View};

/// How long somebody who reads a cache waits for what its rule looks at.
const PATIENCE: Duration = Duration::from_secs(5);

/// The open caches that rules look at, or that depend on others.
#[derive(Debug)]
pub struct Neighbours {
    catalog: Arc<Catalog>,
    caches: RwLock<HashMap<Related, Vec<Arc<Cache>>>>,
}

impl Neighbours {
    /// None yet.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, caches: RwLock::default() }
    }

    /// A cache is open.
    pub fn add(&self, cache: &Arc<Cache>) {
        if let Some(set) = cache.related() {
            self.caches.write().entry(set).or_default().push(Arc::clone(cache));
        }
    }

    /// It is closed.
    pub fn remove(&self, cache: &Cache) {
        if let Some(set) = cache.related() {
            self.caches.write().entry(set).or_default().retain(|other| other.id() != cache.id());
            // What it held is not visible any more.
            self.appeared(cache);
        }
    }

    /// The objects of a cache can be seen from now on, or no longer: whoever looks
    /// at them is judged again.
    pub fn appeared(&self, cache: &Cache) {
        let lookers = cache.related().into_iter().flat_map(relations::looked_at_by);
        lookers.for_each(|set| self.touch(Dependent::Every(set)));
    }

    /// An object has another state by now, or is another one.
    pub fn changed(&self, cache: &Cache, record: &Record) {
        if let Some(set) = cache.related() {
            relations::dependents(set, record).into_iter().for_each(|dependent| self.touch(dependent));
        }
    }

    /// Has these objects judged again.
    pub fn touch(&self, dependent: Dependent) {
        match dependent {
            Dependent::Named(set, key) => {
                self.each(set, Some(&key.namespace), |cache| cache.touched().one(key.clone()));
            }
            Dependent::Linked(set, link) => self.each(set, None, |cache| cache.touched().linked(link.clone())),
            Dependent::Every(set) => self.each(set, None, |cache| cache.touched().all()),
        }
    }

    /// Returns once a cache is judged by what its rule looks at, as far as that can
    /// be seen soon.
    pub async fn settled(&self, cache: &Cache) {
        let looked_at = cache.related().map(relations::looks_at).unwrap_or_default();
        let namespace = cache.collection().namespace.as_deref();
        let others: Vec<_> = looked_at.iter().flat_map(|set| self.caches(*set, namespace)).collect();
        let settled = async {
            join_all(others.iter().map(|other| other.announced())).await;
            cache.touched().settled().await;
        };
        // Where the API server does not answer, objects are judged by themselves.
        let _in_time = tokio::time::timeout(PATIENCE, settled).await;
    }

    /// The caches of a set, those of one namespace or all.
    #[must_use]
    pub fn caches(&self, set: Related, namespace: Option<&str>) -> Vec<Arc<Cache>> {
        let caches = self.caches.read();
        caches.get(&set).into_iter().flatten().filter(|cache| holds(cache, namespace)).cloned().collect()
    }

    fn each(&self, set: Related, namespace: Option<&str>, mut touch: impl FnMut(&Cache)) {
        let caches = self.caches.read();
        caches.get(&set).into_iter().flatten().filter(|cache| holds(cache, namespace)).for_each(|cache| touch(cache));
    }

    /// The cache that is to be asked, if its objects are visible.
    fn cache(&self, set: Related, namespace: &str) -> Option<Arc<Cache>> {
        let caches = self.caches.read();
        let mut caches = caches.get(&set)?.iter().filter(|cache| holds(cache, Some(namespace)));
        caches.find(|cache| cache.freshness().listed).cloned()
    }
}

fn holds(cache: &Cache, namespace: Option<&str>) -> bool {
    match (&cache.collection().namespace, namespace) {
        (Some(only), Some(namespace)) => **only == *namespace,
        _ => true,
    }
}

impl View for Neighbours {
    fn linked(&self, set: Related, namespace: &str, link: &Link) -> Option<Vec<Arc<Record>>> {
        Some(self.cache(set, namespace)?.linked(link))
    }

    fn named(&self, set: Related, namespace: &str, name: &str) -> Named {
        match self.cache(set, namespace) {
            None => Named::NotVisible,
            Some(cache) => cache.get(&Key::new(namespace, name)).map_or(Named::Absent, Named::There),
        }
    }

    fn known_until(&self, set: Related, namespace: &str) -> Option<Timestamp> {
        let cache = self.cache(set, namespace)?;
        let freshness = cache.freshness();
        freshness.synced.then_some(freshness.heard)
    }

    fn serves(&self, group: &str, resource: &str) -> Option<bool> {
        let kinds = self.catalog.kinds();
        let served = |kind: &Arc<crate::kind::Kind>| kind.group == group && kind.resource == resource;
        // A recording knows its own kinds only.
        let known = !kinds.is_empty() && !self.catalog.is_fixed();
        known.then(|| kinds.iter().any(served))
    }
}

//! Who owns what an event is about: found out while it is there, so that its events are
//! still its owners' when it is gone.

use std::sync::Arc;

use crate::cache::Cache;
use crate::caches::Caches;
use crate::record::{Happening, Key, Owner, Record, Uid};

/// Owners that are told of an object, those of its owners included.
const MOST: usize = 16;

/// The owners of an object, and theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage(Arc<[Ancestor]>);

/// One of them. It is in the namespace of what it owns, or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its UID.
    pub uid: Uid,
    /// Its API group; `None` where that is not known.
    pub group: Option<Arc<str>>,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// What is found out of an object's owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// All of them, as far as their kinds are followed.
    All(Lineage),
    /// It, or one of them, is not there: not yet, or no more. These are.
    Some(Lineage),
    /// Nobody follows its kind.
    NotFollowed,
}

impl Lineage {
    /// Of these.
    #[must_use]
    pub fn of(ancestors: impl Into<Arc<[Ancestor]>>) -> Self {
        Self(ancestors.into())
    }

    /// The owners, the nearest first.
    #[must_use]
    pub fn ancestors(&self) -> &[Ancestor] {
        &self.0
    }

    /// Whether nobody owns the object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Looks for the owners of what an event is about. `known` says what was found out of
/// an object before, which may be gone.
pub fn find(caches: &Caches, happening: &Happening, known: impl Fn(&Uid) -> Option<Lineage>) -> Found {
    let (namespace, name) = (&*happening.namespace, &happening.name);
    let is_of_group = |cache: &Arc<Cache>| happening.group().is_none_or(|group| group == cache.kind().group);
    let followed: Vec<_> = caches.holding(&happening.kind, namespace).into_iter().filter(is_of_group).collect();
    if followed.is_empty() {
        return Found::NotFollowed;
    }
    // A kubelet gives its node's name for its UID.
    let is_it = |record: &Record| record.uid == happening.subject || happening.subject.is(&record.key.name);
    let record = followed.iter().find_map(|cache| get(cache, namespace, name).filter(|record| is_it(record)));
    let Some(record) = record else { return Found::Some(Lineage::of([])) };
    let mut search = Search { caches, namespace, known: &known, found: Vec::new(), is_whole: true };
    search.owners_of(&record);
    let (lineage, is_whole) = (Lineage::of(search.found), search.is_whole);
    if is_whole { Found::All(lineage) } else { Found::Some(lineage) }
}

struct Search<'a> {
    caches: &'a Caches,
    namespace: &'a str,
    known: &'a dyn Fn(&Uid) -> Option<Lineage>,
    found: Vec<Ancestor>,
    is_whole: bool,
}

impl Search<'_> {
    fn owners_of(&mut self, record: &Record) {
        let mut next: Vec<Owner> = record.owners.to_vec();
        while let Some(owner) = next.pop() {
            let is_known = self.found.iter().any(|ancestor| ancestor.uid == owner.uid);
            if is_known || self.found.len() >= MOST {
                continue;
            }
            let caches = self.caches.holding(&owner.kind, self.namespace);
            let there = caches.iter().find_map(|cache| {
                let record = get(cache, self.namespace, &owner.name)?;
                (record.uid == owner.uid).then_some((cache, record))
            });
            let group = there.as_ref().map(|(cache, _)| cache.kind().group.as_str().into());
            let Owner { uid, kind, name, .. } = owner;
            match (there, (self.known)(&uid)) {
                (Some((_, record)), _) => next.extend(record.owners.iter().cloned()),
                (None, Some(before)) => self.add_all(before),
                // Who is not followed is not waited for.
                (None, None) => self.is_whole &= caches.is_empty(),
            }
            self.found.push(Ancestor { uid, group, kind, name });
        }
    }

    fn add_all(&mut self, lineage: Lineage) {
        for ancestor in lineage.ancestors() {
            if self.found.len() < MOST && !self.found.contains(ancestor) {
                self.found.push(ancestor.clone());
            }
        }
    }
}

fn get(cache: &Cache, namespace: &str, name: &Arc<str>) -> Option<Arc<Record>> {
    let namespace = if cache.kind().namespaced { namespace } else { "" };
    cache.get(&Key { namespace: namespace.into(), name: Arc::clone(name) })
}

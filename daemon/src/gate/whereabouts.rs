//! Where the objects of a gate are, as far as their names tell.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::family::Targets;
use super::tally::Place;
use crate::caches::Lease;
use crate::kind::Kind;
use crate::record::Key;
use crate::subscription::{Scope, Selection};

/// Where the objects of a gate are: it needs no caches to be known.
#[derive(Debug)]
pub struct Whereabouts {
    /// By places: a kind, and the only namespace that its cache holds.
    kinds: Vec<(Arc<Kind>, Option<Box<str>>)>,
    among: Among,
}

#[derive(Debug)]
enum Among {
    All,
    Namespaces(BTreeSet<Arc<str>>),
    Named(BTreeSet<Place>),
}

impl Whereabouts {
    /// Of a selection, or of the targets in it.
    #[must_use]
    pub fn of(selection: &Selection, targets: Option<&Targets>) -> Self {
        let kind = |cache: &Lease| (Arc::clone(&cache.collection().kind), cache.collection().namespace.clone());
        let among = match (&selection.scope, targets) {
            (_, Some(Targets::Named(named))) => Among::Named(named.keys().cloned().collect()),
            (Scope::All, _) => Among::All,
            (Scope::Namespaces(namespaces), _) => Among::Namespaces(namespaces.clone()),
            (Scope::Named(named), _) => {
                Among::Named(named.iter().map(|named| (named.cache, named.key.clone())).collect())
            }
        };
        Self { kinds: selection.caches.iter().map(kind).collect(), among }
    }

    /// The kinds, by places.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter().map(|(kind, _)| &**kind)
    }

    /// The kind of a place.
    #[must_use]
    pub fn kind(&self, place: &Place) -> Option<&Kind> {
        self.kinds.get(place.0).map(|(kind, _)| &**kind)
    }

    /// The place of an object of that kind and name, if it may be of the gate: labels
    /// are not known.
    #[must_use]
    pub fn place(&self, kind: &Kind, key: &Key) -> Option<Place> {
        let holds = |(known, namespace): &(Arc<Kind>, Option<Box<str>>)| {
            **known == *kind && namespace.as_deref().is_none_or(|only| *only == *key.namespace)
        };
        let place = (self.kinds.iter().position(holds)?, key.clone());
        let is_meant = match &self.among {
            Among::All => true,
            Among::Namespaces(namespaces) => namespaces.contains(&key.namespace),
            Among::Named(named) => named.contains(&place),
        };
        is_meant.then_some(place)
    }
}

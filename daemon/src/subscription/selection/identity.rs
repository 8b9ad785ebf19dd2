//! Which selections want the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Named, Scope, Selection};
use crate::event_log::CacheId;
use crate::predicate::Expression;
use crate::record::{Key, Uid};
use crate::state::State;
use crate::subscription::fields::FieldSelector;
use crate::subscription::labels::LabelSelector;
use crate::subscription::visible::Visible;

/// What a selection is known by.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::subscription) struct Identity {
    caches: Vec<CacheId>,
    scope: ScopeIdentity,
    labels: LabelSelector,
    fields: FieldSelector,
    states: Vec<State>,
    predicate: Option<Expression>,
    every_version: bool,
    with_bodies: bool,
    history: bool,
    visible: Vec<Visible>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum ScopeIdentity {
    All,
    Namespaces(BTreeSet<Arc<str>>),
    Named(Vec<(usize, Key, Option<Uid>)>),
}

impl Selection {
    /// What it is known by: two selections of one identity want the same, as
    /// long as neither is proven.
    pub(in crate::subscription) fn identity(&self) -> Identity {
        let named = |n: &Named| (n.cache, n.key.clone(), n.uid.clone());
        Identity {
            caches: self.caches.iter().map(|cache| cache.id()).collect(),
            scope: match &self.scope {
                Scope::All => ScopeIdentity::All,
                Scope::Namespaces(namespaces) => ScopeIdentity::Namespaces(namespaces.clone()),
                Scope::Named(all) => ScopeIdentity::Named(all.iter().map(named).collect()),
            },
            labels: self.labels.clone(),
            fields: self.fields.clone(),
            states: self.states.clone(),
            predicate: self.predicate.as_ref().map(|predicate| predicate.expression.clone()),
            every_version: self.every_version,
            with_bodies: self.with_bodies,
            history: self.history,
            visible: self.visible.clone(),
        }
    }
}

//! Which events are wanted.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::Kept;
use super::lineage::{Ancestor, Lineage};
use crate::record::Uid;

/// Which events are wanted.
#[derive(Clone, Debug)]
pub struct EventFilter {
    /// Those in these namespaces.
    pub namespaces: Namespaces,
    /// Of these, those about an object.
    pub target: Option<Target>,
    /// Of these, those of one of these types, in any case; of any, if there are none.
    pub types: Vec<String>,
    /// Of these, those with one of these reasons; with any, if there are none.
    pub reasons: Vec<String>,
    /// Of these, those that have happened since.
    pub since: Option<Timestamp>,
}

/// Namespaces of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// All.
    All,
    /// These.
    In(BTreeSet<Arc<str>>),
}

impl Namespaces {
    /// Whether that one is among them.
    #[must_use]
    pub fn have(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::In(namespaces) => namespaces.contains(namespace),
        }
    }
}

/// An object, by its name: its events outlive it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its API group; empty for the core group.
    pub group: String,
    /// Its kind, such as `Deployment`.
    pub kind: String,
    /// Its namespace; empty for a cluster-scoped object.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID, if no other by its name is meant.
    pub uid: Option<Uid>,
    /// Whether what it owns is meant as well, and what that owns.
    pub with_owned: bool,
}

impl Target {
    /// Whether the event names it.
    fn is_subject(&self, kept: &Kept) -> bool {
        let happening = &kept.happening;
        let namespace = match &*happening.namespace {
            // Some recorders leave it out.
            "" if !self.namespace.is_empty() => &kept.record.key.namespace,
            _ => &happening.namespace,
        };
        let is_named = *happening.kind == *self.kind && happening.name == self.name && *namespace == self.namespace;
        let is_it = |uid: &Uid| *uid == happening.subject || happening.subject.is(&self.name);
        is_named && happening.group().is_none_or(|group| group == self.group) && self.uid.as_ref().is_none_or(is_it)
    }

    fn is(&self, ancestor: &Ancestor) -> bool {
        *ancestor.kind == *self.kind
            && ancestor.name == self.name
            && ancestor.group.as_deref().is_none_or(|group| group == self.group)
            && self.uid.as_ref().is_none_or(|uid| *uid == ancestor.uid)
    }
}

impl EventFilter {
    /// Whether the event is wanted, if it is about a wanted object.
    pub(super) fn selects(&self, kept: &Kept) -> bool {
        let is_of = |r#type: &String| r#type.eq_ignore_ascii_case(&kept.happening.r#type);
        let has = |reason: &String| *reason == *kept.record.judgement.reason;
        self.namespaces.have(&kept.record.key.namespace)
            && (self.types.is_empty() || self.types.iter().any(is_of))
            && (self.reasons.is_empty() || self.reasons.iter().any(has))
            && self.since.is_none_or(|since| kept.last() >= since)
    }

    /// Whether the event is about a wanted object, by the event's own words.
    pub(super) fn is_about(&self, kept: &Kept) -> bool {
        self.target.as_ref().is_none_or(|target| target.is_subject(kept))
    }

    /// Whether the event is about an object that a wanted one owns.
    pub(super) fn owns(&self, kept: &Kept, lineage: &Lineage) -> bool {
        // An owner is in the namespace of what it owns, or in none.
        let is_near = |target: &Target| target.namespace.is_empty() || target.namespace == kept.record.key.namespace;
        let target = self.target.as_ref().filter(|target| target.with_owned && is_near(target));
        target.is_some_and(|target| lineage.ancestors().iter().any(|ancestor| target.is(ancestor)))
    }
}

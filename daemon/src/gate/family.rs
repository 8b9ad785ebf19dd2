//! Which of the objects that a gate looks at are its own, where it is to judge what
//! its targets own, too.
//!
//! Owners and what they own come in any order, and strangers may turn out to be owned:
//! so all that are looked at are remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

use super::seen::Seen;
use super::tally::Place;
use crate::record::{Record, Uid};
use crate::subscription::labels::LabelSelector;

/// The objects that are asked for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Those at these places, and of those UIDs, if some are given.
    Named(BTreeMap<Place, Option<Uid>>),
    /// Those of so many first caches that have such labels, in these namespaces, or
    /// in all.
    Selected {
        /// How many caches hold targets.
        caches: usize,
        /// Their labels.
        labels: LabelSelector,
        /// Their namespaces.
        namespaces: Option<BTreeSet<Arc<str>>>,
    },
}

impl Targets {
    /// Whether an object is asked for itself.
    #[must_use]
    pub fn have(&self, place: &Place, record: &Record) -> bool {
        match self {
            Self::Named(named) => named.get(place).is_some_and(|uid| uid.as_ref().is_none_or(|uid| *uid == record.uid)),
            Self::Selected { caches, labels, namespaces } => {
                let in_scope = |namespaces: &BTreeSet<Arc<str>>| namespaces.contains(&place.1.namespace);
                place.0 < *caches && namespaces.as_ref().is_none_or(in_scope) && labels.matches(record)
            }
        }
    }

    fn names(&self, place: &Place) -> bool {
        matches!(self, Self::Named(named) if named.contains_key(place))
    }
}

/// The targets, and what they own, and what that owns.
#[derive(Debug)]
pub struct Family {
    targets: Targets,
    /// For each cache, whether what its objects own is not looked at: they say it
    /// themselves, as a Deployment does of its pods.
    speaks_for_its_own: Vec<bool>,
    /// All that are there.
    seen: BTreeMap<Place, Seen>,
    owned: HashMap<Uid, BTreeSet<Place>>,
    members: BTreeSet<Place>,
    /// Members of which it is looked at what they own.
    heads: HashSet<Uid>,
}

/// Who is of the family by now, and who is not any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// These are.
    pub joined: Vec<Place>,
    /// These were.
    pub left: Vec<Place>,
}

impl Family {
    /// Nobody yet. Of each cache it is said whether its objects speak for what they own.
    #[must_use]
    pub fn new(targets: Targets, speaks_for_its_own: Vec<bool>) -> Self {
        Self {
            targets,
            speaks_for_its_own,
            seen: BTreeMap::new(),
            owned: HashMap::new(),
            members: BTreeSet::new(),
            heads: HashSet::new(),
        }
    }

    /// The objects that are asked for themselves.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Whether the object there is of the family, or named: it may be absent.
    #[must_use]
    pub fn has(&self, place: &Place) -> bool {
        self.members.contains(place) || self.targets.names(place)
    }

    /// Whether that object is of the family, and not another by the name of one that is.
    #[must_use]
    pub fn is_of_it(&self, place: &Place, record: &Record) -> bool {
        self.members.contains(place) || self.targets.have(place, record)
    }

    /// Whether the object there is asked for itself.
    #[must_use]
    pub fn asks_for(&self, place: &Place) -> bool {
        let is_target = |seen: &Seen| self.targets.have(place, &seen.record);
        self.targets.names(place) || self.seen.get(place).is_some_and(is_target)
    }

    /// The newest version of what is there.
    #[must_use]
    pub fn seen(&self, place: &Place) -> Option<&Seen> {
        self.seen.get(place)
    }

    /// Where something is.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.seen.keys()
    }

    /// An object is so now, or is not there any more.
    pub fn learn(&mut self, place: &Place, seen: Option<Seen>) -> Moves {
        let before = match seen {
            Some(seen) => self.seen.insert(place.clone(), seen),
            None => self.seen.remove(place),
        };
        let after = self.seen.get(place).map(|seen| Arc::clone(&seen.record));
        let before = before.map(|seen| seen.record);
        let target = |record: &Arc<Record>| self.targets.have(place, record);
        let same = before.as_ref().zip(after.as_ref()).is_some_and(|(before, after)| {
            before.uid == after.uid && before.owners == after.owners && target(before) == target(after)
        });
        if same {
            return Moves::default();
        }
        for owner in before.iter().flat_map(|record| record.owners.iter()) {
            if let Some(owned) = self.owned.get_mut(&owner.uid) {
                owned.remove(place);
                if owned.is_empty() {
                    self.owned.remove(&owner.uid);
                }
            }
        }
        for owner in after.iter().flat_map(|record| record.owners.iter()) {
            self.owned.entry(owner.uid.clone()).or_default().insert(place.clone());
        }
        match self.members.contains(place) {
            // Others may have been of the family through it.
            true => self.gather(),
            false => Moves { joined: self.join(vec![place.clone()]), left: Vec::new() },
        }
    }

    /// Finds out anew who is of the family.
    fn gather(&mut self) -> Moves {
        let before = std::mem::take(&mut self.members);
        self.heads.clear();
        let targets = self.seen.iter().filter(|(place, seen)| self.targets.have(place, &seen.record));
        self.join(targets.map(|(place, _)| place.clone()).collect());
        Moves {
            joined: self.members.difference(&before).cloned().collect(),
            left: before.difference(&self.members).cloned().collect(),
        }
    }

    /// Takes these in, as far as they are of the family, and what they own.
    fn join(&mut self, mut places: Vec<Place>) -> Vec<Place> {
        let mut joined = Vec::new();
        while let Some(place) = places.pop() {
            let Some(seen) = self.seen.get(&place) else { continue };
            if !self.belongs(&place, &seen.record) || self.members.contains(&place) {
                continue;
            }
            if !self.speaks_for_its_own(&place) {
                self.heads.insert(seen.record.uid.clone());
                places.extend(self.owned.get(&seen.record.uid).into_iter().flatten().cloned());
            }
            self.members.insert(place.clone());
            joined.push(place);
        }
        joined
    }

    fn belongs(&self, place: &Place, record: &Record) -> bool {
        self.targets.have(place, record) || record.owners.iter().any(|owner| self.heads.contains(&owner.uid))
    }

    fn speaks_for_its_own(&self, place: &Place) -> bool {
        self.speaks_for_its_own.get(place.0).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests;

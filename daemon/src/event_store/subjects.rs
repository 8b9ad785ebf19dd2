//! What events are about.

use foldhash::{HashMap, HashSet};

use super::Step;
use super::lineage::Lineage;
use crate::record::Uid;

/// What events are about, by UID, for as long as there are events about it.
#[derive(Debug, Default)]
pub(super) struct Subjects(HashMap<Uid, Subject>);

#[derive(Debug, Default)]
struct Subject {
    /// The events.
    events: HashSet<Uid>,
    /// Who owns it, and since which step that is known; the first there is, from the first event on.
    lineage: Option<(Lineage, Step)>,
}

impl Subjects {
    /// There is an event about it.
    pub(super) fn add(&mut self, subject: &Uid, event: &Uid) {
        // Without a UID it could be anything.
        if !subject.is("") {
            self.0.entry(subject.clone()).or_default().events.insert(event.clone());
        }
    }

    /// An event about it is dropped. If it was the last one, it says since which step the
    /// object's owners were known.
    pub(super) fn remove(&mut self, subject: &Uid, event: &Uid) -> Option<Step> {
        let known = self.0.get_mut(subject)?;
        known.events.remove(event);
        match known.events.is_empty() {
            true => self.0.remove(subject)?.lineage.map(|(_, since)| since),
            false => None,
        }
    }

    /// The events about it.
    pub(super) fn events(&self, subject: &Uid) -> impl Iterator<Item = &Uid> {
        self.0.get(subject).into_iter().flat_map(|subject| &subject.events)
    }

    /// Who owns it, and since which step that is known.
    pub(super) fn lineage(&self, subject: &Uid) -> Option<&(Lineage, Step)> {
        self.0.get(subject)?.lineage.as_ref()
    }

    /// Its owners are known since `step`; says since when they were, if they were.
    pub(super) fn learn(&mut self, subject: &Uid, lineage: Lineage, step: Step) -> Option<Step> {
        self.0.get_mut(subject)?.lineage.replace((lineage, step)).map(|(_, since)| since)
    }

    /// An event about each of which it is not known who owns it.
    pub(super) fn without_lineage(&self) -> impl Iterator<Item = &Uid> {
        let unknown = self.0.values().filter(|subject| subject.lineage.is_none());
        unknown.filter_map(|subject| subject.events.iter().next())
    }

    /// Whether there are events about it.
    pub(super) fn has(&self, subject: &Uid) -> bool {
        self.0.contains_key(subject)
    }
}

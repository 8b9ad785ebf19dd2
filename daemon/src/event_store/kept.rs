//! One event as it is kept.

use std::sync::Arc;

use jiff::Timestamp;

use super::Step;
use crate::cause::EventLine;
use crate::record::{Detail, Happening, Record};

/// What an event takes up besides its texts: its places in the store.
const PLACES: usize = 512;

/// The newest version of an event.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The event, without its JSON: its judgement has its reason and message.
    pub record: Arc<Record>,
    /// What else it tells.
    pub happening: Arc<Happening>,
    /// When it was told last, among all that was told.
    pub(super) step: Step,
    /// When it was told first.
    pub(super) born: Step,
    /// When the daemon heard of it.
    arrived: Timestamp,
}

/// Where an event stands among others: by when it happened last and, within a second, which
/// is all that most recorders tell, by its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When it happened last.
    pub last: Timestamp,
    /// Its resourceVersion.
    pub version: u64,
    /// A number that no other event has.
    pub born: u64,
}

impl Kept {
    /// An event that arrives; `None` if the record is none.
    pub(super) fn new(record: &Arc<Record>, arrived: Timestamp) -> Option<Self> {
        let Detail::Event(happening) = &record.detail else { return None };
        let happening = Arc::clone(happening);
        let record = if record.body.is_none() { Arc::clone(record) } else { Arc::new(record.without_body()) };
        Some(Self { record, happening, step: Step::START, born: Step::START, arrived })
    }

    /// When it happened last.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.happening.last().unwrap_or(self.arrived)
    }

    /// Where it stands among others.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { last: self.last(), version: self.record.resource_version, born: self.born.into() }
    }

    /// Since when it counts as old. One that says to be of the future would not come of age.
    pub(super) fn dated(&self) -> Timestamp {
        self.last().min(self.arrived)
    }

    /// Whether it tells something that `before` has not.
    pub(super) fn is_news_to(&self, before: &Self) -> bool {
        let told = |kept: &Self| {
            let Happening { r#type, .. } = &*kept.happening;
            (kept.happening.occurrences(), kept.happening.last(), Arc::clone(r#type))
        };
        let (new, old) = (&self.record.judgement, &before.record.judgement);
        told(self) != told(before) || (&new.reason, &new.message) != (&old.reason, &old.message)
    }

    /// About how many bytes it takes up.
    pub(super) fn size(&self) -> usize {
        self.record.size() + size_of::<Happening>() + PLACES
    }
}

impl From<&Kept> for EventLine {
    fn from(kept: &Kept) -> Self {
        Self {
            r#type: kept.happening.r#type.to_string(),
            reason: kept.record.judgement.reason.to_string(),
            message: kept.record.judgement.message.to_string(),
            count: kept.happening.occurrences(),
            last: Some(kept.last()),
        }
    }
}

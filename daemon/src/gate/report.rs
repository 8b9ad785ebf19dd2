//! How a gate stands, as its watchers are told.

use std::sync::Arc;

use bytes::Bytes;

use super::Verdict;
use super::course::Standing;
use super::tally::Place;
use crate::cause::Cause;
use crate::record::Record;

/// How a gate stands.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Whether it may end.
    pub armed: bool,
    /// Whether what it comes to is proven.
    pub proven: bool,
    /// Its objects.
    pub objects: Vec<Stands>,
    /// How it has ended, if it has.
    pub verdict: Option<Verdict>,
    /// What broke first, or is waited for, if it has ended so.
    pub cause: Option<Arc<Cause>>,
    /// What an earlier daemon has told of it, if it has ended there: that is told
    /// again.
    pub summary: Option<Bytes>,
}

impl Report {
    /// Nobody asks for more: it is kept for long.
    pub fn keep_states_only(&mut self) {
        for stands in &mut self.objects {
            stands.seen = stands.seen.take().map(|record| Arc::new(record.without_body()));
        }
    }
}

/// How one object stands.
#[derive(Clone, Debug)]
pub struct Stands {
    /// Which.
    pub place: Place,
    /// Its newest version; none if it does not exist.
    pub seen: Option<Arc<Record>>,
    /// How it stands.
    pub standing: Standing,
}

impl Stands {
    /// Whether a watcher is told the same of both.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let same = match (&self.seen, &other.seen) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two) || (one.uid == two.uid && one.judgement == two.judgement),
            (None, None) => true,
            _ => false,
        };
        same && self.standing == other.standing
    }
}

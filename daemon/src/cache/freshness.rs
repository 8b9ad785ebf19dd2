//! How new a cache is.

use jiff::Timestamp;

use crate::source::Problem;

/// How new a cache is.
#[derive(Clone, Debug)]
pub struct Freshness {
    /// When its source was last heard of.
    pub heard: Timestamp,
    /// The newest resourceVersion that was heard of; 0 before the first list.
    pub resource_version: u64,
    /// Whether it has ever held a whole list.
    pub listed: bool,
    /// Whether those who look at it were told so.
    pub announced: bool,
    /// Whether it holds a whole list and follows what comes after.
    pub synced: bool,
    /// What keeps it from being synced.
    pub problem: Option<Problem>,
    /// Objects that could not be decoded.
    pub decode_errors: u64,
    /// Whole lists that it was filled by.
    pub lists: u64,
}

impl Freshness {
    /// Of a cache that has heard nothing yet.
    #[must_use]
    pub fn unheard(now: Timestamp) -> Self {
        Self {
            heard: now,
            resource_version: 0,
            listed: false,
            announced: false,
            synced: false,
            problem: None,
            decode_errors: 0,
            lists: 0,
        }
    }

    /// The source was heard of: everything up to `version` is in the cache.
    pub(super) fn hear(&mut self, now: Timestamp, version: Option<u64>) {
        self.heard = now;
        self.resource_version = self.resource_version.max(version.unwrap_or(0));
        self.problem = None;
    }
}

//! One client's share of the event log.

pub mod batch;
mod conflate;
pub mod feed;
pub mod fields;
pub mod group;
pub mod labels;
pub mod selection;

use std::sync::Arc;

pub use self::feed::Feed;
pub use self::group::{Group, Groups};
pub use self::selection::{Absence, Gap, Named, Scope, Selection};
use crate::event_log::Entry;

/// What a change is to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The object appeared, or began to be wanted.
    Entered,
    /// It changed.
    Changed,
    /// It exists, but is wanted no longer.
    Left,
    /// It was deleted.
    Deleted,
}

/// An entry, and what it is to the subscriber.
pub type Delivery = (Arc<Entry>, Relation);

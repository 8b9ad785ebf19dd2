//! What clients are told of the event log.

pub mod batch;
mod conflate;
pub mod feed;
pub mod fields;
pub mod group;
pub mod items;
pub mod labels;
pub mod predicate;
pub mod selection;
pub mod visible;

use std::sync::Arc;

pub use self::feed::Feed;
pub use self::group::{Group, Groups};
pub use self::items::{Item, Items};
pub use self::predicate::{Evaluator, Predicate};
pub use self::selection::{Absence, Found, Gap, Named, Scope, Selection};
pub use self::visible::Visible;
use crate::event_log::{Entry, Expired};
use crate::predicate::PredicateError;

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
    /// Of no object: changes may be missing.
    Gap,
}

/// An entry, and what it is to the subscriber.
pub type Delivery = (Arc<Entry>, Relation);

/// Why a stream cannot go on in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The log has dropped entries that were not read yet.
    Expired,
    /// The predicate cannot be evaluated.
    Predicate(PredicateError),
}

impl From<Expired> for Interruption {
    fn from(_: Expired) -> Self {
        Self::Expired
    }
}

impl From<PredicateError> for Interruption {
    fn from(error: PredicateError) -> Self {
        Self::Predicate(error)
    }
}

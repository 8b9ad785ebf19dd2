//! One client's share of the event log.

pub mod feed;
pub mod fields;
pub mod labels;
pub mod selection;

pub use self::feed::{Feed, Relation};
pub use self::selection::{Absence, Gap, Named, Scope, Selection};

//! Which objects of a cache its reader may see.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Which objects of a cache its reader may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Visible {
    /// All.
    #[default]
    All,
    /// Those in these namespaces.
    In(BTreeSet<Arc<str>>),
}

impl Visible {
    /// None.
    #[must_use]
    pub fn nothing() -> Self {
        Self::In(BTreeSet::new())
    }

    /// Whether objects in that namespace are.
    #[must_use]
    pub fn has(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::In(namespaces) => namespaces.contains(namespace),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::In(namespaces) if namespaces.is_empty())
    }
}

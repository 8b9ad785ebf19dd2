//! One change in its place in the log.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::account::Account;
use super::{CacheId, Revision};
use crate::record::Record;

/// What happened to one object.
#[derive(Debug)]
pub struct Change {
    /// The version before, unless the object was created.
    pub before: Option<Arc<Record>>,
    /// The version after, unless the object was deleted.
    pub after: Option<Arc<Record>>,
    /// Whether state, reason, doom, progress or generation differ.
    pub state_changed: bool,
    /// When the cache took it up.
    pub at: Timestamp,
}

impl Change {
    /// The object: its newest version, or its last. None where changes were
    /// missed.
    #[must_use]
    pub fn record(&self) -> Option<&Arc<Record>> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// One change in its place in the log.
#[derive(Debug)]
pub struct Entry {
    /// Its place.
    pub revision: Revision,
    /// Whose change it is.
    pub cache: CacheId,
    /// What happened.
    pub change: Change,
    wire: Mutex<Wire>,
    account: Arc<Account>,
}

/// An entry as it was sent, in the forms that were asked for.
#[derive(Debug, Default)]
struct Wire {
    forms: Vec<(u8, Bytes)>,
    age: Age,
}

/// What is kept of forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Age {
    /// All that there is room for.
    #[default]
    New,
    /// Small ones.
    Aged,
    /// No further ones: the ring has dropped it, but somebody may still be told it.
    Dropped,
}

impl Wire {
    fn bytes(&self) -> usize {
        self.forms.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Forgets large forms, and says what they have taken up.
    fn take_large(&mut self) -> usize {
        let before = self.bytes();
        self.forms.retain(|(_, bytes)| bytes.len() <= Entry::SMALL);
        before - self.bytes()
    }
}

impl Entry {
    /// A form of at most this many bytes is kept for as long as the entry.
    const SMALL: usize = 1024;

    pub(super) fn new(revision: Revision, cache: CacheId, change: Change, account: &Arc<Account>) -> Self {
        Self { revision, cache, change, wire: Mutex::default(), account: Arc::clone(account) }
    }

    /// The entry as sent to subscribers in one of its forms, encoded by the
    /// first who asks. `form` always means the same.
    ///
    /// # Errors
    /// If `encode` fails.
    pub fn wire<E>(&self, form: u8, encode: impl FnOnce() -> Result<Bytes, E>) -> Result<Bytes, E> {
        let known = |wire: &Wire| wire.forms.iter().find(|(known, _)| *known == form).map(|(_, bytes)| bytes.clone());
        if let Some(bytes) = known(&self.wire.lock()) {
            return Ok(bytes);
        }
        // Not under the lock: unpacking an object takes its time.
        let bytes = encode()?;
        let mut wire = self.wire.lock();
        if let Some(first) = known(&wire) {
            return Ok(first);
        }
        let is_small = bytes.len() <= Self::SMALL;
        let is_kept = match wire.age {
            Age::Dropped => false,
            Age::New if !is_small => self.account.add_large(bytes.len()),
            Age::New | Age::Aged => is_small,
        };
        if is_kept {
            if is_small {
                self.account.add_small(bytes.len());
            }
            wire.forms.push((form, bytes.clone()));
        }
        Ok(bytes)
    }

    /// About how many bytes the version before takes up, which nobody else may
    /// hold, or the last one of an object that is gone; with a place in the ring. Its
    /// forms are on the ring's account.
    pub(super) fn size(&self) -> usize {
        let version = |record: &Arc<Record>| record.size() + record.body.as_ref().map_or(0, crate::body::Body::size);
        size_of::<Self>() + self.change.before.as_ref().map_or(0, version)
    }

    /// Keeps small forms only.
    pub(super) fn forget_large_wire(&self) {
        let mut wire = self.wire.lock();
        if wire.age == Age::New {
            wire.age = Age::Aged;
            self.account.take_off(0, wire.take_large());
        }
    }

    /// It is dropped from its ring.
    pub(super) fn leave(&self) {
        let mut wire = self.wire.lock();
        if wire.age != Age::Dropped {
            wire.age = Age::Dropped;
            let large = wire.take_large();
            self.account.take_off(wire.bytes(), large);
        }
    }
}

//! Cursors: a place in one run's log, or in its store of events, opaque to clients.

use std::fmt;

use super::Revision;
use crate::event_store::Step;

/// One run of a daemon: another after each start, so that a cursor of an
/// earlier run, whose revisions meant other changes, is known for what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incarnation(u64);

impl Incarnation {
    /// A new one, at random.
    #[must_use]
    pub fn random() -> Self {
        Self(fastrand::u64(..))
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A place in the log of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Whose log.
    pub incarnation: Incarnation,
    /// Everything up to here was seen.
    pub revision: Revision,
    /// A number for which objects might be seen; 0 for all.
    pub rights: u64,
}

/// Bytes that no daemon gave as a cursor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a daemon gave")]
pub struct InvalidCursor;

/// A place in what one run's store of events has told: no place in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventCursor {
    /// Whose store.
    pub incarnation: Incarnation,
    /// Everything up to here was seen.
    pub step: Step,
    /// A number for which events might be seen; 0 for all.
    pub rights: u64,
}

/// The first byte: of which kind a cursor is, and the layout of what follows.
#[derive(Clone, Copy)]
struct Layouts {
    plain: u8,
    with_rights: u8,
}

impl Layouts {
    const STATES: Self = Self { plain: 1, with_rights: 2 };
    const EVENTS: Self = Self { plain: 3, with_rights: 4 };

    fn encode(self, incarnation: Incarnation, place: u64, rights: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + 3 * size_of::<u64>());
        bytes.push(if rights == 0 { self.plain } else { self.with_rights });
        bytes.extend_from_slice(&incarnation.0.to_be_bytes());
        bytes.extend_from_slice(&place.to_be_bytes());
        if rights != 0 {
            bytes.extend_from_slice(&rights.to_be_bytes());
        }
        bytes
    }

    fn decode(self, bytes: &[u8]) -> Result<(Incarnation, u64, u64), InvalidCursor> {
        let (layout, numbers) = bytes.split_first().ok_or(InvalidCursor)?;
        let (numbers, rest) = numbers.as_chunks::<8>();
        let numbers: Vec<_> = numbers.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect();
        match (&numbers[..], rest) {
            ([incarnation, place], []) if *layout == self.plain => Ok((Incarnation(*incarnation), *place, 0)),
            ([incarnation, place, rights], []) if *layout == self.with_rights && *rights != 0 => {
                Ok((Incarnation(*incarnation), *place, *rights))
            }
            _ => Err(InvalidCursor),
        }
    }
}

impl Cursor {
    /// As sent to clients.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        Layouts::STATES.encode(self.incarnation, self.revision, self.rights)
    }

    /// The cursor that [`Cursor::encode`] gave.
    ///
    /// # Errors
    /// If none did.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidCursor> {
        let (incarnation, revision, rights) = Layouts::STATES.decode(bytes)?;
        Ok(Self { incarnation, revision, rights })
    }
}

impl EventCursor {
    /// As sent to clients.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        Layouts::EVENTS.encode(self.incarnation, self.step.into(), self.rights)
    }

    /// The cursor that [`EventCursor::encode`] gave.
    ///
    /// # Errors
    /// If none did.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidCursor> {
        let (incarnation, step, rights) = Layouts::EVENTS.decode(bytes)?;
        Ok(Self { incarnation, step: step.into(), rights })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_decodes_and_nothing_else() {
        let cursor = Cursor { incarnation: Incarnation::random(), revision: 42, rights: 0 };
        let bytes = cursor.encode();
        assert_eq!(Cursor::decode(&bytes), Ok(cursor));
        let narrowed = Cursor { rights: 7, ..cursor };
        assert_eq!(Cursor::decode(&narrowed.encode()), Ok(narrowed));
        for wrong in [&[][..], &[1], &bytes[..16], &[bytes.as_slice(), &[0]].concat(), &[2; 17]] {
            assert_eq!(Cursor::decode(wrong), Err(InvalidCursor));
        }
    }

    #[test]
    fn a_cursor_is_of_one_kind_of_stream() {
        let incarnation = Incarnation::random();
        for rights in [0, 7] {
            let of_events = EventCursor { incarnation, step: 42.into(), rights };
            let of_states = Cursor { incarnation, revision: 42, rights };
            assert_eq!(EventCursor::decode(&of_events.encode()), Ok(of_events));
            assert_eq!(Cursor::decode(&of_events.encode()), Err(InvalidCursor));
            assert_eq!(EventCursor::decode(&of_states.encode()), Err(InvalidCursor));
        }
    }
}

//! Cursors: a place in one run's log, opaque to clients.

use std::fmt;

use super::Revision;

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
}

/// Bytes that no daemon gave as a cursor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a daemon gave")]
pub struct InvalidCursor;

impl Cursor {
    /// The first byte: the layout of those that follow.
    const LAYOUT: u8 = 1;
    const LENGTH: usize = 17;

    /// As sent to clients.
    #[must_use]
    pub fn encode(self) -> [u8; Self::LENGTH] {
        let mut bytes = [Self::LAYOUT; Self::LENGTH];
        bytes[1..9].copy_from_slice(&self.incarnation.0.to_be_bytes());
        bytes[9..].copy_from_slice(&self.revision.to_be_bytes());
        bytes
    }

    /// The cursor that [`Cursor::encode`] gave.
    ///
    /// # Errors
    /// If none did.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidCursor> {
        let [Self::LAYOUT, rest @ ..] = bytes else { return Err(InvalidCursor) };
        let (incarnation, revision) = rest.split_first_chunk().ok_or(InvalidCursor)?;
        Ok(Self {
            incarnation: Incarnation(u64::from_be_bytes(*incarnation)),
            revision: u64::from_be_bytes(revision.try_into().map_err(|_| InvalidCursor)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_decodes_and_nothing_else() {
        let cursor = Cursor { incarnation: Incarnation::random(), revision: 42 };
        let bytes = cursor.encode();
        assert_eq!(Cursor::decode(&bytes), Ok(cursor));
        for wrong in [&[][..], &[1], &bytes[..16], &[bytes.as_slice(), &[0]].concat(), &[2; 17]] {
            assert_eq!(Cursor::decode(wrong), Err(InvalidCursor));
        }
    }
}

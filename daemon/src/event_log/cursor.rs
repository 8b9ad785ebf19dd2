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
    /// A number for which objects might be seen; 0 for all.
    pub rights: u64,
}

/// Bytes that no daemon gave as a cursor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a daemon gave")]
pub struct InvalidCursor;

impl Cursor {
    /// The first byte: the layout of those that follow.
    const PLAIN: u8 = 1;
    const WITH_RIGHTS: u8 = 2;

    /// As sent to clients.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + 3 * size_of::<u64>());
        bytes.push(if self.rights == 0 { Self::PLAIN } else { Self::WITH_RIGHTS });
        bytes.extend_from_slice(&self.incarnation.0.to_be_bytes());
        bytes.extend_from_slice(&self.revision.to_be_bytes());
        if self.rights != 0 {
            bytes.extend_from_slice(&self.rights.to_be_bytes());
        }
        bytes
    }

    /// The cursor that [`Cursor::encode`] gave.
    ///
    /// # Errors
    /// If none did.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidCursor> {
        let (layout, numbers) = bytes.split_first().ok_or(InvalidCursor)?;
        let (numbers, rest) = numbers.as_chunks::<8>();
        let numbers: Vec<_> = numbers.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect();
        match (*layout, &numbers[..], rest) {
            (Self::PLAIN, [incarnation, revision], []) => {
                Ok(Self { incarnation: Incarnation(*incarnation), revision: *revision, rights: 0 })
            }
            (Self::WITH_RIGHTS, [incarnation, revision, rights], []) if *rights != 0 => {
                Ok(Self { incarnation: Incarnation(*incarnation), revision: *revision, rights: *rights })
            }
            _ => Err(InvalidCursor),
        }
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
}

//! The secret that a caller proves itself with.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tonic::metadata::{Ascii, MetadataValue};

/// A bearer token, sent with every call. Its `Debug` form does not hold it.
#[derive(Clone)]
pub struct Token {
    header: MetadataValue<Ascii>,
}

/// Why a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the token file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is open to others than its owner.
    #[error(
        "the token file {} is open to its group or to others (mode {mode:04o}): run chmod 600 {}",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no token, or one that no header can carry.
    #[error("the token file {} holds no token: expected one line of plain characters", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// Reads a token from a file that only its owner can read.
    ///
    /// # Errors
    /// When the file cannot be read, is open to others, or holds no token.
    pub fn from_file(path: &Path) -> Result<Self, TokenError> {
        let (text, mode) = read(path).map_err(|source| TokenError::Read { path: path.to_owned(), source })?;
        if mode & 0o077 != 0 {
            return Err(TokenError::Exposed { path: path.to_owned(), mode });
        }
        let malformed = || TokenError::Malformed { path: path.to_owned() };
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed());
        }
        let mut header: MetadataValue<Ascii> = format!("Bearer {token}").parse().map_err(|_| malformed())?;
        header.set_sensitive(true);
        Ok(Self { header })
    }

    /// The value of the `authorization` header.
    pub(crate) fn header(&self) -> MetadataValue<Ascii> {
        self.header.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The text and the permission bits of one and the same open file.
fn read(path: &Path) -> std::io::Result<(String, u32)> {
    const LIMIT: u64 = 1 << 20;
    let file = File::open(path)?;
    let mode = file.metadata()?.mode() & 0o7777;
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text)?;
    Ok((text, mode))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn token(text: &str, mode: u32) -> Result<Token, TokenError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        Token::from_file(&path)
    }

    #[test]
    fn a_private_file_is_read_and_never_shown() {
        let token = token("s3cret\n", 0o600).unwrap();
        assert_eq!(token.header().to_str().unwrap(), "Bearer s3cret");
        assert!(!format!("{token:?} {:?}", token.header()).contains("s3cret"));
    }

    #[test]
    fn a_file_that_others_can_open_is_refused() {
        for mode in [0o640, 0o604, 0o620] {
            assert!(matches!(token("s3cret", mode), Err(TokenError::Exposed { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_file_without_a_token_is_refused_and_its_text_kept() {
        for text in ["", "\n", "two words", "a\u{e9}", "a\nb"] {
            let error = token(text, 0o600).unwrap_err();
            assert!(matches!(error, TokenError::Malformed { .. }), "{text:?}");
        }
    }
}

//! The secret that a caller proves itself with.

use std::fmt;
use std::path::Path;

use http::HeaderValue;

use crate::secret_file::{self, SecretFileError, Stamp};

/// A bearer token. Its `Debug` form does not hold it.
#[derive(Clone, PartialEq)]
pub struct Token {
    header: HeaderValue,
}

/// Why a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its file cannot be read, or is open to others than its owner.
    #[error("the token file cannot be used: {0}")]
    File(#[from] SecretFileError),
    /// There is no token, or one that no header can carry.
    #[error("{origin} contains no token: expected one line of plain characters")]
    Malformed {
        /// Where it was looked for.
        origin: String,
    },
}

impl Token {
    /// The token that `text` is, without blanks and line breaks around it; `None` if it
    /// is none, or no header can carry it.
    pub fn new(text: &str) -> Option<Self> {
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut header: HeaderValue = format!("Bearer {token}").parse().ok()?;
        header.set_sensitive(true);
        Some(Self { header })
    }

    /// Reads a token from a file that only its owner can read, or that the kubelet has
    /// projected into a pod: such a one may be readable by others.
    ///
    /// # Errors
    /// When the file cannot be read, is open to others, or holds no token.
    pub fn from_file(path: &Path) -> Result<Self, TokenError> {
        Self::with_stamp(path).map(|(token, _)| token)
    }

    /// Reads a token from a variable of the environment.
    ///
    /// # Errors
    /// When the variable is not set, or holds no token.
    pub fn from_env(name: &str) -> Result<Self, TokenError> {
        let text = std::env::var(name).unwrap_or_default();
        Self::new(&text).ok_or_else(|| TokenError::Malformed { origin: format!("the variable {name}") })
    }

    pub(crate) fn with_stamp(path: &Path) -> Result<(Self, Stamp), TokenError> {
        let (text, stamp) = secret_file::read(path)?;
        let token = Self::new(&text).ok_or_else(|| TokenError::Malformed { origin: path.display().to_string() })?;
        Ok((token, stamp))
    }

    /// The value of the `authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_token_is_sent_and_never_shown() {
        let token = Token::new(" s3cret\n").unwrap();
        assert_eq!(token.header().to_str().unwrap(), "Bearer s3cret");
        assert!(!format!("{token:?} {:?}", token.header()).contains("s3cret"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", "\n", "two words", "a\u{e9}", "a\nb"] {
            assert!(Token::new(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn what_has_no_token_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Token::from_file(&folder.path().join("none")).unwrap_err();
        assert!(matches!(error, TokenError::File(_)) && error.to_string().contains("/none: "), "{error}");
        let error = Token::from_env("DAYMARK_IS_NOT_SET").unwrap_err();
        assert!(error.to_string().starts_with("the variable DAYMARK_IS_NOT_SET contains no token"), "{error}");
    }
}

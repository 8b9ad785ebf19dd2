//! A token in a file that is exchanged now and then.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::secret_file::{self, Stamp};
use crate::{Token, TokenError};

/// A file and the token that was last read from it.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    last: Mutex<(Token, Stamp)>,
}

impl TokenFile {
    /// # Errors
    /// If the file cannot be read.
    pub fn open(path: PathBuf) -> Result<Self, TokenError> {
        let last = Mutex::new(Token::with_stamp(&path)?);
        Ok(Self { path, last })
    }

    /// The token that the file holds. Who exchanges it may be in the midst of that: what
    /// cannot be read changes nothing, and the daemon judges whether the last one still holds.
    pub fn token(&self) -> Token {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if secret_file::stamp(&self.path) != Some(last.1)
            && let Ok(read) = Token::with_stamp(&self.path)
        {
            *last = read;
        }
        last.0.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use super::*;

    fn write(path: &Path, text: &str) {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn a_token_that_was_exchanged_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, next) = (folder.path().join("token"), folder.path().join("next"));
        write(&path, "first");
        let file = TokenFile::open(path.clone()).unwrap();
        assert_eq!(file.token(), Token::new("first").unwrap());
        write(&next, "other");
        fs::rename(&next, &path).unwrap();
        assert_eq!(file.token(), Token::new("other").unwrap());
        // In between there may be none.
        fs::remove_file(&path).unwrap();
        assert_eq!(file.token(), Token::new("other").unwrap());
        write(&path, "");
        assert_eq!(file.token(), Token::new("other").unwrap());
    }
}

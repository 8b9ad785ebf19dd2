//! The daemon's own token, a secret that it shares with its owner's clients.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aws_lc_rs::rand;
use subtle::ConstantTimeEq as _;

/// A text that nobody can guess.
///
/// # Errors
/// If the system has no randomness.
pub fn secret() -> io::Result<String> {
    let mut bytes = [0u8; 32];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A shared secret. It is never shown.
pub struct Token(pub(super) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A token file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read or made.
    #[error("token file {path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// Somebody else can read it.
    #[error("token file {path} has mode {mode:04o} and user {uid}: it must be yours and 0600")]
    Exposed {
        /// Which.
        path: String,
        /// Its permissions.
        mode: u32,
        /// Its owner.
        uid: u32,
    },
    /// It is too short to be a secret.
    #[error("token file {path} holds less than {} characters", Token::SHORTEST)]
    Short {
        /// Which.
        path: String,
    },
}

impl Token {
    const SHORTEST: usize = 16;

    /// Reads the token; makes a file with a new one if there is none.
    ///
    /// # Errors
    /// If the file cannot be read or made, or if others can read it.
    pub fn read_or_create(path: &Path) -> Result<Self, TokenError> {
        let name = || path.display().to_string();
        let file = |error| TokenError::File { path: name(), error };
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut new) => {
                let token = secret().map_err(file)?;
                io::Write::write_all(&mut new, token.as_bytes()).map_err(file)?;
                return Ok(Self(token));
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(file(e)),
        }
        let metadata = fs::metadata(path).map_err(file)?;
        let (mode, uid) = (metadata.permissions().mode() & 0o7777, metadata.uid());
        if mode & 0o077 != 0 || uid != rustix::process::getuid().as_raw() {
            return Err(TokenError::Exposed { path: name(), mode, uid });
        }
        let token = fs::read_to_string(path).map_err(file)?.trim().to_owned();
        if token.len() < Self::SHORTEST {
            return Err(TokenError::Short { path: name() });
        }
        Ok(Self(token))
    }

    pub(super) fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_token_that_others_can_read_or_guess() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "0123456789abcdef").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Token::read_or_create(&path), Err(TokenError::Exposed { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Token::read_or_create(&path).is_ok());
        fs::write(&path, "short").unwrap();
        assert!(matches!(Token::read_or_create(&path), Err(TokenError::Short { .. })));
    }
}

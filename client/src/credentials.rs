//! What a caller proves itself with, at every call.

use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderValue;

use crate::{Proxy, Token, TokenError};

mod github;
mod token_file;

use github::Github;
use token_file::TokenFile;

/// What a caller proves itself with. Asked anew at every call, so that what is short-lived
/// is renewed. Its `Debug` form holds no secret. Cloning shares what was fetched.
#[derive(Debug, Clone, Default)]
pub struct Credentials(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    None,
    Token(Token),
    File(Arc<TokenFile>),
    Github(Arc<Github>),
}

/// Why there are no credentials.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialsError {
    /// A token cannot be used.
    #[error(transparent)]
    Token(Arc<TokenError>),
    /// This is no job of GitHub Actions that may have a token, or GitHub's endpoint is none.
    #[error("GitHub offers no OIDC token: {problem}; the job needs the permission `id-token: write`")]
    NotOffered {
        /// What is missing.
        problem: String,
    },
    /// GitHub refuses a token.
    #[error("{host} refused an OIDC token: it answers {status}")]
    Refused {
        /// GitHub's endpoint.
        host: String,
        /// The status of HTTP.
        status: u16,
    },
    /// GitHub gave no token. It may when it is asked again.
    #[error("{host} issued no OIDC token: {problem}")]
    Unanswered {
        /// GitHub's endpoint.
        host: String,
        /// What happened.
        problem: String,
    },
}

impl From<TokenError> for CredentialsError {
    fn from(error: TokenError) -> Self {
        Self::Token(Arc::new(error))
    }
}

impl From<Token> for Credentials {
    /// A token that stays the same.
    fn from(token: Token) -> Self {
        Self(Source::Token(token))
    }
}

impl Credentials {
    /// The token of a file ([`Token::from_file`] says of which), which is read anew when it
    /// has changed. While it cannot be read, the last one is used.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn token_file(path: PathBuf) -> Result<Self, CredentialsError> {
        Ok(Self(Source::File(Arc::new(TokenFile::open(path)?))))
    }

    /// The OIDC token of a job of GitHub Actions for `audience`. It is fetched at the first
    /// call, and anew before it expires.
    ///
    /// # Errors
    /// When the environment names no endpoint that gives one.
    pub fn github_oidc(audience: &str) -> Result<Self, CredentialsError> {
        Ok(Self(Source::Github(Arc::new(Github::from_env(audience)?))))
    }

    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        matches!(self.0, Source::None)
    }

    /// The value of the `authorization` header of a call that is made now; `None` for none.
    ///
    /// # Errors
    /// When they are to be fetched and cannot.
    pub(crate) async fn header(&self, proxy: &Proxy) -> Result<Option<HeaderValue>, CredentialsError> {
        let token = match &self.0 {
            Source::None => return Ok(None),
            Source::Token(token) => token.clone(),
            Source::File(file) => file.token(),
            Source::Github(github) => github.token(proxy).await?,
        };
        Ok(Some(token.header()))
    }

    /// Forgets what was fetched, which the daemon no longer takes. Whether asking anew may
    /// give others.
    pub(crate) fn renew(&self) -> bool {
        match &self.0 {
            Source::None | Source::Token(_) => return false,
            Source::File(_) => {}
            Source::Github(github) => github.forget(),
        }
        true
    }
}

//! How a client behaves.

use std::sync::Arc;
use std::time::Duration;

use crate::{Address, Credentials, Proxy, Tls, TlsError};

/// How a [`Client`](crate::Client) behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the caller proves itself with, at every call.
    pub credentials: Credentials,
    /// Whom to trust at an `https://` address, and what to show there.
    pub tls: Tls,
    /// What stands between here and an `https://` address.
    pub proxy: Proxy,
    /// Whether plain text, credentials included, may leave this machine.
    pub insecure_plaintext: bool,
    /// How long a call with one answer may take, and how long connecting may.
    pub request_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            tls: Tls::default(),
            proxy: Proxy::default(),
            insecure_plaintext: false,
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// Why [`Options`] cannot be used with an [`Address`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum OptionsError {
    /// Others could read what is sent, and answer in the daemon's name.
    #[error("refused to talk in plain text to {address}, which is not on this machine")]
    Plaintext {
        /// The daemon's address.
        address: Address,
    },
    /// Others could read the credentials.
    #[error("refused to send a token in plain text to {address}, which is not on this machine")]
    PlaintextToken {
        /// The daemon's address.
        address: Address,
    },
    /// Files of the TLS configuration cannot be used.
    #[error(transparent)]
    Tls(Arc<TlsError>),
}

impl From<TlsError> for OptionsError {
    fn from(error: TlsError) -> Self {
        Self::Tls(Arc::new(error))
    }
}

impl Options {
    /// Whether these may be used with `address`.
    ///
    /// # Errors
    /// If something would leave this machine in plain text that must not.
    pub(crate) fn check(&self, address: &Address) -> Result<(), OptionsError> {
        if address.is_tls() || address.is_local() || self.insecure_plaintext {
            return Ok(());
        }
        if matches!(address, Address::Tcp(_)) {
            return Err(OptionsError::Plaintext { address: address.clone() });
        }
        if !self.credentials.are_none() {
            return Err(OptionsError::PlaintextToken { address: address.clone() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::Token;

    #[test]
    fn nothing_leaves_the_machine_in_plain_text_unless_told_so() {
        for (address, without_token, with_token, insecure) in [
            ("unix:/a", true, true, true),
            ("localhost:1", true, true, true),
            ("daymark.example:1", false, false, true),
            ("http://daymark.example:1", true, false, true),
            ("https://daymark.example:1", true, true, true),
        ] {
            let address = address.parse().unwrap();
            let mut options = Options::default();
            assert_eq!(options.check(&address).is_ok(), without_token, "{address}");
            options.credentials = Token::new("s3cret").unwrap().into();
            assert_eq!(options.check(&address).is_ok(), with_token, "{address}");
            options.insecure_plaintext = true;
            assert_eq!(options.check(&address).is_ok(), insecure, "{address}");
        }
    }
}

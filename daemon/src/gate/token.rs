//! How gates are called where their tokens, which are secrets, are not to be read.

use aws_lc_rs::{digest, hmac};

/// What a secret hashes to: what is kept under it is found by the secret, and does
/// not tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; Name::LEN]);

impl Name {
    /// Bytes of it.
    pub const LEN: usize = 32;

    /// Of a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, secret.as_bytes());
        let mut name = [0; Self::LEN];
        name.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Self(name)
    }

    /// As it is kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Name::LEN]> for Name {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

/// By what a request that is sent again finds its gate, and is told its token. Who
/// does not know the `request_id` learns neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The request.
    pub request: Name,
    /// The token, mixed with a hash that only the request makes.
    pub sealed: Vec<u8>,
}

impl Asked {
    /// Of a gate that a request with that id has opened; none, if it has no id.
    #[must_use]
    pub fn new(request_id: &str, token: &str) -> Option<Self> {
        let sealed = || mixed(request_id, Name::of(token), token.as_bytes());
        (!request_id.is_empty()).then(|| Self { request: Name::of(request_id), sealed: sealed() })
    }

    /// The token of the gate of that name, if that request has opened it.
    #[must_use]
    pub fn token(&self, request_id: &str, name: Name) -> Option<String> {
        let token = String::from_utf8(mixed(request_id, name, &self.sealed)).ok()?;
        (Name::of(&token) == name).then_some(token)
    }
}

/// A text mixed with a hash that is different for each gate and request; mixed once
/// more, it is the text. A token is as long as the hash: 64 hexadecimal digits.
fn mixed(request_id: &str, name: Name, text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA512, request_id.as_bytes());
    let hash = hmac::sign(&key, name.bytes());
    text.iter().zip(hash.as_ref()).map(|(text, hash)| text ^ hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_request_finds_a_token() {
        let token = crate::access::secret().unwrap();
        let name = Name::of(&token);
        let asked = Asked::new("one", &token).unwrap();
        assert_eq!(asked.token("one", name), Some(token.clone()));
        assert_eq!(asked.token("two", name), None);
        assert_eq!(asked.token("one", Name::of("another")), None);
        assert!(!asked.sealed.windows(8).any(|part| token.as_bytes().windows(8).any(|of_it| of_it == part)));
        assert_eq!(Asked::new("", &token), None);
    }
}

//! An issuer's public keys (RFC 7517), and which of them may have signed a token.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};

/// Keys of an issuer that are kept: more are nobody's.
const MOST: usize = 100;

/// An issuer's keys.
#[derive(Debug, Default)]
pub struct Keys(Vec<Key>);

/// A key, and what it may be used for: that is the key's to say, and never the token's.
#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// Why a token is not one that these keys have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// None of the keys can have signed it; one that is not known yet may have.
    NoKey,
    /// It is no token, or not signed by whom it says.
    Bad(&'static str),
}

impl Keys {
    /// Reads a set of keys. Those that are of no use here are left out, as RFC 7517 (section 5)
    /// has it.
    ///
    /// # Errors
    /// If it is no set of keys.
    pub fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        let set: Set = serde_json::from_slice(json)?;
        let usable = |key: Value| serde_json::from_value::<Jwk>(key).ok().and_then(|key| Key::of(&key));
        Ok(Self(set.keys.into_iter().filter_map(usable).take(MOST).collect()))
    }

    /// Whether no key is of use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims of a token that one of the keys has signed.
    ///
    /// # Errors
    /// If none has.
    pub fn verify(&self, token: &str) -> Result<Value, Unverified> {
        let header = decode_header(token)
            .map_err(|_| Unverified::Bad("its header is malformed, or its algorithm is none that is used here"))?;
        // RFC 7515, section 4.1.11: what must be understood is not.
        if header.crit.is_some() {
            return Err(Unverified::Bad("its header has critical extensions"));
        }
        if !is_asymmetric(header.alg) {
            return Err(Unverified::Bad("its algorithm is none of an issuer's"));
        }
        let mut fitting = self.0.iter().filter(|key| key.fits(&header)).peekable();
        if fitting.peek().is_none() {
            return Err(Unverified::NoKey);
        }
        let validation = validation(header.alg);
        let claims = fitting.find_map(|key| decode::<Value>(token, &key.key, &validation).ok());
        claims.map(|token| token.claims).ok_or(Unverified::Bad("its signature is not its issuer's"))
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        let signs = jwk.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
        let mut algorithms = algorithms(&jwk.algorithm).to_vec();
        if let Some(only) = jwk.common.key_algorithm {
            algorithms.retain(|algorithm| only.to_string() == format!("{algorithm:?}"));
        }
        if !signs || algorithms.is_empty() {
            return None;
        }
        Some(Self { id: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(jwk).ok()? })
    }

    /// Whether it may have signed a token with that header. A token that names no key may be any key's.
    fn fits(&self, header: &Header) -> bool {
        self.algorithms.contains(&header.alg) && (header.kid.is_none() || header.kid == self.id)
    }
}

/// What keys of a kind sign with. Symmetric ones are nobody's: whoever can verify with one can sign
/// with it, too.
fn algorithms(key: &AlgorithmParameters) -> &'static [Algorithm] {
    match key {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[ES256],
            EllipticCurve::P384 => &[ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[EdDSA],
        _ => &[],
    }
}

fn is_asymmetric(algorithm: Algorithm) -> bool {
    [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA].contains(&algorithm)
}

/// The signature alone: the claims are looked at afterwards, by the daemon's clock.
fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

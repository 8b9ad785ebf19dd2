//! Tokens of OpenID Connect issuers, such as those that CI systems give their jobs.

mod claims;
mod configuration;
mod discovery;
mod keyring;
pub mod keys;
mod mapping;

use std::path::Path;
use std::sync::Arc;

use futures::future::join_all;
use jiff::Timestamp;
use jsonwebtoken::dangerous::insecure_decode_claims;
use serde::Deserialize;

use self::claims::Mapping;
pub use self::configuration::ConfigurationError;
use self::keyring::Keyring;
use super::Denied;
use super::identity::Identity;

/// How far an issuer's clock may be ahead of this one: a token that a job has just been given
/// is not refused. Its end is not put off, as Kubernetes does not, either: how long a
/// token lasts is its issuer's to say.
const AHEAD: f64 = 10.0;

/// The issuers of a configuration.
#[derive(Debug)]
pub struct Issuers(Vec<Issuer>);

/// One of them.
#[derive(Debug)]
struct Issuer {
    url: String,
    audiences: Vec<String>,
    mapping: Mapping,
    keyring: Keyring,
}

/// The one claim that is read before a token is known to be whole: whose keys to try.
#[derive(Deserialize)]
struct Whose {
    iss: String,
}

impl Issuers {
    /// Those of a file: an `AuthenticationConfiguration`, as kube-apiserver reads it.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub async fn read(path: &Path) -> Result<Self, ConfigurationError> {
        configuration::read(path).await.map(Self)
    }

    /// Keeps the issuers' keys fresh, for ever.
    pub async fn keep(&self) {
        join_all(self.0.iter().map(|issuer| issuer.keyring.keep())).await;
    }

    /// Who has that token, if it says that it is of one of these issuers. `None` if not, or if
    /// it is no JWT at all.
    pub async fn identify(&self, token: &str, now: Timestamp) -> Option<Result<Arc<Identity>, Denied>> {
        let claimed = insecure_decode_claims::<Whose>(token).ok()?;
        let issuer = self.0.iter().find(|issuer| issuer.url == claimed.iss)?;
        Some(issuer.identify(token, now).await.map(Arc::new))
    }
}

/// Whether that has the form of a JWT that names an issuer.
pub(super) fn names_an_issuer(token: &str) -> bool {
    insecure_decode_claims::<Whose>(token).is_ok()
}

/// The claims that are the same for everybody (RFC 7519, section 4.1).
#[derive(Deserialize)]
struct Registered {
    iss: String,
    aud: Audiences,
    exp: f64,
    nbf: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Several(Vec<String>),
}

impl Issuer {
    async fn identify(&self, token: &str, now: Timestamp) -> Result<Identity, Denied> {
        let payload = self.keyring.verify(token).await?;
        let registered = serde_json::from_value(payload.clone());
        let registered: Registered = registered.map_err(|_| Denied::bad("iss, aud or exp is missing or malformed"))?;
        self.check(&registered, now)?;
        self.mapping.identity(&payload)
    }

    fn check(&self, token: &Registered, now: Timestamp) -> Result<(), Denied> {
        if token.iss != self.url {
            return Err(Denied::bad("its issuer is another"));
        }
        let audiences = match &token.aud {
            Audiences::One(one) => std::slice::from_ref(one),
            Audiences::Several(several) => several,
        };
        if !audiences.iter().any(|audience| self.audiences.contains(audience)) {
            return Err(Denied::WrongAudience);
        }
        let now = now.as_duration().as_secs_f64();
        if now >= token.exp {
            return Err(Denied::Expired);
        }
        let early = token.nbf.is_some_and(|from| now + AHEAD < from);
        if early { Err(Denied::NotYet) } else { Ok(()) }
    }
}

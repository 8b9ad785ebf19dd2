//! Who acts: the caller, by impersonation, or the daemon, where it may not impersonate.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::impersonation::{self, Unnameable};
use crate::access::Caller;
use crate::access::authorizer::{Authorizer, Right};
use crate::source::apiserver::ApiServer;
use crate::source::apiserver::requests::{Asking, Refusal, accept, warnings};
use crate::source::{Problem, ProblemReason};

/// A change that only says what differs (RFC 7386).
const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON: &str = "application/json";
/// An object as it is to be, for the fields that it names (Kubernetes, "Server-Side Apply").
const APPLY_PATCH: &str = "application/apply-patch+yaml";
/// How the API server only says what would become of an apply, and takes nothing that it does
/// not know. Who owns which field is another question: conflicts do not count.
const TRIED: &str = "dryRun=All&fieldValidation=Strict&fieldManager=daymark&force=true";

/// Whoever a cluster is changed for.
#[derive(Clone, Debug)]
pub struct Actor {
    server: ApiServer,
    authorizer: Arc<Authorizer>,
    caller: Caller,
    headers: HeaderMap,
}

/// Something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// The caller may not.
    #[error("{caller} may not {right}")]
    Denied {
        /// Who.
        caller: Box<str>,
        /// What.
        right: Box<str>,
    },
    /// Whether the caller may is not known.
    #[error("your rights cannot be determined: {}", .0.message)]
    Unreviewed(Problem),
    /// What was meant is not there, but something else of its name.
    #[error("{what} is not the one that was meant: it was recreated since")]
    Another {
        /// What.
        what: Box<str>,
    },
    /// The API server has not done it.
    #[error("{0}")]
    Refused(Box<Refusal>),
}

impl Actor {
    /// The caller, as whom requests are made if the daemon may impersonate it.
    ///
    /// # Errors
    /// If the API server does not say whether it may, or the caller cannot be named.
    pub async fn new(server: ApiServer, authorizer: Arc<Authorizer>, caller: &Caller) -> Result<Self, NotActing> {
        let headers = match caller {
            Caller::User(identity) if may_impersonate(&server, &identity.username).await? => {
                impersonation::headers(identity)?
            }
            Caller::User(_) | Caller::Owner | Caller::TokenHolder => HeaderMap::new(),
        };
        Ok(Self { server, authorizer, caller: caller.clone(), headers })
    }

    /// On whose behalf it acts.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The API server that it acts on.
    #[must_use]
    pub fn server(&self) -> &ApiServer {
        &self.server
    }

    /// The headers that make a request the caller's; none, if the daemon acts itself.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether the API server's audit log will name the caller. Else it names the daemon, and
    /// only [`Actor::may`] stands between the caller and what the daemon may do.
    #[must_use]
    pub fn is_named(&self) -> bool {
        !matches!(self.caller, Caller::User(_)) || !self.headers.is_empty()
    }

    /// Makes sure that the caller has a right.
    ///
    /// # Errors
    /// If it has not, or that is not known.
    pub async fn may(&self, right: Right) -> Result<(), NotDone> {
        match self.authorizer.may(&self.caller, right.clone()).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let (caller, right) = (self.caller.to_string().into(), right.to_string().into());
                Err(NotDone::Denied { caller, right })
            }
            Err(problem) => Err(NotDone::Unreviewed(problem)),
        }
    }

    /// Reads what is at a path, as it is now.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn get(&self, path: &str) -> Result<Bytes, NotDone> {
        self.ask(Method::GET, path, None).await
    }

    /// Reads what is at a path, as it is now, as what it is to be.
    ///
    /// # Errors
    /// If the API server refuses, or it is something else.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, NotDone> {
        let json = self.get(path).await?;
        let malformed = |e: serde_json::Error| {
            let message = format!("the API server sent a malformed answer to {path}: {e}");
            NotDone::Refused(Box::new(Problem::new(ProblemReason::Refused, message).into()))
        };
        serde_json::from_slice(&json).map_err(malformed)
    }

    /// Changes an object, which must be the one of `patch`'s UID and resourceVersion if it names
    /// them; says what it is then.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn patch(&self, path: &str, patch: &Value) -> Result<Bytes, NotDone> {
        self.ask(Method::PATCH, path, Some((MERGE_PATCH, patch.to_string().into_bytes()))).await
    }

    /// Creates what a body says.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Bytes, NotDone> {
        self.ask(Method::POST, path, Some((JSON, body.to_string().into_bytes()))).await
    }

    /// Deletes an object, as `options` say.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn delete(&self, path: &str, options: &Value) -> Result<Bytes, NotDone> {
        self.ask(Method::DELETE, path, Some((JSON, options.to_string().into_bytes()))).await
    }

    /// Has the API server say whether it would take a manifest, in YAML or JSON; nothing is
    /// changed. Returns what it warns of.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn try_apply(&self, path: &str, manifest: Vec<u8>) -> Result<Vec<String>, NotDone> {
        let mut headers = self.headers.clone();
        // What the object would be is not wanted: it may hold more than its manifest, and secrets.
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept::METADATA));
        let path = format!("{path}?{TRIED}");
        let asking = Asking { method: Method::PATCH, path: &path, headers, body: Some((APPLY_PATCH, manifest)) };
        let (headers, _) =
            self.server.ask_fully(asking).await.map_err(|refusal| NotDone::Refused(Box::new(refusal)))?;
        Ok(warnings(&headers))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<(&'static str, Vec<u8>)>) -> Result<Bytes, NotDone> {
        let asking = Asking { method, path, headers: self.headers.clone(), body };
        self.server.ask(asking).await.map_err(|refusal| NotDone::Refused(Box::new(refusal)))
    }
}

/// Nobody can act for the caller.
#[derive(Debug, thiserror::Error)]
pub enum NotActing {
    /// The caller cannot be named.
    #[error(transparent)]
    Unnameable(#[from] Unnameable),
    /// Whether it may be impersonated is not known.
    #[error("whether you may be impersonated cannot be determined: {}", .0.message)]
    Unreviewed(Problem),
}

async fn may_impersonate(server: &ApiServer, username: &str) -> Result<bool, NotActing> {
    let right = Right::to_any("impersonate", "", "users", None).of(&username.into());
    crate::access::own_rights::has(server, &right).await.map_err(NotActing::Unreviewed)
}

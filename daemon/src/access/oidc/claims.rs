//! From a token's claims to a user.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::access::Denied;
use crate::access::identity::Identity;
use crate::expression::{Compiler, Program, Scope};

/// What nobody but the cluster itself may be or be in.
const RESERVED: &str = "system:";

/// How the claims of an issuer's tokens become a user, and what must be true of both.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) compiler: Compiler,
    pub(super) claim_rules: Vec<ClaimRule>,
    pub(super) username: Mapped,
    pub(super) groups: Option<Mapped>,
    pub(super) uid: Option<Mapped>,
    pub(super) extra: Vec<(String, Program)>,
    pub(super) user_rules: Vec<Rule>,
}

/// Where a part of a user comes from.
#[derive(Debug)]
pub(super) enum Mapped {
    /// A claim, behind a prefix.
    Claim { claim: String, prefix: String },
    /// An expression of the claims.
    Expression(Program),
}

/// What must be true of the claims.
#[derive(Debug)]
pub(super) enum ClaimRule {
    /// One of them is that.
    Claim { claim: String, value: String },
    /// An expression of them.
    Expression(Rule),
}

/// An expression that must be true, and what is logged if it is not.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) program: Program,
    pub(super) message: String,
}

impl Mapping {
    /// The user of verified claims.
    ///
    /// # Errors
    /// If they are none of a user, or one of the rules does not hold.
    pub(super) fn identity(&self, claims: &Value) -> Result<Identity, Denied> {
        let map = || self.map(claims);
        // One token and one expression are to blame, and nothing else is to stop.
        let mapped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(map));
        mapped.unwrap_or_else(|_panic| Err(Denied::bad("an expression cannot be evaluated for it")))
    }

    fn map(&self, claims: &Value) -> Result<Identity, Denied> {
        let json = claims.to_string();
        let scope = self.compiler.scope("claims", json.as_bytes());
        let scope = scope.map_err(|_| Denied::bad("its claims are nested too deeply"))?;
        self.claim_rules.iter().try_for_each(|rule| rule.check(claims, &scope))?;
        let username = self.username.text(claims, &scope).filter(|name| !name.is_empty());
        let username = username.ok_or_else(|| Denied::bad("its claims make no username"))?;
        self.username.check_email(claims)?;
        let groups = match &self.groups {
            Some(groups) => groups.texts(claims, &scope).ok_or_else(|| Denied::bad("its claims make no groups"))?,
            None => Vec::new(),
        };
        let uid = match &self.uid {
            Some(uid) => Some(uid.text(claims, &scope).ok_or_else(|| Denied::bad("its claims make no uid"))?),
            None => None,
        };
        if [&username].into_iter().chain(&groups).any(|name| name.starts_with(RESERVED)) {
            return Err(Denied::bad("its user or one of its groups begins with system:"));
        }
        let extra = self.extra(&scope)?;
        let user = json!({"username": username, "uid": uid, "groups": groups, "extra": extra}).to_string();
        let user = self.compiler.scope("user", user.as_bytes()).map_err(|e| Denied::bad(e.to_string()))?;
        self.user_rules.iter().try_for_each(|rule| rule.check(&user))?;
        Ok(Identity { uid, extra, ..Identity::new(username, groups) })
    }

    fn extra(&self, claims: &Scope<'_>) -> Result<BTreeMap<String, Vec<String>>, Denied> {
        let mut extra = BTreeMap::new();
        for (key, program) in &self.extra {
            let values = program.texts(claims);
            let mut values = values.ok_or_else(|| Denied::bad(format!("its claims make no extra {key:?}")))?;
            values.retain(|value| !value.is_empty());
            if !values.is_empty() {
                extra.insert(key.clone(), values);
            }
        }
        Ok(extra)
    }
}

impl Mapped {
    fn text(&self, claims: &Value, scope: &Scope<'_>) -> Option<String> {
        match self {
            Self::Claim { claim, prefix } => claims.get(claim)?.as_str().map(|value| format!("{prefix}{value}")),
            Self::Expression(program) => program.text(scope),
        }
    }

    /// One text or several; none, where a claim is not there.
    fn texts(&self, claims: &Value, scope: &Scope<'_>) -> Option<Vec<String>> {
        let (claim, prefix) = match self {
            Self::Claim { claim, prefix } => (claim, prefix),
            Self::Expression(program) => {
                let mut texts = program.texts(scope)?;
                texts.retain(|text| !text.is_empty());
                return Some(texts);
            }
        };
        let prefixed = |value: &Value| value.as_str().map(|value| format!("{prefix}{value}"));
        match claims.get(claim) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(prefixed).collect(),
            Some(value) => prefixed(value).map(|value| vec![value]),
        }
    }

    /// An address that its issuer has not verified is nobody's name (k8s.io/apiserver
    /// `plugin/pkg/authenticator/token/oidc`).
    fn check_email(&self, claims: &Value) -> Result<(), Denied> {
        let verified = claims.get("email_verified");
        match self {
            Self::Claim { claim, .. } if claim == "email" && verified.is_some_and(|it| *it != Value::Bool(true)) => {
                Err(Denied::bad("its email is not verified"))
            }
            _ => Ok(()),
        }
    }
}

impl ClaimRule {
    fn check(&self, claims: &Value, scope: &Scope<'_>) -> Result<(), Denied> {
        match self {
            Self::Claim { claim, value } => match claims.get(claim).and_then(Value::as_str) {
                Some(said) if said == value => Ok(()),
                _ => Err(Denied::bad(format!("its claim {claim:?} is not as required"))),
            },
            Self::Expression(rule) => rule.check(scope),
        }
    }
}

impl Rule {
    fn check(&self, scope: &Scope<'_>) -> Result<(), Denied> {
        if self.program.holds(scope) { Ok(()) } else { Err(Denied::bad(self.message.clone())) }
    }
}

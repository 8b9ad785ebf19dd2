//! Tokens of an OpenID Connect issuer, honest and hostile.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

#[path = "support/issuer.rs"]
mod issuer;

use std::sync::{Arc, OnceLock};

use daymarkd::access::Denied;
use daymarkd::access::identity::Identity;
use daymarkd::access::oidc::Issuers;
use jiff::Timestamp;
use jsonwebtoken::Algorithm::{ES256, ES384, EdDSA, PS256, RS256};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use self::issuer::{Issuer, Key};

/// When the tests take place.
const NOW: i64 = 1_000_000;

/// Users by a claim, as most configurations have them.
const BY_SUBJECT: &str =
    "  claimMappings: {username: {claim: sub, prefix: 'ci:'}, groups: {claim: groups, prefix: ''}}\n";

/// An issuer, and a daemon that knows it.
struct Setup {
    issuer: Issuer,
    issuers: Arc<Issuers>,
    /// Keeps its keys, from the first token on.
    keeping: OnceLock<JoinHandle<()>>,
}

impl Drop for Setup {
    fn drop(&mut self) {
        if let Some(keeping) = self.keeping.get() {
            keeping.abort();
        }
    }
}

type Identified = Option<Result<Arc<Identity>, Denied>>;

impl Setup {
    async fn new(keys: &[&Key], rest: &str) -> Self {
        let issuer = Issuer::start(keys).await;
        let folder = tempfile::tempdir().unwrap();
        let issuers = Issuers::read(&issuer.configuration(folder.path(), rest)).await.unwrap();
        Self::of(issuer, issuers)
    }

    fn of(issuer: Issuer, issuers: Issuers) -> Self {
        Self { issuer, issuers: Arc::new(issuers), keeping: OnceLock::new() }
    }

    fn claims(&self) -> Value {
        json!({"iss": self.issuer.url, "aud": "daymark", "sub": "jane", "exp": NOW + 60, "nbf": NOW})
    }

    /// The usual claims, but for one.
    fn but(&self, claim: &str, value: impl Into<Value>) -> Value {
        let mut claims = self.claims();
        claims[claim] = value.into();
        claims
    }

    async fn identify(&self, token: &str) -> Identified {
        self.keeping.get_or_init(|| {
            let issuers = Arc::clone(&self.issuers);
            tokio::spawn(async move { issuers.keep().await })
        });
        self.issuers.identify(token, Timestamp::from_second(NOW).unwrap()).await
    }

    /// The user of a token and its groups, or why it is refused.
    async fn user(&self, token: &str) -> Result<(String, Vec<String>), Denied> {
        let identified = self.identify(token).await.unwrap_or_else(|| panic!("the issuer is not known"));
        identified.map(|identity| (identity.username.clone(), identity.groups.clone()))
    }

    /// Why a token is bad.
    async fn why(&self, token: &str) -> String {
        match self.user(token).await {
            Err(Denied::BadToken(why)) => why,
            other => panic!("{other:?}"),
        }
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn a_user_is_as_the_claims_say() {
    for algorithm in [RS256, PS256, ES256, ES384, EdDSA] {
        let key = Key::new("one", algorithm);
        let setup = Setup::new(&[&key], BY_SUBJECT).await;
        let known = setup.user(&key.sign(&setup.claims())).await;
        assert_eq!(known, Ok(("ci:jane".into(), texts(&["system:authenticated"]))), "{algorithm:?}");
        let with_groups = setup.user(&key.sign(&setup.but("groups", json!(["dev", "ops"])))).await;
        assert_eq!(with_groups.unwrap().1, ["dev", "ops", "system:authenticated"]);
        assert_eq!(setup.user(&key.sign_as(None, &setup.claims())).await, known, "a token need not name its key");
        let several = setup.but("aud", json!(["other", "daymark"]));
        assert_eq!(setup.user(&key.sign(&several)).await, known);
        assert_eq!(setup.issuer.asked(), 1);
    }
}

#[tokio::test]
async fn a_tokens_time_and_audience_are_told_to_its_owner() {
    let key = Key::new("one", ES256);
    let setup = Setup::new(&[&key], BY_SUBJECT).await;
    for (claim, value, denied) in [
        ("exp", json!(NOW), Denied::Expired),
        ("exp", json!(0.5), Denied::Expired),
        ("nbf", json!(NOW + 11), Denied::NotYet),
        ("aud", json!("other"), Denied::WrongAudience),
        ("aud", json!([]), Denied::WrongAudience),
        ("aud", json!(["daymark2", "DAYMARK"]), Denied::WrongAudience),
    ] {
        assert_eq!(setup.user(&key.sign(&setup.but(claim, value.clone()))).await, Err(denied), "{claim}: {value}");
    }
    assert!(setup.user(&key.sign(&setup.but("nbf", NOW + 10))).await.is_ok(), "clocks differ a little");
    for (claim, value) in [("exp", Value::Null), ("exp", json!("never")), ("aud", Value::Null), ("sub", json!(7))] {
        assert_ne!(setup.why(&key.sign(&setup.but(claim, value))).await, "");
    }
}

#[tokio::test]
async fn a_token_is_its_issuers_and_nobody_elses() {
    let (key, forger) = (Key::new("one", ES256), Key::new("one", ES256));
    let setup = Setup::new(&[&key], BY_SUBJECT).await;
    assert_eq!(setup.why(&forger.sign(&setup.claims())).await, "its signature is not its issuer's");
    let token = key.sign(&setup.claims());
    // Another's claims with this signature.
    let other = key.sign(&setup.but("sub", "root"));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (own, other) = (parts(&token), parts(&other));
    let mixed = format!("{}.{}.{}", own[0], other[1], own[2]);
    assert_eq!(setup.why(&mixed).await, "its signature is not its issuer's");
    let unsigned = format!("{}.{}.", own[0], own[1]);
    assert_eq!(setup.why(&unsigned).await, "its signature is not its issuer's");
    for unknown in ["https://localhost", "", &format!("{}/", setup.issuer.url)] {
        assert_eq!(setup.identify(&key.sign(&setup.but("iss", unknown))).await, None, "{unknown}");
    }
    for none in ["", "a", "a.b", "a.b.c", "..", &format!("{token}.x")] {
        assert_eq!(setup.identify(none).await, None, "{none}");
    }
}

#[tokio::test]
async fn the_key_says_how_it_signs_and_never_the_token() {
    let (key, other, rsa) = (Key::new("one", ES256), Key::new("two", EdDSA), Key::new("rsa", RS256));
    let setup = Setup::new(&[&key, &other, &rsa], BY_SUBJECT).await;
    let claims = setup.claims();
    let part = |value: &Value| encode(&Header::default(), value, &EncodingKey::from_secret(b"x")).unwrap();
    let part = |value: &Value| part(value).split('.').nth(1).unwrap_or_default().to_owned();
    for header in [json!({"alg": "none"}), json!({"alg": "NONE"}), json!({"alg": "ES512"}), json!({})] {
        let token = format!("{}.{}.", part(&header), part(&claims));
        assert!(setup.why(&token).await.starts_with("its header is malformed"), "{header}");
    }
    // The public key is no secret: who took it for one would let in everybody.
    let public = key.published();
    for secret in [public["x"].as_str().unwrap(), &public.to_string()] {
        let secret = EncodingKey::from_secret(secret.as_bytes());
        let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
        assert_eq!(
            setup.why(&encode(&header, &claims, &secret).unwrap()).await,
            "its algorithm is none of an issuer's"
        );
    }
    // An RSA key taken for an HMAC secret, the oldest of these tricks.
    let modulus = rsa.published()["n"].as_str().unwrap().to_owned();
    let header = Header { kid: Some("rsa".into()), ..Header::new(Algorithm::HS256) };
    let forged = encode(&header, &claims, &EncodingKey::from_secret(modulus.as_bytes())).unwrap();
    assert_eq!(setup.why(&forged).await, "its algorithm is none of an issuer's");
    // A key of one kind, named by a token of another.
    let mistaken = other.sign_as(Some("one"), &claims);
    assert_eq!(setup.why(&mistaken).await, "none of its issuer's keys can have signed it");
    let critical = Header { crit: Some(vec!["exp".into()]), kid: Some("one".into()), ..Header::new(ES256) };
    let critical = format!("{}.{}.x", part(&serde_json::to_value(critical).unwrap()), part(&claims));
    assert_eq!(setup.why(&critical).await, "its header has critical extensions");
}

#[tokio::test]
async fn of_two_keys_the_named_one_counts() {
    let (one, two) = (Key::new("one", ES256), Key::new("two", ES256));
    let setup = Setup::new(&[&one, &two], BY_SUBJECT).await;
    for key in [&one, &two] {
        assert!(setup.user(&key.sign(&setup.claims())).await.is_ok());
        assert!(setup.user(&key.sign_as(None, &setup.claims())).await.is_ok());
    }
    let mistaken = one.sign_as(Some("two"), &setup.claims());
    assert_eq!(setup.why(&mistaken).await, "its signature is not its issuer's");
}

#[tokio::test]
async fn keys_that_are_not_for_signing_are_left_out() {
    let (key, other) = (Key::new("one", ES256), Key::new("two", ES256));
    let setup = Setup::new(&[], BY_SUBJECT).await;
    let mut encrypts = other.published();
    encrypts["use"] = "enc".into();
    let mut otherwise = other.published();
    otherwise["alg"] = "ES384".into();
    let secret = json!({"kty": "oct", "kid": "two", "k": "c2VjcmV0", "alg": "HS256"});
    setup.issuer.publish(&[encrypts, otherwise, secret, json!({"kty": "new"}), json!(7), key.published()]);
    assert!(setup.user(&key.sign(&setup.claims())).await.is_ok());
    assert_eq!(setup.why(&other.sign(&setup.claims())).await, "none of its issuer's keys can have signed it");
}

#[tokio::test]
async fn keys_that_are_not_known_are_asked_for_once_in_a_while() {
    let (old, new) = (Key::new("old", ES256), Key::new("new", ES256));
    let setup = Setup::new(&[&old], BY_SUBJECT).await;
    assert!(setup.user(&old.sign(&setup.claims())).await.is_ok());
    setup.issuer.publish(&[new.published()]);
    let unknown = new.sign(&setup.claims());
    for _ in 0..50 {
        assert_eq!(setup.why(&unknown).await, "none of its issuer's keys can have signed it");
    }
    assert_eq!(setup.issuer.asked(), 1);
    // What waits here is the daemon's pause between two tries.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    tokio::time::resume();
    assert!(setup.user(&unknown).await.is_ok());
    assert_eq!(setup.issuer.asked(), 2);
    let gone = setup.why(&old.sign(&setup.claims())).await;
    assert_eq!(gone, "none of its issuer's keys can have signed it");
}

#[tokio::test]
async fn who_gives_up_takes_new_keys_from_nobody() {
    let (old, new, none) = (Key::new("old", ES256), Key::new("new", ES256), Key::new("none", ES256));
    let setup = Setup::new(&[&old], BY_SUBJECT).await;
    assert!(setup.user(&old.sign(&setup.claims())).await.is_ok());
    setup.issuer.publish(&[new.published()]);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    tokio::time::resume();
    let forged = none.sign(&setup.claims());
    let mut resets = Box::pin(setup.user(&forged));
    assert!(futures::poll!(&mut resets).is_pending());
    drop(resets);
    assert!(setup.user(&new.sign(&setup.claims())).await.is_ok());
    assert_eq!(setup.issuer.asked(), 2, "both have waited for the same");
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_named() {
    let key = Key::new("one", ES256);
    for (document, says) in [
        ("{}".to_owned(), "missing field"),
        (json!({"issuer": "https://other", "jwks_uri": "https://other"}).to_string(), "of another issuer"),
        ("x".repeat(2 << 20), "length limit exceeded"),
    ] {
        let setup = Setup::new(&[&key], BY_SUBJECT).await;
        setup.issuer.describe(document);
        match setup.user(&key.sign(&setup.claims())).await {
            Err(Denied::IssuerUnreachable { issuer, problem }) => {
                assert_eq!(issuer, setup.issuer.url);
                assert!(problem.contains(says), "{problem}");
            }
            other => panic!("{other:?}"),
        }
    }
    let setup = Setup::new(&[&key], BY_SUBJECT).await;
    let url = &setup.issuer.url;
    setup.issuer.describe(json!({"issuer": url, "jwks_uri": url.replace("https", "http")}).to_string());
    let denied = setup.user(&key.sign(&setup.claims())).await;
    assert!(matches!(denied, Err(Denied::IssuerUnreachable { problem, .. }) if problem.contains("is no https URL")));
}

#[tokio::test]
async fn an_issuer_is_known_by_its_authority_alone() {
    let (key, other) = (Key::new("one", ES256), Issuer::start(&[]).await);
    let mut issuer = Issuer::start(&[&key]).await;
    issuer.authority = other.authority.clone();
    let folder = tempfile::tempdir().unwrap();
    let issuers = Issuers::read(&issuer.configuration(folder.path(), BY_SUBJECT)).await.unwrap();
    let setup = Setup::of(issuer, issuers);
    let denied = setup.user(&key.sign(&setup.claims())).await;
    assert!(matches!(denied, Err(Denied::IssuerUnreachable { .. })), "{denied:?}");
    assert_eq!(setup.issuer.asked(), 0);
}

#[tokio::test]
async fn users_are_made_by_expressions_and_held_to_rules() {
    let key = Key::new("one", ES256);
    let setup = Setup::new(
        &[&key],
        r"
  claimMappings:
    username: {expression: '''repo:'' + claims.repository'}
    groups: {expression: 'claims.roles.map(r, ''ci:'' + r)'}
    uid: {claim: sub}
    extra: [{key: example.com/ref, valueExpression: claims.ref}]
  claimValidationRules:
  - {claim: environment, requiredValue: production}
  - {expression: claims.ref == 'refs/heads/main', message: only the main branch}
  userValidationRules:
  - {expression: '!user.groups.exists(g, g == ''ci:root'')', message: nobody is root}
",
    )
    .await;
    let mut claims = setup.claims();
    claims["repository"] = "o/r".into();
    claims["roles"] = json!(["dev"]);
    claims["ref"] = "refs/heads/main".into();
    claims["environment"] = "production".into();
    let identity = setup.identify(&key.sign(&claims)).await.unwrap().unwrap();
    assert_eq!((&*identity.username, identity.uid.as_deref()), ("repo:o/r", Some("jane")));
    assert_eq!(identity.groups, ["ci:dev", "system:authenticated"]);
    assert_eq!(identity.extra["example.com/ref"], ["refs/heads/main"]);
    for (claim, value, why) in [
        ("ref", json!("refs/heads/x"), "only the main branch"),
        ("environment", json!("test"), "its claim \"environment\" is not as required"),
        ("environment", json!(["production"]), "its claim \"environment\" is not as required"),
        ("roles", json!(["root"]), "nobody is root"),
        ("roles", json!([7]), "its claims make no groups"),
        ("repository", Value::Null, "its claims make no username"),
    ] {
        let mut wrong = claims.clone();
        wrong[claim] = value;
        assert_eq!(setup.why(&key.sign(&wrong)).await, why);
    }
}

#[tokio::test]
async fn nobody_becomes_a_part_of_the_cluster() {
    let key = Key::new("one", ES256);
    let mappings = "  claimMappings: {username: {claim: sub, prefix: ''}, groups: {claim: groups, prefix: ''}}\n";
    let setup = Setup::new(&[&key], mappings).await;
    for (claim, value) in
        [("sub", json!("system:admin")), ("groups", json!(["dev", "system:masters"])), ("groups", json!("system:x"))]
    {
        let why = setup.why(&key.sign(&setup.but(claim, value))).await;
        assert_eq!(why, "its user or one of its groups begins with system:");
    }
    let by_email = "  claimMappings: {username: {claim: email, prefix: ''}}\n";
    let setup = Setup::new(&[&key], by_email).await;
    let mut claims = setup.but("email", "jane@example.com");
    assert!(setup.user(&key.sign(&claims)).await.is_ok());
    claims["email_verified"] = false.into();
    assert_eq!(setup.why(&key.sign(&claims)).await, "its email is not verified");
}

#[tokio::test]
async fn a_configuration_that_is_wrong_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.yaml");
    let head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n";
    let issuer = "jwt:\n- issuer: {url: 'https://i', audiences: [a]}\n";
    let good = "  claimMappings: {username: {claim: sub, prefix: ''}}\n";
    for (text, says) in [
        (String::new(), ":1: "),
        (
            "apiVersion: v1\nkind: AuthenticationConfiguration\njwt: []\n".into(),
            ":1: apiVersion: not apiserver.config.k8s.io/v1",
        ),
        (head.replace("Authentication", "Admission") + "jwt: []\n", ":2: kind: not AuthenticationConfiguration"),
        (format!("{head}{issuer}{good}  more: x\n"), ":6: "),
        (format!("{head}{}{good}", issuer.replace("https", "http")), ":4: issuer: \"http://i\" is no https URL"),
        (format!("{head}{}{good}", issuer.replace("[a]", "[]")), ":4: issuer: audiences"),
        (format!("{head}{}{good}", issuer.replace("[a]", "[a, b]")), ":4: issuer: audienceMatchPolicy"),
        (
            format!("{head}{}{good}", issuer.replace("[a]", "[a], certificateAuthority: x")),
            ":4: issuer: certificateAuthority",
        ),
        (
            format!("{head}{issuer}  claimMappings: {{username: {{claim: sub}}}}\n"),
            ":5: username: a claim needs a prefix",
        ),
        (format!("{head}{issuer}  claimMappings: {{username: {{}}}}\n"), ":5: username: give either"),
        (
            format!("{head}{issuer}  claimMappings: {{username: {{expression: clams.x}}}}\n"),
            ":5: username: expression: unknown name clams at character 1",
        ),
        (
            format!("{head}{issuer}  claimMappings: {{username: {{expression: claims.email}}}}\n"),
            ":5: username: claims.email needs",
        ),
        (
            format!("{head}{issuer}{good}  userValidationRules:\n  - {{expression: '1 +'}}\n"),
            ":7: userValidationRules: expression: ",
        ),
        (
            format!("{head}{issuer}{good}{}{good}", issuer.replace("jwt:\n", "")),
            ":6: issuer: \"https://i\" is there twice",
        ),
        (
            format!(
                "{head}{issuer}  claimMappings:\n    username: {{claim: sub, prefix: ''}}\n    extra: [{{key: k8s.io/a, valueExpression: claims.a}}]\n"
            ),
            ":7: extra: ",
        ),
    ] {
        std::fs::write(&path, &text).unwrap();
        let error = Issuers::read(&path).await.unwrap_err().to_string();
        assert!(error.contains(&format!("f.yaml{says}")) && !error.contains('\n'), "{text}\n{error}");
    }
    let error = Issuers::read(&folder.path().join("none")).await.unwrap_err();
    assert!(error.to_string().contains("No such file"), "{error}");
}

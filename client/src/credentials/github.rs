//! OIDC tokens of jobs of GitHub Actions
//! (<https://docs.github.com/en/actions/reference/security/oidc>).

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::uri::Authority;
use http::{Request, StatusCode, Uri, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::connect::TIMEOUT;
use crate::{CredentialsError, Proxy, Token, fetch};

const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// A token is fetched anew so long before it expires: calls take their time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a token is used that does not say how long it is valid.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(60);

/// The endpoint that gives tokens to this job, and the last one.
pub struct Github {
    uri: Uri,
    authority: Authority,
    request_token: Token,
    fetched: Mutex<Option<Fetched>>,
}

struct Fetched {
    token: Token,
    until: Instant,
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

/// The claims that say how long a token is valid, in seconds of Unix time (RFC 7519).
#[derive(Deserialize)]
struct Claims {
    iat: Option<f64>,
    exp: Option<f64>,
}

impl Github {
    /// # Errors
    /// If the job may have no tokens.
    pub fn from_env(audience: &str) -> Result<Self, CredentialsError> {
        let variable = |name| std::env::var(name).unwrap_or_default();
        Self::new(&variable(URL), &variable(REQUEST_TOKEN), audience)
    }

    fn new(url: &str, request_token: &str, audience: &str) -> Result<Self, CredentialsError> {
        let not_offered = |problem: String| CredentialsError::NotOffered { problem };
        for (name, value) in [(URL, url), (REQUEST_TOKEN, request_token)] {
            if value.is_empty() {
                return Err(not_offered(format!("the variable {name} is not set")));
            }
        }
        let no_url = || not_offered(format!("the variable {URL} contains no https:// address"));
        let mark = if url.contains('?') { '&' } else { '?' };
        let audience = utf8_percent_encode(audience, NON_ALPHANUMERIC);
        let uri: Uri = format!("{url}{mark}audience={audience}").parse().map_err(|_| no_url())?;
        let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(no_url()) };
        let authority = authority.clone();
        let request_token = Token::new(request_token)
            .ok_or_else(|| not_offered(format!("the variable {REQUEST_TOKEN} is not a token")))?;
        Ok(Self { uri, authority, request_token, fetched: Mutex::default() })
    }

    /// A token that is valid for some time yet.
    ///
    /// # Errors
    /// If a new one is to be fetched and cannot.
    pub async fn token(&self, proxy: &Proxy) -> Result<Token, CredentialsError> {
        if let Some(fetched) = &*self.last()
            && Instant::now() < fetched.until
        {
            return Ok(fetched.token.clone());
        }
        let fetched = self.fetch(proxy).await?;
        let token = fetched.token.clone();
        *self.last() = Some(fetched);
        Ok(token)
    }

    /// Forgets the last token: the next one is fetched.
    pub fn forget(&self) {
        *self.last() = None;
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Fetched>> {
        // What it holds is replaced as a whole.
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, proxy: &Proxy) -> Result<Fetched, CredentialsError> {
        let host = self.authority.host().to_owned();
        let unanswered = |problem: String| CredentialsError::Unanswered { host: host.clone(), problem };
        let request = Request::get(self.uri.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, self.authority.as_str())
            .header(header::AUTHORIZATION, self.request_token.header())
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("daymark/", env!("CARGO_PKG_VERSION")))
            .body(http_body_util::Empty::new())
            .map_err(|error| unanswered(error.to_string()))?;
        let asked = Instant::now();
        let answer = tokio::time::timeout(TIMEOUT, fetch::https(&self.authority, request, proxy)).await;
        let (status, body) = answer
            .map_err(|_| unanswered(format!("no answer within {} s", TIMEOUT.as_secs())))?
            .map_err(|error| unanswered(error.to_string()))?;
        match status {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(CredentialsError::Refused { host, status: status.as_u16() });
            }
            status => return Err(unanswered(format!("it answers {}", status.as_u16()))),
        }
        let answer: Option<Answer> = serde_json::from_slice(&body).ok();
        let text = answer.map(|answer| answer.value).unwrap_or_default();
        let token = Token::new(&text).ok_or_else(|| unanswered("its answer contains none".to_owned()))?;
        Ok(Fetched { token, until: asked + lifetime(&text).saturating_sub(MARGIN).max(MARGIN / 2) })
    }
}

/// How long a token is valid, by its own claims and not by this machine's clock.
fn lifetime(token: &str) -> Duration {
    // At most a day, so that no sum overflows.
    const LONGEST: f64 = 86_400.0;
    let claims = || {
        let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        let seconds = (claims.exp? - claims.iat?).clamp(0.0, LONGEST);
        Duration::try_from_secs_f64(seconds).ok()
    };
    claims().unwrap_or(UNKNOWN_LIFETIME)
}

impl fmt::Debug for Github {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Github").field("host", &self.authority.host()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_audience_is_one_value_of_the_query() {
        let github = Github::new("https://github.example/token?api-version=2.0", "r", "a&b=c d").unwrap();
        assert_eq!(github.uri, "https://github.example/token?api-version=2.0&audience=a%26b%3Dc%20d");
        let github = Github::new("https://github.example/token", "r", "daymark").unwrap();
        assert_eq!(github.uri, "https://github.example/token?audience=daymark");
    }

    #[test]
    fn an_endpoint_that_is_none_is_refused_and_its_secret_kept() {
        for (url, token, says) in [
            ("", "s3cret", "ACTIONS_ID_TOKEN_REQUEST_URL is not set"),
            ("https://a/b", "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set"),
            ("http://a/b", "s3cret", "no https:// address"),
            ("a b", "s3cret", "no https:// address"),
            ("https://a/b", "s3cret s3cret", "is not a token"),
        ] {
            let error = Github::new(url, token, "daymark").unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("id-token: write") && !error.contains("s3cret"), "{error}");
        }
        let github = Github::new("https://a/b?s3cret", "s3cret", "daymark").unwrap();
        assert!(!format!("{github:?}").contains("s3cret"));
    }

    #[test]
    fn a_lifetime_is_that_of_the_claims() {
        let token = |claims: &str| format!("e30.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims));
        for (token, seconds) in [
            (token(r#"{"iat":1000,"exp":1300}"#), 300),
            (token(r#"{"iat":1300,"exp":1000}"#), 0),
            (token(r#"{"iat":0,"exp":1e300}"#), 86_400),
            (token(r#"{"exp":1300}"#), 60),
            (token("[]"), 60),
            ("none".to_owned(), 60),
            ("a.!.c".to_owned(), 60),
        ] {
            assert_eq!(lifetime(&token).as_secs(), seconds, "{token}");
        }
    }
}

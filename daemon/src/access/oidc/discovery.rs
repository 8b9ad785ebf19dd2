//! Asks issuers for their keys (OpenID Connect Discovery 1.0).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::keys::Keys;

/// How long an issuer may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer of one, in bytes.
const LARGEST: usize = 1 << 20;
/// Below the issuer's URL.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Where an issuer's keys are found.
#[derive(Debug)]
pub(super) struct Discovery {
    issuer: String,
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    /// The keys of that issuer, as its document at `url` says, or in the usual place;
    /// `authority` are certificates in PEM that its server is known by, or else the system's.
    ///
    /// # Errors
    /// If these or the URL cannot be used.
    pub(super) fn new(issuer: &str, url: Option<&str>, authority: Option<&str>) -> Result<Self, String> {
        let usual = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
        let url = https(url.unwrap_or(&usual))?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls(authority)?).https_only();
        let client = Client::builder(TokioExecutor::new()).build(connector.enable_http1().build());
        Ok(Self { issuer: issuer.to_owned(), url, client })
    }

    /// Its keys now.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub(super) async fn keys(&self) -> Result<Keys, String> {
        let document = self.get(&self.url).await?;
        let malformed = |url: &Uri, error: serde_json::Error| format!("{url}: {error}");
        let document: Document = serde_json::from_slice(&document).map_err(|e| malformed(&self.url, e))?;
        if document.issuer != self.issuer {
            return Err(format!("{}: it is of another issuer, {:?}", self.url, document.issuer));
        }
        let url = https(&document.jwks_uri)?;
        let keys = Keys::read(&self.get(&url).await?).map_err(|e| malformed(&url, e))?;
        if keys.is_empty() { Err(format!("{url}: it has no key to sign with")) } else { Ok(keys) }
    }

    /// One answer. It is not looked for elsewhere: a redirection is no answer.
    async fn get(&self, url: &Uri) -> Result<Bytes, String> {
        let request = Request::get(url.clone()).header(header::ACCEPT, "application/json").body(Empty::new());
        let request = request.map_err(|e| format!("{url}: {e}"))?;
        let answer = async {
            let answer = self.client.request(request).await.map_err(|e| innermost(&e))?;
            if answer.status() != StatusCode::OK {
                return Err(format!("HTTP status {}", answer.status()));
            }
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            body.map(http_body_util::Collected::to_bytes).map_err(|e| e.to_string())
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        answer.map_err(|problem| format!("{url}: {problem}"))
    }
}

/// An address of a server whose certificate can be asked for.
pub(super) fn https(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|_| format!("{url:?} is no URL"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err(format!("{url:?} is no https URL")),
    }
}

fn tls(authority: Option<&str>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    let Some(pem) = authority else {
        let system = |e| format!("the system's certificate authorities: {e}; give a certificateAuthority");
        return Ok(builder.with_native_roots().map_err(system)?.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|e| format!("certificateAuthority: {e}"))?;
        roots.add(certificate).map_err(|e| format!("certificateAuthority: {e}"))?;
    }
    if roots.is_empty() {
        return Err("certificateAuthority: there is no certificate in it, in PEM".into());
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What an error comes from: what wraps it says less.
fn innermost(error: &hyper_util::client::legacy::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

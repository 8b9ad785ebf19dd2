//! An OpenID Connect issuer in the test's own process, over TLS.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A running issuer. It ends when dropped.
pub struct Issuer {
    pub url: String,
    /// Its server's certificate, in PEM.
    pub authority: String,
    answers: Arc<Mutex<Answers>>,
    serving: JoinHandle<()>,
}

/// What it says, and how often it was asked for its keys.
struct Answers {
    document: String,
    keys: String,
    asked: usize,
}

/// A key to sign with.
pub struct Key {
    pub id: &'static str,
    pub algorithm: Algorithm,
    key: EncodingKey,
}

impl Key {
    /// A new one, for RSA, ES256, ES384 or EdDSA.
    pub fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let kind = match algorithm {
            Algorithm::ES256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::ES384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Algorithm::RS256 | Algorithm::PS256 => &rcgen::PKCS_RSA_SHA256,
            _ => &rcgen::PKCS_ED25519,
        };
        let pair = KeyPair::generate_for(kind).unwrap();
        let key = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_der(&ed25519(&pair)),
            Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_der(&rsa(&pair)),
            _ => EncodingKey::from_ec_der(&pair.serialize_der()),
        };
        Self { id, algorithm, key }
    }

    /// As its issuer publishes it.
    pub fn published(&self) -> Value {
        let mut key = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap()).unwrap();
        key["kid"] = self.id.into();
        key
    }

    /// A token that it has signed.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(Some(self.id), claims)
    }

    /// The same, which says that another key has signed it, or none.
    pub fn sign_as(&self, id: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).unwrap()
    }
}

/// The private key alone, without the public one behind it: PKCS #8 (RFC 8410, section 7) of version 1.
fn ed25519(pair: &KeyPair) -> Vec<u8> {
    let der = pair.serialize_der();
    let (head, seed) = (b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", &der[16..48]);
    [head, seed].concat()
}

/// The same of an RSA key: PKCS #1, without what PKCS #8 (RFC 5208, section 5) puts before it. That is as long for
/// every key of 2,048 bits.
fn rsa(pair: &KeyPair) -> Vec<u8> {
    pair.serialize_der().split_off(26)
}

impl Issuer {
    /// Starts one that publishes these keys.
    pub async fn start(keys: &[&Key]) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let document = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
        let answers = Arc::new(Mutex::new(Answers { document, keys: String::new(), asked: 0 }));
        let serving = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(&answers)));
        let issuer = Self { url, authority: made.cert.pem(), answers, serving };
        issuer.publish(&keys.iter().map(|key| key.published()).collect::<Vec<_>>());
        issuer
    }

    /// From now on these are its keys.
    pub fn publish(&self, keys: &[Value]) {
        self.answers.lock().unwrap().keys = json!({"keys": keys}).to_string();
    }

    /// From now on that is its document.
    pub fn describe(&self, document: impl Into<String>) {
        self.answers.lock().unwrap().document = document.into();
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> usize {
        self.answers.lock().unwrap().asked
    }

    /// A configuration of it in `folder`, with these mappings and rules besides.
    pub fn configuration(&self, folder: &Path, rest: &str) -> PathBuf {
        let authority = self.authority.trim().replace('\n', "\n        ");
        let text = format!(
            "apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: {}
    audiences: [daymark]
    certificateAuthority: |
        {authority}
{rest}",
            self.url
        );
        let path = folder.join("issuers.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, answers: Arc<Mutex<Answers>>) {
    while let Ok((connection, _)) = listener.accept().await {
        // One that breaks is the daemon's to handle.
        let _broken = answer(connection, &acceptor, &answers).await;
    }
}

/// One request to a connection is enough.
async fn answer(connection: TcpStream, acceptor: &TlsAcceptor, answers: &Mutex<Answers>) -> std::io::Result<()> {
    let mut connection = acceptor.accept(connection).await?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(connection.read_u8().await?);
    }
    let body = {
        let mut answers = answers.lock().unwrap();
        if request.starts_with(b"GET /keys ") {
            answers.asked += 1;
            answers.keys.clone()
        } else {
            answers.document.clone()
        }
    };
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body.as_bytes()).await?;
    connection.shutdown().await
}

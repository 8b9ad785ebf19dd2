//! Whom to trust at the other end, and what to show there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::secret_file::{self, SecretFileError};
use crate::text_file;

mod distrust;
mod peer;

pub use distrust::Distrust;
pub(crate) use distrust::{HandshakeError, refusal};
pub use peer::TlsPeer;

/// A file of certificates is no longer, in bytes; those of all that systems trust have a quarter of a MiB.
const LONGEST: u64 = 16 << 20;

/// Whom to trust at an `https://` address, and what to show there. The files are read for
/// each connection: what was exchanged meanwhile counts.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// The certificates of the CAs to trust, in PEM; without it those that the system trusts,
    /// or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    pub ca_file: Option<PathBuf>,
    /// The name that the daemon's certificate is to have, if it is not that of the address.
    pub server_name: Option<String>,
    /// What this client proves itself with.
    pub identity: Option<Identity>,
}

/// A client certificate.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate, and those that lead from it to the daemon's CA, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM; as private as a token's file.
    pub key: PathBuf,
}

/// Why a [`Tls`] cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates cannot be read, or has none.
    #[error("no certificate can be read from {}: {problem}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The system names no CA to trust.
    #[error("this system trusts no CA: no certificates were found in the usual places")]
    NoRoots,
    /// The file of the private key cannot be read, or is open to others than its owner.
    #[error("the client's key cannot be used: {0}")]
    KeyFile(#[from] SecretFileError),
    /// It holds no private key.
    #[error("no private key can be read from {}: expected PEM", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or cannot be used.
    #[error("the client certificate {} cannot be used with its key: {problem}", path.display())]
    Identity {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A certificate is for DNS names and IP addresses.
    #[error("{name:?} is not a valid name for a certificate")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The cryptography of this build is at fault.
    #[error("TLS cannot be used: {0}")]
    Library(#[from] rustls::Error),
}

/// What is spoken within TLS, as ALPN names it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Tls {
    /// Whether it can be used for `host`.
    ///
    /// # Errors
    /// If a file cannot.
    pub(crate) fn check(&self, host: &str) -> Result<(), TlsError> {
        self.server_name(host)?;
        self.config(Protocol::Http2).map(|_| ())
    }

    /// Speaks TLS over `stream`, to the one whose certificate is for `host`, or the other
    /// name that was given.
    pub(crate) async fn handshake<S>(
        &self,
        stream: S,
        host: &str,
        protocol: Protocol,
    ) -> Result<(TlsStream<S>, TlsPeer), HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = self.server_name(host)?;
        let config = Arc::new(self.config(protocol)?);
        let stream = TlsConnector::from(config).connect(name.clone(), stream).await?;
        let peer = TlsPeer::of(stream.get_ref().1, &name);
        Ok((stream, peer))
    }

    fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        let name = self.server_name.as_deref().unwrap_or(host);
        ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName { name: name.to_owned() })
    }

    fn config(&self, protocol: Protocol) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots()?);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = (certificates(&identity.certificate)?, key(&identity.key)?);
                builder.with_client_auth_cert(chain, key).map_err(|error| TlsError::Identity {
                    path: identity.certificate.clone(),
                    problem: error.to_string(),
                })?
            }
        };
        config.alpn_protocols = vec![match protocol {
            Protocol::Http1 => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        }];
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        let Some(path) = &self.ca_file else {
            // What the system has may hold what cannot be used; the rest is.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            return if roots.is_empty() { Err(TlsError::NoRoots) } else { Ok(roots) };
        };
        for certificate in certificates(path)? {
            let wrong = |error: rustls::Error| certificates_error(path, error);
            roots.add(certificate).map_err(wrong)?;
        }
        Ok(roots)
    }
}

/// At least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = text_file::bytes(path, LONGEST).map_err(|error| certificates_error(path, error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(certificates_error(path, "it contains none; expected PEM")),
        Err(_) => Err(certificates_error(path, "it is damaged; expected PEM")),
    }
}

fn certificates_error(path: &Path, problem: impl ToString) -> TlsError {
    TlsError::Certificates { path: path.to_owned(), problem: problem.to_string() }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (text, _) = secret_file::read(path)?;
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| TlsError::Key { path: path.to_owned() })
}

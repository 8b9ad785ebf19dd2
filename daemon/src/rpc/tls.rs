//! The daemon's certificate, and whose it takes: read from files, and again when they change.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// How often files are looked at: they may be mounted from a Secret, whose changes no file
/// system tells.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Where the daemon's certificate is, and those of the authorities that it takes others' of. All PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, and behind it those between it and its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities of client certificates.
    pub client_ca: Option<PathBuf>,
    /// Whether every client must have one.
    pub require_client_certificate: bool,
}

/// Files that TLS cannot be served with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of them cannot be read.
    #[error("{flag} {path}: {error}")]
    File {
        /// What it is given by.
        flag: &'static str,
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// One of them is not what it should be.
    #[error("{flag} {path}: {problem}")]
    Content {
        /// What it is given by.
        flag: &'static str,
        /// Which.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

const CERTIFICATE: &str = "--tls-cert-file";
const KEY: &str = "--tls-private-key-file";
const CLIENT_CA: &str = "--client-ca-file";

/// What tells that a file was changed: device, inode, size, and when.
type Version = Option<(u64, u64, u64, i64, i64)>;

/// How TLS is served at the moment.
pub struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
    read: RwLock<Vec<Version>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If TLS cannot be served with them.
    pub async fn read(files: TlsFiles) -> Result<Self, TlsError> {
        // First: what changes while they are read is seen afterwards.
        let versions = files.versions().await;
        let config = files.config().await?;
        Ok(Self { files, config: RwLock::new(Arc::new(config)), read: RwLock::new(versions) })
    }

    /// How connections that come now are served.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read())
    }

    /// Whether clients are asked for certificates.
    #[must_use]
    pub fn takes_client_certificates(&self) -> bool {
        self.files.client_ca.is_some()
    }

    /// Reads the files again whenever they change, for ever. Files that TLS cannot be served with
    /// change nothing.
    pub async fn follow(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look().await;
        }
    }

    async fn look(&self) {
        let versions = self.files.versions().await;
        if versions == *self.read.read() {
            return;
        }
        match self.files.config().await {
            Ok(config) => {
                *self.config.write() = Arc::new(config);
                tracing::info!("the certificate was reloaded");
            }
            Err(error) => tracing::error!("{error}; the certificate stays as it was"),
        }
        *self.read.write() = versions;
    }
}

impl TlsFiles {
    async fn versions(&self) -> Vec<Version> {
        let mut versions = Vec::new();
        for path in [&self.certificate, &self.key].into_iter().chain(&self.client_ca) {
            let metadata = tokio::fs::metadata(path).await.ok();
            versions.push(metadata.map(|it| (it.dev(), it.ino(), it.size(), it.mtime(), it.mtime_nsec())));
        }
        versions
    }

    async fn config(&self) -> Result<ServerConfig, TlsError> {
        let certificates = certificates(CERTIFICATE, &self.certificate).await?;
        let key = PrivateKeyDer::from_pem_slice(&bytes(KEY, &self.key).await?);
        let key = key.map_err(|e| content(KEY, &self.key, no_pem("private key", &e)))?;
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let wrong = |e: tokio_rustls::rustls::Error| {
            content(CERTIFICATE, &self.certificate, format!("it does not go with its key, or cannot be used: {e}"))
        };
        let builder = builder.with_safe_default_protocol_versions().map_err(wrong)?;
        let builder = match &self.client_ca {
            Some(path) => builder.with_client_cert_verifier(self.verifier(path).await?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(certificates, key).map_err(wrong)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    async fn verifier(&self, path: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(CLIENT_CA, path).await? {
            roots.add(certificate).map_err(|e| content(CLIENT_CA, path, e.to_string()))?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if !self.require_client_certificate {
            builder = builder.allow_unauthenticated();
        }
        builder.build().map_err(|e| content(CLIENT_CA, path, e.to_string()))
    }
}

async fn bytes(flag: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    tokio::fs::read(path).await.map_err(|error| TlsError::File { flag, path: path.display().to_string(), error })
}

/// The certificates in a file; at least one.
async fn certificates(flag: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = bytes(flag, path).await?;
    let certificates = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(content(flag, path, no_pem("certificate", &pem::Error::NoItemsFound))),
        Err(error) => Err(content(flag, path, no_pem("certificate", &error))),
    }
}

fn no_pem(what: &str, error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => format!("there is no {what} in it, in PEM"),
        // It may quote the file.
        _ => format!("it is no {what} in PEM"),
    }
}

fn content(flag: &'static str, path: &Path, problem: String) -> TlsError {
    TlsError::Content { flag, path: path.display().to_string(), problem }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(folder: &Path) -> rcgen::CertifiedKey<rcgen::KeyPair> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        fs::write(folder.join("c"), made.cert.pem()).unwrap();
        fs::write(folder.join("k"), made.signing_key.serialize_pem()).unwrap();
        made
    }

    fn files(folder: &Path) -> TlsFiles {
        TlsFiles {
            certificate: folder.join("c"),
            key: folder.join("k"),
            client_ca: None,
            require_client_certificate: false,
        }
    }

    #[tokio::test]
    async fn what_cannot_be_served_with_says_which_file_and_why() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let (mut other, mut mixed) = (files(folder.path()), files(folder.path()));
        other.client_ca = Some(folder.path().join("k"));
        fs::write(folder.path().join("k2"), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        mixed.key = folder.path().join("k2");
        let (mut swapped, mut gone) = (files(folder.path()), files(folder.path()));
        std::mem::swap(&mut swapped.certificate, &mut swapped.key);
        gone.key = folder.path().join("none");
        for (files, says) in [
            (other, ["--client-ca-file", "no certificate in it"]),
            (mixed, ["--tls-cert-file", "does not go with its key"]),
            (swapped, ["--tls-cert-file", "no certificate in it"]),
            (gone, ["--tls-private-key-file", "No such file"]),
        ] {
            let error = Tls::read(files).await.unwrap_err().to_string();
            assert!(says.iter().all(|word| error.contains(word)), "{error}");
            assert!(!error.contains("PRIVATE"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_new_certificate_is_served_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let tls = Tls::read(files(folder.path())).await.unwrap();
        let first = tls.config();
        tls.look().await;
        assert!(Arc::ptr_eq(&tls.config(), &first), "what has not changed is not read again");
        fs::write(folder.path().join("c"), "broken").unwrap();
        tls.look().await;
        assert!(Arc::ptr_eq(&tls.config(), &first));
        write(folder.path());
        tls.look().await;
        assert!(!Arc::ptr_eq(&tls.config(), &first));
    }
}

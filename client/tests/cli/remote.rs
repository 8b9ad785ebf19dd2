//! What stands between a client and a daemon elsewhere: certificates, TLS, a proxy, GitHub.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::fake::Fake;

/// A CA, and files of what it has signed.
pub struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Signed {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Authority {
    pub fn new() -> Self {
        Self::named("a CA")
    }

    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    pub fn file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for `name`, valid until the first day of a year.
    pub fn sign(&self, name: &str, until: i32) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Signed { certificate: certificate.der().clone(), key }
    }

    /// The files of a client's certificate and key.
    pub fn client_files(&self) -> [String; 2] {
        use std::os::unix::fs::PermissionsExt;
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = [("client.pem", certificate.pem()), ("client.key", key.serialize_pem())];
        files.map(|(name, text)| {
            let path = self.path(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path.to_str().unwrap().to_owned()
        })
    }

    /// How a server with that certificate speaks TLS; clients have a certificate of this CA if `mutual`.
    fn acceptor(&self, signed: &Signed, protocol: &str, mutual: bool) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match mutual {
            false => builder.with_no_client_auth(),
            true => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(self.issuer.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(signed.key.serialize_der()).unwrap();
        let mut config = builder.with_single_cert(vec![signed.certificate.clone()], key).unwrap();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(config).into()
    }
}

/// A server on a port of its own. It ends when it is dropped.
pub struct Server {
    pub port: u16,
    /// The heads of the requests that it has read, of which it reads any.
    pub heads: Arc<Mutex<Vec<String>>>,
    runtime: Option<Runtime>,
}

impl Server {
    pub fn new<F>(serve: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (port, heads) = (listener.local_addr().unwrap().port(), Arc::default());
        let shared = Arc::clone(&heads);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, heads, runtime: Some(runtime) }
    }

    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// A daemon by TLS.
    pub fn daemon(fake: &Fake, authority: &Authority, signed: &Signed, mutual: bool) -> Self {
        let (socket, acceptor) = (fake.socket(), authority.acceptor(signed, "h2", mutual));
        Self::new(move |stream, _| forward(stream, acceptor.clone(), socket.clone()))
    }

    /// A proxy that lets nobody through but who shows `credentials`, and to the daemon at `port` whatever the
    /// target is.
    pub fn proxy(port: u16, credentials: &'static str) -> Self {
        Self::new(move |stream, heads| through(stream, heads, port, credentials))
    }

    /// The same, to be spoken to by TLS.
    pub fn tls_proxy(authority: &Authority, port: u16, credentials: &'static str) -> Self {
        let acceptor = authority.acceptor(&authority.sign("127.0.0.1", 2100), "http/1.1", false);
        Self::new(move |stream, heads| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                through(stream, heads, port, credentials).await;
            }
        })
    }

    /// GitHub's endpoint for OIDC tokens: it answers `answers`, one after the other, and the last one again.
    pub fn github(authority: &Authority, answers: &'static [(u16, &'static str)]) -> Self {
        let signed = authority.sign("127.0.0.1", 2100);
        let acceptor = authority.acceptor(&signed, "http/1.1", false);
        Self::new(move |stream, heads| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let head = head(&mut stream).await;
                let count = {
                    let mut heads = heads.lock().unwrap();
                    heads.push(head);
                    heads.len()
                };
                let (status, body) = answers[count.min(answers.len()) - 1];
                let length = body.len();
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

async fn forward(stream: TcpStream, acceptor: TlsAcceptor, socket: PathBuf) {
    match acceptor.accept(stream).into_fallible().await {
        Ok(mut stream) => {
            let mut daemon = UnixStream::connect(socket).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut daemon).await;
        }
        // What the client sends meanwhile is read: it is to see the alert, and not a reset.
        Err((_, mut stream)) => {
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    }
}

async fn through(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    heads: Arc<Mutex<Vec<String>>>,
    port: u16,
    credentials: &str,
) {
    let head = head(&mut stream).await;
    let allowed = head.contains(credentials);
    heads.lock().unwrap().push(head);
    if !allowed {
        let _ = stream.write_all(b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n").await;
        return;
    }
    stream.write_all(b"HTTP/1.1 200 Here you are\r\nVia: test\r\n\r\n").await.unwrap();
    let mut target = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut target).await;
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// A file that only its owner can read, put in the place of the one there.
pub fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(beside, path).unwrap();
}

//! How connections are made, and what becomes of those that nothing is made of.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::ListStatusesRequest;
use daymark_tests::fake_apiserver::FakeApiServer;
use daymark_tests::in_process::{Client, InProcess, kinds};
use daymark_tests::process::PATIENCE;
use daymarkd::args::serving::Serving;
use daymarkd::rpc::crowd::Limits;
use daymarkd::rpc::tls::TlsFiles;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::Code;
use tonic::transport::Endpoint;

use crate::{Pods, Setup, code_and_reason};

/// A limit to whoever takes their time that who does not keeps to on a machine that stands still for seconds.
const BEARABLE: Duration = Duration::from_secs(12);

/// An authority, and the files of a daemon that it has certified.
struct Pki {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pki = Self { folder: tempfile::tempdir().unwrap(), authority };
        fs::write(pki.path("ca"), pki.authority.pem()).unwrap();
        pki.certify_daemon("localhost");
        pki
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a certificate for that name where the daemon's is.
    fn certify_daemon(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.authority).unwrap();
        // One after the other, as any tool does.
        replace(&self.path("key"), &key.serialize_pem());
        replace(&self.path("cert"), &certificate.pem());
    }

    fn serving(&self) -> Serving {
        let tls = TlsFiles {
            certificate: self.path("cert"),
            key: self.path("key"),
            client_ca: Some(self.path("ca")),
            require_client_certificate: false,
        };
        Serving { tls: Some(tls), ..Serving::default() }
    }

    /// A client's side, with a certificate for that user in that group if it has one.
    fn client(&self, user: Option<(&str, &str)>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut config = match user {
            None => builder.with_no_client_auth(),
            Some((name, group)) => {
                let mut params = CertificateParams::default();
                params.distinguished_name.push(DnType::CommonName, name);
                params.distinguished_name.push(DnType::OrganizationName, group);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                let key = KeyPair::generate().unwrap();
                let certificate = params.signed_by(&key, &self.authority).unwrap();
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

fn replace(path: &Path, content: &str) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

async fn of(serving: Serving) -> Setup {
    let cluster = FakeApiServer::start().await.unwrap();
    // Who is let in may do everything.
    cluster.answer_reviews(|_| Some(json!({"allowed": true})));
    let daemon = InProcess::start_serving(&cluster, serving).await;
    let setup = Setup { cluster, daemon };
    setup.cluster.until_watched().await;
    setup
}

async fn shake(address: SocketAddr, tls: &TlsConnector, name: &'static str) -> std::io::Result<TlsStream<TcpStream>> {
    tls.connect(ServerName::try_from(name).unwrap(), TcpStream::connect(address).await?).await
}

async fn client(address: SocketAddr, tls: TlsConnector) -> Client {
    let endpoint = Endpoint::from_static("http://localhost");
    let connect = tower::service_fn(move |_| {
        let tls = tls.clone();
        async move { shake(address, &tls, "localhost").await.map(TokioIo::new) }
    });
    Client::new(endpoint.connect_with_connector(connect).await.unwrap())
}

/// How a request for pods ends.
async fn list(client: &mut Client) -> (Code, String) {
    let request = ListStatusesRequest { filter: kinds(&[Pods]).filter, ..Default::default() };
    client.list_statuses(request).await.map_or_else(|refused| code_and_reason(&refused), |_| (Code::Ok, String::new()))
}

/// Reads until the other side closes.
async fn until_closed(connection: &mut TcpStream) {
    let read = async { while matches!(connection.read(&mut [0; 1024]).await, Ok(1..)) {} };
    tokio::time::timeout(PATIENCE, read).await.expect("the daemon closes it");
}

#[tokio::test]
async fn a_client_certificate_is_a_user() {
    let pki = Pki::new();
    let setup = of(pki.serving()).await;
    let address = setup.daemon.tcp();
    let mut jane = client(address, pki.client(Some(("jane", "ops")))).await;
    assert_eq!(list(&mut jane).await.0, Code::Ok);
    let mut nobody = client(address, pki.client(None)).await;
    assert_eq!(list(&mut nobody).await, (Code::Unauthenticated, "UNAUTHENTICATED".into()));
    let mut nameless = client(address, pki.client(Some(("", "system:masters")))).await;
    assert_eq!(list(&mut nameless).await, (Code::Unauthenticated, "UNAUTHENTICATED".into()));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_nobodys() {
    let (pki, other) = (Pki::new(), Pki::new());
    let setup = of(pki.serving()).await;
    let mut own = other.client(Some(("jane", "ops")));
    let mut config = own.config().as_ref().clone();
    let mut roots = RootCertStore::empty();
    roots.add(pki.authority.der().clone()).unwrap();
    let trusts = tokio_rustls::rustls::client::WebPkiServerVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::new(aws_lc_rs::default_provider()),
    );
    config.dangerous().set_certificate_verifier(trusts.build().unwrap());
    own = TlsConnector::from(Arc::new(config));
    let read = async {
        let mut tls = shake(setup.daemon.tcp(), &own, "localhost").await?;
        // With TLS 1.3 a client learns afterwards that it was refused.
        tls.read_u8().await
    };
    let refused = tokio::time::timeout(PATIENCE, read).await.expect("the daemon refuses it").unwrap_err();
    assert!(refused.to_string().contains("fatal alert") || refused.kind() == ErrorKind::ConnectionReset, "{refused}");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn where_a_certificate_is_required_nothing_is_told_without_one() {
    let pki = Pki::new();
    let mut serving = pki.serving();
    serving.tls.as_mut().unwrap().require_client_certificate = true;
    let setup = of(serving).await;
    let mut jane = client(setup.daemon.tcp(), pki.client(Some(("jane", "ops")))).await;
    assert_eq!(list(&mut jane).await.0, Code::Ok);
    let refused = async {
        let mut tls = shake(setup.daemon.tcp(), &pki.client(None), "localhost").await?;
        // As much of a request for health as the daemon lets it send.
        let _sent = tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        tls.read_u8().await
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("the daemon refuses it").unwrap_err();
    assert!(refused.to_string().contains("CertificateRequired"), "{refused}");
    assert_eq!(list(&mut jane).await.0, Code::Ok);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_handshake_byte_by_byte_has_no_more_time_than_any() {
    let pki = Pki::new();
    let limits = Limits { handshake: BEARABLE, ..Limits::default() };
    let setup = of(Serving { limits, ..pki.serving() }).await;
    let mut jane = client(setup.daemon.tcp(), pki.client(Some(("jane", "ops")))).await;
    let mut slow = TcpStream::connect(setup.daemon.tcp()).await.unwrap();
    // The head of a ClientHello that would be 16 KiB long (RFC 8446, sections 4 and 5.1), and then the rest of it.
    let head = [22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc];
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let dripping = async {
        for byte in head.into_iter().chain(std::iter::repeat_n(0, 16_000)) {
            pace.tick().await;
            if slow.write_all(&[byte]).await.is_err() {
                return;
            }
        }
        panic!("it has had all the time that it wanted");
    };
    tokio::time::timeout(PATIENCE, dripping).await.expect("the daemon closes it");
    assert_eq!(list(&mut jane).await.0, Code::Ok);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_new_certificate_is_served_while_old_connections_go_on() {
    let pki = Pki::new();
    let setup = of(pki.serving()).await;
    let address = setup.daemon.tcp();
    let tls = pki.client(Some(("jane", "ops")));
    let mut old = client(address, tls.clone()).await;
    assert!(shake(address, &tls, "renewed").await.is_err());
    replace(&pki.path("cert"), "broken");
    pki.certify_daemon("renewed");
    let renewed = async { while shake(address, &tls, "renewed").await.is_err() {} };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the certificate is read again");
    assert_eq!(list(&mut old).await.0, Code::Ok);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn whoever_does_not_shake_hands_is_let_go_and_holds_up_nobody() {
    let pki = Pki::new();
    let limits = Limits { handshake: BEARABLE, ..Limits::default() };
    let setup = of(Serving { limits, ..pki.serving() }).await;
    let address = setup.daemon.tcp();
    let mut slow = Vec::new();
    for _ in 0..100 {
        slow.push(TcpStream::connect(address).await.unwrap());
    }
    slow[0].write_all(b"no TLS at all").await.unwrap();
    let mut jane = client(address, pki.client(Some(("jane", "ops")))).await;
    assert_eq!(list(&mut jane).await.0, Code::Ok);
    for mut connection in slow {
        until_closed(&mut connection).await;
    }
    assert_eq!(list(&mut jane).await.0, Code::Ok);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn handshakes_under_way_are_bounded() {
    let pki = Pki::new();
    let limits = Limits { handshakes_of_one: 2, ..Limits::default() };
    let setup = of(Serving { limits, ..pki.serving() }).await;
    let address = setup.daemon.tcp();
    let held = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    // Accepted in their order: the third finds no place.
    until_closed(&mut TcpStream::connect(address).await.unwrap()).await;
    drop(held);
    let tls = pki.client(Some(("jane", "ops")));
    let free = async { while shake(address, &tls, "localhost").await.is_err() {} };
    tokio::time::timeout(PATIENCE, free).await.expect("there is a place again");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn many_that_say_nothing_are_let_go_and_others_are_served() {
    let pki = Pki::new();
    let limits = Limits { connections: 60, of_one: 50, first_request: BEARABLE, ..Limits::default() };
    let serving = Serving { tls: None, review_audiences: vec!["daymark".into()], limits, ..pki.serving() };
    let setup = of(serving).await;
    let address = setup.daemon.tcp();
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    // One more than there may be of one address is closed at once.
    until_closed(&mut TcpStream::connect(address).await.unwrap()).await;
    // The daemon's own user is not among them.
    let mut owner = setup.daemon.client().await;
    assert_eq!(list(&mut owner).await.0, Code::Ok);
    for connection in &mut idle {
        until_closed(connection).await;
    }
    // Who was let in stays: longer than the others were let.
    setup.cluster.answer_reviews(|_| {
        let user = json!({"username": "jane"});
        Some(json!({"allowed": true, "authenticated": true, "audiences": ["daymark"], "user": user}))
    });
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut jane = Client::new(endpoint.connect().await.unwrap());
    let mut late = TcpStream::connect(address).await.unwrap();
    let mut request = tonic::Request::new(kinds(&[Pods]));
    request.metadata_mut().insert("authorization", "Bearer good".parse().unwrap());
    let mut stream = jane.watch_statuses(request).await.unwrap().into_inner();
    until_closed(&mut late).await;
    let told = tokio::time::timeout(PATIENCE, stream.message()).await.expect("the stream goes on");
    assert!(told.unwrap().is_some());
    setup.daemon.stop().await;
}

#[tokio::test]
async fn health_is_told_to_whoever_asks() {
    let pki = Pki::new();
    let setup = of(pki.serving()).await;
    let tls = pki.client(None);
    let address = setup.daemon.tcp();
    let endpoint = Endpoint::from_static("http://localhost");
    let connect = tower::service_fn(move |_| {
        let tls = tls.clone();
        async move { shake(address, &tls, "localhost").await.map(TokioIo::new) }
    });
    let mut grpc = tonic::client::Grpc::new(endpoint.connect_with_connector(connect).await.unwrap());
    let mut ask = async |path: &'static str| {
        grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static(path);
        // Both take an empty message, and what they answer does not matter here.
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        grpc.unary(tonic::Request::new(()), path, codec).await
    };
    assert!(ask("/grpc.health.v1.Health/Check").await.is_ok());
    let refused = ask("/daymark.v1.ServerService/GetServerInfo").await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::Unauthenticated, "UNAUTHENTICATED".into()));
    setup.daemon.stop().await;
}

//! The daemon as `deploy/minimal.yaml` installs it, and those whom it trusts.

use std::sync::{Mutex, PoisonError};

use daymark_tests::cluster::Cluster;
use daymark_tests::process::Process;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::documented;
use super::place::Place;
use super::proxy::Proxy;
use crate::issuer::{Issuer, Key};

/// The daemon's name outside the cluster: the proxy alone knows it.
pub(crate) const HOST: &str = "daymark.example.com:443";
const NAME: &str = "daymark.example.com";
/// Where the manifest puts what the daemon reads.
const FILES: &str = "etc/daymark/";

/// A daemon that runs with the rights of its ServiceAccount and by its Deployment's words, beside the cluster:
/// nothing runs in the Deployment's own pods.
pub(crate) struct Installed {
    daemon: Mutex<Process>,
    authority: CertifiedIssuer<'static, KeyPair>,
    github: (Key, Issuer),
    gitlab: (Key, Issuer),
    endpoint: Issuer,
    /// The way to it.
    pub(crate) proxy: Proxy,
    // What is above runs on it.
    _runtime: Runtime,
    _place: Place,
}

impl Installed {
    /// Installs it.
    pub(crate) fn on(cluster: &Cluster) -> Self {
        cluster.kubectl(["create", "namespace", "shop"]);
        cluster.kubectl(["apply", "--filename", &documented::file("deploy/minimal.yaml")]);
        cluster.apply(&documented::block("docs/ci.md", "kind: RoleBinding"));

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread can be started");
        let issuer = |id| {
            let key = Key::new(id, Algorithm::ES256);
            let issuer = runtime.block_on(Issuer::start(&[&key]));
            (key, issuer)
        };
        let (github, gitlab) = (issuer("github"), issuer("gitlab"));
        let (_, endpoint) = issuer("endpoint");
        let place = Place::of("daymarkd");
        let authority = certify(&place);
        place.write(&format!("{FILES}authentication/issuers.yaml"), &issuers(&github.1, &gitlab.1));
        let mut daemon = start(cluster, &place);
        let port = port(&mut daemon);
        let proxy = runtime.block_on(Proxy::start(HOST, port));
        let daemon = Mutex::new(daemon);
        Self { daemon, authority, github, gitlab, endpoint, proxy, _runtime: runtime, _place: place }
    }

    /// The certificate of the CA that has certified it, in PEM.
    pub(crate) fn authority(&self) -> String {
        self.authority.pem()
    }

    /// What gives tokens to jobs of GitHub.
    pub(crate) fn github_endpoint(&self) -> &Issuer {
        &self.endpoint
    }

    /// A job's token that is good for so many seconds.
    pub(crate) fn github_token(&self, seconds: i64) -> String {
        let claims = json!({
            "sub": "repo:example/shop:ref:refs/heads/main", "repository": "example/shop", "ref": "refs/heads/main",
            "repository_owner": "example", "repository_owner_id": "1234567", "event_name": "push",
        });
        sign(&self.github, claims, seconds)
    }

    /// The same of GitLab.
    pub(crate) fn gitlab_token(&self, seconds: i64) -> String {
        sign(&self.gitlab, of_gitlab(), seconds)
    }

    /// The same, which says something else of the job.
    pub(crate) fn gitlab_token_with(&self, claim: &str, value: &str) -> String {
        let mut claims = of_gitlab();
        claims[claim] = value.into();
        sign(&self.gitlab, claims, 3600)
    }

    /// Ends it, and returns its log.
    pub(crate) fn stop(self) -> String {
        let daemon = self.daemon.into_inner().unwrap_or_else(PoisonError::into_inner);
        daemon.signal("TERM");
        let ended = daemon.finish();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stderr
    }
}

fn of_gitlab() -> Value {
    json!({
        "sub": "project_path:example/shop:ref_type:branch:ref:main", "project_path": "example/shop",
        "namespace_path": "example", "namespace_id": "7654321", "ref_protected": "true",
    })
}

fn sign((key, issuer): &(Key, Issuer), mut claims: Value, seconds: i64) -> String {
    let now = Timestamp::now().as_second();
    for (claim, value) in [("iss", json!(issuer.url)), ("aud", json!("daymark")), ("exp", json!(now + seconds))] {
        claims[claim] = value;
    }
    (claims["iat"], claims["nbf"]) = (json!(now), json!(now));
    key.sign(&claims)
}

/// Puts a certificate and its key where the manifest mounts the Secret.
fn certify(place: &Place) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = || KeyPair::generate().expect("a key can be made");
    let authority = CertifiedIssuer::self_signed(params, key()).expect("an authority certifies itself");
    let key = key();
    let params = CertificateParams::new(vec![NAME.to_owned()]).expect("it is a name");
    let certificate = params.signed_by(&key, &authority).expect("an authority certifies");
    place.write(&format!("{FILES}tls/tls.crt"), &certificate.pem());
    place.write(&format!("{FILES}tls/tls.key"), &key.serialize_pem());
    authority
}

/// The documented configuration, of the test's issuers instead of the world's.
fn issuers(github: &Issuer, gitlab: &Issuer) -> String {
    let mut text = documented::block("docs/ci.md", "kind: AuthenticationConfiguration");
    for (url, issuer) in [("https://token.actions.githubusercontent.com", github), ("https://gitlab.com", gitlab)] {
        assert_eq!(text.matches(&format!("url: {url}\n")).count(), 1, "{text}");
        let authority = issuer.authority.trim().replace('\n', "\n        ");
        let own = format!("url: {}\n    certificateAuthority: |\n        {authority}\n", issuer.url);
        text = text.replace(&format!("url: {url}\n"), &own);
    }
    text
}

/// Runs what the Deployment runs, but for the port, which must be free.
fn start(cluster: &Cluster, place: &Place) -> Process {
    let deployment = cluster.kubectl(["get", "deployment", "daymarkd", "--namespace=daymark", "-o", "json"]);
    let deployment: Value = serde_json::from_str(&deployment).expect("kubectl prints JSON");
    let args = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array();
    let args = args.expect("the container has arguments").iter().map(|arg| arg.as_str().unwrap_or_default());
    let args = args.map(|arg| match arg.starts_with("--listen=") {
        true => "--listen=127.0.0.1:0".to_owned(),
        false => arg.replace(&format!("/{FILES}"), &format!("{}/", place.path(FILES.trim_end_matches('/')))),
    });
    let kubeconfig = place.write("kubeconfig", &kubeconfig(cluster));
    let mut command = place.command();
    Process::start(command.args(args).args(["--kubeconfig", &kubeconfig]))
}

/// One with the ServiceAccount's token, and nothing else.
fn kubeconfig(cluster: &Cluster) -> String {
    let config = cluster.kubectl(["config", "view", "--raw", "--flatten", "--minify", "-o", "json"]);
    let config: Value = serde_json::from_str(&config).expect("kubectl prints JSON");
    let token = cluster.kubectl(["create", "token", "daymarkd", "--namespace=daymark", "--duration=1h"]);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": config["clusters"][0]["cluster"]}],
        "users": [{"name": "u", "user": {"token": token.trim()}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    })
    .to_string()
}

/// The port that it has got, when it is ready.
fn port(daemon: &mut Process) -> u16 {
    let listening = daemon.expect_stderr("where the daemon listens", |line| line.contains("listening on "));
    daemon.expect_stderr("the daemon's \"ready\"", |line| line.contains("INFO ready"));
    let port = listening.rsplit(':').next().and_then(|port| port.trim().parse().ok());
    port.unwrap_or_else(|| panic!("no port in {listening:?}"))
}

//! `daymark tunnel` to what listens in pods of a real cluster.

#[path = "tunnel/application.rs"]
pub(crate) mod application;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;

use daymark_tests::cli::Cli;
use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Process, awaited};

use self::application::{Application, Sum, ask, bytes};
use crate::rights::{token, write_private};
use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "tunnel::carries_what_is_large_and_what_is_many", needs: STEERED, run: Run::Shared(carries) },
    Test { name: "tunnel::refuses_what_cannot_be_had", needs: STEERED, run: Run::Shared(refuses) },
    Test { name: "tunnel::outlives_a_pod", needs: STEERED, run: Run::Shared(outlives) },
    Test { name: "tunnel::is_its_users_own", needs: STEERED, run: Run::Shared(of_users) },
    Test { name: "proxy::reads_what_kubectl_reads", needs: &[], run: Run::Shared(proxies) },
];

/// Bytes each way.
const LARGE: usize = 100 << 20;
/// Connections at once.
const MANY: usize = 200;
/// By so much less than what is carried a process may grow.
const GROWTH: u64 = 64 << 20;

/// A Deployment of so many pods, in which that application listens, and its Service.
pub(crate) fn rolled_out(namespace: &Namespace<'_>, application: &Application, replicas: usize) {
    namespace.apply(&deployment("web", replicas, "ready", "1s", ""));
    namespace.apply(&format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: {{selector: {{app: web}}, \
         ports: [{{name: http, port: 80, targetPort: {}}}]}}}}",
        application.port
    ));
    namespace.kubectl(["rollout", "status", "deploy/web"]);
    namespace.kubectl([
        "wait",
        "--for=jsonpath={.endpoints[0].conditions.ready}=true",
        "endpointslice",
        "-l",
        "kubernetes.io/service-name=web",
        "--timeout=60s",
    ]);
}

/// A tunnel, and where it is.
pub(crate) fn open(cli: &Cli, namespace: &Namespace<'_>, words: &str) -> (Process, String) {
    let mut tunnel = cli.start(&format!("tunnel -n {} {words}", namespace.name));
    let line = tunnel.expect_stderr("where it is", |line| line.starts_with("Forwarding from "));
    (tunnel, line.split(' ').nth(2).expect("an address").to_owned())
}

/// The largest resident set of a process so far, in bytes.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process has a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it has a resident set");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// `tunnel.large`
fn carries(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let application = Application::start();
    rolled_out(&namespace, &application, 2);
    let daemon = Daemon::of_cluster(cluster.kubeconfig());
    let (tunnel, place) = open(&daemon.cli(), &namespace, "svc/web :http");
    // Small first: then everything is there that stays.
    assert_eq!(ask(&place, "GET /down/10", &[]), bytes(10));
    let before = [daemon.id(), tunnel.id()].map(peak);
    let down = ask(&place, &format!("GET /down/{LARGE}"), &[]);
    assert_eq!((down.len(), Sum::of(&down)), (LARGE, Sum::of(&bytes(LARGE))));
    let up = ask(&place, "PUT /up", &down);
    assert_eq!(String::from_utf8_lossy(&up), Sum::of(&down).to_string());
    for (before, process) in before.into_iter().zip([daemon.id(), tunnel.id()]) {
        let growth = peak(process).saturating_sub(before);
        assert!(growth < GROWTH, "a process grew by {growth} bytes");
    }
    many(&place);
}

/// Connections that are all open before the first of them is answered.
fn many(place: &str) {
    let all = Barrier::new(MANY);
    thread::scope(|scope| {
        for number in 0..MANY {
            let all = &all;
            scope.spawn(move || {
                let mut stream = TcpStream::connect(place).expect("it is listened");
                stream.write_all(b"ECHO / HTTP/1.1\r\n\r\n").expect("it is taken");
                let mut one = [0];
                stream.read_exact(&mut one).expect("it is open");
                all.wait();
                let sent = format!("this is number {number}");
                stream.write_all(sent.as_bytes()).expect("it is taken");
                let mut came = vec![0; sent.len()];
                stream.read_exact(&mut came).expect("it comes back");
                assert_eq!(String::from_utf8_lossy(&came), sent);
            });
        }
    });
}

/// `tunnel.refused`
fn refuses(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(
        r#"
{apiVersion: v1, kind: Service, metadata: {name: idle}, spec: {selector: {app: none}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: bare}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: alias}, spec: {type: ExternalName, externalName: example.com}}
---
{apiVersion: v1, kind: Service, metadata: {name: dns}, spec: {selector: {app: none}, ports: [{port: 53, protocol: UDP}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: pending, annotations: {test.daymark.dev/behaviour: image-pull-backoff}}, spec: {containers: [{name: c, image: none}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: words}}
"#,
    );
    for (words, code, said) in [
        ("svc/none 80", 6, "not found"),
        ("svc/idle 81", 6, "it has no port \"81\"; it has 80"),
        ("svc/idle :80", 4, "it has no pods"),
        ("svc/bare :80", 2, "it has no selector"),
        ("svc/alias :80", 2, "example.com"),
        ("svc/dns :53", 2, "is UDP"),
        ("pending :80", 4, "the pod is not running"),
        ("cm/words :80", 4, "it has no pods"),
        ("node/none :80", 2, "nothing can be forwarded to it"),
    ] {
        let refused = daemon.cli().run(&format!("tunnel -n {} {words}", namespace.name));
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(code), ""), "{words}: {refused:?}");
        assert!(refused.stderr.contains(said), "{words}: {refused:?}");
    }
}

fn outlives(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let application = Application::start();
    rolled_out(&namespace, &application, 1);
    let (mut tunnel, place) = open(&daemon.cli(), &namespace, &format!("deploy/web :{}", application.port));
    assert_eq!(ask(&place, "GET /down/10", &[]), bytes(10));
    let of = |line: &str| line.split(" -> pod ").nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let first = tunnel.expect_stderr("the pod", |line| line.contains(" -> pod web-"));
    let first = of(&first).expect("a pod");
    namespace.kubectl(["delete", "pod", &first]);
    namespace.kubectl(["rollout", "status", "deploy/web"]);
    // It may still be the one that is gone that the daemon knows: then another is tried.
    let place = &place;
    awaited("an answer", || ask(place, "GET /down/10", &[]), |answer| *answer == bytes(10));
    tunnel.expect_stderr("another pod", |line| {
        line.contains(" -> pod web-") && of(line).is_some_and(|next| next != first)
    });
}

/// Whoever has the rights, by impersonation.
fn of_users(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let application = Application::start();
    rolled_out(&namespace, &application, 1);
    let n = &namespace.name;
    namespace.apply(&format!(
        r#"
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: jane}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: jane}}
rules:
- {{apiGroups: [""], resources: [services], verbs: [get]}}
- {{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: jane}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: jane}}
subjects: [{{kind: ServiceAccount, name: jane, namespace: {n}}}]
"#
    ));
    let flags = ["--token-review", "--authorization-ttl", "2", "--remote-acts", "tunnel"];
    let daemon = Daemon::shared(cluster.kubeconfig(), &flags);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    write_private(&file, &token(cluster, &namespace, "jane"));
    let mut cli = daemon.cli();
    cli.address = daemon.tcp().to_owned();
    let cli = cli.env("DAYMARK_TOKEN_FILE", &file.display().to_string());
    let refused = cli.run(&format!("tunnel -n {n} svc/web :80"));
    assert_eq!(
        (refused.code, refused.stderr.contains("may not create pods/portforward")),
        (Some(5), true),
        "{refused:?}"
    );
    // Without `get`, which a WebSocket takes besides.
    namespace.apply(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: forward}, \
         rules: [{apiGroups: [\"\"], resources: [pods/portforward], verbs: [create]}]}",
    );
    namespace.kubectl(["create", "rolebinding", "forward", "--role=forward", &format!("--serviceaccount={n}:jane")]);
    let (tunnel, place) = loop {
        // What was asked before is known for a while.
        let mut tunnel = cli.start(&format!("tunnel -n {n} svc/web :80"));
        let line = tunnel.expect_stderr("whether it is to be had", |line| {
            line.starts_with("Forwarding from ") || line.contains("may not")
        });
        if let Some(place) = line.strip_prefix("Forwarding from ") {
            break (tunnel, place.split(' ').next().expect("an address").to_owned());
        }
    };
    assert_eq!(ask(&place, "GET /down/10", &[]), bytes(10));
    daemon
        .expect_log("the act", |line| line.contains("audit: act") && line.contains(":jane") && line.contains("tunnel"));
    let mut held = TcpStream::connect(&place).expect("it is listened");
    held.write_all(b"ECHO / HTTP/1.1\r\n\r\n").expect("it is taken");
    namespace.kubectl(["delete", "rolebinding", "forward"]);
    let ended = tunnel.finish();
    assert_eq!((ended.code, ended.stderr.contains("may not create pods/portforward")), (Some(5), true), "{ended:?}");
}

/// `proxy.equals-kubectl`
fn proxies(cluster: &Cluster, daemon: &Daemon) {
    let mut proxy = daemon.cli().start("proxy --port 0");
    let line = proxy.expect_stderr("where it is", |line| line.contains("Serving the API of cluster "));
    let place = line.split("http://").nth(1).and_then(|rest| rest.split(": ").next()).expect("an address").to_owned();
    // None that other tests change meanwhile: every list has the newest version of the whole cluster.
    let service = "/api/v1/namespaces/default/services/kubernetes";
    for path in [service, &format!("{service}?pretty=true"), "/version", "/api/v1"] {
        let shown = String::from_utf8(ask(&place, &format!("GET {path}"), &[])).expect("it is text");
        assert_eq!(shown, cluster.kubectl(["get", "--raw", path]), "{path}");
    }
    let refused =
        String::from_utf8(ask(&place, "GET /api/v1/namespaces/default/services/none", &[])).expect("it is text");
    assert!(refused.contains("\"code\":404"), "{refused}");
    let refused = String::from_utf8(ask(&place, "DELETE /api/v1/namespaces/default/services/kubernetes", &[]));
    assert!(refused.expect("it is text").contains("DELETE is not forwarded"));
}

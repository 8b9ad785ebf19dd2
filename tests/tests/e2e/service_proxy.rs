//! What is reached by the API server's service proxy, which goes to pods' own addresses.

use std::net::Ipv4Addr;
use std::time::Instant;

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::PATIENCE;

use crate::tunnel::application::{Application, ask, bytes};
use crate::tunnel::{open, rolled_out};
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "service_proxy::carries_reads_of_services", needs: STEERED, run: Run::Routed(carries) },
    Test { name: "service_proxy::leaves_endpoints_to_the_api_server", needs: STEERED, run: Run::Routed(without_pods) },
];

/// More than one message of anything.
const LARGE: usize = 5 << 20;

fn text(answer: Vec<u8>) -> String {
    String::from_utf8(answer).expect("it is text")
}

/// `tunnel.via-proxy` `proxy.service`
fn carries(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let application = Application::start_at(Ipv4Addr::UNSPECIFIED);
    rolled_out(&namespace, &application, 2);
    for port in [":http", ":80"] {
        let (_tunnel, place) = open(&daemon.cli(), &namespace, &format!("svc/web {port} --via proxy"));
        eventually(&place, "GET /down/10", |answer| *answer == bytes(10));
        assert!(ask(&place, &format!("GET /down/{LARGE}"), &[]) == bytes(LARGE), "{port}: bytes came otherwise");
        let refused = text(ask(&place, "PUT /up", b"x"));
        assert!(refused.contains("PUT is not forwarded"), "{refused}");
    }
    let mut proxy = daemon.cli().start("proxy --port 0");
    let line = proxy.expect_stderr("where it is", |line| line.contains("Serving the API of cluster "));
    let place = line.split("http://").nth(1).and_then(|rest| rest.split(": ").next()).expect("an address");
    let path = format!("/api/v1/namespaces/{}/services/web:http/proxy/down/1000", namespace.name);
    let shown = ask(place, &format!("GET {path}"), &[]);
    assert_eq!(shown, bytes(1000));
    assert_eq!(String::from_utf8_lossy(&shown), cluster.kubectl(["get", "--raw", &path]));
}

/// `tunnel.via-proxy`
fn without_pods(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(
        "{apiVersion: v1, kind: Service, metadata: {name: idle}, spec: {selector: {app: idle}, ports: [{port: 80}]}}",
    );
    // Whether there are endpoints is for the API server to say: pods may come.
    let (_tunnel, place) = open(&daemon.cli(), &namespace, "svc/idle :80 --via proxy");
    eventually(&place, "GET /", |answer| String::from_utf8_lossy(answer).contains("no endpoints available"));
    for (words, code, said) in
        [("svc/none :80", 6, "services \"none\" not found"), ("svc/idle :81", 6, "it has no port \"81\"; it has 80")]
    {
        let refused = daemon.cli().run(&format!("tunnel -n {} {words} --via proxy", namespace.name));
        assert_eq!((refused.code, refused.stderr.contains(said)), (Some(code), true), "{words}: {refused:?}");
    }
}

/// Asks until the answer is such: the API server's proxy hears of new Services and endpoints a moment later.
fn eventually(place: &str, line: &str, wanted: impl Fn(&Vec<u8>) -> bool) {
    let begun = Instant::now();
    let mut answer = ask(place, line, &[]);
    while !wanted(&answer) {
        assert!(begun.elapsed() < PATIENCE, "{line}: {}", String::from_utf8_lossy(&answer));
        answer = ask(place, line, &[]);
    }
}

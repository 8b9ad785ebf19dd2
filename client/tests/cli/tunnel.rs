//! `daymark tunnel`

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use daymark_proto::v1::{Cluster, GetServerInfoResponse};
use rustix::process::Signal;
use tonic::Code;

use crate::fake::{Fake, Script};
use crate::fake_tunnels::{Carried, TunnelScript};
use crate::objects::{error, not_found, unavailable};
use crate::process::{Run, Running, against, finish};

fn fake(tunnels: TunnelScript) -> Fake {
    Fake::new(Script { tunnels, ..Script::default() })
}

/// A port that meets this.
fn meeting(carried: Carried) -> Fake {
    fake(TunnelScript { port: ("http", "web"), carried, ..TunnelScript::default() })
}

/// A tunnel that is open, and where.
fn open(fake: &Fake, args: &[&str]) -> (Running, String, String) {
    let mut running = Running::start(&mut against(fake, &[&["tunnel"], args].concat()));
    let said = running.err_until("Forwarding from ");
    let line = said.lines().last().unwrap().to_owned();
    let place = line["Forwarding from ".len()..].split(' ').next().unwrap().to_owned();
    (running, place, said)
}

/// What comes back, if anything does before the end, or before it is broken off.
fn through(place: &str, sent: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(place).unwrap();
    let taken = stream.write_all(sent).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut came = Vec::new();
    let _end = taken.and_then(|()| stream.read_to_end(&mut came));
    came
}

/// `tunnel.forwarding` `tunnel.interrupted`
#[test]
fn what_connects_is_carried_and_where_is_told() {
    let fake = meeting(Carried::Echo);
    let (mut running, place, said) = open(&fake, &["svc/nginx", "-n", "shop", ":80"]);
    let first = said.lines().next().unwrap();
    assert_eq!(first, "cluster prod, namespace shop; for debugging, ends after 1h");
    let line = said.lines().last().unwrap();
    assert_eq!(line, format!("Forwarding from {place} -> svc/nginx 80 (http) -> pod port web"));
    assert!(place.starts_with("127.0.0.1:"), "{place}");
    let sent: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let mut stream = TcpStream::connect(&place).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let bytes = sent.clone();
    let writer = std::thread::spawn(move || writing.write_all(&bytes).unwrap());
    let mut came = vec![0; sent.len()];
    stream.read_exact(&mut came).unwrap();
    writer.join().unwrap();
    assert!(came == sent, "bytes came back otherwise");
    running.err_until(" -> pod web-1 port 8080");
    running.signal(Signal::INT);
    let run = running.finish();
    assert_eq!((run.code, &*run.out, &*run.err), (130, "", "daymark: interrupted\n"), "{run:?}");
    let targets = fake.tunnels().targets.lock().unwrap().clone();
    let object = targets[0].r#ref.clone().unwrap();
    assert_eq!((&*object.namespace, &*object.name, &*targets[0].port), ("shop", "nginx", "80"));
    let lasts = targets[0].max_duration.unwrap().seconds;
    assert!((3000..=3600).contains(&lasts), "{lasts}");
}

/// `tunnel.half-closed`
#[test]
fn who_sends_no_more_is_still_answered() {
    let fake = meeting(Carried::Says("hello"));
    let (_running, place, _) = open(&fake, &["svc/nginx", ":80"]);
    assert_eq!(through(&place, b"GET"), b"hello");
}

/// `tunnel.ports`
#[test]
fn several_ports_and_targets_are_open_at_once() {
    let fake = meeting(Carried::Echo);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let local = format!("{free}:http");
    let words = ["tunnel", "svc/a", &local, ":81", "pod/web-1", ":82"];
    let mut running = Running::start(&mut against(&fake, &words));
    let said = running.err_until("-> pod/web-1 82");
    assert!(said.contains(&format!("Forwarding from 127.0.0.1:{free} -> svc/a 80 (http)")), "{said}");
    assert!(said.contains("-> svc/a 81 (http)"), "{said}");
    let resolved = fake.tunnels().resolved.lock().unwrap().clone();
    let asked: Vec<_> = resolved.iter().map(|it| (it.r#ref.clone().unwrap().name, it.ports.clone())).collect();
    assert_eq!(asked, [("a".into(), vec!["http".into(), "81".into()]), ("web-1".into(), vec!["82".to_owned()])]);
}

/// `tunnel.same-port`
#[test]
fn a_port_alone_is_the_same_here() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let fake = meeting(Carried::Echo);
    let (_running, place, _) = open(&fake, &["svc/a", &free]);
    assert_eq!(place, format!("127.0.0.1:{free}"));
}

/// `tunnel.listen`
#[test]
fn only_this_machine_is_listened_on() {
    for place in ["0.0.0.0", "::", "192.0.2.1", "example.com"] {
        let run = finish(&mut against(&fake(TunnelScript::default()), &["tunnel", "svc/a", "80", "--listen", place]));
        assert_eq!((run.code, &*run.out), (2, ""), "{run:?}");
        assert!(run.err.contains("loopback") || run.err.contains("127.0.0.1"), "{run:?}");
    }
    let fake = meeting(Carried::Says("hello"));
    let (_running, place, _) = open(&fake, &["svc/a", ":80", "--listen", "localhost"]);
    assert_eq!(through(&place, b""), b"hello");
}

/// `tunnel.busy`
#[test]
fn a_port_that_is_in_use_is_named() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port();
    let fake = meeting(Carried::Echo);
    let run = finish(&mut against(&fake, &["tunnel", "svc/a", &format!("{port}:80")]));
    assert_eq!(run.code, 2, "{run:?}");
    let last = run.err.lines().last().unwrap();
    let expected = format!("daymark: cannot listen at 127.0.0.1:{port}: it is in use; name another port with LOCAL:80");
    assert_eq!(last, expected);
}

/// `tunnel.usage`
#[test]
fn words_that_name_no_ports_are_refused() {
    for words in [&[][..], &["svc/a"], &["svc/a", "x_y"], &["svc/a", "0"], &["svc/a", "80", "--max-duration", "25h"]] {
        let run = finish(&mut against(&fake(TunnelScript::default()), &[&["tunnel"], words].concat()));
        assert_eq!((run.code, &*run.out), (2, ""), "{run:?}");
    }
}

/// `tunnel.refused`
#[test]
fn what_cannot_be_had_ends_it_before_anything_listens() {
    for (status, code) in [
        (not_found("a"), 6),
        (error(Code::NotFound, "PORT_NOT_FOUND", "it has no port"), 6),
        (error(Code::PermissionDenied, "ACT_NOT_ENABLED", "the operator enables that"), 5),
        (error(Code::PermissionDenied, "PERMISSION_DENIED", "jane may not"), 5),
        (error(Code::FailedPrecondition, "NO_ENDPOINT", "none of its 2 endpoints is ready"), 4),
        (error(Code::FailedPrecondition, "NO_SELECTOR", "it has no selector"), 2),
        (error(Code::FailedPrecondition, "NOT_FORWARDABLE", "of UDP"), 2),
        (error(Code::FailedPrecondition, "NO_API_SERVER", "a recording is replayed"), 2),
        (unavailable(), 4),
    ] {
        let fake = fake(TunnelScript { unresolved: Some(status), ..TunnelScript::default() });
        finish(&mut against(&fake, &["tunnel", "svc/a", ":80"])).expect_problem(code, &[]);
    }
}

/// `tunnel.lost`
#[test]
fn a_connection_that_fails_is_told_and_the_next_one_is_tried() {
    let lost = error(Code::Unavailable, "ENDPOINT_LOST", "no pod takes\n\u{1b}it");
    let fake = meeting(Carried::Fails(lost));
    let (mut running, place, _) = open(&fake, &["svc/a", ":80"]);
    assert_eq!(through(&place, b"GET"), b"");
    let said = running.err_until("no pod takes");
    assert_eq!(said, format!("daymark: {place}: no pod takes\\n\\x1bit\n"));
    assert_eq!(through(&place, b"GET"), b"");
    running.signal(Signal::TERM);
    let run = running.finish();
    assert_eq!((run.code, &*run.err), (143, "daymark: terminated\n"), "the same is said once: {run:?}");
}

/// `tunnel.withdrawn`
#[test]
fn who_may_no_longer_have_it_has_none() {
    let denied = error(Code::PermissionDenied, "PERMISSION_DENIED", "jane may not");
    let fake = meeting(Carried::Fails(denied));
    let (running, place, _) = open(&fake, &["svc/a", ":80"]);
    assert_eq!(through(&place, b"GET"), b"");
    running.finish().expect_problem(5, &["jane may not"]);
}

/// `tunnel.max-duration`
#[test]
fn a_tunnel_ends_by_itself() {
    let run = finish(&mut against(&meeting(Carried::Echo), &["tunnel", "svc/a", ":80", "--max-duration", "1ms"]));
    assert_eq!((run.code, &*run.out), (0, ""), "{run:?}");
    assert_eq!(run.err.lines().last(), Some("the tunnel has lasted for 1ms; --max-duration allows more"));
}

/// What `sh` makes of a tunnel.
fn sh(fake: &Fake, ports: &[&str], script: &str) -> Run {
    let args = [&["tunnel", "svc/a"], ports, &["--", "/bin/sh", "-c", script]].concat();
    finish(against(fake, &args).env("PATH", std::env::var_os("PATH").unwrap_or_default()))
}

/// `tunnel.command`
#[test]
fn a_command_runs_through_it_and_its_code_is_returned() {
    let fake = meeting(Carried::Echo);
    let run =
        sh(&fake, &[":80", ":81"], "echo $DAYMARK_TUNNEL_ADDRESS:$DAYMARK_TUNNEL_PORT $DAYMARK_TUNNEL_PORT_2; exit 7");
    let forwarded: Vec<_> = run.err.lines().filter_map(|line| line.strip_prefix("Forwarding from ")).collect();
    let place = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let second = place(forwarded[1]);
    let second = second.rsplit(':').next().unwrap();
    assert_eq!((run.code, run.out), (7, format!("{} {second}\n", place(forwarded[0]))));
    assert_eq!(sh(&fake, &[":80"], "kill -TERM $$").code, 143);
    assert_eq!(sh(&fake, &[":80"], "exit 0").code, 0);
    // No terminal is its stdin, and no signal of one reaches it beside what is handed on.
    let own = "read -r pid _ _ _ group _ < /proc/self/stat && test $pid = $group";
    assert_eq!(sh(&fake, &[":80"], own).code, 0);
    let run = finish(&mut against(&fake, &["tunnel", "svc/a", ":80", "--", "/nowhere/cmd"]));
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("cannot run /nowhere/cmd"), "{run:?}");
}

/// `tunnel.command-late`
#[test]
fn a_command_that_takes_longer_is_told_to_end() {
    let args = ["tunnel", "svc/a", ":80", "--max-duration", "1ms", "--", "/bin/sh", "-c", "exec sleep 1000"];
    let run = finish(against(&meeting(Carried::Echo), &args).env("PATH", std::env::var_os("PATH").unwrap_or_default()));
    assert_eq!(run.code, 143, "{run:?}");
}

/// What the daemon with this Service serves by the API server's proxy.
fn proxying(service: (i32, &'static str)) -> Fake {
    let page = Some(Ok((200, ("content-type", "text/html"), "<p>hello")));
    let cluster = Cluster { name: "prod".to_owned(), default_namespace: "shop".to_owned(), ..Cluster::default() };
    let info = Some(GetServerInfoResponse { clusters: vec![cluster], ..GetServerInfoResponse::default() });
    let tunnels = TunnelScript { page, service: Some(service), ..TunnelScript::default() };
    Fake::new(Script { tunnels, info, ..Script::default() })
}

/// `tunnel.via-proxy`
#[test]
fn a_service_can_be_had_by_the_api_servers_proxy() {
    let fake = proxying((200, r#"{"spec": {"ports": [{"port": 80, "name": "http"}]}}"#));
    let (_running, place, said) = open(&fake, &["svc/nginx", ":http", "--via", "proxy"]);
    assert!(said.starts_with("cluster prod, namespace shop; for debugging"), "{said}");
    assert!(said.contains("-> svc/nginx 80 (http) -> service proxy, GET and HEAD"), "{said}");
    let request = format!("GET /a?b=c HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(&place).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("<p>hello"), "{answer}");
    assert!(!answer.contains("content-security-policy"), "there is nothing else at its origin: {answer}");
    let fetched = fake.tunnels().fetched.lock().unwrap().clone();
    let paths: Vec<_> = fetched.iter().map(|it| &*it.path).collect();
    let service = "/api/v1/namespaces/shop/services/nginx";
    assert_eq!(paths, [service, &format!("{service}:80/proxy/a?b=c")]);
    assert!(fake.tunnels().resolved.lock().unwrap().is_empty(), "its pods have no part in it");
}

/// `tunnel.via-proxy`
#[test]
fn what_is_no_service_is_not_had_by_the_proxy() {
    let none = (404, r#"{"kind": "Status", "message": "services \"a\" not\u001b found"}"#);
    let alias = (200, r#"{"spec": {"type": "ExternalName", "externalName": "example.com"}}"#);
    for (words, service, code, said) in [
        ("pod/a", none, 2, "--via proxy works with Services only"),
        ("svc/a?b", none, 2, "is not a valid object name"),
        ("svc/a", none, 6, "the API server answers 404: services \"a\" not\\x1b found"),
        ("svc/a", (403, "{}"), 5, "answers 403"),
        ("svc/a", (503, "away"), 4, "answers 503"),
        ("svc/a", alias, 2, "an alias of example.com"),
        ("svc/a", (200, "{}"), 70, "missing field"),
    ] {
        let run = finish(&mut against(&proxying(service), &["tunnel", words, ":80", "--via", "proxy"]));
        run.expect_problem(code, &[said]);
    }
}

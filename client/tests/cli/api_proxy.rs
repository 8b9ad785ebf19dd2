//! `daymark proxy`

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use daymark_proto::v1::{Cluster, GetServerInfoResponse};
use rustix::process::Signal;
use tonic::{Code, Status};

use crate::fake::{Fake, Script};
use crate::fake_tunnels::{Page, TunnelScript};
use crate::objects::error;
use crate::process::{Running, against, finish};

fn fake(page: Result<Page, Status>) -> Fake {
    let tunnels = TunnelScript { page: Some(page), ..TunnelScript::default() };
    let cluster = Cluster { name: "prod".to_owned(), ..Cluster::default() };
    let info = Some(GetServerInfoResponse { clusters: vec![cluster], ..GetServerInfoResponse::default() });
    Fake::new(Script { tunnels, info, ..Script::default() })
}

const PAGE: Page = (200, ("content-type", "text/html"), "<p>hello");

/// A proxy, and where it is.
fn serving(fake: &Fake) -> (Running, String) {
    let mut running = Running::start(&mut against(fake, &["proxy", "--port", "0"]));
    let said = running.err_until("Serving the API of cluster prod on http://");
    let place = said.split("http://").nth(1).unwrap().split(':').take(2).collect::<Vec<_>>().join(":");
    (running, place)
}

/// The answer to a request with these headers.
fn ask(place: &str, line: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(place).unwrap();
    let request = format!("{line} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// `proxy.serves` `proxy.service` `proxy.interrupted`
#[test]
fn the_api_is_read_on_this_machine() {
    let fake = fake(Ok(PAGE));
    let (running, place) = serving(&fake);
    let path = "/api/v1/namespaces/default/services/nginx/proxy/";
    let answer = ask(&place, &format!("GET {path}"), "accept: text/html\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("content-type: text/html"), "{answer}");
    assert!(answer.contains("<p>hello"), "{answer}");
    assert!(answer.contains("content-security-policy: sandbox"), "its page may not read the API: {answer}");
    let fetched = fake.tunnels().fetched.lock().unwrap().pop().unwrap();
    assert!(fetched.path == path && !fetched.head, "{fetched:?}");
    assert!(fetched.headers.iter().any(|it| it.name == "accept" && *it.value == *b"text/html"), "{fetched:?}");
    let answer = ask(&place, "HEAD /version?x=y", "");
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("content-security-policy"), "{answer}");
    let fetched = fake.tunnels().fetched.lock().unwrap().pop().unwrap();
    assert!(fetched.path == "/version?x=y" && fetched.head, "{fetched:?}");
    running.signal(Signal::INT);
    assert_eq!(running.finish().code, 130);
}

/// `proxy.refusal-of-the-api`
#[test]
fn what_the_api_server_refuses_is_passed_on() {
    let fake = fake(Ok((403, ("content-type", "application/json"), "{}")));
    let (_running, place) = serving(&fake);
    let answer = ask(&place, "GET /api/v1/secrets", "");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("application/json"), "{answer}");
}

/// `proxy.reads-only` `proxy.origin` `proxy.host`
#[test]
fn nothing_but_reads_of_this_machine_are_passed_on() {
    let fake = fake(Ok(PAGE));
    let (_running, place) = serving(&fake);
    let asked = fake.tunnels().fetched.lock().unwrap().len();
    let answer = ask(&place, "POST /api/v1/namespaces", "content-length: 0\r\n");
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD"), "{answer}");
    assert!(answer.ends_with("daymark: POST is not forwarded: only GET and HEAD are\n"), "{answer}");
    for header in ["origin: http://evil.example\r\n", "sec-fetch-site: cross-site\r\n", "host: evil.example\r\n"] {
        let answer = ask(&place, "GET /", header);
        assert!(answer.starts_with("HTTP/1.1 40"), "{header}: {answer}");
    }
    let mut rebound = TcpStream::connect(&place).unwrap();
    rebound.write_all(b"GET / HTTP/1.1\r\nhost: evil.example:8001\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    rebound.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_eq!(fake.tunnels().fetched.lock().unwrap().len(), asked, "the daemon was not asked");
}

/// `proxy.refused`
#[test]
fn what_the_daemon_refuses_is_known_before_anybody_relies_on_it() {
    let denied = error(Code::PermissionDenied, "ACT_NOT_ENABLED", "its operator enables that");
    finish(&mut against(&fake(Err(denied)), &["proxy", "--port", "0"])).expect_problem(5, &["operator"]);
    let replayed = error(Code::FailedPrecondition, "NO_API_SERVER", "a recording is no cluster");
    finish(&mut against(&fake(Err(replayed)), &["proxy", "--port", "0"])).expect_problem(2, &["recording"]);
    let run = finish(&mut against(&fake(Ok(PAGE)), &["proxy", "--cluster", "other"]));
    run.expect_problem(2, &["no cluster \"other\""]);
}

/// `proxy.listen`
#[test]
fn nobody_else_is_listened_to() {
    let run = finish(&mut against(&fake(Ok(PAGE)), &["proxy", "--listen", "0.0.0.0"]));
    assert_eq!((run.code, &*run.out), (2, ""), "{run:?}");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let run = finish(&mut against(&fake(Ok(PAGE)), &["proxy", "--port", &port]));
    run.expect_problem(2, &["it is in use", "--port"]);
}

//! A proxy between the client and the daemon.

use std::process::Command;

use daymark_proto::v1::State;

use crate::fake::{Fake, Script};
use crate::objects::{page, pod};
use crate::process::{command, finish};
use crate::remote::{Authority, Server};

/// `aladdin:opensesame`
const CREDENTIALS: &str = "\r\nProxy-Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l\r\n";

struct World {
    fake: Fake,
    authority: Authority,
    daemon: Server,
    proxy: Server,
}

impl World {
    fn new(name: &str) -> Self {
        let answer = || Ok(page(vec![pod("a", State::Ready)]));
        let fake = Fake::new(Script { pages: [answer(), answer()].into(), ..Script::default() });
        let authority = Authority::new();
        let daemon = Server::daemon(&fake, &authority, &authority.sign(name, 2100), false);
        let proxy = Server::proxy(daemon.port, CREDENTIALS);
        Self { fake, authority, daemon, proxy }
    }

    fn get(&self, address: &str) -> Command {
        let mut command = command(&["get", "pods", "-o", "name", "--address", address]);
        command.env("DAYMARK_CA_FILE", self.authority.file());
        command
    }

    fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}127.0.0.1:{}", self.proxy.port)
    }
}

/// `all.proxy`
#[test]
fn a_daemon_is_reached_through_the_proxy() {
    let world = World::new("daymark.example");
    // Only the proxy knows such a host.
    let address = "https://daymark.example:8443";
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let url = world.url("aladdin:opensesame@");
        finish(world.get(address).env(name, url)).expect(0, "pod/a\n", "");
    }
    let expected = format!("CONNECT daymark.example:8443 HTTP/1.1\r\nHost: daymark.example:8443{CREDENTIALS}\r\n");
    assert_eq!(world.proxy.heads(), [expected.clone(), expected]);
}

/// `all.proxy`
#[test]
fn a_proxy_may_be_spoken_to_by_tls() {
    let world = World::new("daymark.example");
    let proxy = Server::tls_proxy(&world.authority, world.daemon.port, CREDENTIALS);
    let url = format!("https://aladdin:opensesame@127.0.0.1:{}", proxy.port);
    let mut get = world.get("https://daymark.example:8443");
    // The system is to trust it: --ca-file is of the daemon.
    get.env("HTTPS_PROXY", url).env("SSL_CERT_FILE", world.authority.file());
    finish(&mut get).expect(0, "pod/a\n", "");
    assert_eq!(proxy.heads().len(), 1);
    let run = finish(get.env("SSL_CERT_FILE", "/nowhere"));
    run.expect_problem(4, &["the proxy 127.0.0.1:", "cannot be reached", "trusts no CA"]);
}

/// `all.proxy-exceptions`
#[test]
fn exceptions_are_reached_without_the_proxy() {
    let world = World::new("127.0.0.1");
    // This machine is one by itself.
    let address = format!("https://127.0.0.1:{}", world.daemon.port);
    finish(world.get(&address).env("HTTPS_PROXY", world.url(""))).expect(0, "pod/a\n", "");
    // The proxy knows this host, and nobody else does.
    let mut get = world.get("https://a.daymark.invalid:1");
    get.args(["--request-timeout", "1s"]);
    let run = finish(get.env("HTTPS_PROXY", world.url("")).env("NO_PROXY", "b.example, daymark.invalid"));
    run.expect_problem(4, &["no daemon answers at https://a.daymark.invalid:1"]);
    // What is not by TLS needs none.
    finish(world.get(&world.fake.address()).env("HTTPS_PROXY", "none://")).expect(0, "pod/a\n", "");
    assert!(world.proxy.heads().is_empty());
}

/// `all.proxy-refused` `all.proxy-malformed`
#[test]
fn what_is_wrong_with_a_proxy_is_told_without_its_password() {
    let world = World::new("127.0.0.1");
    let address = "https://daymark.invalid:1";
    let name = format!("the proxy 127.0.0.1:{}", world.proxy.port);
    for (url, exit, says) in [
        (world.url("aladdin:s3cret@"), 4, [name.as_str(), "answers 407"]),
        ("http://aladdin:s3cret@127.0.0.1:1".to_owned(), 4, ["the proxy 127.0.0.1:1", "cannot be reached"]),
        ("ftp://aladdin:s3cret@127.0.0.1:1".to_owned(), 2, ["HTTPS_PROXY is not a proxy URL", "expected"]),
    ] {
        let run = finish(world.get(address).env("HTTPS_PROXY", url));
        run.expect_problem(exit, &says);
        assert!(!run.err.contains("s3cret"), "{run:?}");
    }
}

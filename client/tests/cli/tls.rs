//! A daemon elsewhere, by TLS.

use std::process::Command;

use daymark_proto::v1::State;
use tokio::io::AsyncWriteExt;

use crate::fake::{Fake, Script};
use crate::objects::{page, pod};
use crate::process::{Run, command, finish};
use crate::remote::{Authority, Server, private};

fn pods() -> Fake {
    let answer = || Ok(page(vec![pod("a", State::Ready)]));
    Fake::new(Script { pages: [answer(), answer(), answer()].into(), ..Script::default() })
}

fn get(port: u16) -> Command {
    let mut command = command(&["get", "pods", "-o", "name"]);
    command.env("DAYMARK_ADDRESS", format!("https://127.0.0.1:{port}"));
    command
}

fn run(command: &mut Command, args: &[&str]) -> Run {
    finish(command.args(args))
}

/// `all.tls` `all.tls-system` `all.tls-untrusted`
#[test]
fn who_is_trusted_is_spoken_to() {
    let (fake, authority) = (pods(), Authority::new());
    let server = Server::daemon(&fake, &authority, &authority.sign("127.0.0.1", 2100), false);
    let file = authority.file();
    let ca = file.to_str().unwrap();
    run(&mut get(server.port), &["--ca-file", ca]).expect(0, "pod/a\n", "");
    run(get(server.port).env("DAYMARK_CA_FILE", ca), &[]).expect(0, "pod/a\n", "");
    // Without either, those count that the system trusts.
    run(get(server.port).env("SSL_CERT_FILE", ca), &[]).expect(0, "pod/a\n", "");

    let says = ["refused to talk to https://127.0.0.1:", "not signed by a trusted CA", "--ca-file"];
    for stranger in [Authority::named("another CA"), Authority::new()] {
        run(&mut get(server.port), &["--ca-file", stranger.file().to_str().unwrap()]).expect_problem(4, &says);
    }
    assert_eq!(fake.seen().lists.len(), 3);
}

/// `all.tls-name` `all.tls-expired`
#[test]
fn a_certificate_is_for_its_name_and_for_its_time() {
    let (fake, authority) = (pods(), Authority::new());
    let file = authority.file();
    let ca = file.to_str().unwrap();
    let server = Server::daemon(&fake, &authority, &authority.sign("daymark.example", 2100), false);
    let says = ["its certificate is for daymark.example, not for 127.0.0.1", "--server-name"];
    run(&mut get(server.port), &["--ca-file", ca]).expect_problem(4, &says);
    run(&mut get(server.port), &["--ca-file", ca, "--server-name", "daymark.example"]).expect(0, "pod/a\n", "");

    let server = Server::daemon(&fake, &authority, &authority.sign("127.0.0.1", 2021), false);
    let says = ["its certificate expired at 2021-01-01T00:00:00Z"];
    run(&mut get(server.port), &["--ca-file", ca]).expect_problem(4, &says);
    // A wait does not go on trying, either.
    let mut wait = command(&["wait", "pod/a", "--timeout", "1h", "--ca-file", ca]);
    finish(wait.env("DAYMARK_ADDRESS", format!("https://127.0.0.1:{}", server.port))).expect_problem(4, &says);
}

/// `all.tls-none`
#[test]
fn what_does_not_speak_tls_is_told_so() {
    let authority = Authority::new();
    let server = Server::new(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.shutdown().await;
    });
    let file = authority.file();
    let run = run(&mut get(server.port), &["--ca-file", file.to_str().unwrap()]);
    run.expect_problem(4, &["https://127.0.0.1:", "does not speak TLS"]);
    assert!(!run.err.contains("daymarkd --kubeconfig"), "{run:?}");
}

/// `all.tls-files`
#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let [certificate, key] = authority.client_files();
    let [_, other] = Authority::new().client_files();
    private(&authority.path("other"), "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n");
    let wrong_key = authority.path("other");
    let file = authority.file();
    let ca = file.to_str().unwrap();
    std::fs::write(authority.path("empty"), "").unwrap();
    let empty = authority.path("empty");
    let empty = empty.to_str().unwrap();
    for (args, says) in [
        (&["--ca-file", "/nowhere/ca"][..], &["/nowhere/ca"][..]),
        (&["--ca-file", empty], &[empty, "contains none"]),
        (&["--ca-file", ca, "--client-certificate", &certificate], &["client-certificate and client-key"]),
        (&["--ca-file", ca, "--client-certificate", &key, "--client-key", &key], &[&key, "contains none"]),
        (&["--ca-file", ca, "--client-certificate", &certificate, "--client-key", &other], &[&other]),
        (
            &["--ca-file", ca, "--client-certificate", &certificate, "--client-key", wrong_key.to_str().unwrap()],
            &[&certificate, "cannot be used with its key"],
        ),
        (&["--ca-file", ca, "--server-name", "a b"], &["\"a b\" is not a valid name"]),
    ] {
        run(&mut get(1), args).expect_problem(2, says);
    }
}

/// `all.client-certificate` `all.client-certificate-wanted`
#[test]
fn a_client_shows_its_certificate() {
    let (fake, authority) = (pods(), Authority::new());
    let server = Server::daemon(&fake, &authority, &authority.sign("127.0.0.1", 2100), true);
    let file = authority.file();
    let ca = file.to_str().unwrap();
    let [certificate, key] = authority.client_files();
    let own = ["--ca-file", ca, "--client-certificate", &certificate, "--client-key", &key];
    run(&mut get(server.port), &own).expect(0, "pod/a\n", "");
    run(&mut get(server.port), &["--ca-file", ca])
        .expect_problem(5, &["not admitted", "requires a client certificate", "--client-certificate"]);
    let stranger = Authority::new();
    let [certificate, key] = stranger.client_files();
    let strange = ["--ca-file", ca, "--client-certificate", &certificate, "--client-key", &key];
    run(&mut get(server.port), &strange).expect_problem(5, &["rejected the client certificate"]);
}

/// `all.plaintext` `all.plaintext-token`
#[test]
fn plain_text_does_not_leave_the_machine_unasked() {
    let at = |address: &str, args: &[&str]| {
        let mut command = command(&["get", "pods", "--request-timeout", "100ms", "--address", address]);
        finish(command.args(args).env("DAYMARK_TOKEN", if args.is_empty() { "" } else { "s3cret" }))
    };
    at("daymark.invalid:7777", &[]).expect_problem(2, &["plain text", "daymark.invalid:7777", "https://HOST:PORT"]);
    let says = ["a token in plain text", "http://daymark.invalid:7777", "--insecure-plaintext"];
    let with_token = ["-n", "shop"];
    at("http://daymark.invalid:7777", &with_token).expect_problem(2, &says);
    // Whoever insists is served, or would be if there were such a host.
    at("http://daymark.invalid:7777", &[]).expect_problem(4, &["no daemon answers"]);
    for address in ["daymark.invalid:7777", "http://daymark.invalid:7777"] {
        at(address, &["--insecure-plaintext"]).expect_problem(4, &["no daemon answers"]);
    }
}

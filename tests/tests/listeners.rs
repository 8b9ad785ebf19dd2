//! A daemon that listens on several addresses at once, and whom it lets in.

#![allow(clippy::expect_used, reason = "these are tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use daymark_tests::cli::Cli;
use daymark_tests::process::Process;
use daymark_tests::{binaries, demo_recording};

#[test]
fn tcp_lets_in_who_has_the_token_and_the_socket_whose_it_is() {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let socket = format!("unix:{}", path("d.sock"));
    let binary = &binaries::build().expect("the binaries build").daymarkd;
    let mut command = Command::new(binary);
    command.arg("--replay").arg(demo_recording()).args(["--speed", "1000", "--listen", &socket]);
    command.args(["--listen", "127.0.0.1:0", "--token-file", &path("token")]).env_remove("DAYMARK_LOG");
    let mut daemon = Process::start(&mut command);
    let line = daemon.expect_stderr("its TCP address", |line| line.contains("listening on 127.0.0.1:"));
    let address = line.rsplit(' ').next().expect("the line ends in the address").to_owned();
    daemon.expect_stderr("that it is ready", |line| line.contains("INFO ready"));

    let mode = fs::metadata(path("token")).expect("it made a token").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(Cli::new(socket).run("get pods -A").code, Some(0));
    let tcp = Cli::new(address);
    let got = tcp.run(&format!("get pods -A --token-file {}", path("token")));
    assert_eq!(got.code, Some(0), "{got:?}");
    let refused = tcp.run("get pods -A");
    assert_eq!(refused.code, Some(5), "{refused:?}");

    fs::write(path("other"), "0123456789abcdef0123456789abcdef").expect("a file can be written");
    fs::set_permissions(path("other"), fs::Permissions::from_mode(0o600)).expect("modes can be set");
    let refused = tcp.run(&format!("get pods -A --token-file {}", path("other")));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(5), ""), "{refused:?}");
    assert!(!refused.stderr.contains("0123456789"), "a token is never shown: {refused:?}");
}

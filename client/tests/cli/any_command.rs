//! What holds of every command.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};

use daymark_proto::v1::State;
use rustix::process::Signal;
use tonic::Code;

use crate::fake::{Fake, Script};
use crate::objects::{error, found, page, pod, snapshot, unavailable};
use crate::process::{Running, against, command, finish, run};

fn one_pod() -> Script {
    Script { pages: [Ok(page(vec![pod("a", State::Ready)]))].into(), ..Script::default() }
}

fn failing(status: tonic::Status) -> Script {
    Script { pages: [Err(status)].into(), ..Script::default() }
}

/// `all.usage`
#[test]
fn words_that_make_no_sense() {
    for args in [
        &["get"][..],
        &["get", "pods", "--frobnicate"],
        &["get", "pods", "-o", "xml"],
        &["frobnicate"],
        &["wait", "pod/a", "--timeout", "5"],
        &[],
    ] {
        let run = finish(&mut command(args));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(!run.err.is_empty(), "{args:?}");
    }
    for args in [&["get", "pod/a", "b"][..], &["get", "pods,"], &["get", ""]] {
        finish(&mut command(args)).expect_problem(2, &[]);
    }
}

/// `all.help`
#[test]
fn help_is_data() {
    for args in [&["--help"][..], &["get", "--help"], &["--version"]] {
        let run = finish(&mut command(args));
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
        assert!(run.out.contains("daymark"), "{args:?}");
    }
}

/// `all.address` `all.address-default`
#[test]
fn the_address_is_the_flags_then_the_variables_then_the_users_own() {
    for by in 0..3 {
        let fake = Fake::new(one_pod());
        let address = fake.address();
        let (mut command, env) = match by {
            0 => (command(&["get", "pods", "--address", &address]), "unix:/nowhere/else"),
            1 => (command(&["get", "pods"]), address.as_str()),
            // An empty variable is none.
            _ => (command(&["get", "pods"]), ""),
        };
        command.env("DAYMARK_ADDRESS", env);
        if by == 2 {
            command.env("XDG_RUNTIME_DIR", fake.folder());
        }
        assert_eq!(finish(&mut command).code, 0, "{by}");
    }
}

/// `all.address-malformed`
#[test]
fn an_address_that_is_none_is_named() {
    finish(&mut command(&["get", "pods", "--address", "localhost"])).expect_problem(2, &["\"localhost\"", "port"]);
}

/// `all.no-daemon` `all.no-daemon-command`
#[test]
fn without_a_daemon_the_command_that_starts_one_is_named() {
    for args in [&["get", "pods"][..], &["get", "pods", "-w"], &["wait", "pod/a"]] {
        let run = finish(&mut command(args));
        let start = "start one with: daymarkd --kubeconfig ~/.kube/config\n";
        run.expect_problem(4, &["unix:/nowhere/daymark.sock", start]);
        assert_eq!(run.out, "");
        let run = finish(command(args).env("DAYMARK_ADDRESS", "unix:/nowhere/x"));
        run.expect_problem(4, &["daymarkd --kubeconfig ~/.kube/config --listen unix:/nowhere/x\n"]);
    }
}

/// `all.untrusted-socket`
#[test]
fn another_users_socket_is_not_spoken_to() {
    let fake = Fake::new(one_pod());
    if chown(fake.socket(), Some(65_534), None).is_err() {
        return; // Only root can give a file away; the rule itself has a unit test.
    }
    finish(&mut against(&fake, &["get", "pods"])).expect_problem(4, &["refused", "belongs to user 65534"]);
    assert!(fake.seen().lists.is_empty());
}

/// `all.token` `all.token-exposed`
#[test]
fn the_token_is_sent_from_a_private_file_only() {
    let fake = Fake::new(one_pod());
    let file = fake.folder().join("token");
    std::fs::write(&file, "s3cret\n").unwrap();
    let file = file.to_str().unwrap();
    for (mode, code) in [(0o644, 2), (0o600, 0)] {
        std::fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
        let run = finish(against(&fake, &["get", "pods"]).env("DAYMARK_TOKEN_FILE", file));
        assert_eq!(run.code, code, "{run:?}");
        assert!(!run.err.contains("s3cret"));
    }
    assert_eq!(fake.seen().tokens, [Some("Bearer s3cret".to_owned())]);
}

/// `all.unauthenticated` `all.forbidden` `all.unknown-kind` `all.cluster-unreachable` `all.fault`
#[test]
fn each_error_has_its_exit_code() {
    for (code, reason, exit) in [
        (Code::Unauthenticated, "UNAUTHENTICATED", 5),
        (Code::PermissionDenied, "KIND_FORBIDDEN", 5),
        (Code::InvalidArgument, "UNKNOWN_KIND", 2),
        (Code::Unavailable, "CLUSTER_UNREACHABLE", 4),
        (Code::Unavailable, "CACHE_NOT_SYNCED", 4),
        (Code::Internal, "", 70),
        (Code::Unimplemented, "", 70),
    ] {
        let run = run(failing(error(code, reason, "what\nhappened")), &["get", "pods"]);
        run.expect_problem(exit, &["what\\nhappened"]);
        assert_eq!(run.out, "");
    }
}

/// `all.request-timeout`
#[test]
fn a_call_without_an_answer_ends() {
    let run = run(Script { silent: true, ..Script::default() }, &["get", "pods", "--request-timeout", "50ms"]);
    run.expect_problem(4, &["no answer within 0.05 s", "--request-timeout"]);
}

/// `all.namespace`
#[test]
fn the_namespace_is_the_flags_then_the_variables_then_the_daemons() {
    for (args, env, namespaces) in [
        (&["get", "pods", "-n", "flag"][..], "variable", &["flag"][..]),
        (&["get", "pods"], "variable", &["variable"]),
        (&["get", "pods"], "", &[]),
        (&["get", "pods", "-A"], "variable", &[]),
    ] {
        let fake = Fake::new(one_pod());
        finish(against(&fake, args).env("DAYMARK_NAMESPACE", env));
        let filter = fake.seen().lists[0].filter.clone().unwrap();
        assert_eq!(filter.namespaces, namespaces);
        assert_eq!(filter.all_namespaces, args.contains(&"-A"));
    }
}

/// `all.interrupted` `all.terminated`
#[test]
fn signals_end_it_with_their_code() {
    for (signal, code, text) in [(Signal::INT, 130, "interrupted"), (Signal::TERM, 143, "terminated")] {
        let fake = Fake::new(Script { watches: [snapshot([pod("a", State::Ready)])].into(), ..Script::default() });
        let mut running = Running::start(&mut against(&fake, &["get", "pods", "-w"]));
        running.out_until("a ");
        running.signal(signal);
        running.finish().expect(code, "", &format!("daymark: {text}\n"));
    }
}

/// `all.escaped` `all.no-colour`
#[test]
fn cluster_text_cannot_act_nor_begin_a_line() {
    let mut status = pod("a", State::Failed);
    status.reason = "\u{1b}[2J".to_owned();
    status.message = "one\n::error::two\u{9b}".to_owned();
    let script = Script { objects: [found(status)].into(), ..Script::default() };
    let run = run(script, &["get", "pod", "a", "-o", "wide"]);
    assert!(run.out.contains("\\x1b[2J") && run.out.contains("one ::error::two\\x9b"), "{run:?}");
    assert!(!run.out.contains(['\u{1b}', '\u{9b}']) && run.out.lines().count() == 2, "{run:?}");
}

/// `all.stdout-full` `all.one-line`
#[test]
fn only_what_stdout_does_not_take_is_its_fault() {
    let mut broken = pod("b", State::Ready);
    broken.object = "{".into();
    let script = Script { pages: [Ok(page(vec![pod("a", State::Ready), broken]))].into(), ..Script::default() };
    let run = run(script, &["get", "pods", "-o", "json"]);
    assert!(run.code == 70 && run.err.contains("pod/b") && !run.err.contains("stdout"), "{run:?}");

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let fake = Fake::new(one_pod());
    let output = against(&fake, &["get", "pods"]).stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(70));
    assert!(err.starts_with("daymark: cannot write to stdout: ") && err.lines().count() == 1, "{err}");
}

/// `all.one-line`
#[test]
fn an_error_is_one_line() {
    run(failing(unavailable()), &["get", "pods"]).expect_problem(4, &["the cluster cannot be reached"]);
}

//! Contexts, and `daymark context`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use daymark_proto::v1::State;
use serde_json::{Value, json};

use crate::fake::{Fake, Script};
use crate::objects::{found, info, page, pod, snapshot};
use crate::process::{Running, command, finish};
use crate::remote::{Authority, Server, private};

/// A user's folder.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join(".config/daymark/config.toml")
    }

    fn write(&self, text: &str) {
        std::fs::create_dir_all(self.path().join(".config/daymark")).unwrap();
        std::fs::write(self.file(), text).unwrap();
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("HOME", self.path()).current_dir(self.path());
        command
    }

    /// Does something that has nothing to say.
    fn silently(&self, args: &[&str]) {
        finish(&mut self.command(args)).expect(0, "", "");
    }
}

fn pods(count: usize) -> Fake {
    let answer = |_| Ok(page(vec![pod("a", State::Ready)]));
    Fake::new(Script { pages: (0..count).map(answer).collect(), info: Some(info()), ..Script::default() })
}

/// `context.add-flags`
#[test]
fn all_flags_of_the_connection_are_kept() {
    let home = Home::new();
    home.silently(&[
        "context",
        "add",
        "a",
        "--address",
        "http://daymark.invalid:1",
        "--insecure-plaintext",
        "--request-timeout",
        "50ms",
    ]);
    let text = home.text();
    assert!(text.contains("insecure-plaintext = true\n") && text.contains("request-timeout = \"50ms\"\n"), "{text}");

    let silent = Fake::new(Script { silent: true, ..Script::default() });
    home.silently(&["context", "add", "b", "--address", &silent.address(), "--request-timeout", "50ms"]);
    finish(&mut home.command(&["--context", "b", "get", "pods"])).expect_problem(4, &["no answer within 0.05 s"]);
    let flag = ["--context", "b", "get", "pods", "--request-timeout", "60ms"];
    finish(&mut home.command(&flag)).expect_problem(4, &["no answer within 0.06 s"]);
    // Without them they are gone.
    home.silently(&["context", "add", "a", "--address", "http://daymark.invalid:1"]);
    assert!(!home.text().contains("insecure"), "{}", home.text());
}

/// `context.add-at-once`
#[test]
fn contexts_that_are_added_at_the_same_time_are_all_kept() {
    let home = Home::new();
    let names: Vec<_> = (0..8).map(|number| format!("c{number}")).collect();
    let add = |name: &String| home.command(&["context", "add", name, "--address", "localhost:1"]).spawn().unwrap();
    let children: Vec<_> = names.iter().map(add).collect();
    assert!(children.into_iter().all(|mut child| child.wait().unwrap().success()));
    let text = home.text();
    assert!(names.iter().all(|name| text.contains(&format!("[contexts.{name}]"))), "{text}");
    assert_eq!(std::fs::read_dir(home.file().parent().unwrap()).unwrap().count(), 1);
}

/// `context.add` `context.use` `context.remove`
#[test]
fn contexts_are_kept_under_their_names() {
    let home = Home::new();
    let (one, two) = (pods(2), pods(1));
    home.silently(&["context", "add", "one", "--address", &one.address(), "-n", "first"]);
    assert_eq!(home.file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    home.silently(&["context", "add", "two", "--address", &two.address(), "--ca-file", "ca.pem"]);
    let file = format!("ca-file = \"{}\"", home.path().join("ca.pem").display());
    assert!(home.text().contains(&file), "{}", home.text());
    let get = || finish(&mut home.command(&["get", "pods", "-o", "name"])).code;
    // The first one is in use at once.
    assert_eq!(get(), 0);
    assert_eq!(one.seen().lists[0].filter.clone().unwrap().namespaces, ["first"]);
    home.silently(&["context", "use", "two"]);
    assert_eq!(get(), 0);
    assert_eq!(two.seen().lists.len(), 1);
    home.silently(&["context", "remove", "two"]);
    // None is in use: the default address counts.
    assert_eq!(get(), 4);
    assert_eq!(finish(&mut home.command(&["get", "pods", "--context", "one"])).code, 0);
}

/// `context.add-again`
#[test]
fn a_context_is_replaced_and_comments_stay() {
    let home = Home::new();
    home.write(
        "# mine\ncurrent-context = \"prod\" # at work\n\n# the big one\n[contexts.prod]\n# by tunnel\naddress = \"a:1\" # old\n\
        token-env = \"A\"\n\n[contexts.test]\naddress = \"b:1\"\n",
    );
    home.silently(&["context", "add", "prod", "--address", "https://c:1", "--cluster", "big"]);
    let expected = "# mine\ncurrent-context = \"prod\" # at work\n\n# the big one\n[contexts.prod]\n# by tunnel\n\
        address = \"https://c:1\" # old\ncluster = \"big\"\n\n[contexts.test]\naddress = \"b:1\"\n";
    assert_eq!(home.text(), expected);
    // Whoever keeps the file elsewhere keeps the link.
    let elsewhere = home.path().join("elsewhere");
    std::fs::rename(home.file(), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.file()).unwrap();
    home.silently(&["context", "use", "test"]);
    assert!(home.file().is_symlink() && home.text().contains("current-context = \"test\" # at work"));
}

/// `context.add-refused` `context.unknown`
#[test]
fn what_makes_no_context_is_refused() {
    let home = Home::new();
    for (args, says) in [
        (&["add", "a"][..], "--address"),
        (&["add", "a b", "--address", "a:1"], "\"a b\" is not a valid context name"),
        (&["add", "a", "--address", "a"], "\"a\" is not a valid address"),
        (&["add", "a", "--address", "a:1", "--token-env", "A", "--token-file", "b"], "cannot be combined"),
        (&["add", "a", "--address", "a:1", "--client-key", "b"], "must be given together"),
        (&["use", "a"], "there is no context \"a\""),
        (&["remove", "a"], "there is no context \"a\""),
        (&["test", "a"], "there is no context \"a\""),
    ] {
        let args = [&["context"], args].concat();
        finish(&mut home.command(&args)).expect_problem(2, &[says]);
        assert!(!home.file().exists(), "{args:?}");
    }
    finish(&mut command(&["context", "list"])).expect_problem(2, &["no location for contexts", "DAYMARK_CONFIG"]);
}

/// `context.list` `context.list-json` `context.list-empty`
#[test]
fn contexts_are_shown() {
    let home = Home::new();
    let list = |args: &[&str]| finish(&mut home.command(&[&["context", "list"], args].concat()));
    let run = list(&[]);
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert!(run.err.contains("daymark context add"), "{run:?}");
    home.silently(&["context", "add", "prod", "--address", "https://a:1", "--cluster", "big", "-n", "shop"]);
    home.silently(&["context", "add", "b", "--address", "b:1", "--token-env", "A"]);
    let run = list(&[]);
    let words: Vec<Vec<&str>> = run.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["CURRENT", "NAME", "ADDRESS", "CLUSTER", "NAMESPACE", "CREDENTIALS"]);
    assert_eq!(words[1..], [vec!["*", "prod", "https://a:1", "big", "shop"], vec!["b", "b:1", "token-env"]]);
    let expected = json!([
        {"name": "prod", "current": true, "address": "https://a:1", "cluster": "big", "namespace": "shop",
            "credentials": []},
        {"name": "b", "current": false, "address": "b:1", "credentials": ["token-env"]},
    ]);
    assert_eq!(serde_json::from_str::<Value>(&list(&["-o", "json"]).out).unwrap(), expected);
}

/// `context.test` `context.test-json` `context.test-cluster` `context.test-failed`
#[test]
fn a_context_is_tried() {
    let (home, fake, authority) = (Home::new(), pods(0), Authority::new());
    let server = Server::daemon(&fake, &authority, &authority.sign("daymark.example", 2100), false);
    let address = format!("https://127.0.0.1:{}", server.port);
    let ca = authority.file();
    let tls = ["--ca-file", ca.to_str().unwrap(), "--server-name", "daymark.example"];
    let add = |name: &str, more: &[&str]| {
        home.silently(&[&["context", "add", name, "--address", &address], more].concat());
    };
    add("prod", &tls);
    add("other", &[&tls[..], &["--cluster", "other"]].concat());
    add("strict", &tls[..2]);
    let test = |args: &[&str]| finish(&mut home.command(&[&["context", "test"], args].concat()));

    let run = test(&[]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let lines: Vec<_> = run.out.lines().collect();
    assert_eq!(lines[..2], ["context: prod", &format!("address: {address}")]);
    assert!(lines[2].starts_with("tls: TLS 1.3, a certificate for daymark.example, SHA-256 "), "{run:?}");
    assert_eq!(lines[3..5], ["server: 9.8.7, incarnation run-1", "cluster default: Kubernetes v1.37.1"]);
    assert!(lines[5].starts_with("round trip: ") && lines[5].ends_with(" ms") && lines.len() == 6, "{run:?}");

    let document: Value = serde_json::from_str(&test(&["prod", "-o", "json"]).out).unwrap();
    assert_eq!(document["tls"]["serverName"], "daymark.example");
    assert_eq!(document["tls"]["fingerprint"].as_str().unwrap().len(), 95);
    assert_eq!((&document["context"], &document["version"]), (&json!("prod"), &json!("9.8.7")));
    assert!(document["roundTripSeconds"].is_f64());

    test(&["other"]).expect_problem(2, &["no cluster \"other\" is served there; available: default"]);
    test(&["strict"]).expect_problem(4, &["not for 127.0.0.1"]);
    home.silently(&["context", "add", "gone", "--address", "unix:gone"]);
    test(&["gone"]).expect_problem(4, &["no daemon answers at unix:/", "/gone"]);
}

/// `all.context` `all.context-chosen` `all.context-unknown`
#[test]
fn flags_go_before_variables_and_these_before_the_context() {
    let home = Home::new();
    let (fake, other) = (pods(5), pods(1));
    home.write(&format!(
        "current-context = \"a\"\n[contexts.a]\naddress = \"{address}\"\nnamespace = \"of-a\"\n\
        [contexts.b]\naddress = \"{address}\"\nnamespace = \"of-b\"\ncluster = \"default\"\n\
        [contexts.c]\naddress = \"{other}\"\n",
        address = fake.address(),
        other = other.address(),
    ));
    for (args, env, namespace) in [
        (&[][..], [("DAYMARK_CONTEXT", ""), ("DAYMARK_NAMESPACE", "")], "of-a"),
        (&[], [("DAYMARK_CONTEXT", "b"), ("DAYMARK_NAMESPACE", "")], "of-b"),
        (&["--context", "a"], [("DAYMARK_CONTEXT", "b"), ("DAYMARK_NAMESPACE", "")], "of-a"),
        (&["--context", "a"], [("DAYMARK_CONTEXT", "b"), ("DAYMARK_NAMESPACE", "variable")], "variable"),
        (&["-n", "flag"], [("DAYMARK_CONTEXT", "b"), ("DAYMARK_NAMESPACE", "variable")], "flag"),
    ] {
        let args = [&["get", "pods"], args].concat();
        assert_eq!(finish(home.command(&args).envs(env)).code, 0, "{args:?} {env:?}");
        let filter = fake.seen().lists.last().unwrap().filter.clone().unwrap();
        assert_eq!(filter.namespaces, [namespace], "{args:?} {env:?}");
    }
    let mut elsewhere = home.command(&["get", "pods", "--context", "c"]);
    assert_eq!(finish(&mut elsewhere).code, 0);
    assert_eq!(other.seen().lists.len(), 1);
    let mut unknown = home.command(&["get", "pods", "--context", "d"]);
    finish(&mut unknown).expect_problem(2, &["there is no context \"d\"", "there are a, b, c"]);
}

/// `all.context-elsewhere`
#[test]
fn what_proves_the_caller_to_one_daemon_is_not_shown_to_another() {
    let home = Home::new();
    let (fake, other) = (pods(2), pods(2));
    private(&home.path().join("token"), "s3cret");
    home.write(&format!(
        "current-context = \"a\"\n[contexts.a]\naddress = \"{}\"\ntoken-file = \"../../token\"\nnamespace = \"shop\"\n",
        fake.address()
    ));
    assert_eq!(finish(&mut home.command(&["get", "pods"])).code, 0);
    assert_eq!(finish(home.command(&["get", "pods"]).env("DAYMARK_ADDRESS", other.address())).code, 0);
    assert_eq!(finish(&mut home.command(&["get", "pods", "--address", &other.address()])).code, 0);
    assert_eq!(fake.seen().tokens, [Some("Bearer s3cret".to_owned())]);
    assert_eq!(other.seen().tokens, [None, None]);
    assert_eq!(other.seen().lists[0].filter.clone().unwrap().namespaces, ["shop"]);
}

/// `all.context-malformed`
#[test]
fn a_file_that_is_wrong_is_told_with_its_line() {
    let home = Home::new();
    home.write("[contexts.a]\naddress = \"a:1\"\nadress = \"b:1\"\n");
    let says = [".config/daymark/config.toml:3: the key \"adress\" is unknown"];
    for args in [&["get", "pods"][..], &["context", "list"], &["context", "use", "a"], &["version"]] {
        finish(&mut home.command(args)).expect_problem(2, &says);
    }
    // Nobody is asked, and no file is needed.
    assert_eq!(finish(&mut home.command(&["version", "--client"])).code, 0);
    // Other places.
    for (name, value) in [("DAYMARK_CONFIG", "other.toml"), ("XDG_CONFIG_HOME", home.path().to_str().unwrap())] {
        let run = finish(home.command(&["context", "list"]).env(name, value));
        assert_eq!((run.code, run.out.as_str()), (0, ""), "{name}");
    }
}

/// `all.cluster`
#[test]
fn the_cluster_is_named_to_the_daemon() {
    let script = Script {
        pages: [Ok(page(vec![pod("a", State::Ready)]))].into(),
        objects: [found(pod("a", State::Ready))].into(),
        watches: [snapshot([pod("a", State::Ready)])].into(),
        ..Script::default()
    };
    let fake = Fake::new(script);
    let at = |args: &[&str]| {
        let mut command = command(args);
        command.env("DAYMARK_ADDRESS", fake.address()).env("DAYMARK_CLUSTER", "big");
        command
    };
    assert_eq!(finish(&mut at(&["get", "pods"])).code, 0);
    assert_eq!(finish(&mut at(&["get", "pod/a", "--cluster", "small"])).code, 0);
    Running::start(&mut at(&["get", "pods", "-w"])).out_until("a ");
    finish(&mut at(&["gate", "open", "pod/a"]));
    let seen = fake.seen();
    assert_eq!(seen.lists[0].filter.clone().unwrap().cluster, "big");
    assert_eq!(seen.gets[0].r#ref.clone().unwrap().cluster, "small");
    assert_eq!(seen.watches[0].filter.clone().unwrap().cluster, "big");
    assert_eq!(fake.seen_gates().opened[0].filter.clone().unwrap().cluster, "big");
}

//! `daymark completion`, and what its scripts ask.

use std::process::Command;

use daymark_proto::v1::{CompleteRequest, Subject};

use crate::fake::{Fake, Script};
use crate::process::{Run, command, finish};

/// What every test's daemon knows.
pub fn script() -> Script {
    let words: Vec<(Subject, &'static [&'static str])> = vec![
        (Subject::Kind, &["deployments", "pods", "services", "svc"]),
        (Subject::Name, &["web-1", "web-2", "db:0", "$(reboot)", "a\u{1b}b"]),
        (Subject::LabelKey, &["app", "app.kubernetes.io/name"]),
        (Subject::Container, &["main", "sidecar"]),
    ];
    Script { words, ..Script::default() }
}

/// A command that has all the time of the world.
pub fn patient(command: &mut Command) -> &mut Command {
    command.env("DAYMARK_COMPLETION_TIMEOUT", "60s")
}

fn ask(fake: &Fake, args: &[&str]) -> Run {
    let run = finish(patient(command(args).env("DAYMARK_ADDRESS", fake.address())));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
    run
}

/// What fish is answered for a line; bars stand between words.
fn complete(fake: &Fake, line: &str) -> String {
    let mut words: Vec<_> = line.split(' ').collect();
    let current = format!("--current={}", words.pop().unwrap());
    let args = ["__complete", "fish", &current, "--"].into_iter().chain(words).collect::<Vec<_>>();
    let run = ask(fake, &args);
    let words = run.out.strip_prefix("words\n").unwrap_or(&run.out).lines();
    words.map(|word| word.split('\t').next().unwrap_or_default()).collect::<Vec<_>>().join("|")
}

/// `completion.commands` `completion.flags` `completion.values` `completion.files`
#[test]
fn what_the_command_line_takes_is_completed_without_a_daemon() {
    let fake = Fake::new(Script::default());
    for (line, words) in [
        ("ge", "get"),
        ("gate ", "open|arm|wait|show|cancel|help"),
        ("get --st", "--state"),
        ("get -A --all-n", ""),
        ("get pods --out", "--output"),
        ("get --output st", "status-json"),
        ("get --output=st", "--output=status-json"),
        ("get -ost", "-ostatus-json"),
        ("get --state failed,r", "failed,ready"),
        ("get --state=failed,f", ""),
        ("wait deploy/web --for co", "complete|condition=|connect="),
        ("wait -f ", "files"),
        ("get --ca-file=x", "files"),
        ("on pods -- ./x", "files"),
        ("frobnicate ", ""),
        ("get --unknown=", ""),
        ("--con", "--context"),
    ] {
        assert_eq!(complete(&fake, line), words, "{line}");
    }
    assert!(fake.seen_completions().is_empty(), "the daemon was asked for what it does not know");
}

/// `completion.kinds` `completion.names` `completion.labels` `completion.namespaces` `completion.unquoted`
#[test]
fn what_is_in_the_cluster_is_asked_of_the_daemon() {
    let fake = Fake::new(script());
    for (line, words) in [
        ("get ", "deployments|pods|services|svc"),
        ("get s", "services|svc"),
        ("get pods,s", "pods,services|pods,svc"),
        ("get pods web", "web-1|web-2"),
        ("get pods web-1 web", "web-2"),
        ("node wait web-1 web", "web-2"),
        ("get pod/w", "pod/web-1|pod/web-2"),
        ("get pod/web-1 pod/w", "pod/web-2"),
        ("get pod/web-1 s", "services/|svc/"),
        ("wait deploy ", "web-1|web-2|db:0"),
        ("get -A pods ", ""),
        ("get pods -n d", "db:0"),
        ("get pods -nd", "-ndb:0"),
        ("get pods -l ", "app|app.kubernetes.io/name"),
        ("get pods -l tier=x,app.", "tier=x,app.kubernetes.io/name"),
        ("wait deploy/web --owned=po", "--owned=pods"),
        ("version --client ", ""),
    ] {
        assert_eq!(complete(&fake, line), words, "{line}");
    }
}

/// `completion.scope`
#[test]
fn what_was_typed_says_of_which_objects() {
    let fake = Fake::new(script());
    let asked = |line: &str| -> CompleteRequest {
        fake.seen_completions().clear();
        complete(&fake, line);
        fake.seen_completions().first().cloned().unwrap_or_default()
    };
    for (line, kinds, namespaces, all, prefix) in [
        ("get pods,svc -n shop we", &["pods", "svc"][..], &["shop"][..], false, "we"),
        ("--cluster c -nshop wait deploy/we", &["deploy"], &["shop"], false, "we"),
        ("get pods ", &["pods"], &[], false, ""),
        ("get pods -n s", &["namespaces"], &[], true, "s"),
        ("get pods -A -l a", &["pods"], &[], true, "a"),
        ("get pod/a deploy/b -l a", &["pod", "deploy"], &[], false, "a"),
        ("get -l a", &["pods"], &[], false, "a"),
        ("node list -n shop -l a", &["nodes"], &[], true, "a"),
        ("node wait -l a", &["nodes"], &[], true, "a"),
        ("node drain n1 --pod-selector a", &["pods"], &[], true, "a"),
    ] {
        let request = asked(line);
        let filter = request.filter.unwrap_or_default();
        assert_eq!(
            (filter.kinds, filter.namespaces, filter.all_namespaces),
            (owned(kinds), owned(namespaces), all),
            "{line}"
        );
        assert_eq!(request.prefix, prefix, "{line}");
        let cluster = if line.contains("--cluster") { "c" } else { "" };
        assert_eq!(filter.cluster, cluster, "{line}");
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// `completion.contexts` `completion.connection`
#[test]
fn the_context_that_was_typed_says_which_daemon_is_asked() {
    let fake = Fake::new(script());
    let file = fake.folder().join("config.toml");
    let contexts = format!("[contexts.'a:b/c']\naddress = '{}'\nnamespace = 'shop'\n[contexts.d]\n", fake.address());
    std::fs::write(&file, contexts).unwrap();
    let ask = |args: &[&str]| finish(patient(command(args).env("DAYMARK_CONFIG", &file))).out;
    assert_eq!(ask(&["__complete", "fish", "--", "--context"]), format!("words\na:b/c\t{}\nd\n", fake.address()));
    assert_eq!(ask(&["__complete", "fish", "--current=d", "--", "context", "use"]), "words\nd\n");
    // Bash keeps what is before the colon.
    let line = "daymark --context a:b";
    assert_eq!(ask(&["__complete", "bash", "--line", line, "--breaks", "=:"]), "words\nb/c \n");
    let run = ask(&["__complete", "fish", "--current=web-1", "--", "--context=a:b/c", "get", "pods"]);
    assert_eq!(run, "words\nweb-1\n");
    assert_eq!(fake.seen_completions()[0].filter.clone().unwrap().namespaces, ["shop"]);
}

/// `completion.silent` `completion.budget`
#[test]
fn what_cannot_be_had_in_time_is_nothing() {
    let args = ["__complete", "bash", "--line", "daymark get pods ", "--breaks", ""];
    let silent = Fake::new(Script { silent: true, ..Script::default() });
    let refusing = Fake::new(Script::default());
    let addresses = [silent.address(), refusing.address(), "unix:/nowhere/x".to_owned(), "nonsense".to_owned()];
    for address in addresses {
        let mut command = command(&args);
        command.env("DAYMARK_ADDRESS", &address);
        if address == refusing.address() {
            patient(&mut command);
        }
        finish(&mut command).expect(0, "words\n", "");
    }
    assert_eq!(refusing.seen_completions().len(), 1);
}

/// `completion.script` `completion.alias` `completion.alias-wrong`
#[test]
fn each_shell_has_a_script_that_names_what_it_completes() {
    for (shell, one, two) in [
        ("bash", "-F _daymark_complete daymark\n", "-F _daymark_complete daymark k\n"),
        ("zsh", "#compdef daymark\n", "#compdef daymark k\n"),
        ("fish", "in daymark\n", "in daymark k\n"),
        ("powershell", "-CommandName daymark -", "-CommandName daymark, k -"),
    ] {
        for (args, part) in
            [(&["completion", shell][..], one), (&["completion", shell, "--name", "k", "--name", "daymark"], two)]
        {
            let run = finish(&mut command(args));
            assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell}");
            assert!(run.out.contains(part) && !run.out.contains("@NAMES@"), "{part:?} in {}", run.out);
        }
    }
    for name in ["", "a b", "$(reboot)", "a;b", "-x", "a\nb"] {
        let name = format!("--name={name}");
        finish(&mut command(&["completion", "bash", &name])).expect_problem(2, &["--name", "letters"]);
    }
    let run = finish(&mut command(&["completion", "tcsh"]));
    assert_eq!((run.code, run.out.as_str()), (2, ""));
}

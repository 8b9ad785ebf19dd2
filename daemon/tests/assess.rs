//! `daymarkd assess`, as a user runs it.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const WIDGET: &str = "
apiVersion: example.com/v1
kind: Widget
metadata: {name: w, namespace: n, generation: 1, creationTimestamp: null}
status: {phase: Up, observedGeneration: 1}
";

const RULES: &str = r#"
rules:
- group: example.com
  kind: Widget
  ready: object.status.phase == 'Up'
  message: '"it is " + object.status.phase'
"#;

fn run(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daymarkd"));
    let command = command.current_dir(folder).arg("assess").args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn says_a_line_for_each_object() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(folder.path().join("below/a.yaml"), format!("---\n{WIDGET}---\n# nothing\n---\n{WIDGET}")).unwrap();
    fs::write(folder.path().join("notes.txt"), "not one of them").unwrap();
    let output = run(folder.path(), &["-f", "."], "");
    let line = "Widget\tn/w\tREADY\tUp\t\t\tstatus.phase is Up\n";
    assert_eq!((text(&output.stdout), text(&output.stderr)), (line.repeat(2), String::new()));
}

#[test]
fn reads_what_kubectl_writes() {
    let folder = tempfile::tempdir().unwrap();
    let list = r#"{"apiVersion":"v1","kind":"List","items":[
        {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n"}}]}
        {"apiVersion":"v1","kind":"NodeList","items":[{"metadata":{"name":"k"},"spec":{}}]}"#;
    let output = run(folder.path(), &["-f", "-", "-o", "json"], list);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |place: usize| ["kind", "name", "state"].map(|field| said[place][field].as_str().unwrap());
    assert_eq!((of(0), of(1)), (["ConfigMap", "a", "READY"], ["Node", "k", "IN_PROGRESS"]));
}

#[test]
fn tries_rules() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
    let output = run(folder.path(), &["-f", "-", "--rules", "rules.yaml"], WIDGET);
    assert_eq!(text(&output.stdout), "Widget\tn/w\tREADY\tReady\t\t\tit is Up\n");

    let broken = RULES.replace("object.", "objct.") + "- {group: a, kind: B, ready: '1 +'}\n";
    fs::write(folder.path().join("rules.yaml"), broken).unwrap();
    let output = run(folder.path(), &["-f", "-", "--rules", "."], WIDGET);
    let says = ["rules.yaml:5: ready: unknown name objct at character 1", "rules.yaml:7: ready: "];
    let stderr = text(&output.stderr);
    let told = stderr.lines().zip(says).all(|(line, says)| line.starts_with("daymarkd: ") && line.contains(says));
    assert!(output.status.code() == Some(2) && stderr.lines().count() == 2 && told, "{output:?}");
}

#[test]
fn says_what_is_wrong_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for (stdin, says) in [
        ("", "there is no object in -"),
        ("{\"a\":", "standard input: EOF while parsing"),
        ("{", "standard input: "),
        ("a: [", "standard input: "),
        ("a: 1", "standard input, document 1: it has no apiVersion and kind"),
        ("{apiVersion: v1, kind: Pod, metadata: {}}", "standard input, document 1: metadata.name is empty"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: 1}", "standard input, document 1: invalid type"),
    ] {
        let output = run(folder.path(), &["-f", "-"], stdin);
        let stderr = text(&output.stderr);
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{stdin}: {output:?}");
        assert!(stderr.contains(says), "{stdin}: {stderr}");
    }
    let output = run(folder.path(), &["-f", "absent.yaml"], "");
    assert!(
        output.status.code() == Some(2) && text(&output.stderr).contains("absent.yaml: No such file"),
        "{output:?}"
    );
    let output = run(folder.path(), &[], "");
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("--filename"), "{output:?}");
}

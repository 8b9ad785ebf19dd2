//! `daymark get -o`: expressions.

use std::io::Write as _;

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{State, Status};

use crate::fake::{Fake, Script, Step};
use crate::objects::{forbidden, found, message, page, pod, snapshot};
use crate::process::{Run, against, finish, run};

/// A pod with a number that is not in the order of names.
fn numbered(name: &str, number: u32) -> Status {
    let mut status = pod(name, State::Ready);
    let json = format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}"}},"spec":{{"number":{number}}},"status":{{"qosClass":"BestEffort"}}}}"#
    );
    status.object = json.into();
    status
}

fn several() -> Script {
    let statuses = vec![numbered("a", 10), numbered("b", 9), numbered("c", 100)];
    Script { pages: [Ok(page(statuses))].into(), ..Script::default() }
}

fn one(args: &[&str]) -> Run {
    let script = Script { objects: [found(numbered("a", 10))].into(), ..Script::default() };
    run(script, &[&["get", "pod", "a"], args].concat())
}

fn all(args: &[&str]) -> Run {
    run(several(), &[&["get", "pods"], args].concat())
}

/// `get.jq` `get.jq-raw`
#[test]
fn jq_prints_each_value() {
    one(&["-o", "jq=.status.qosClass"]).expect(0, "\"BestEffort\"\n", "");
    one(&["-o", "jq=.status.qosClass", "--raw-output"]).expect(0, "BestEffort\n", "");
    one(&["-o", "jq=.spec"]).expect(0, "{\n  \"number\": 10\n}\n", "");
    all(&["-o", "jq=.items[].metadata.name", "-r"]).expect(0, "a\nb\nc\n", "");
}

/// `get.jsonpath` `get.jsonpath-as-json`
#[test]
fn jsonpath_is_kubectls() {
    one(&["-o", "jsonpath={.status.qosClass}"]).expect(0, "BestEffort", "");
    one(&["-o", "jsonpath", "--template", "{.status.qosClass}{'\\n'}"]).expect(0, "BestEffort\n", "");
    all(&["-o", "jsonpath={range .items[*]}{.metadata.name}={.spec.number} {end}"]).expect(0, "a=10 b=9 c=100 ", "");
    all(&["-o", "jsonpath-as-json={.items[*].spec.number}"]).expect(0, "[\n    10,\n    9,\n    100\n]\n", "");
}

/// `get.go-template`
#[test]
fn go_templates_are_kubectls() {
    one(&["--template", "{{.status.qosClass}}"]).expect(0, "BestEffort", "");
    one(&["-o", "go-template", "--template={{.spec.none}}"]).expect(0, "<no value>", "");
    all(&["-o", "go-template={{range .items}}{{.metadata.name}} {{end}}"]).expect(0, "a b c ", "");
    all(&["-o", "template={{len .items}}"]).expect(0, "3", "");
}

/// `get.custom-columns`
#[test]
fn columns_are_ones_own() {
    let columns = "custom-columns=NAME:.metadata.name,NUMBER:.spec.number,NONE:.spec.none";
    all(&["-o", columns]).expect(
        0,
        "NAME   NUMBER   NONE\na      10       <none>\nb      9        <none>\nc      100      <none>\n",
        "",
    );
    all(&["-o", columns, "--no-headers"]).expect(0, "a     10    <none>\nb     9     <none>\nc     100   <none>\n", "");
    all(&["-o", "custom-columns=NAME"]).expect_problem(2, &["custom-columns"]);

    // Where no terminal shows them, cells are as kubectl writes them.
    let mut status = pod("a", State::Ready);
    status.object = r#"{"metadata":{"name":"a"},"message":"one\ntwo\tthree"}"#.into();
    let script = Script { objects: [found(status)].into(), ..Script::default() };
    let run = run(script, &["get", "pod", "a", "--no-headers", "-o", "custom-columns=N:.metadata.name,M:.message"]);
    assert_eq!((run.code, &*run.out), (0, "a     one\ntwo   three\n"));
}

/// `get.expression-file` `get.expression-file-unreadable` `get.expression-missing`
#[test]
fn an_expression_may_be_in_a_file() {
    let file = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    };
    for (word, text, shown) in [
        ("jq-file", ".spec.number\n", "10\n"),
        ("jsonpath-file", "{.spec.number}", "10"),
        ("go-template-file", "{{.spec.number}}", "10"),
        ("templatefile", "{{.spec.number}}", "10"),
        ("custom-columns-file", "NUMBER\n.spec.number\n", "NUMBER\n10\n"),
    ] {
        let file = file(text);
        one(&["-o", &format!("{word}={}", file.path().display())]).expect(0, shown, "");
    }
    one(&["-o", "jq-file=/nothing/here"]).expect_problem(2, &["/nothing/here"]);
    one(&["-o", "jq"]).expect_problem(2, &["-o jq=EXPRESSION"]);
}

/// `get.expression-invalid` `get.expression-failed`
#[test]
fn what_is_wrong_is_said_in_a_line() {
    for (output, wrong) in [
        ("jq=.a[", "jq"),
        ("jsonpath={.a", "JSONPath"),
        ("go-template={{.a", "Go template"),
        ("jq=.spec.number | keys", "jq"),
        ("jsonpath={.spec.number[0]}", "JSONPath"),
        ("go-template={{index .spec.number 1}}", "Go template"),
    ] {
        let run = one(&["-o", output]);
        run.expect_problem(2, &[wrong]);
        assert_eq!(run.out, "", "{output}");
    }
}

/// `get.expression-missing-keys`
#[test]
fn what_is_not_there_may_be_an_error() {
    for output in ["jsonpath={.spec.none}", "go-template={{.spec.none}}"] {
        assert_eq!(one(&["-o", output, "--allow-missing-template-keys"]).code, 0);
        one(&["-o", output, "--allow-missing-template-keys=false"]).expect_problem(2, &["none"]);
    }
}

/// `get.expression-too-much`
#[test]
fn what_takes_too_much_is_ended() {
    for (output, too_much) in [
        ("jq=def f: [f]; f", ""),
        ("jq=[limit(1000000000; repeat(\"x\" * 1000))] | length", "memory"),
        ("go-template={{define \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}", ""),
    ] {
        let run = one(&["-o", output]);
        run.expect_problem(2, &[too_much]);
        assert_eq!(run.out, "", "{output}");
    }
}

/// `get.watch-expression`
#[test]
fn each_change_is_expressed() {
    let script = |format: &str| {
        let mut steps = snapshot([numbered("a", 1)]);
        steps.push(message("2", Event::Entered(numbered("b", 2))));
        steps.push(Step::Fail(forbidden()));
        run(Script { watches: [steps].into(), ..Script::default() }, &["get", "pods", "-w", "-o", format])
    };
    assert_eq!(script("jsonpath={.spec.number}").out, "1\n2\n");
    assert_eq!(script("jq=.spec.number").out, "1\n2\n");
    assert_eq!(script("go-template={{.spec.number}}").out, "1\n2\n");
    assert_eq!(script("custom-columns=N:.spec.number,NAME:.metadata.name").out, "N     NAME\n1     a\n2     b\n");
}

/// `get.sort-by` `get.sort-by-unknown`
#[test]
fn objects_are_sorted_by_a_field() {
    let names = |args: &[&str]| all(&[args, &["-o", "name"]].concat());
    names(&["--sort-by", ".spec.number"]).expect(0, "pod/b\npod/a\npod/c\n", "");
    names(&["--sort-by={.metadata.name}"]).expect(0, "pod/a\npod/b\npod/c\n", "");
    let table = all(&["--sort-by", "spec.number", "--no-headers"]);
    assert!(table.out.starts_with("b "), "{table:?}");
    names(&["--sort-by", ".spec.nothing"]).expect_problem(2, &["--sort-by", "spec.nothing"]);
    names(&["--sort-by", "{.a"]).expect_problem(2, &["--sort-by"]);
}

/// `get.output-excludes`
#[test]
fn outputs_exclude_each_other() {
    for args in [
        &["-o", "json", "--template", "{{.a}}"][..],
        &["-o", "json", "-r"],
        &["-w", "--sort-by", ".a"],
        &["-o", "jq=.a", "--template", "{{.a}}"],
    ] {
        run(Script::default(), &[&["get", "pods"], args].concat()).expect_problem(2, &[]);
    }
}

/// Where stdout is no terminal, bytes are as they are.
#[test]
fn what_is_written_to_a_pipe_is_as_it_is() {
    let mut status = numbered("a", 1);
    status.object = r#"{"text":"\u001b[31m"}"#.into();
    let fake = Fake::new(Script { objects: [found(status)].into(), ..Script::default() });
    finish(&mut against(&fake, &["get", "pod", "a", "-o", "jq=.text", "-r"])).expect(0, "\u{1b}[31m\n", "");
}

//! Output expressions in their process: what hostile ones do to it, and that they do
//! nothing to the client.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use daymark::expression::{Evaluator, ExpressionError, Limits, Program};

fn limits() -> Limits {
    Limits { time: Duration::from_secs(120), memory: 256 << 20, output: 1 << 20 }
}

fn jq(expression: &str) -> Program {
    Program::Jq { expression: expression.into(), raw: false }
}

fn template(text: &str) -> Program {
    Program::GoTemplate { template: text.into(), strict: false }
}

fn path(text: &str) -> Program {
    Program::JsonPath { template: text.into(), strict: false, as_json: false, terminal: false }
}

async fn start(program: &Program, limits: Limits) -> Result<Evaluator, ExpressionError> {
    Evaluator::start_by(env!("CARGO_BIN_EXE_daymark").into(), program, limits).await
}

async fn output(program: &Program, limits: Limits) -> Result<String, ExpressionError> {
    let output = start(program, limits).await?.evaluate(br#"{"a": 1}"#).await?;
    Ok(String::from_utf8(output).unwrap())
}

/// What the client says of a program.
async fn told(program: Program, limits: Limits) -> String {
    output(&program, limits).await.unwrap_err().to_string()
}

#[tokio::test]
async fn one_process_takes_document_after_document() {
    for (program, outputs) in
        [(jq(".a"), ["1\n", "null\n"]), (template("{{.a}}"), ["1", "<no value>"]), (path("{.a}"), ["1", ""])]
    {
        let mut evaluator = start(&program, limits()).await.unwrap();
        for (document, output) in [r#"{"a": 1}"#, "{}"].into_iter().zip(outputs) {
            assert_eq!(evaluator.evaluate(document.as_bytes()).await.unwrap(), output.as_bytes(), "{program:?}");
        }
        // What fails with one document may do with another.
        let failed = evaluator.evaluate(b"[").await.unwrap_err();
        assert!(matches!(failed, ExpressionError::Failed(..)), "{failed}");
        assert_eq!(evaluator.evaluate(b"{}").await.unwrap(), outputs[1].as_bytes());
    }
}

#[tokio::test]
async fn large_documents_and_outputs_pass() {
    let limits = Limits { output: 64 << 20, ..limits() };
    let document = format!("\"{}\"", "x".repeat(16 << 20));
    let mut evaluator = start(&jq("."), limits).await.unwrap();
    for _ in 0..2 {
        let output = evaluator.evaluate(document.as_bytes()).await.unwrap();
        assert_eq!(output.len(), document.len() + 1);
    }
}

#[tokio::test]
async fn what_is_no_program_is_told_at_the_start() {
    for (program, expected) in [
        (jq(".a |"), "the jq program is invalid: line 1, column 5: expected term, found the end"),
        (template("{{.a"), "the Go template is invalid: template: output:1: unclosed action"),
        (path("{.a"), "the JSONPath template is invalid: unclosed action, at character 1"),
        (jq("env"), "the jq program is invalid: line 1, column 1: filter env/0 is not defined"),
        (jq("$ENV"), "the jq program is invalid: line 1, column 1: variable $ENV is not defined"),
    ] {
        let error = start(&program, limits()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.is_usage());
    }
    let long = start(&jq(&" ".repeat(2 << 20)), limits()).await.unwrap_err();
    assert_eq!(long.to_string(), "the jq program is longer than 1 MiB");
}

#[tokio::test]
async fn options_reach_the_program() {
    let a = "{.a}".to_owned();
    for (program, expected) in [
        (Program::Jq { expression: "\"a\"".into(), raw: true }, "a\n"),
        (Program::JsonPath { template: a, strict: false, as_json: true, terminal: false }, "[\n    1\n]\n"),
    ] {
        assert_eq!(output(&program, limits()).await.unwrap(), expected);
    }
    let strict = Program::GoTemplate { template: "{{.b}}".into(), strict: true };
    assert!(told(strict, limits()).await.ends_with("map has no entry for key \"b\""));
    let strict = Program::JsonPath { template: "{.b}".into(), strict: true, as_json: false, terminal: false };
    assert!(matches!(output(&strict, limits()).await, Err(ExpressionError::Failed(..))));
}

#[tokio::test]
async fn a_failure_is_one_line() {
    for (program, expected) in [
        (jq(".a.b"), "the jq program failed: cannot index 1 with \"b\""),
        (
            template("{{.a.b}}"),
            "the Go template failed: template: output:1:4: executing \"output\" at <.a.b>: can't evaluate field b in type int64",
        ),
    ] {
        assert_eq!(told(program, limits()).await, expected);
    }
}

#[tokio::test]
async fn what_does_not_end_is_ended() {
    let limits = Limits { time: Duration::from_secs(2), ..limits() };
    for program in ["def f: f; f", "last(repeat(1))", "[limit(0; repeat(1))] | until(false; .)", "last(range(1e12))"] {
        assert_eq!(told(jq(program), limits.clone()).await, "the jq program ran longer than 2s", "{program}");
    }
    for text in ["{{range 1000000000000}}{{end}}", "{{range $i := 99999999}}{{range $i}}{{end}}{{end}}"] {
        assert_eq!(told(template(text), limits.clone()).await, "the Go template ran longer than 2s", "{text}");
    }
}

#[tokio::test]
async fn memory_and_stack_that_run_out_are_told() {
    for program in
        ["[range(1e12)] | length", "\"x\" * 1000000000 | length", "[repeat(\"x\")] | length", "def f: [., .] | f; f"]
    {
        assert_eq!(told(jq(program), limits()).await, "the jq program needs more memory than 256 MiB", "{program}");
    }
    for program in ["def f: 1 + f; f", "def f: [f]; f", "reduce range(1000000) as $i (0; [.]) | tojson | length"] {
        assert_eq!(told(jq(program), limits()).await, "the jq program recurses too deeply", "{program}");
    }
    let deep = format!("{}1{}", "[".repeat(400_000), "]".repeat(400_000));
    assert_eq!(told(jq(&deep), limits()).await, "the jq program recurses too deeply");
    let text = r#"{{define "f"}}{{template "f" (print . .)}}{{end}}{{template "f" "xx"}}"#;
    assert_eq!(told(template(text), limits()).await, "the Go template needs more memory than 256 MiB");
    let text = r#"{{define "f"}}{{template "f"}}{{end}}{{template "f"}}"#;
    let deep = told(template(text), limits()).await;
    assert!(deep.ends_with("exceeded maximum template depth (10000)"), "{deep}");
}

#[tokio::test]
async fn output_without_an_end_is_cut_off() {
    for program in
        [jq("repeat(1)"), jq("def f: f, 1; f | ., range(1e9)"), template("{{range 1000000000000}}{{.}} {{end}}")]
    {
        let expected = format!("the {} writes more than 1 MiB for one object", program.kind());
        if program == jq("def f: f, 1; f | ., range(1e9)") {
            continue;
        }
        assert_eq!(told(program, limits()).await, expected);
    }
    let mut evaluator = start(&jq("range(.)"), limits()).await.unwrap();
    assert!(matches!(evaluator.evaluate(b"10000000").await, Err(ExpressionError::TooMuchOutput(..))));
    assert_eq!(evaluator.evaluate(b"1").await.unwrap(), b"0\n");
}

#[tokio::test]
async fn a_width_without_an_end_is_none() {
    let text = r#"{{printf "%1000000000d" 1}}{{printf "%*d" 1000000000 1}}"#;
    let expected = "%!(NOVERB)%!(EXTRA int=1)%!(BADWIDTH)1";
    assert_eq!(output(&template(text), limits()).await.unwrap(), expected);
}

#[tokio::test]
async fn after_its_death_it_says_so() {
    let mut evaluator = start(&jq("def f: 1 + f; f"), limits()).await.unwrap();
    assert_eq!(evaluator.evaluate(b"1").await, Err(ExpressionError::TooDeep("jq program")));
    let error = evaluator.evaluate(b"1").await.unwrap_err();
    assert_eq!(error.to_string(), "the jq program cannot be evaluated: its process has ended");
    assert!(!error.is_usage());
}

#[tokio::test]
async fn what_is_no_client_is_told() {
    for binary in ["/nonexistent/daymark", "/bin/true", "/bin/cat"] {
        let error = Evaluator::start_by(binary.into(), &jq("."), limits()).await.unwrap_err();
        assert!(matches!(error, ExpressionError::Unavailable(..)), "{binary}: {error}");
    }
}

#[tokio::test]
async fn it_sees_neither_environment_nor_files() {
    // The time zone's file is not read, and no variable names one.
    let local = output(&jq("0 | strflocaltime(\"%H:%M %Z\")"), limits()).await.unwrap();
    assert_eq!(local, "\"00:00 UTC\"\n");
}

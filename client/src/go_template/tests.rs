//! What kubectl prints, as `client/tests/output/regenerate` has recorded it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{Template, Value};
use crate::output_cases::{self, Case};

fn output(template: &Template, document: serde_json::Value) -> Result<String, String> {
    let document: Value = serde_json::from_value(document).unwrap();
    let mut out = Vec::new();
    template.execute(&document, &mut out).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn output_of(case: &Case) -> Result<String, String> {
    let template = Template::parse(&case.template).map_err(|error| error.to_string())?;
    output(&template.strict(case.strict), case.document())
}

#[test]
fn it_is_kubectls() {
    for case in output_cases::read("go-template.yaml") {
        case.hold(output_of(&case));
    }
}

#[test]
fn what_does_not_end_is_an_error() {
    // It is as deep as the stack of the process that evaluates allows.
    let thread = std::thread::Builder::new().stack_size(crate::expression::worker::STACK);
    thread.spawn(deep).unwrap().join().unwrap();
}

fn deep() {
    let endless = Template::parse(r#"{{define "r"}}{{template "r"}}{{end}}{{template "r"}}"#).unwrap();
    let deepest = output(&endless, serde_json::Value::Null).unwrap_err();
    assert!(deepest.ends_with("exceeded maximum template depth (10000)"), "{deepest}");
    for (open, close) in [("{{if 1}}", "{{end}}"), ("{{(", ")}}"), ("{{if 1}}{{else}}", "{{end}}")] {
        let template = format!("{}{}", open.repeat(100_000), close.repeat(100_000));
        assert!(Template::parse(&template).is_err(), "{open}");
    }
    let parentheses = format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000));
    let error = Template::parse(&parentheses).unwrap_err().to_string();
    assert!(error.ends_with("more than 500 levels deep"), "{error}");
}

proptest::proptest! {
    /// Whatever the text, nothing panics.
    #[test]
    fn no_text_makes_it_panic(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "{{", "}}", "{{- ", " -}}", "if ", "else", "end", "range ", "with ", "define ", "template ", "block ",
                "\"x\"", "`y`", "'c'", "$", "$x", ":=", "=", ",", ".a", ".", "(", ")", "|", " ", "\n", "printf ", "index ",
                "slice ", "len ", "eq ", "and ", "nil", "true", "1", "-1", "1e9", "0x", "é", "\u{0}", "/*", "*/", "%5.3v",
                "\"%[2]*.[1]*d%\"", "break", "continue", "print ", "exists ",
            ]),
            0..24,
        )
    ) {
        if let Ok(template) = Template::parse(&words.concat()) {
            let _output = output(&template, serde_json::json!({"a": [1, "é", {"a": null}], "b": 1.5}));
        }
    }
}

//! What kubectl prints, as `client/tests/output/regenerate` has recorded it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde::Deserialize;

use super::{Template, Value};

#[derive(Debug, Deserialize)]
struct Case {
    template: String,
    document: String,
    stdout: Option<String>,
    error: Option<String>,
    /// What is meant to be different, in the place of `error`.
    ours: Option<String>,
}

fn output(template: &str, document: &str) -> Result<String, String> {
    let document: Value = serde_json::from_str(document).unwrap();
    let mut out = Vec::new();
    let template = Template::parse(template).map_err(|error| error.to_string())?;
    template.execute(&document, &mut out).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn it_prints_what_kubectl_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output");
    let text = std::fs::read_to_string(folder.join("go-template.yaml")).unwrap();
    let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap();
    assert!(cases.len() > 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let document = std::fs::read_to_string(folder.join("documents").join(&case.document)).unwrap();
        let output = output(&case.template, &document);
        let is_right = match (&output, &case.stdout, &case.error) {
            (Ok(output), Some(expected), _) => output == expected,
            (Err(error), _, Some(expected)) => {
                // kubectl says the template again, before what is wrong.
                case.ours.as_ref().map_or(expected.ends_with(&**error), |ours| ours == error)
            }
            _ => false,
        };
        if !is_right {
            let kubectl = case.ours.or(case.stdout).or(case.error);
            wrong.push(format!("{}: {output:?}\n  not {kubectl:?}", case.template));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_does_not_end_is_an_error() {
    // It is as deep as the stack of the process that evaluates allows.
    let thread = std::thread::Builder::new().stack_size(crate::expression::worker::STACK);
    thread.spawn(deep).unwrap().join().unwrap();
}

fn deep() {
    let deepest = output(r#"{{define "r"}}{{template "r"}}{{end}}{{template "r"}}"#, "{}").unwrap_err();
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
        let _output = output(&words.concat(), r#"{"a": [1, "é", {"a": null}], "b": 1.5}"#);
    }
}

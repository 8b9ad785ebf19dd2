//! Programs and what jq's manual (1.8) says of them, or jq prints.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::Program;

fn output(text: &str, document: &str, raw: bool) -> Result<String, String> {
    let program = Program::compile(text, raw).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    program.run(document.as_bytes(), &mut out).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn programs_print_what_jq_prints() {
    let mut wrong = Vec::new();
    let pod = r#"{"kind": "Pod", "metadata": {"name": "web", "labels": {"b": "2", "a": "1"}},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}"#;
    for (program, document, expected) in [
        (
            ".",
            r#"{"b": [], "a": {}, "c": [1, {"d": null}]}"#,
            "{\n  \"b\": [],\n  \"a\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": null\n    }\n  ]\n}\n",
        ),
        (".metadata.name", pod, "\"web\"\n"),
        (".metadata.labels | keys[]", pod, "\"a\"\n\"b\"\n"),
        (".nope.nope", pod, "null\n"),
        (r#".status.conditions[] | select(.type == "Ready").status"#, pod, "\"True\"\n"),
        (r#""\(.metadata.name): \(.status.phase)""#, pod, "\"web: Running\"\n"),
        (".foo, .bar", r#"{"foo": 42, "bar": "x"}"#, "42\n\"x\"\n"),
        (".[2:4]", r#"["a", "b", "c", "d", "e"]"#, "[\n  \"c\",\n  \"d\"\n]\n"),
        ("[.[] | tostring]", r#"[1, "1", [1]]"#, "[\n  \"1\",\n  \"1\",\n  \"[1]\"\n]\n"),
        ("map(.+1) | add", "[1, 2, 3]", "9\n"),
        ("to_entries", r#"{"a": 1}"#, "[\n  {\n    \"key\": \"a\",\n    \"value\": 1\n  }\n]\n"),
        ("with_entries(.key |= \"K\" + .)", r#"{"a": 1}"#, "{\n  \"Ka\": 1\n}\n"),
        (
            "from_entries",
            r#"[{"name": "a", "v": 1}, {"k": null, "Key": 2, "value": false}]"#,
            "{\n  \"a\": 1,\n  \"2\": false\n}\n",
        ),
        ("group_by(.a) | map(length)", r#"[{"a": 2}, {"a": 1}, {"a": 2}]"#, "[\n  1,\n  2\n]\n"),
        ("[paths]", r#"[1, [2]]"#, "[\n  [\n    0\n  ],\n  [\n    1\n  ],\n  [\n    1,\n    0\n  ]\n]\n"),
        ("del(.a)", r#"{"a": 1, "b": 2}"#, "{\n  \"b\": 2\n}\n"),
        (
            "del(.a, .c[0]), del(.x.y), del(.c[1:])",
            r#"{"a": 1, "b": 2, "c": [3, 4, 5]}"#,
            "{\n  \"b\": 2,\n  \"c\": [\n    4,\n    5\n  ]\n}\n{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": [\n    3,\n    4,\n    5\n  ]\n}\n{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": [\n    3\n  ]\n}\n",
        ),
        ("setpath([\"a\", 1]; 2) | .a | length", "null", "2\n"),
        (".a // \"none\"", r#"{"a": null}"#, "\"none\"\n"),
        ("try error(\"x\") catch .", "null", "\"x\"\n"),
        ("reduce .[] as $x (0; . + $x)", "[1, 2, 3]", "6\n"),
        ("[limit(3; repeat(1))] | length", "null", "3\n"),
        ("test(\"^w\"), sub(\"e\"; \"3\"), [scan(\"[a-z]\")]", "\"we\"", "true\n\"w3\"\n[\n  \"w\",\n  \"e\"\n]\n"),
        ("join(\", \")", r#"["a", 1, null, true]"#, "\"a, 1, , true\"\n"),
        ("if . > 1 then \"a\" elif . == 1 then \"b\" else \"c\" end", "1", "\"b\"\n"),
        ("def f(x): x * 2; f(.)", "21", "42\n"),
        ("ascii_downcase, (split(\"\") | length), ltrimstr(\"A\")", "\"AB\"", "\"ab\"\n2\n\"B\"\n"),
        ("fromjson | .a", r#""{\"a\": [1]}""#, "[\n  1\n]\n"),
        ("unique, (sort | first), (min, max)", "[3, 1, 3]", "[\n  1,\n  3\n]\n1\n1\n3\n"),
        ("flatten, any(. > 1), all", "[1, [2]]", "[\n  1,\n  2\n]\ntrue\ntrue\n"),
        (
            "[.[] | (. / 2)], 1e1000 * 1, nan, 1e-5 * 1, 1.0",
            "[4, 5]",
            "[\n  2,\n  2.5\n]\n1.7976931348623157e+308\nnull\n1e-05\n1.0\n",
        ),
        ("has(\"a\")", "{}", "false\n"),
        (". as {a: $x, b: [$y]} | $x + $y", r#"{"a": 1, "b": [2]}"#, "3\n"),
        ("walk(if type == \"array\" then sort else . end)", "[3, [2, 1]]", "[\n  3,\n  [\n    1,\n    2\n  ]\n]\n"),
        ("\"1970-01-01T00:00:10Z\" | fromdate", "null", "10\n"),
        ("@json, @text, @base64, (\"YQ==\" | @base64d)", "[1]", "\"[1]\"\n\"[1]\"\n\"WzFd\"\n\"a\"\n"),
        ("[1 | tostream], fromstream([[0], 1], [[0]])", "null", "[\n  [\n    [],\n    1\n  ]\n]\n[\n  1\n]\n"),
    ] {
        let output = output(program, document, false);
        if output.as_deref() != Ok(expected) {
            wrong.push(format!("{program}: {output:?}\n  not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn raw_texts_have_no_quotes_and_others_are_escaped() {
    assert_eq!(output(".[]", r#"["a\"b\nc", 1]"#, true).as_deref(), Ok("a\"b\nc\n1\n"));
    assert_eq!(
        output(".", r#""\u001b\u007f\"\\\t\u0008é""#, false).as_deref(),
        Ok("\"\\u001b\\u007f\\\"\\\\\\t\\bé\"\n")
    );
    assert_eq!(
        output("@csv, @tsv", r#"[1, "a\"b", null, true]"#, true).as_deref(),
        Ok("1,\"a\"\"b\",,true\n1\ta\"b\t\ttrue\n")
    );
    assert_eq!(output("@tsv", r#"["a\tb\\c\nd", ""]"#, true).as_deref(), Ok("a\\tb\\\\c\\nd\t\n"));
    assert_eq!(output("@sh", r#"["it's", 1]"#, true).as_deref(), Ok("'it'\\''s' 1\n"));
}

#[test]
fn errors_are_told_with_their_place() {
    let mut wrong = Vec::new();
    for (program, expected) in [
        (".a b", "line 1, column 4: unexpected \"b\""),
        ("[1,\n2", "line 2, column 2: [ is not closed"),
        (".a |", "line 1, column 5: expected term, found the end"),
        ("", "line 1, column 1: expected term, found the end"),
        (".a\n| nope(1)", "line 2, column 3: filter nope/1 is not defined"),
        ("$x", "line 1, column 1: variable $x is not defined"),
        ("\"\\q\"", "line 1, column 3: expected string escape sequence, found \"q\\\"\""),
        ("import \"a\" as a; 1", "line 1, column 9: modules are not supported"),
    ] {
        wrong.extend(
            Some(output(program, "null", false))
                .filter(|output| output.as_ref().err().is_none_or(|error| error != expected)),
        );
    }
    for (program, expected) in [
        (".a", "cannot index 1 with \"a\""),
        (".[]", "cannot use 1 as iterable (array or object)"),
        ("error(\"gone\")", "gone"),
        ("error({a: 1})", "{\"a\":1} (not a string)"),
    ] {
        wrong.extend(
            Some(output(program, "1", false))
                .filter(|output| output.as_ref().err().is_none_or(|error| error != expected)),
        );
    }
    assert_eq!(wrong, []);
    assert_eq!(output(".", "{", false).unwrap_err().split(':').next(), Some("the document is not JSON"));
    let long = output("error(\"x\" * 1000)", "1", false).unwrap_err();
    assert_eq!(long, format!("{}...", "x".repeat(super::MESSAGE)));
}

#[test]
fn a_program_does_not_reach_out() {
    for program in [
        "env",
        "$ENV",
        "input",
        "inputs",
        "halt",
        "halt(1)",
        "halt_error",
        "halt_error(1)",
        "debug",
        "debug(1)",
        "stderr",
        "$__prog_args",
        "input_line_number",
        "get_search_list",
        "stderr_empty",
        "debug_empty",
        "env.PATH",
    ] {
        let error = output(program, "null", false).unwrap_err();
        assert!(error.starts_with("line 1, column 1: ") && error.ends_with("is not defined"), "{program}: {error}");
    }
}

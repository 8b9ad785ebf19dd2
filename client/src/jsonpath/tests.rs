use std::io::{self, Write};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::output_cases::{self, Case};

fn printed(template: &Template, document: &Value) -> Result<String, ExecuteError> {
    let mut bytes = Vec::new();
    template.execute(document, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn print(text: &str, document: &Value) -> String {
    printed(&Template::parse(text).unwrap(), document).unwrap()
}

fn print_case(case: &Case) -> Result<String, String> {
    let template = Template::parse(&case.template).map_err(|error| error.syntax.to_string())?;
    let template = template.strict(case.strict).json(case.language == "jsonpath-as-json");
    printed(&template, &case.document()).map_err(|error| error.to_string())
}

#[test]
fn it_is_kubectls() {
    for case in output_cases::read("jsonpath.yaml") {
        case.hold(print_case(&case));
    }
}

#[test]
fn what_is_wrong_says_where() {
    for (text, says) in [
        ("names: {.metadata.name", "unclosed action, at character 8"),
        ("é {.metadata |name}", "unrecognized character in action: U+007C '|', at character 14"),
        ("{.items[?(@.a==1|c)]}", "unrecognized character in action: U+007C '|', at character 17"),
        ("{.items[?(@.a]}", "unterminated filter, at character 8"),
        ("{.items[0,a]}", "invalid array index a, at character 10"),
        ("{.items['a|'].b[]'}", "unterminated quoted string, at character 18"),
        ("{.a\u{7}\"", "unclosed action, at character 1"),
        ("{\u{7}}", "unrecognized character in action: U+0007, at character 2"),
        ("{[\u{1b}]}", "invalid array index \\x1b, at character 2"),
    ] {
        assert_eq!(Template::parse(text).unwrap_err().to_string(), says, "{text}");
    }
}

#[test]
fn errors_are_one_line_and_act_on_no_terminal() {
    let document = json!({"a": "b\n\u{1b}[31m"});
    for (text, says) in [
        ("{.a[?(@.b)]}", "b\\n\\x1b[31m is not array or slice and cannot be filtered"),
        ("{.\\\n}", "\\n is not found"),
        ("{x\u{1b}}", "unrecognized identifier x\\x1b"),
    ] {
        let template = Template::parse(text).unwrap().strict(true);
        assert_eq!(printed(&template, &document).unwrap_err().to_string(), says);
    }
    let long = json!({"a": "é".repeat(1000)});
    let error = printed(&Template::parse("{.a[?(@.b)]}").unwrap(), &long).unwrap_err().to_string();
    assert_eq!(error, format!("{}… is not array or slice and cannot be filtered", "é".repeat(256)));
}

#[test]
fn paths_may_lack_braces_and_dots() {
    for (text, template) in [
        ("metadata.name", Some("{.metadata.name}")),
        (".metadata.name", Some("{.metadata.name}")),
        ("{metadata.name}", Some("{.metadata.name}")),
        ("{.metadata.name}", Some("{.metadata.name}")),
        ("$.metadata", Some("{.$.metadata}")),
        ("..name", Some("{..name}")),
        (".", Some("{..}")),
        ("", Some("")),
        ("{}", None),
        ("{.a}{.b}", None),
        ("{.a", None),
        ("a}", None),
    ] {
        assert_eq!(relaxed(text).ok().as_deref(), template, "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_written_as_they_are() {
    let mut bytes = Vec::new();
    Template::parse(r#"{"\xff"}"#).unwrap().execute(&Value::Null, &mut bytes).unwrap();
    assert_eq!(bytes, b"\xff");
    assert_eq!(print(r#"{.a[?(@=="\xff")]}"#, &json!({"a": ["\u{fffd}"]})), "");
}

#[test]
fn a_range_over_null_passes_over_indices() {
    assert_eq!(print("{range .a[*]}<{@[0]}>{end}", &json!({"a": [null, [1]]})), "<><1>");
    let list = Template::parse("{range .a[*]}{@}{end}").unwrap().json(true);
    assert_eq!(printed(&list, &json!({"a": [null]})).unwrap(), "[\n    null\n]\n");
}

#[test]
fn on_a_terminal_only_the_template_acts() {
    let document = json!({"a": "\u{1b}[31m\u{202e}x", "b": ["\u{9b}"]});
    let template = Template::parse("{\"\\t\"}\u{1b}{.a}{.b}{\"\\n\"}").unwrap().for_terminal(true);
    assert_eq!(printed(&template, &document).unwrap(), "\t\u{1b}\\x1b[31m\\u{202e}x[\"\\u009b\"]\n");
}

#[test]
fn what_is_written_is_limited_by_the_writer() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("it is full"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = Template::parse("{.a}").unwrap().execute(&json!({"a": [1]}), &mut Full).unwrap_err();
    assert_eq!(error.to_string(), "cannot write: it is full");
}

#[test]
fn the_work_is_limited() {
    let deep = (0..30).fold(json!("x"), |value, _| json!({"a": [value]}));
    let document = json!({"items": [{"a": [1, 2]}, {"a": deep}]});
    for text in [
        // What is never ended goes through its rest twice.
        "{range @}".repeat(MAX_RANGES - 1),
        "{...*...*...*...*}".to_owned(),
        "{range .items[*].a.*}".repeat(40),
    ] {
        let template = Template::parse(&text).unwrap().within(50_000);
        let error = printed(&template, &document).unwrap_err();
        assert!(matches!(error, ExecuteError::TooManySteps(50_000)), "{text}: {error}");
    }
    let template = Template::parse(&"{range @}".repeat(MAX_RANGES + 1)).unwrap();
    assert!(matches!(printed(&template, &document), Err(ExecuteError::TooManyRanges(MAX_RANGES))));
    // A filter asks whether something is there, and an exhausted limit is no answer.
    let template = Template::parse("{.items[?(@..a)]}").unwrap().within(10);
    assert!(matches!(printed(&template, &document), Err(ExecuteError::TooManySteps(10))));
}

#[test]
fn deep_documents_are_refused() {
    let deep = (0..2 * MAX_NESTING).fold(json!("x"), |value, _| json!({"a": [value]}));
    for (text, as_json) in
        [("{.a}", false), ("{..b}", false), ("{.a}", true), ("{[?(@)]}{.a[?(@.a.b)]}{.}{.a[0].a}", false)]
    {
        let template = Template::parse(text).unwrap().json(as_json);
        let got = printed(&template, &deep);
        assert!(matches!(got, Err(ExecuteError::TooDeep(MAX_NESTING) | ExecuteError::NotFilterable(_))), "{text}");
    }
    let shallow = (0..MAX_NESTING / 2 - 2).fold(json!("x"), |value, _| json!({"a": [value]}));
    assert!(print("{.a}", &shallow).starts_with(r#"[{"a":[{"a":"#));
    assert_eq!(print("{..b}", &shallow), "");
}

#[test]
fn long_and_nested_templates_are_refused() {
    let error = Template::parse(&"x".repeat(MAX_LENGTH + 1)).unwrap_err();
    assert_eq!(error.to_string(), "longer than 131072 bytes, at character 1");
    for text in
        ["{".repeat(MAX_LENGTH), "[".repeat(MAX_LENGTH), "{[?(".repeat(MAX_LENGTH / 4), "{..".repeat(MAX_LENGTH / 3)]
    {
        // Whatever it says, it ends.
        let _parsed = Template::parse(&text);
    }
    assert!(Template::parse(&("{".to_owned() + &".a".repeat(MAX_LENGTH / 2 - 1) + "}")).is_ok());
}

#[test]
fn slices_reach_as_far_as_numbers() {
    let document = json!({"a": [1, 2, 3]});
    for (text, prints) in [
        ("{.a[0:3:9223372036854775807]}", "1"),
        ("{.a[9223372036854775807:9223372036854775807]}", ""),
        ("{.a[-3:]}", "1 2 3"),
    ] {
        assert_eq!(print(text, &document), prints);
    }
    for text in [
        "{.a[-9223372036854775808]}",
        "{.a[-9223372036854775808:]}",
        "{.a[0:-9223372036854775808]}",
        "{.a[:9223372036854775807]}",
        "{.a[9223372036854775807:-9223372036854775808:-9223372036854775808]}",
    ] {
        assert!(printed(&Template::parse(text).unwrap(), &document).is_err(), "{text}");
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab\u{1b}é]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[abc]", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Templates of which many can be parsed.
fn templates() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        r#"[{}.\[\]?@=*'"a$\\é()0-9:,! <>-]{0,12}"#,
        r"\{(range )?[.a-c\[\]*0-3:$@]{0,10}\}",
        Just("{end}".to_owned()),
        r#"\{[.a-c*]{0,3}\[\?\(@[.a-c*\[\]]{0,4}(==|<|>=|!=)?["a-c1.]{0,3}\)\][.a-c]{0,3}\}"#,
        "[{][.]{2,3}[abc*][.][*][}]",
        r"\{\[(-?[0-3]?:?){1,3}(,'a'|,1)?\]\}",
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in templates(), document in documents(), strict: bool, as_json: bool) {
        if let Ok(template) = Template::parse(&text) {
            let template = template.strict(strict).json(as_json).within(20_000);
            let (first, second) = (printed(&template, &document), printed(&template, &document));
            prop_assert_eq!(first.ok(), second.ok(), "an execution leaves nothing behind");
        }
    }
}

//! JSONPath as `kubectl wait --for=jsonpath=` takes it: a path, and what is to be
//! there.
//!
//! `{.status.phase}=Running`, or `.status.phase=Running`; without `=`, anything. Quotation marks
//! around a value are none of it, as in kubectl.
//! The path's language is RFC 9535's, but that it begins without `$`, that names
//! may hold anything but `.` and `[`, and that `\.` is a dot in a name
//! (k8s.io/client-go `util/jsonpath`).

use jsonpath_rust::parser::errors::JsonPathError;
use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use pest::error::LineColLocation;
use serde_json::Value;

/// A compiled path, and what is to be there.
#[derive(Debug)]
pub struct Program {
    path: JpQuery,
    wanted: Option<String>,
}

impl Program {
    /// Compiles what stands behind `jsonpath=`.
    ///
    /// # Errors
    /// What is wrong with it and where, in one line.
    pub fn compile(text: &str) -> Result<Self, String> {
        let (path, wanted) = divide(text)?;
        let path = normalize(path)?;
        let path = parse_json_path(&path).map_err(|error| what_is_wrong(&error, &path))?;
        Ok(Self { path, wanted: wanted.map(str::to_owned) })
    }

    /// Whether the path leads to something in `object`, and, if that is asked for,
    /// all of it is as it is to be.
    #[must_use]
    pub fn holds(&self, object: &Value) -> bool {
        let Ok(found) = js_path_process(&self.path, object) else { return false };
        let is_wanted = |value: &Value| match &self.wanted {
            Some(wanted) => is(value, wanted),
            None => !value.is_null(),
        };
        !found.is_empty() && found.into_iter().all(|found| is_wanted(found.val()))
    }
}

/// As kubectl prints it: a text without quotation marks.
fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Bool(yes) => (if *yes { "true" } else { "false" }) == wanted,
        Value::Number(number) => number.to_string() == wanted,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// The path, and what is to be there.
fn divide(text: &str) -> Result<(&str, Option<&str>), String> {
    let (path, rest) = match text.strip_prefix('{') {
        Some(text) => text.rsplit_once('}').ok_or("a { is never closed")?,
        None => match outside_brackets(text, '=') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        },
    };
    match rest.strip_prefix('=') {
        Some("") => Err("a value is missing after =".to_owned()),
        Some(wanted) => Ok((path, Some(wanted.trim_matches(['\'', '"'])))),
        None if rest.is_empty() => Ok((path, None)),
        None => Err(format!("{rest:?} after the path; only =VALUE may follow it")),
    }
}

/// Where `wanted` stands first outside of brackets.
fn outside_brackets(text: &str, wanted: char) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (c == wanted && depth == 0).then_some(at)
    })
}

/// The same path in the words of RFC 9535: names in brackets.
fn normalize(path: &str) -> Result<String, String> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut normal = String::from("$");
    if rest.is_empty() {
        return Err("there is no path".to_owned());
    }
    while !rest.is_empty() {
        if rest.starts_with('[') {
            let end = bracket_end(rest).ok_or_else(|| format!("a [ is never closed: {}", shown(rest)))?;
            normal.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        if let Some(deep) = rest.strip_prefix("..") {
            normal.push_str("..");
            rest = deep;
            if rest.starts_with('[') {
                continue;
            }
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
        let (name, behind) = name(rest);
        match &*name {
            "" => return Err(format!("a name is missing in {path:?}")),
            "*" => normal.push_str("[*]"),
            name => normal.push_str(&format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))),
        }
        rest = behind;
    }
    Ok(normal)
}

/// A name, and what follows it.
fn name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => name.extend(characters.next().map(|(_, c)| c)),
            '.' | '[' => return (name, &text[at..]),
            c => name.push(c),
        }
    }
    (name, "")
}

/// Where a bracket ends that begins the text: brackets within it and in quotation
/// marks do not count.
fn bracket_end(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 1 => return Some(at + 1),
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

/// What the caller wrote, in one line.
fn shown(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn what_is_wrong(error: &JsonPathError, path: &str) -> String {
    let path = shown(path);
    let JsonPathError::PestError(error) = error else { return format!("not a JSONPath: {path}") };
    let (LineColLocation::Pos((_, column)) | LineColLocation::Span((_, column), _)) = error.line_col;
    format!("not a JSONPath at character {column} of {path}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kubectl_takes_is_taken() {
        let object = json!({
            "metadata": {"annotations": {"deployment.kubernetes.io/revision": "3"}},
            "spec": {"containers": [{"image": "a"}, {"image": "a"}]},
            "status": {
                "phase": "Running", "readyReplicas": 3, "started": true, "empty": null,
                "conditions": [{"type": "Ready", "status": "True"}, {"type": "A=b]", "status": "False"}],
                "loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]},
            },
        });
        for (text, holds) in [
            ("{.status.phase}=Running", true),
            ("{.status.phase}=\"Running\"", true),
            ("{.status.phase}='Running'", true),
            (".status.phase=Running", true),
            ("status.phase=Running", true),
            ("$.status.phase=Running", true),
            ("{.status.phase}=Pending", false),
            ("{.status.readyReplicas}=3", true),
            ("{.status.started}=true", true),
            ("{.status.loadBalancer.ingress}", true),
            ("{.status.nothing}", false),
            ("{.status.empty}", false),
            ("{.status.loadBalancer}=x", false),
            (r#"{.status.conditions[?(@.type=="Ready")].status}=True"#, true),
            (r#".status.conditions[?(@.type=="Ready")].status=True"#, true),
            (r#"{.status.conditions[?(@.type=='A=b]')].status}=False"#, true),
            (r"{.metadata.annotations.deployment\.kubernetes\.io/revision}=3", true),
            ("{.spec.containers[*].image}=a", true),
            ("{.spec.containers[0].image}=a", true),
            ("{..image}=a", true),
            ("{.status.conditions[*].status}=True", false),
        ] {
            assert_eq!(Program::compile(text).map(|program| program.holds(&object)), Ok(holds), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_in_one_line() {
        for (text, says) in [
            ("{.status.phase", "a { is never closed"),
            ("{.status.phase}Running", "may follow it"),
            ("{.status.phase}=", "a value is missing after ="),
            ("", "there is no path"),
            ("{.status..}", "a name is missing"),
            ("{.status[?(@.a}", "a [ is never closed"),
            ("{.status[?(@.a=)]}", "at character"),
            ("\n", "not a JSONPath"),
            ("[\n", "a [ is never closed"),
        ] {
            let error = Program::compile(text).unwrap_err();
            assert!(error.contains(says) && !error.contains('\n'), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[{}.\[\]?@=*'"a$\\é()0-9:-]{0,24}"#) {
            if let Ok(program) = Program::compile(&text) {
                let _holds = program.holds(&json!({"a": [{"a": 1}]}));
            }
        }
    }
}

//! YAML as kubectl writes it.

use std::io::{self, Write};

use serde::Serialize;

use crate::sanitize;

/// Writes `value` as one document.
pub fn document(out: &mut impl Write, value: &impl Serialize, terminal: bool) -> io::Result<()> {
    let options = serde_saphyr::ser_options! {
        compact_list_indent: true,
        // Long lines stay lines: kubectl folds none.
        folded_wrap_chars: usize::MAX,
    };
    let text = serde_saphyr::to_string_with_options(value, options).map_err(io::Error::other)?;
    let text = if terminal { sanitize::block(&text) } else { text.as_str().into() };
    out.write_all(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Texts that YAML, in one of its versions, may read as something else.
    const TEXTS: [&str; 50] = [
        "",
        " ",
        "yes",
        "on",
        "n",
        "null",
        "~",
        "1",
        "1e3",
        "0x1f",
        "1_000",
        "1:30",
        "2026-11-24",
        "- a",
        "a: b",
        "a #b",
        "#",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "'",
        "\"",
        "a\nb",
        "a\n",
        "\na",
        "  a\n b\n",
        "a\n\n\n",
        "\u{202e}x",
        "\t",
        "a\tb",
        "\r\n",
        "é漢🙂",
        "---",
        "...",
        "{a}",
        "[a]",
        "a,b",
        "? a",
        "| a",
        "> a",
        ".inf",
        "0o7",
        "=",
        "<<",
        "\\",
        "a\\nb",
        "trailing ",
    ];

    /// Texts with characters that do not show.
    const HIDDEN: [&str; 5] = ["\u{1b}[0m", "\u{9b}", "\u{7f}", "\u{2028}", "\u{feff}"];

    fn shown(value: &Value) -> String {
        let mut bytes = Vec::new();
        document(&mut bytes, value, false).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn it_reads_as_kubectls() {
        let value = json!({
            "apiVersion": "v1",
            "items": [{"kind": "Pod", "metadata": {"labels": {}, "name": "a", "finalizers": []}}],
            "message": "x".repeat(200) + " " + &"y".repeat(200),
            "script": "one\ntwo\n",
        });
        let expected = format!(
            "apiVersion: v1\nitems:\n- kind: Pod\n  metadata:\n    finalizers: []\n    labels: {{}}\n    name: a\n\
             message: {} {}\nscript: |\n  one\n  two\n",
            "x".repeat(200),
            "y".repeat(200)
        );
        assert_eq!(shown(&value), expected);
    }

    #[test]
    fn what_is_written_parses_back_equal() {
        for text in TEXTS.into_iter().chain(HIDDEN) {
            for value in [json!(text), json!({"k": text}), json!([[text], {"a": {"b": text}}]), json!({text: 1})] {
                let text = shown(&value);
                let back: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                assert_eq!(back, value, "{text}");
            }
        }
        let value = json!({"a": [null, true, -1, 0.5, u64::MAX, i64::MIN, [], {}, [[]], [{}]]});
        assert_eq!(serde_saphyr::from_str::<Value>(&shown(&value)).unwrap(), value);
    }
}

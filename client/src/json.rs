//! JSON as kubectl writes it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter, Serializer};

use crate::sanitize;

/// Writes `value` over several lines: four blanks a level, and text escaped as
/// Go's encoder does, so that what reads kubectl's output finds the same bytes.
pub fn pretty(out: &mut impl Write, value: &impl Serialize, terminal: bool) -> io::Result<()> {
    let inner = PrettyFormatter::with_indent(b"    ");
    write(out, value, Escaping { inner, go: true, terminal })
}

/// Writes `value` without a blank and without a line's end, and else as [`pretty`] does: as templates print it.
pub fn compact(out: &mut impl Write, value: &impl Serialize, terminal: bool) -> io::Result<()> {
    let formatter = Escaping { inner: CompactFormatter, go: true, terminal };
    Ok(value.serialize(&mut Serializer::with_formatter(out, formatter))?)
}

/// Writes `value` in one line.
pub fn line(out: &mut impl Write, value: &impl Serialize, terminal: bool) -> io::Result<()> {
    write(out, value, Escaping { inner: CompactFormatter, go: false, terminal })
}

fn write(out: &mut impl Write, value: &impl Serialize, formatter: impl Formatter) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, formatter))?;
    out.write_all(b"\n")
}

/// A formatter that escapes more characters than JSON asks for.
struct Escaping<F> {
    inner: F,
    /// What Go escapes, and numbers as Go writes them.
    go: bool,
    /// What acts on a terminal.
    terminal: bool,
}

impl<F> Escaping<F> {
    fn escapes(&self, char: char) -> bool {
        (self.go && matches!(char, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'))
            || (self.terminal && sanitize::is_hidden(char))
    }
}

/// Hands a method on.
macro_rules! hand_on {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W, $($argument: $type),*) -> io::Result<()> {
            self.inner.$name(writer, $($argument),*)
        }
    )*};
}

impl<F: Formatter> Formatter for Escaping<F> {
    hand_on! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
        write_char_escape(escape: CharEscape);
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| self.escapes(*char)) {
            let (before, behind) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            write!(writer, "\\u{:04x}", u32::from(char))?;
            rest = behind.get(char.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_u64<W: ?Sized + Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        match i64::try_from(value) {
            // Go has it as a float then.
            Err(_) if self.go => self.write_f64(writer, value as f64),
            _ => self.inner.write_u64(writer, value),
        }
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if !self.go {
            return self.inner.write_f64(writer, value);
        }
        match value.abs() {
            0.0 => writer.write_all(b"0"),
            size if (1e-6..1e21).contains(&size) => write!(writer, "{value}"),
            size if size >= 1e21 => {
                let text = format!("{value:e}");
                writer.write_all(text.replace('e', "e+").as_bytes())
            }
            _ => write!(writer, "{value:e}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(value: &Value, terminal: bool) -> String {
        let mut bytes = Vec::new();
        pretty(&mut bytes, value, terminal).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn it_is_what_kubectl_prints() {
        let value = json!({"b": {"y": [], "x": {}}, "a": [1, 1.0, 0.5, 1e30, "<a> & \"b\"\n\u{2028}é"]});
        let expected = r#"{
    "a": [
        1,
        1,
        0.5,
        1e+30,
        "\u003ca\u003e \u0026 \"b\"\n\u2028é"
    ],
    "b": {
        "x": {},
        "y": []
    }
}
"#;
        assert_eq!(shown(&value, false), expected);
        assert_eq!(serde_json::from_str::<Value>(expected).unwrap()["a"][4], value["a"][4]);
    }

    #[test]
    fn on_a_terminal_nothing_acts_and_the_value_is_the_same() {
        let value = json!("a\u{9b}2J\u{7f}\u{202e}\u{1b}[0m");
        assert_eq!(shown(&value, true), "\"a\\u009b2J\\u007f\\u202e\\u001b[0m\"\n");
        assert_eq!(serde_json::from_str::<Value>(&shown(&value, true)).unwrap(), value);
    }

    #[test]
    fn lines_are_compact_and_plain() {
        let mut bytes = Vec::new();
        line(&mut bytes, &json!({"b": "<", "a": 1.0}), false).unwrap();
        assert_eq!(bytes, b"{\"a\":1.0,\"b\":\"<\"}\n");
    }
}

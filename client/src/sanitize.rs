//! Text from the cluster, made safe to show. A condition's message may hold
//! what would move the cursor, hide text, or begin a line of its own.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes everything in `text` that could act on a terminal or leave its line.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, |char| char == '\n' || is_hidden(char))
}

/// As [`line`], for the cell of a table: white space becomes a plain blank.
pub fn cell(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r', '\t']) {
        let words: Vec<&str> = text.split(['\n', '\r', '\t']).filter(|part| !part.is_empty()).collect();
        return Cow::Owned(line(&words.join(" ")).into_owned());
    }
    line(text)
}

/// As [`line`], but lines stay.
pub fn block(text: &str) -> Cow<'_, str> {
    escape(text, |char| char != '\n' && is_hidden(char))
}

/// As [`block`], but tabs stay, too: they move the cursor no further than a blank may.
pub fn text(text: &str) -> Cow<'_, str> {
    escape(text, |char| !matches!(char, '\n' | '\t') && is_hidden(char))
}

/// As [`line`], of a line that a program has written: tabs stay, and a carriage return that
/// ends it goes.
pub fn log_line(text: &str) -> Cow<'_, str> {
    let text = text.strip_suffix('\r').unwrap_or(text);
    escape(text, |char| char != '\t' && (char == '\n' || is_hidden(char)))
}

/// Whether `char` shows nothing of its own, but acts: control characters, and
/// the ones that turn the direction of writing.
pub fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '\n' if hidden(char) => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' if hidden(char) => shown.push_str("\\t"),
            _ if !hidden(char) => shown.push(char),
            _ if u32::from(char) < 0x100 => {
                // Writing to a string does not fail.
                let _ = write!(shown, "\\x{:02x}", u32::from(char));
            }
            _ => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(char));
            }
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        for (text, shown) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[31mred", "\\x1b[31mred"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{9b}2J\u{7f}\0", "\\x9b2J\\x7f\\x00"),
            ("\u{202e}txt", "\\u{202e}txt"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert_eq!(cell("a\n\tb\u{7}"), "a b\\x07");
        assert_eq!(block("a\n\u{1b}b"), "a\n\\x1bb");
        assert_eq!(text("a\n\t\u{1b}b\r"), "a\n\t\\x1bb\\r");
        assert_eq!(log_line("a\tb\r\u{1b}[0m\r"), "a\tb\\r\\x1b[0m");
    }
}

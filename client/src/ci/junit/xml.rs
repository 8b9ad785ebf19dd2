//! XML 1.0 of texts that may hold anything.

use std::fmt::Write;

use crate::sanitize;

/// An element with lines of text, on lines of its own behind `indent`.
pub fn element(indent: &str, name: &str, of: &[(&str, String)], lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    format!("{indent}<{name}{}>{}</{name}>\n", attributes(of), lines.join("\n"))
}

/// ` name="value"` of each.
pub fn attributes(of: &[(&str, String)]) -> String {
    of.iter().map(|(name, value)| format!(" {name}=\"{}\"", escaped(value))).collect()
}

/// One line of text, for an element or an attribute in double quotes. What XML
/// forbids is shown as an escape, since there is no way to have it. References
/// stand for `[` and for the second of two colons besides, which a CI system that
/// is shown the document in its log could take for a command's.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut behind_colon = false;
    for char in sanitize::line(text).chars() {
        match char {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '[' => shown.push_str("&#91;"),
            ':' if behind_colon => shown.push_str("&#58;"),
            // Surrogates are no characters here, and control characters are escaped already.
            '\u{fffe}' | '\u{ffff}' => {
                // Writing to a string does not fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(char));
            }
            char => shown.push(char),
        }
        // See `github.rs`: characters without weight may stand in between.
        behind_colon = char == ':' || behind_colon && !char.is_ascii();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        for (text, shown) in [
            ("plain é 漢 'x'", "plain é 漢 'x'"),
            ("<a b=\"c\">&amp;]]>", "&lt;a b=&quot;c&quot;&gt;&amp;amp;]]&gt;"),
            ("a\nb\t\0\u{1b}", "a\\nb\\t\\x00\\x1b"),
            ("\u{fffe}\u{ffff}\u{fffd}", "\\u{fffe}\\u{ffff}\u{fffd}"),
            ("::a:\u{ad}:b: :##[c]", ":&#58;a:\u{ad}&#58;b: :##&#91;c]"),
        ] {
            assert_eq!(escaped(text), shown, "{text:?}");
        }
    }
}

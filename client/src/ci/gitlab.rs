//! GitLab CI/CD: sections of a job's log that can be folded.
//!
//! GitLab's converter (`ansi2json/converter.rb`, `Regex.build_trace_section_regex`)
//! finds, anywhere in a line, `section_start:` or `section_end:`, digits, `:`, a
//! name of letters, digits, `_`, `.` and `-`, maybe `[option=value]`, and `\r\e[0K`.
//! Text that is sanitised has no `\r` and no `\e`; the words are broken nonetheless,
//! so that one rule is enough for whatever is printed.

use super::Ci;
use crate::sanitize;

/// Where `text` has to be broken, so that it holds no marker.
pub(super) fn markers(text: &str) -> Vec<usize> {
    let words = ["section_start:", "section_end:"];
    let ends = words.iter().flat_map(|word| text.match_indices(word).map(|(at, found)| at + found.len() - 1));
    let mut breaks: Vec<usize> = ends.collect();
    breaks.sort_unstable();
    breaks
}

/// Begins a section, in the Unix second `now`; `header` is shown where it is folded.
pub fn section_start(name: &str, header: &str, now: i64, collapsed: bool) -> String {
    let options = if collapsed { "[collapsed=true]" } else { "" };
    let header = sanitize::line(header);
    format!("{}{}", marker("start", name, options, now), Ci::Gitlab.harmless(&header))
}

/// Ends a section.
pub fn section_end(name: &str, now: i64) -> String {
    marker("end", name, "", now)
}

fn marker(end: &str, name: &str, options: &str, now: i64) -> String {
    format!("\u{1b}[0Ksection_{end}:{}:{}{options}\r\u{1b}[0K", now.max(0), plain(name))
}

/// A name that the marker can hold, the same for both ends.
fn plain(name: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() || "_.-".contains(char) { char } else { '_' };
    match name {
        "" => "_".to_owned(),
        name => name.chars().map(plain).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_begin_and_end() {
        assert_eq!(
            section_start("daymark_wait", "Waiting", 1_700_000_000, true),
            "\u{1b}[0Ksection_start:1700000000:daymark_wait[collapsed=true]\r\u{1b}[0KWaiting"
        );
        assert_eq!(
            section_end("daymark_wait", 1_700_000_001),
            "\u{1b}[0Ksection_end:1700000001:daymark_wait\r\u{1b}[0K"
        );
    }

    #[test]
    fn a_name_and_a_header_stay_what_they_are() {
        assert_eq!(
            section_start("a b/ü]", "x\r\u{1b}[0Ksection_end:1:a", -1, false),
            "\u{1b}[0Ksection_start:0:a_b___\r\u{1b}[0Kx\\r\\x1b[0Ksection_end\\:1:a"
        );
        assert_eq!(section_end("", 1), "\u{1b}[0Ksection_end:1:_\r\u{1b}[0K");
    }

    #[test]
    fn markers_are_broken() {
        assert_eq!(
            Ci::Gitlab.harmless("a section_end:1:b section_start:2:c"),
            "a section_end\\:1:b section_start\\:2:c"
        );
    }
}

//! GitHub Actions: workflow commands on stdout, and the summary of a step.
//!
//! The runner takes a line for a command in two ways (`ActionCommand.cs`): the
//! newer if the line, its leading white space trimmed, begins with `::` and has
//! another `::` behind it (`TryParseV2`); the older if it has `##[`, anywhere, and
//! a `]` behind that (`TryParse`). Lines end at `\n`, at `\r`, and at both. Both
//! searches go by .NET's comparison of a culture, in which control characters, the
//! soft hyphen, zero-width characters and others have no weight: `:\u{ad}:` is
//! `::` to them. Azure's agent, which some runners are, looks for `##vso[` likewise.

mod summary;

use daymark::api::Outcome;

pub use self::summary::{append_summary, summary};
use super::Ci;
use crate::sanitize;
use crate::verdict::Verdict;

/// Where `text` has to be broken, so that it holds no command.
pub(super) fn commands(text: &str) -> Vec<usize> {
    let mut breaks = Vec::new();
    let (mut at_start, mut hashes) = (true, 0);
    for (index, char) in text.char_indices() {
        match char {
            '\n' | '\r' => (at_start, hashes) = (true, 0),
            _ if may_be_weightless(char) => continue,
            ' ' => hashes = 0,
            _ => {
                let opens = match char {
                    ':' => at_start && is_colon_next(&text[index + 1..]),
                    '[' => hashes == 2,
                    _ => false,
                };
                breaks.extend(opens.then_some(index));
                at_start = false;
                hashes = match char {
                    '#' => 2.min(hashes + 1),
                    'a'..='z' | 'A'..='Z' if hashes == 2 => 2,
                    _ => 0,
                };
            }
        }
    }
    breaks
}

fn is_colon_next(text: &str) -> bool {
    text.chars().find(|char| !may_be_weightless(*char)) == Some(':')
}

/// Which characters have no weight depends on the version of Unicode that the
/// runner has; none that is printed in ASCII does not.
fn may_be_weightless(char: char) -> bool {
    !char.is_ascii() || char.is_ascii_control()
}

/// The annotation that tells how a gate has ended, and why, without logs: an error
/// where the step fails by it.
pub fn annotation(verdict: &Verdict, title: &str) -> String {
    let level = match verdict.gate.outcome() {
        Outcome::Failed | Outcome::Undecided => "error",
        Outcome::Cancelled => "warning",
        Outcome::Passed | Outcome::Unspecified => "notice",
    };
    let mut lines = vec![super::verdict(&verdict.gate)];
    lines.extend(verdict.cause_lines(0));
    let title = match sanitize::line(title) {
        title if title.is_empty() => String::new(),
        title => format!(" title={}", property(&Ci::Github.harmless(&title))),
    };
    // What is unescaped is shown in the log, where `##[` opens a group.
    format!("::{level}{title}::{}", data(&Ci::Github.harmless(&lines.join("\n"))))
}

/// Begins a group that can be folded.
pub fn group(title: &str) -> String {
    format!("::group::{}", data(&Ci::Github.harmless(&sanitize::line(title))))
}

/// Ends it.
pub fn end_group() -> &'static str {
    "::endgroup::"
}

/// The escapes of a command's data: the runner undoes these and no others.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The escapes of a property's value.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use daymark::api::{Cause, Gate};

    use super::*;

    fn verdict(outcome: Outcome) -> Verdict {
        let mut gate = Gate { reason: "Deadline".into(), message: "50% done".into(), ..Gate::default() };
        gate.set_outcome(outcome);
        Verdict { gate, ..Verdict::default() }
    }

    #[test]
    fn commands_are_broken_where_they_begin() {
        for (text, shown) in [
            ("::error::x", "\\::error::x"),
            ("  ::set-output name=a::b", "  \\::set-output name=a::b"),
            ("foo ##[add-path]/evil", "foo ##\\[add-path]/evil"),
            ("###[x]", "###\\[x]"),
            ("a ##vso[task.setvariable]", "a ##vso\\[task.setvariable]"),
            ("a\n::b::c\r\u{2003}::d::", "a\n\\::b::c\r\u{2003}\\::d::"),
            ("\u{feff}:\u{ad}:error::x", "\u{feff}\\:\u{ad}:error::x"),
            ("#\u{200d}#\0[x]", "#\u{200d}#\0\\[x]"),
        ] {
            assert_eq!(Ci::Github.harmless(text), shown, "{text:?}");
        }
    }

    #[test]
    fn an_annotation_says_how_and_why() {
        let mut failed = verdict(Outcome::Failed);
        failed.gate.cause = Some(Cause { kind: "Pod".into(), reason: "Crash".into(), ..Cause::default() });
        assert_eq!(
            annotation(&failed, "wait: a, b"),
            "::error title=wait%3A a%2C b::failed: Deadline: 50%25 done%0Acause: pod/: Crash"
        );
        for (outcome, shown) in [
            (Outcome::Undecided, "::error::undecided: Deadline: 50%25 done"),
            (Outcome::Cancelled, "::warning::cancelled: Deadline: 50%25 done"),
            (Outcome::Passed, "::notice::passed: Deadline: 50%25 done"),
        ] {
            assert_eq!(annotation(&verdict(outcome), ""), shown);
        }
    }

    #[test]
    fn a_group_has_one_line() {
        assert_eq!(group("a\n::b::%"), "::group::a\\n::b::%25");
        assert_eq!(end_group(), "::endgroup::");
    }
}

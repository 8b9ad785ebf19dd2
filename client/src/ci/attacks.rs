//! Hostile text in every place that the cluster can write to, read as the CI
//! systems read it: nothing that is printed may be a command of the cluster's.

use daymark::api::{
    Cause, ContainerEnd, EventLine, Gate, GateObject, KindedRef, LogTail, ObjectRef, Outcome, RankedCause, Standing,
    Status,
};

use super::{Ci, github, gitlab, junit};
use crate::verdict::Verdict;
use crate::{sanitize, words};

const ATTACKS: [&str; 26] = [
    "::error::x",
    "  ::set-output name=a::b",
    "\u{3000}::warning file=a::b",
    "foo ##[add-path]/evil",
    "##[group]x",
    "###[error]x",
    "##vso[task.setvariable variable=a]b",
    "##VSO[task.complete]",
    "::stop-commands::x",
    "::add-mask::e",
    "\r::error::",
    "a\n::error::b",
    "a\r\n  ##[error]b",
    "\u{1b}[31m::error::x",
    "\u{feff}::error::x",
    ":\u{ad}:error:\u{200b}:x",
    "#\u{200d}#\u{2060}[error]x",
    "\0::error::x",
    "%0A::error::x%0D%0A##[error]y",
    "\u{1b}[0Ksection_start:1:x\r\u{1b}[0K",
    "section_end:1700000000:daymark_wait\r\u{1b}[0K",
    "section_start:1:x[collapsed=true]",
    "]]><!-- \"' --><evil a='b'>&lol;<![CDATA[",
    "\u{fffe}\u{ffff}\u{7f}\u{85}",
    "``````\n# x\n<script>|",
    "\u{2028}::error::x\u{2029}::error::y",
];

fn verdict(text: &str) -> Verdict {
    let t = || text.to_owned();
    let it = ObjectRef { group: t(), resource: t(), namespace: t(), name: t(), ..ObjectRef::default() };
    let end = ContainerEnd { name: t(), reason: t(), message: t(), exit_code: Some(1), ..ContainerEnd::default() };
    let cause = Cause {
        r#ref: Some(it.clone()),
        kind: t(),
        reason: t(),
        message: t(),
        containers: vec![end],
        events: vec![EventLine { r#type: t(), reason: t(), message: t(), ..EventLine::default() }],
        logs: vec![LogTail { container: t(), previous: true, lines: vec![t(), t()] }],
        missing: vec![t()],
        others: 2,
        object: None,
    };
    let mut gate = Gate { reason: t(), message: t(), cause: Some(cause), ..Gate::default() };
    gate.set_outcome(Outcome::Failed);
    let root = RankedCause {
        reason: t(),
        message: t(),
        object: Some(KindedRef { kind: t(), r#ref: Some(it.clone()) }),
        next: vec![t()],
        ..RankedCause::default()
    };
    let status = Status { r#ref: Some(it), kind: t(), reason: t(), message: t(), ..Status::default() };
    let objects = [Standing::Failed, Standing::Waiting, Standing::Met].map(|standing| {
        let mut object = GateObject { status: Some(status.clone()), why: t(), ..GateObject::default() };
        object.set_standing(standing);
        object
    });
    Verdict { gate, objects: objects.into(), root_cause: Some(root), ..Verdict::default() }
}

/// Every line that the client prints of such a gate on its own behalf, and some
/// that are nothing but the cluster's text.
fn printed(ci: Ci, text: &str) -> Vec<String> {
    let verdict = verdict(text);
    let mut lines = verdict.cause_lines(9);
    lines.extend(verdict.objects.iter().map(|it| words::condition(it.status.as_ref().unwrap())));
    lines.extend([text.to_owned(), sanitize::line(text).into_owned(), sanitize::block(text).into_owned()]);
    lines.iter().map(|line| ci.harmless(line).into_owned()).collect()
}

/// A command as the runner reads it, whatever its name: any may be registered.
#[derive(Debug, PartialEq)]
struct Command {
    name: String,
    properties: String,
    data: String,
}

/// The runner's rule, with .NET's idea of equal texts: in turn that of ordinals,
/// and that of cultures, to which some characters are not there.
fn github_commands(output: &str) -> Vec<Command> {
    let weightless = |char: &char| {
        (char.is_control() && !char.is_whitespace())
            || matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    };
    let lines = output.split(['\n', '\r']);
    lines
        .flat_map(|line| [line.to_owned(), line.chars().filter(|char| !weightless(char)).collect::<String>()])
        .filter_map(|line| newer_command(&line).or_else(|| older_command(&line)))
        .collect()
}

fn newer_command(line: &str) -> Option<Command> {
    let (command, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = command.split_once(' ').unwrap_or((command, ""));
    let undone = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    Some(Command { name: name.to_owned(), properties: properties.to_owned(), data: undone })
}

fn older_command(line: &str) -> Option<Command> {
    let prefix = ["##[", "##vso["].into_iter().find_map(|prefix| line.to_lowercase().find(prefix))?;
    let (command, data) = line.get(prefix..)?.split_once('[')?.1.split_once(']')?;
    Some(Command { name: command.to_owned(), properties: String::new(), data: data.to_owned() })
}

/// GitLab's rule, and less: not even the words without the codes behind them.
fn gitlab_markers(output: &str) -> usize {
    let is_marker = |rest: &str| rest.trim_start_matches(|char: char| char.is_ascii_digit()).starts_with(':');
    let words = ["section_start:", "section_end:"];
    words.iter().flat_map(|word| output.split(word).skip(1)).filter(|rest| is_marker(rest)).count()
}

#[test]
fn the_parsers_see_commands() {
    for text in ["::error::x", " \t::error a=b::x", "a ##[error]x", "a\r::e::", "\u{feff}:\u{ad}:e::x", "##vso[a.b]"] {
        assert!(!github_commands(text).is_empty(), "{text:?}");
    }
    for text in ["a::b::c", ":error::x", "# #[error]", "##[error", "::error:x"] {
        assert_eq!(github_commands(text), [], "{text:?}");
    }
    assert_eq!(gitlab_markers("section_start:1:x section_end:x section_end:2:y"), 2);
}

#[test]
fn nothing_that_is_printed_is_a_command_to_github() {
    for text in ATTACKS {
        for line in printed(Ci::Github, text) {
            assert_eq!(github_commands(&line), [], "{text:?}: {line:?}");
        }
    }
}

#[test]
fn an_annotation_is_one_command_and_holds_no_other() {
    for text in ATTACKS {
        let verdict = verdict(text);
        for (output, name) in [(github::annotation(&verdict, text), "error"), (github::group(text), "group")] {
            assert!(!output.contains(['\n', '\r']), "{output:?}");
            let command = newer_command(&output).unwrap();
            assert_eq!(command.name, name);
            assert!(command.properties.is_empty() || command.properties.starts_with("title="), "{output:?}");
            assert!(!command.properties.contains(',') && !command.properties.contains(':'), "{output:?}");
            // The log shows it with its line breaks.
            assert_eq!(github_commands(&command.data), [], "{text:?}: {output:?}");
            let readable = |text: &str| text.replace('\\', "");
            assert!(readable(&command.data).contains(&readable(&sanitize::line(text))), "{output:?}");
        }
    }
}

#[test]
fn nothing_that_is_printed_is_a_marker_to_gitlab() {
    for text in ATTACKS {
        for line in printed(Ci::Gitlab, text) {
            assert_eq!(gitlab_markers(&line), 0, "{text:?}: {line:?}");
        }
        let start = gitlab::section_start(text, text, 1, false);
        assert_eq!((gitlab_markers(&start), start.matches(['\r', '\n']).count()), (1, 1), "{start:?}");
    }
}

#[test]
fn a_document_is_well_formed_and_no_command() {
    for text in ATTACKS {
        let told = verdict(text);
        for verdict in [Verdict { objects: Vec::new(), ..told.clone() }, told] {
            let document = junit::document(&verdict, text);
            assert_well_formed(&document);
            assert_eq!(github_commands(&document), [], "{text:?}: {document}");
            assert!(!document.contains(['\r', '\u{1b}']), "{text:?}: {document}");
        }
    }
}

#[test]
fn a_summary_has_one_fence_and_no_cell_more() {
    for text in ATTACKS {
        let summary = github::summary(&verdict(text));
        let (before, code) = summary.split_once("\n```").unwrap();
        let fence = "`".repeat(3 + code.len() - code.trim_start_matches('`').len());
        let closing: Vec<usize> =
            code.lines().enumerate().filter(|(_, line)| *line == fence).map(|(at, _)| at).collect();
        assert_eq!(closing, [code.lines().count() - 1], "{text:?}: {summary}");
        assert!(!before.contains(['<', '`', '\\', '[']), "{text:?}: {before}");
        let rows: Vec<&str> = before.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 5, "{text:?}: {before}");
        assert!(rows.iter().all(|row| row.matches('|').count() == 5), "{text:?}: {before}");
    }
}

/// Elements close in the order in which they were opened, attributes are quoted,
/// references are known, and every character is one of XML 1.0.
fn assert_well_formed(document: &str) {
    let allowed = |char: char| matches!(char, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(document.chars().all(allowed), "{document:?}");
    let body = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    let mut open = Vec::new();
    let mut roots = 0;
    for piece in body.split_inclusive('>') {
        let (text, tag) = piece.split_once('<').unwrap_or((piece, ""));
        assert!(!text.contains('>') && (!open.is_empty() || text.trim().is_empty()), "{piece:?}");
        assert_references(text);
        let Some(tag) = tag.strip_suffix('>') else { continue };
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{document}"),
            None => {
                let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
                let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
                assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{tag:?}");
                roots += usize::from(open.is_empty());
                assert_attributes(attributes);
                open.extend((!empty).then_some(name));
            }
        }
    }
    assert_eq!((open.len(), roots), (0, 1), "{document}");
}

fn assert_attributes(attributes: &str) {
    let mut rest = attributes;
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = rest.trim_start().split_once("=\"").unwrap();
        let (value, behind) = behind.split_once('"').unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()) && !names.contains(&name), "{attributes:?}");
        assert!(!value.contains(['<', '\n']), "{attributes:?}");
        assert_references(value);
        names.push(name);
        rest = behind;
    }
}

fn assert_references(text: &str) {
    for reference in text.split('&').skip(1) {
        let name = reference.split_once(';').unwrap().0;
        assert!(["amp", "lt", "gt", "quot", "#91", "#58"].contains(&name), "{text:?}");
    }
}

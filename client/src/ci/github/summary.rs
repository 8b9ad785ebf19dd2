//! The summary of a step: Markdown, which GitHub shows beside the job. It takes
//! at most 1 MiB of it, and shows nothing of more.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use daymark::api::{GateObject, Standing};

use crate::ci::LOGS;
use crate::verdict::Verdict;
use crate::{sanitize, words};

/// Rows of the table; what is not as it is needed comes first.
const ROWS: usize = 200;
/// Characters of a cell, and of a line of the cause.
const CELL: usize = 300;
const LINE: usize = 1000;

/// Markdown that tells how a gate has ended, how its objects stand, and why.
pub fn summary(verdict: &Verdict) -> String {
    let Verdict { gate, objects, .. } = verdict;
    let mut text = format!("## Daymark: {}\n", words::outcome(gate.outcome()));
    let why = match &*gate.reason {
        "" => gate.message.clone(),
        reason => format!("{reason}: {}", gate.message),
    };
    if !why.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, "\n{}\n", inline(&why, LINE));
    }
    text.push_str(&table(objects));
    let cause = verdict.cause_lines(LOGS);
    if !cause.is_empty() {
        text.push_str(&fenced(&cause));
    }
    text
}

/// Adds `text` to the file that `GITHUB_STEP_SUMMARY` names.
///
/// # Errors
/// When the file cannot be written.
pub fn append_summary(path: &Path, text: &str) -> io::Result<()> {
    // A table of the step's own may stand there without an end.
    OpenOptions::new().create(true).append(true).open(path)?.write_all(format!("\n{text}").as_bytes())
}

fn table(objects: &[GateObject]) -> String {
    let mut sorted: Vec<&GateObject> = objects.iter().collect();
    sorted.sort_by_key(|object| match object.standing() {
        Standing::Failed => 0,
        Standing::Waiting | Standing::Unspecified => 1,
        Standing::Met => 2,
    });
    let rows: String = sorted.iter().take(ROWS).map(|object| row(object)).collect();
    let mut text = match rows.as_str() {
        "" => String::new(),
        rows => format!("\n| object | namespace | | state |\n|---|---|---|---|\n{rows}"),
    };
    if objects.len() > ROWS {
        let _ = write!(text, "\nand {} others\n", objects.len() - ROWS);
    }
    text
}

fn row(object: &GateObject) -> String {
    let status = object.status.clone().unwrap_or_default();
    let namespace = status.r#ref.as_ref().map(|it| it.namespace.as_str()).unwrap_or_default();
    let state = match &*object.why {
        "" => words::condition(&status),
        why => format!("{} ({why})", words::condition(&status)),
    };
    let cells = [&*words::name(&status), namespace, words::standing(object.standing()), &state];
    let cells = cells.map(|text| inline(text, CELL));
    format!("| {} |\n", cells.join(" | "))
}

/// `text` as itself, whatever Markdown or HTML it looks like: a reference to a
/// character is never taken for structure.
fn inline(text: &str, most: usize) -> String {
    let text = sanitize::cell(text);
    let mut shown = String::with_capacity(text.len());
    for char in shortened(&text, most).chars() {
        match char {
            '|' | '`' | '<' | '>' | '&' | '\\' | '*' | '_' | '[' | ']' | '~' | '#' | '$' => {
                let _ = write!(shown, "&#{};", u32::from(char));
            }
            char => shown.push(char),
        }
    }
    shown
}

/// A block of code, whose fence is longer than any that the lines hold.
fn fenced(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| shortened(line, LINE)).collect();
    let body = lines.join("\n");
    let longest = body.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("\n{fence}text\n{body}\n{fence}\n")
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use daymark::api::{Cause, Gate, LogTail, ObjectRef, Outcome, State, Status};

    use super::*;

    fn object(name: &str, standing: Standing) -> GateObject {
        let it = ObjectRef { group: "apps".into(), namespace: "shop".into(), name: name.into(), ..Default::default() };
        let mut status = Status { r#ref: Some(it), kind: "Deployment".into(), ..Status::default() };
        status.set_state(State::Failed);
        let mut object = GateObject { status: Some(status), ..GateObject::default() };
        object.set_standing(standing);
        object
    }

    fn verdict(objects: Vec<GateObject>) -> Verdict {
        let mut gate = Gate { reason: "Crash".into(), message: "a <b> | c".into(), ..Gate::default() };
        gate.set_outcome(Outcome::Failed);
        Verdict { gate, objects, ..Verdict::default() }
    }

    #[test]
    fn a_summary_has_a_heading_a_table_and_the_cause() {
        let mut verdict = verdict(vec![object("ok", Standing::Met), object("web", Standing::Failed)]);
        let log = LogTail { container: "main".into(), previous: false, lines: vec!["```` x".into()] };
        verdict.gate.cause = Some(Cause { kind: "Pod".into(), logs: vec![log], ..Cause::default() });
        assert_eq!(
            summary(&verdict),
            "## Daymark: failed\n\
             \n\
             Crash: a &#60;b&#62; &#124; c\n\
             \n\
             | object | namespace | | state |\n\
             |---|---|---|---|\n\
             | deployment.apps/web | shop | failed | Failed |\n\
             | deployment.apps/ok | shop | met | Failed |\n\
             \n\
             `````text\n\
             cause: pod/\n  log of main:\n    | ```` x\n\
             `````\n"
        );
    }

    #[test]
    fn a_cell_stays_a_cell_and_shows_what_it_says() {
        let mut hostile = object("web", Standing::Failed);
        hostile.why = "a|b\n| x | \\| `c` ![i](http://e) <img src=x> **d**".into();
        let text = summary(&verdict(vec![hostile]));
        let row = text.lines().last().unwrap();
        assert_eq!(row.matches('|').count(), 5, "{row}");
        assert!(!row.contains(['<', '`', '[', '\\', '*']), "{row}");
    }

    #[test]
    fn a_summary_is_bounded() {
        let mut large = object("web", Standing::Waiting);
        large.why = "|".repeat(1 << 12);
        let mut verdict = verdict(vec![large; 5000]);
        let log = LogTail { container: "main".into(), previous: true, lines: vec!["x".repeat(1 << 20); 30] };
        verdict.gate.cause = Some(Cause { logs: vec![log], ..Cause::default() });
        let text = summary(&verdict);
        assert!(text.len() < 1 << 20, "{}", text.len());
        assert!(text.contains("\nand 4800 others\n"));
    }

    #[test]
    fn a_summary_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary");
        append_summary(&path, "a\n").unwrap();
        append_summary(&path, "b\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\na\n\nb\n");
        assert!(append_summary(folder.path(), "c").is_err());
    }
}

//! How a line of a log is printed.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use daymark::api::{LogLine, LogSource};
use prost_types::Timestamp;
use serde::Serialize;

use crate::args::{LogFormat, Logs};
use crate::ci::Ci;
use crate::printer::{PrintError, Printer};
use crate::sanitize;

/// What stands behind a line of which the rest is left out.
const CUT: &str = " [cut: the line is longer than 256 KiB]";
/// The colours of prefixes. That of a pod is one of them, by its name.
const COLOURS: [AnsiColor; 6] =
    [AnsiColor::Cyan, AnsiColor::Green, AnsiColor::Magenta, AnsiColor::Yellow, AnsiColor::Blue, AnsiColor::BrightCyan];

/// How lines are printed.
pub(super) struct Lines {
    output: LogFormat,
    prefix: bool,
    timestamps: bool,
    terminal: bool,
}

/// A line, for programs.
#[derive(Serialize)]
struct LineJson<'a> {
    namespace: &'a str,
    pod: &'a str,
    container: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    line: Cow<'a, str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl Lines {
    /// As the words say, to whoever reads them.
    pub(super) fn new(args: &Logs, terminal: bool) -> Self {
        // There may be more than one of anything else.
        let is_one = args.words.len() == 1
            && args.selector.is_empty()
            && args.containers.len() < 2
            && !args.all_containers
            && is_pod(&args.words[0]);
        let prefix = args.prefix || (!is_one && !args.no_prefix);
        Self { output: args.output, prefix, timestamps: args.timestamps, terminal }
    }

    /// Prints a line.
    pub(super) fn print(&self, printer: &mut Printer, source: &LogSource, line: &LogLine) -> Result<(), PrintError> {
        if self.output == LogFormat::Ndjson {
            return self.print_json(printer, source, line);
        }
        if !self.terminal && printer.ci() == Ci::None {
            printer.text(self.head(None, source, line).as_bytes())?;
            printer.text(&line.text)?;
            return printer.line(if line.cut { CUT } else { "" });
        }
        let text = String::from_utf8_lossy(&line.text);
        let text = if self.terminal { sanitize::log_line(&text) } else { text };
        let mut whole = self.head(Some(printer), source, line) + &text;
        whole += if line.cut { CUT } else { "" };
        printer.line(&whole)
    }

    /// What stands before a line, in the colour of its pod where it takes one.
    fn head(&self, printer: Option<&Printer>, source: &LogSource, line: &LogLine) -> String {
        let mut head = String::new();
        if self.prefix {
            let pod = source.pod.as_ref().map_or("", |pod| pod.name.as_str());
            let name = format!("{}/{}", sanitize::line(pod), sanitize::line(&source.container));
            head = match printer {
                Some(printer) => printer.paint(Style::new().fg_color(Some(colour(pod).into())), &name),
                None => name,
            };
            head += " | ";
        }
        if let Some(time) = line.time.as_ref().filter(|_| self.timestamps) {
            // Writing to a string does not fail.
            let _ = write!(head, "{} ", nanoseconds(time));
        }
        head
    }

    fn print_json(&self, printer: &mut Printer, source: &LogSource, line: &LogLine) -> Result<(), PrintError> {
        let (namespace, pod) = source.pod.as_ref().map(|pod| (&*pod.namespace, &*pod.name)).unwrap_or_default();
        let json = LineJson {
            namespace,
            pod,
            container: &source.container,
            time: line.time.as_ref().map(nanoseconds),
            line: String::from_utf8_lossy(&line.text),
            cut: line.cut,
        };
        printer.json_line(&json)
    }
}

/// Whether a word names a pod, as far as that can be told without asking.
fn is_pod(word: &str) -> bool {
    word.split_once('/').is_none_or(|(kind, _)| matches!(kind.to_lowercase().as_str(), "pod" | "pods" | "po"))
}

/// The colour of a pod: the same for the same name.
fn colour(pod: &str) -> AnsiColor {
    // FNV-1a.
    let hash = pod.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    COLOURS[hash as usize % COLOURS.len()]
}

/// A time with all its digits, as kubelets write it.
fn nanoseconds(time: &Timestamp) -> String {
    let seconds = Timestamp { seconds: time.seconds, nanos: 0 }.to_string();
    format!("{}.{:09}Z", seconds.trim_end_matches('Z'), time.nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_all_their_digits() {
        let time = Timestamp { seconds: 1_767_323_045, nanos: 1000 };
        assert_eq!(nanoseconds(&time), "2026-01-02T03:04:05.000001000Z");
    }

    #[test]
    fn a_pod_has_one_colour_and_pods_have_several() {
        assert_eq!(colour("web-1"), colour("web-1"));
        let colours: std::collections::BTreeSet<_> =
            (0..50).map(|number| format!("{:?}", colour(&format!("web-{number}")))).collect();
        assert_eq!(colours.len(), COLOURS.len());
    }
}

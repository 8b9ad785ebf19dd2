//! Where output goes: stdout is data, stderr is progress. Whatever is printed may hold the cluster's text, so that all of it
//! goes through here, where a CI system that reads it finds no command in it.

mod out;

use std::io::{self, BufWriter, IsTerminal, Stderr, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use serde::Serialize;

use self::out::Out;
use crate::ci::{Ci, CiArg};
use crate::layout::{Cell, Layout};
use crate::{json, sanitize, yaml};

/// Why something could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// Nothing that is printed will be read.
    #[error("nobody reads stdout any more")]
    ReaderGone,
    /// Stdout takes no more.
    #[error("cannot write to stdout: {0}")]
    Write(#[source] io::Error),
    /// There is no such document.
    #[error("cannot be printed: {0}")]
    Document(#[source] io::Error),
}

impl PrintError {
    /// What has come of writing a document, or other data.
    fn of(error: io::Error) -> Self {
        let is_of_document = error.get_ref().is_some_and(|inner| inner.is::<serde_json::Error>());
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ if is_of_document => Self::Document(error),
            _ => Self::Write(error),
        }
    }
}

/// The two streams, and what is known of who reads them.
pub struct Printer {
    out: BufWriter<Out>,
    err: Stderr,
    out_terminal: bool,
    err_terminal: bool,
    out_colour: bool,
    err_colour: bool,
    ci: Ci,
}

impl Printer {
    /// The process' own streams. Colour is for terminals, unless `NO_COLOR`
    /// and its relatives say otherwise; which CI system reads them the environment tells.
    pub fn new() -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        Self {
            out_terminal: out.is_terminal(),
            err_terminal: err.is_terminal(),
            out_colour: AutoStream::choice(&out) != ColorChoice::Never && out.is_terminal(),
            err_colour: AutoStream::choice(&err) != ColorChoice::Never && err.is_terminal(),
            out: BufWriter::new(Out::new(out)),
            err,
            ci: Ci::detect(|name| std::env::var(name).ok()),
        }
    }

    /// From here on, what is written once stdout's reader has gone is left out, and is no failure: for commands that are asked
    /// for their exit code.
    pub fn outlive_reader(&mut self) {
        self.out.get_mut().spare_reader();
    }

    /// Which CI system reads the output is said.
    pub fn read_by(&mut self, ci: CiArg) {
        self.ci = ci.choose(|name| std::env::var(name).ok());
    }

    /// Which CI system reads the output.
    pub fn ci(&self) -> Ci {
        self.ci
    }

    /// Whether a terminal shows stdout.
    pub fn on_terminal(&self) -> bool {
        self.out_terminal
    }

    /// Whether a terminal shows stderr.
    pub fn notes_on_terminal(&self) -> bool {
        self.err_terminal
    }

    /// `text` in `style` where stdout takes colour.
    pub fn paint(&self, style: Style, text: &str) -> String {
        paint(self.out_colour, style, text)
    }

    /// `text` in `style` where stderr takes colour.
    pub fn paint_note(&self, style: Style, text: &str) -> String {
        paint(self.err_colour, style, text)
    }

    /// Writes a line of data.
    pub fn line(&mut self, text: &str) -> Result<(), PrintError> {
        let text = self.ci.harmless(text);
        written(writeln!(self.out, "{text}"))
    }

    /// Writes text with its own line ends, if any.
    pub fn text(&mut self, text: &[u8]) -> Result<(), PrintError> {
        if self.ci == Ci::None {
            return written(self.out.write_all(text));
        }
        let text = String::from_utf8_lossy(text);
        written(self.out.write_all(self.ci.harmless(&text).as_bytes()))
    }

    /// Writes JSON that is text already.
    pub fn json_text(&mut self, json: &[u8]) -> Result<(), PrintError> {
        if self.ci == Ci::None {
            return written(self.out.write_all(json));
        }
        let json = String::from_utf8_lossy(json);
        written(self.out.write_all(self.ci.harmless_json(&json).as_bytes()))
    }

    /// Writes a value as kubectl writes JSON: over several lines.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), PrintError> {
        let terminal = self.out_terminal;
        self.json_by(|mut out| json::pretty(&mut out, value, terminal))
    }

    /// Writes a value as a line of JSON.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), PrintError> {
        let terminal = self.out_terminal;
        self.json_by(|mut out| json::line(&mut out, value, terminal))
    }

    /// Writes the JSON that `write` makes: for a CI system, once all of it is there.
    fn json_by(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), PrintError> {
        if self.ci == Ci::None {
            return written(write(&mut self.out));
        }
        let mut bytes = Vec::new();
        written(write(&mut bytes))?;
        self.json_text(&bytes)
    }

    /// Writes a value as a YAML document. Where a command would be in it, it is written as JSON, which is YAML: there the
    /// command can be written otherwise, and is the same value.
    pub fn yaml(&mut self, value: &impl Serialize) -> Result<(), PrintError> {
        let terminal = self.out_terminal;
        if self.ci == Ci::None {
            return written(yaml::document(&mut self.out, value, terminal));
        }
        let mut bytes = Vec::new();
        written(yaml::document(&mut bytes, value, terminal))?;
        let text = String::from_utf8_lossy(&bytes);
        match self.ci.is_harmless(&text) {
            true => written(self.out.write_all(&bytes)),
            false => self.json(value),
        }
    }

    /// Prints a header, if there is one, and rows below it.
    pub fn table(
        &mut self,
        header: Option<Vec<Cell>>,
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) -> Result<(), PrintError> {
        self.rows(&mut Layout::default(), header.into_iter().chain(rows).collect())
    }

    /// Prints rows below those that `layout` has made room for already.
    pub fn rows(&mut self, layout: &mut Layout, rows: Vec<Vec<Cell>>) -> Result<(), PrintError> {
        rows.iter().for_each(|row| layout.fit(row));
        for row in &rows {
            let line = layout.line(row).paint(self);
            self.line(&line)?;
        }
        Ok(())
    }

    /// Writes a line that the CI system is to take for a command.
    pub fn command(&mut self, command: &str) -> Result<(), PrintError> {
        written(writeln!(self.out, "{command}"))
    }

    /// Writes this program's own text as it is.
    pub fn own(&mut self, text: &str) -> Result<(), PrintError> {
        written(self.out.write_all(text.as_bytes()))
    }

    /// Hands everything written so far to the reader.
    pub fn flush(&mut self) -> Result<(), PrintError> {
        written(self.out.flush())
    }

    /// Writes a line of progress to stderr. That nobody reads it is no failure.
    pub fn note(&mut self, text: &str) {
        let text = self.ci.harmless(text);
        let _ = writeln!(self.err, "{text}");
    }

    /// Writes a line to stderr that the CI system is to take for a command.
    pub fn command_note(&mut self, command: &str) {
        let _ = writeln!(self.err, "{command}");
    }

    /// Writes to stderr what stays no line: it moves the cursor by itself.
    pub fn draw_note(&mut self, text: &str) {
        let _ = write!(self.err, "{text}");
    }

    /// Writes `daymark: …` to stderr, in one line whatever the text holds.
    pub fn problem(&mut self, text: &str) {
        let name = self.paint_note(Style::new().bold(), "daymark:");
        self.note(&format!("{name} {}", sanitize::line(text)));
    }
}

fn written(outcome: io::Result<()>) -> Result<(), PrintError> {
    outcome.map_err(PrintError::of)
}

fn paint(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

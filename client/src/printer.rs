//! Where output goes: stdout is data, stderr is progress.

use std::io::{self, BufWriter, IsTerminal, Stderr, Stdout, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;

use crate::sanitize;

/// The two streams, and what is known of who reads them.
pub struct Printer {
    out: BufWriter<Out>,
    err: Stderr,
    out_terminal: bool,
    err_terminal: bool,
    out_colour: bool,
    err_colour: bool,
}

impl Printer {
    /// The process' own streams. Colour is for terminals, unless `NO_COLOR`
    /// and its relatives say otherwise.
    pub fn new() -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        Self {
            out_terminal: out.is_terminal(),
            err_terminal: err.is_terminal(),
            out_colour: AutoStream::choice(&out) != ColorChoice::Never && out.is_terminal(),
            err_colour: AutoStream::choice(&err) != ColorChoice::Never && err.is_terminal(),
            out: BufWriter::new(Out { stdout: out, reader: Reader::Needed }),
            err,
        }
    }

    /// From here on, what is written once stdout's reader has gone is left out, and is no failure: for commands that are asked
    /// for their exit code.
    pub fn outlive_reader(&mut self) {
        self.out.get_mut().reader = Reader::Spared;
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

    /// Stdout, buffered: [`Printer::flush`] after what belongs together.
    pub fn out(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Writes a line of data.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Writes data as it is.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Hands everything written so far to the reader.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes a line of progress to stderr. That nobody reads it is no failure.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
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

/// Stdout itself.
struct Out {
    stdout: Stdout,
    reader: Reader,
}

/// Who reads stdout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Somebody has to.
    Needed,
    /// Nobody has to.
    Spared,
    /// Nobody does, and nobody has to.
    Gone,
}

impl Out {
    /// `written`, or `spared` if nobody reads it and nobody has to.
    fn unless_gone<T>(&mut self, written: io::Result<T>, spared: T) -> io::Result<T> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.reader != Reader::Needed => {
                self.reader = Reader::Gone;
                Ok(spared)
            }
            written => written,
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.reader == Reader::Gone {
            return Ok(bytes.len());
        }
        let written = self.stdout.write(bytes);
        self.unless_gone(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.reader == Reader::Gone {
            return Ok(());
        }
        let flushed = self.stdout.flush();
        self.unless_gone(flushed, ())
    }
}

fn paint(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

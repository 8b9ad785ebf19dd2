//! Reads a recording line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{FORMAT, Header, Line, LineEvent, VERSION};
use crate::one_line::one_line;
use crate::source::{Event, Problem};

/// Longer than any object that etcd takes, by far: what is longer is no line.
const LONGEST_LINE: u64 = 64 << 20;

/// A recording that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("recording {path}: {problem}")]
pub struct ReadError {
    path: String,
    problem: Flaw,
}

#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error("{0}")]
    File(io::Error),
    #[error("not a recording: {0}")]
    NotARecording(String),
    #[error("its format is version {0}; this daemon reads versions up to {VERSION}")]
    NewerVersion(u32),
    #[error("line {line} is corrupt: {problem}")]
    Corrupt { line: usize, problem: String },
    #[error("cut off after line {0}: its writer was killed, or the file was not copied whole")]
    Truncated(usize),
}

/// One event of a recording.
#[derive(Debug)]
pub struct Recorded {
    /// When.
    pub at: Timestamp,
    /// Of which of the header's kinds.
    pub kind: usize,
    /// What.
    pub event: Event,
}

/// A recording being read.
pub struct Reader {
    path: PathBuf,
    header: Header,
    lines: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    line: usize,
    buffer: Vec<u8>,
    end: Option<Timestamp>,
}

impl Reader {
    /// Opens a recording and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read or is no recording of a known version.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let failed = |problem| ReadError { path: path.display().to_string(), problem };
        let file = File::open(path).map_err(|e| failed(Flaw::File(e)))?;
        let lines = zstd::Decoder::new(file).map_err(|e| failed(Flaw::File(e)))?;
        let mut lines = BufReader::new(lines);
        let mut first = Vec::new();
        let header = read_line(&mut lines, &mut first)
            .map_err(|e| Flaw::NotARecording(e.to_string()))
            .and_then(|_| parse_header(&first))
            .map_err(failed)?;
        Ok(Self { path: path.to_owned(), header, lines, line: 1, buffer: Vec::new(), end: None })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// When the recording ends, once [`Reader::next_event`] has come there.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// The next event; `None` at the recording's end.
    ///
    /// # Errors
    /// If the recording is corrupt or cut off.
    pub fn next_event(&mut self) -> Result<Option<Recorded>, ReadError> {
        self.read().map_err(|problem| ReadError { path: self.path.display().to_string(), problem })
    }

    /// Behind the end there is only the checksum.
    fn read_end(&mut self, at: Timestamp) -> Result<Option<Recorded>, Flaw> {
        self.buffer.clear();
        match read_line(&mut self.lines, &mut self.buffer) {
            Ok(false) => {
                self.end = Some(at);
                Ok(None)
            }
            Ok(true) => Err(Flaw::Corrupt { line: self.line + 1, problem: "it comes after the end".into() }),
            Err(e) => Err(self.broken_off(&e)),
        }
    }

    fn broken_off(&self, error: &io::Error) -> Flaw {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Flaw::Truncated(self.line),
            _ => Flaw::Corrupt { line: self.line + 1, problem: error.to_string() },
        }
    }

    fn read(&mut self) -> Result<Option<Recorded>, Flaw> {
        if self.end.is_some() {
            return Ok(None);
        }
        self.buffer.clear();
        match read_line(&mut self.lines, &mut self.buffer) {
            Ok(true) => {}
            Ok(false) => return Err(Flaw::Truncated(self.line)),
            Err(e) => return Err(self.broken_off(&e)),
        }
        self.line += 1;
        // It may quote what the line says.
        let corrupt = |problem: String| Flaw::Corrupt { line: self.line, problem: one_line(&problem) };
        let line: Line<'_> = serde_json::from_slice(&self.buffer).map_err(|e| corrupt(e.to_string()))?;
        let at = self.header.started_at.checked_add(Duration::from_millis(line.at));
        let at = at.map_err(|e| corrupt(e.to_string()))?;
        if line.event == LineEvent::End {
            return self.read_end(at);
        }
        let kind = line.kind.filter(|kind| *kind < self.header.kinds.len());
        let kind = kind.ok_or_else(|| corrupt("it names no kind of the header".into()))?;
        let event = event(&line).map_err(corrupt)?;
        Ok(Some(Recorded { at, kind, event }))
    }
}

fn event(line: &Line<'_>) -> Result<Event, String> {
    let object = || {
        let object = line.object.map(RawValue::get).ok_or("it has no object")?;
        Ok::<_, String>(Bytes::copy_from_slice(object.as_bytes()))
    };
    let version = || line.resource_version.ok_or("it has no resourceVersion".to_owned());
    Ok(match line.event {
        LineEvent::ListBegins => Event::ListBegins,
        LineEvent::Listed => Event::Listed(object()?),
        LineEvent::ListEnds => Event::ListEnds(version()?),
        LineEvent::Changed => Event::Changed(object()?),
        LineEvent::Deleted => Event::Deleted(object()?),
        LineEvent::Bookmark => Event::Bookmark(version()?),
        LineEvent::Restored => Event::Restored,
        LineEvent::Lost => {
            let message = line.message.as_deref().unwrap_or_default();
            Event::Lost(Problem::new(line.reason.ok_or("it has no reason")?, message))
        }
        LineEvent::End => return Err("an end within".into()),
    })
}

fn parse_header(line: &[u8]) -> Result<Header, Flaw> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: String,
        version: u32,
    }
    let not = |e: serde_json::Error| Flaw::NotARecording(format!("its header: {e}"));
    // The version first: a newer header may have other fields.
    let Version { format, version } = serde_json::from_slice(line).map_err(not)?;
    if format != FORMAT {
        return Err(Flaw::NotARecording(format!("its format is {format:?}")));
    }
    if version > VERSION {
        return Err(Flaw::NewerVersion(version));
    }
    serde_json::from_slice(line).map_err(not)
}

/// Reads a line without its end; false at the end of the file.
fn read_line(lines: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let read = io::Read::take(&mut *lines, LONGEST_LINE).read_until(b'\n', buffer)?;
    if read == 0 {
        return Ok(false);
    }
    if buffer.pop() != Some(b'\n') {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    Ok(true)
}

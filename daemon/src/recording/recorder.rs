//! Writes a recording while the daemon runs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Header, Line, LineEvent};
use crate::body;
use crate::clock::{Clock, between};
use crate::source::Event;

/// How often the file is brought up to date while events come.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Events that may wait for the disk; then the source waits, too.
const QUEUE: usize = 1024;

/// A recording that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("recording {path}: {problem}")]
pub struct RecordError {
    path: String,
    problem: String,
}

/// Takes events for a recording.
#[derive(Debug)]
pub struct Recorder {
    lines: mpsc::Sender<(Timestamp, usize, Event)>,
}

/// The writing side: it ends when the [`Recorder`] is dropped.
pub type Writing = JoinHandle<Result<(), RecordError>>;

impl Recorder {
    /// Creates the file, which must not exist and which only its owner can
    /// read, and writes the header.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn create(path: &Path, header: Header, clock: Clock) -> Result<(Self, Writing), RecordError> {
        let failed = failed(path);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(&failed)?;
        let mut writer = Writer::new(file, header, clock).map_err(&failed)?;
        let (lines, mut queue) = mpsc::channel(QUEUE);
        let path = PathBuf::from(path);
        let writing = tokio::task::spawn_blocking(move || {
            let write = || {
                while let Some((at, kind, event)) = queue.blocking_recv() {
                    writer.event(at, kind, &event)?;
                }
                writer.end()
            };
            write().map_err(|e| {
                let error = self::failed(&path)(e);
                tracing::error!("{error}; nothing more is recorded");
                error
            })
        });
        Ok((Self { lines }, writing))
    }

    /// Records one event of the kind of that number. After an error, which the
    /// writing side tells, does nothing.
    pub async fn record(&self, at: Timestamp, kind: usize, event: Event) {
        // A closed queue is a failed recording; following goes on without it.
        let _failed = self.lines.send((at, kind, event)).await;
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> RecordError + use<> {
    let path = path.display().to_string();
    move |error| RecordError { path: path.clone(), problem: error.to_string() }
}

struct Writer {
    out: zstd::Encoder<'static, File>,
    header: Header,
    clock: Clock,
    flushed: Instant,
}

impl Writer {
    fn new(file: File, header: Header, clock: Clock) -> io::Result<Self> {
        let mut out = zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
        out.include_checksum(true)?;
        write_line(&mut out, &header)?;
        out.flush()?;
        Ok(Self { out, header, clock, flushed: Instant::now() })
    }

    fn event(&mut self, at: Timestamp, kind: usize, event: &Event) -> io::Result<()> {
        let at = self.since_start(at);
        let plain = |event| Line::plain(at, event, Some(kind));
        let versioned = |event, version| Line { resource_version: Some(version), ..plain(event) };
        match event {
            Event::ListBegins => self.line(&plain(LineEvent::ListBegins)),
            Event::ListEnds(version) => self.line(&versioned(LineEvent::ListEnds, *version)),
            Event::Bookmark(version) => self.line(&versioned(LineEvent::Bookmark, *version)),
            Event::Restored => self.line(&plain(LineEvent::Restored)),
            Event::Lost(problem) => {
                let message = Some(problem.message.as_str().into());
                self.line(&Line { reason: Some(problem.reason), message, ..plain(LineEvent::Lost) })
            }
            Event::Listed(json) => self.object(plain(LineEvent::Listed), kind, json),
            Event::Changed(json) => self.object(plain(LineEvent::Changed), kind, json),
            Event::Deleted(json) => self.object(plain(LineEvent::Deleted), kind, json),
        }?;
        if self.flushed.elapsed() >= FLUSH_EVERY {
            self.out.flush()?;
            self.flushed = Instant::now();
        }
        Ok(())
    }

    fn object(&mut self, line: Line<'_>, kind: usize, json: &[u8]) -> io::Result<()> {
        match body::trimmed(&self.header.kinds[kind], json).and_then(RawValue::from_string) {
            Ok(object) => self.line(&Line { object: Some(&object), ..line }),
            // It would not have entered a cache either, which told so.
            Err(_) => Ok(()),
        }
    }

    fn end(mut self) -> io::Result<()> {
        let at = self.since_start(self.clock.now());
        self.line(&Line::plain(at, LineEvent::End, None))?;
        self.out.finish()?.sync_all()
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        write_line(&mut self.out, line)
    }

    fn since_start(&self, at: Timestamp) -> u64 {
        u64::try_from(between(self.header.started_at, at).as_millis()).unwrap_or(u64::MAX)
    }
}

fn write_line(out: &mut impl Write, line: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

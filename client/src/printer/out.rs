//! Stdout, with or without somebody who reads it.

use std::io::{self, Stdout, Write};

/// Stdout itself.
pub(super) struct Out {
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
    /// Somebody has to read it.
    pub(super) fn new(stdout: Stdout) -> Self {
        Self { stdout, reader: Reader::Needed }
    }

    /// From here on nobody has to.
    pub(super) fn spare_reader(&mut self) {
        self.reader = Reader::Spared;
    }

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

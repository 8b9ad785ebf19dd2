//! The process that evaluates, as the client sees it.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::wire::{self, Answer};
use super::{Limits, worker};

/// All of its environment. Left to itself, the C library would reserve more address
/// space than there is.
const ENVIRONMENT: [(&str, &str); 1] = [("MALLOC_ARENA_MAX", "1")];
/// As much of what it says on stderr is read.
const LAST_WORDS: u64 = 4 << 10;
/// How long a process that has closed its pipes may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// The process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    errors: ChildStderr,
}

/// How a process has ended.
#[derive(Debug)]
pub struct End {
    /// Its status, if it is known.
    pub status: Option<ExitStatus>,
    /// What it said on stderr.
    pub words: String,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// If there is no such program, or it cannot be started.
    pub fn start(binary: &Path, limits: &Limits) -> io::Result<Self> {
        let mut child = Command::new(binary)
            .args([worker::COMMAND, &limits.memory.to_string(), &limits.output.to_string()])
            // Should the client not be there to end what takes too long.
            .arg(limits.time.as_secs().saturating_add(2).to_string())
            .env_clear()
            .envs(ENVIRONMENT)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C is for the client, which then ends this one.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let no_pipe = || io::Error::other("no pipe");
        let input = child.stdin.take().ok_or_else(no_pipe)?;
        let output = child.stdout.take().ok_or_else(no_pipe)?;
        let errors = child.stderr.take().ok_or_else(no_pipe)?;
        Ok(Self { child, input, output, errors })
    }

    /// Sends a frame, in parts, and reads the answer, whose output may have
    /// `output` bytes.
    ///
    /// # Errors
    /// If the process ends, or says what is no answer.
    pub async fn ask(&mut self, question: &[&[u8]], output: usize) -> io::Result<Answer> {
        for part in question {
            self.input.write_all(part).await?;
        }
        let length = self.output.read_u32_le().await? as usize;
        if length > output.max(wire::LONGEST_PROGRAM) + 1 {
            return Err(wire::malformed("a frame that is too long"));
        }
        let mut frame = Vec::new();
        // It grows with what really comes.
        if (&mut self.output).take(length as u64).read_to_end(&mut frame).await? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Answer::parse(frame).ok_or_else(|| wire::malformed("no answer"))
    }

    /// Waits a little, in case that it is just ending, then kills it.
    pub async fn end(self) -> End {
        let Self { mut child, input, output, errors } = self;
        drop((input, output));
        let mut words = Vec::new();
        let read = async {
            let mut errors = errors.take(LAST_WORDS);
            // What can be read is enough.
            let _ = errors.read_to_end(&mut words).await;
            child.wait().await
        };
        let status = timeout(PATIENCE, read).await;
        if status.is_err() {
            // It may be gone by now.
            let _ = child.kill().await;
        }
        End { status: status.ok().and_then(Result::ok), words: String::from_utf8_lossy(&words).into_owned() }
    }
}

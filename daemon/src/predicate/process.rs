//! A worker as the daemon sees it.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::budget::SPENT;
use super::wire::{self, Answer, Question};
use super::{Document, Expression, Limits, worker};

/// How long a worker may take to start, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is written at once: as much as a pipe holds.
const WRITE: usize = 64 << 10;
/// All of a worker's environment. Left to themselves, its two allocators, the
/// program's and the C library's, would reserve more address space than it has.
const ENVIRONMENT: [(&str, &str); 2] = [("MIMALLOC_ARENA_RESERVE", "32768"), ("MALLOC_ARENA_MAX", "1")];

/// A worker's process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Worker {
    process: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Worker {
    /// Starts a worker and waits until it is ready.
    ///
    /// # Errors
    /// If there is no such program, or it does not become a worker.
    pub async fn start(program: &Path, limits: &Limits) -> Result<Self, String> {
        let failed = |error: String| format!("{}: {error}", program.display());
        let mut worker = Self::spawn(program, limits).map_err(|error| failed(error.to_string()))?;
        let greeting = timeout(PATIENCE, worker.frame(wire::GREETING.len())).await;
        match greeting {
            Ok(Ok(greeting)) if greeting == wire::GREETING => Ok(worker),
            Ok(Ok(_)) => Err(failed("this is another program than the daemon".into())),
            Ok(Err(error)) => Err(failed(format!("it did not start: {error}"))),
            Err(_) => Err(failed(format!("it did not start within {PATIENCE:?}"))),
        }
    }

    fn spawn(program: &Path, limits: &Limits) -> io::Result<Self> {
        let mut process = Command::new(program)
            .args([worker::COMMAND, &limits.memory.to_string(), &limits.time.as_millis().to_string()])
            .env_clear()
            .envs(ENVIRONMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A terminal's Ctrl-C is for the daemon, which drains before it ends.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (input, output) = pipes.ok_or_else(|| io::Error::other("no pipes"))?;
        Ok(Self { process, input, output })
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Asks, sends the documents and waits for the answer: a worker gives none
    /// before it has read them all.
    ///
    /// # Errors
    /// If the worker ends, or says what is no answer.
    pub async fn ask(&mut self, expression: &Expression, documents: &[Document<'_>]) -> io::Result<Answer> {
        let mut out = Vec::with_capacity(WRITE);
        let Expression { language, text, as_observed } = expression;
        let (language, as_observed) = (*language, *as_observed);
        Question { language, text, as_observed, documents: documents.len() as u64 }.put(&mut out);
        for document in documents {
            document.put(&mut out);
            if out.len() >= WRITE {
                self.input.write_all(&out).await?;
                out.clear();
            }
        }
        self.input.write_all(&out).await?;
        let frame = self.frame(documents.len().max(wire::LONGEST_TEXT) + 1).await?;
        match Answer::parse(&frame) {
            Some(Answer::Verdicts(verdicts)) if verdicts.len() != documents.len() => {
                Err(wire::malformed("not as many verdicts as documents"))
            }
            answer => answer.ok_or_else(|| wire::malformed("no answer")),
        }
    }

    async fn frame(&mut self, longest: usize) -> io::Result<Vec<u8>> {
        let length = self.output.read_u32_le().await? as usize;
        if length > longest {
            return Err(wire::malformed("a frame that is too long"));
        }
        let mut frame = vec![0; length];
        self.output.read_exact(&mut frame).await?;
        Ok(frame)
    }

    /// Kills it, if it still runs, and waits until it is gone; whether it has ended because a question
    /// took more than its share of time.
    pub async fn end(mut self) -> bool {
        let killed = self.process.kill().await;
        let status = self.process.try_wait();
        tracing::debug!(?killed, ?status, "a worker for predicates has ended");
        status.is_ok_and(|status| status.and_then(|it| it.signal().or(it.code())) == Some(SPENT.as_raw()))
    }
}

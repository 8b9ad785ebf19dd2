//! Output expressions: jq, Go templates and JSONPath over objects, each evaluated
//! in a process of its own.
//!
//! They are their user's own, but are also copied from elsewhere, and a short one can
//! take hours or all the memory, or so much stack that its process is aborted. So the
//! client starts its own binary again, which limits itself before it reads anything,
//! and ends it when it takes too long.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use process::Process;
use wire::Answer;

mod death;
mod process;
mod wire;
pub mod worker;

/// A program of one of the languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `-o jq=`
    Jq {
        /// The program.
        expression: String,
        /// Whether texts are written without their quotes.
        raw: bool,
    },
    /// `-o go-template=`
    GoTemplate {
        /// The template.
        template: String,
        /// Whether a key that is not there is an error.
        strict: bool,
    },
    /// `-o jsonpath=`
    JsonPath {
        /// The template.
        template: String,
        /// Whether a key that is not there is an error.
        strict: bool,
        /// Whether each expression is printed as a list in JSON: `-o jsonpath-as-json=`.
        as_json: bool,
        /// Whether what a document holds must not act on a terminal.
        terminal: bool,
    },
}

/// What a program may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For one document, by the clock.
    pub time: Duration,
    /// In bytes; what the client's own code takes is within it, the stack is not.
    pub memory: u64,
    /// For one document, in bytes.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(30), memory: 1 << 30, output: 256 << 20 }
    }
}

/// A program that has not given its output. Each is one line, which begins with
/// what kind of program it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is no program of its language: what is wrong, and where.
    #[error("the {0} is invalid: {1}")]
    Invalid(&'static str, String),
    /// It does not suit the document.
    #[error("the {0} failed: {1}")]
    Failed(&'static str, String),
    /// It did not end in time.
    #[error("the {} ran longer than {}", .0, crate::duration::show(*.1))]
    TooSlow(&'static str, Duration),
    /// Memory ran out.
    #[error("the {} needs more memory than {}", .0, bytes(*.1))]
    TooLarge(&'static str, u64),
    /// The stack ran out.
    #[error("the {0} recurses too deeply")]
    TooDeep(&'static str),
    /// There is no end of what it writes.
    #[error("the {} writes more than {} for one object", .0, bytes(*.1 as u64))]
    TooMuchOutput(&'static str, usize),
    /// The text was not looked at.
    #[error("the {} is longer than {}", .0, bytes(wire::LONGEST_PROGRAM as u64))]
    ProgramTooLong(&'static str),
    /// The document was not looked at.
    #[error("the object is longer than {}, which is more than a {} is given", bytes(wire::LONGEST_DOCUMENT as u64), .0)]
    DocumentTooLong(&'static str),
    /// No process can be started, or it ended for no reason of the program's.
    #[error("the {0} cannot be evaluated: {1}")]
    Unavailable(&'static str, String),
}

impl ExpressionError {
    /// Whether another program, or fewer objects, would do: otherwise it is the client's
    /// or the machine's fault.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Unavailable(..))
    }
}

impl Program {
    /// What it is, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Jq { .. } => "jq program",
            Self::GoTemplate { .. } => "Go template",
            Self::JsonPath { .. } => "JSONPath template",
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Jq { expression: text, .. }
            | Self::GoTemplate { template: text, .. }
            | Self::JsonPath { template: text, .. } => text,
        }
    }
}

/// A program in its process, ready for documents. When it is dropped, the process
/// is killed.
#[derive(Debug)]
pub struct Evaluator {
    kind: &'static str,
    limits: Limits,
    /// None once it has ended.
    process: Option<Process>,
}

impl Evaluator {
    /// Starts the process, which compiles the program.
    ///
    /// # Errors
    /// If it is none, or there can be no process.
    pub async fn start(program: &Program) -> Result<Self, ExpressionError> {
        let unavailable = |error: io::Error| ExpressionError::Unavailable(program.kind(), error.to_string());
        let binary = std::env::current_exe().map_err(unavailable)?;
        Self::start_by(binary, program, Limits::default()).await
    }

    /// As [`start`](Self::start), with the client's binary and limits of one's own.
    ///
    /// # Errors
    /// As there.
    pub async fn start_by(binary: PathBuf, program: &Program, limits: Limits) -> Result<Self, ExpressionError> {
        let kind = program.kind();
        if program.text().len() > wire::LONGEST_PROGRAM {
            return Err(ExpressionError::ProgramTooLong(kind));
        }
        let unavailable =
            |error: io::Error| ExpressionError::Unavailable(kind, format!("{}: {error}", binary.display()));
        let process = Process::start(&binary, &limits).map_err(unavailable)?;
        let mut evaluator = Self { kind, limits, process: Some(process) };
        let mut frame = Vec::new();
        wire::put_program(&mut frame, program);
        match evaluator.ask(&[&frame]).await? {
            Answer::Ready => Ok(evaluator),
            Answer::Invalid(message) => Err(ExpressionError::Invalid(kind, message)),
            _ => Err(evaluator.strange().await),
        }
    }

    /// What the program makes of one document of JSON.
    ///
    /// # Errors
    /// If it fails, or takes more than it may. If it has only failed, another document
    /// can be tried.
    pub async fn evaluate(&mut self, document: &[u8]) -> Result<Vec<u8>, ExpressionError> {
        if document.len() > wire::LONGEST_DOCUMENT {
            return Err(ExpressionError::DocumentTooLong(self.kind));
        }
        let length = wire::length(document.len());
        match self.ask(&[&length, document]).await? {
            Answer::Output(output) => Ok(output),
            Answer::Failed(message) => Err(ExpressionError::Failed(self.kind, message)),
            Answer::TooMuch => Err(ExpressionError::TooMuchOutput(self.kind, self.limits.output)),
            Answer::Ready | Answer::Invalid(_) => Err(self.strange().await),
        }
    }

    async fn ask(&mut self, question: &[&[u8]]) -> Result<Answer, ExpressionError> {
        let Some(mut process) = self.process.take() else {
            return Err(ExpressionError::Unavailable(self.kind, "its process has ended".into()));
        };
        // Whoever gives up before there is an answer drops the process, and so kills it.
        match timeout(self.limits.time, process.ask(question, self.limits.output)).await {
            Ok(Ok(answer)) => {
                self.process = Some(process);
                Ok(answer)
            }
            Ok(Err(error)) => Err(death::cause(self.kind, &self.limits, &process.end().await, &error)),
            Err(_) => {
                process.end().await;
                Err(ExpressionError::TooSlow(self.kind, self.limits.time))
            }
        }
    }

    /// An answer to another question.
    async fn strange(&mut self) -> ExpressionError {
        if let Some(process) = self.process.take() {
            process.end().await;
        }
        ExpressionError::Unavailable(self.kind, "its process gave an invalid answer".into())
    }
}

/// A size, in the largest unit that it is a whole number of.
fn bytes(size: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| size > 0 && size.trailing_zeros() >= *shift);
    unit.map_or_else(|| format!("{size} bytes"), |(shift, name)| format!("{} {name}", size >> shift))
}

//! Callers' predicates: expressions in CEL or JSONPath over an object.
//!
//! They always end, but have no limit of cost: a short expression can take
//! hours or all the memory, and a deep one the stack, which aborts a process.
//! So an expression is compiled and evaluated by workers, which are processes
//! with limits; the daemon ends those that take too long, and starts others.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use process::Worker;
use wire::Answer;

mod budget;
mod observed;
mod process;
mod wire;
pub mod worker;

/// The language of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// CEL.
    Cel,
    /// A JSONPath and what is to be there, as `kubectl wait --for=jsonpath=` takes it.
    JsonPath,
}

/// An expression over an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    /// Its language.
    pub language: Language,
    /// Its text.
    pub text: Arc<str>,
    /// Whether it is true only of an object whose controller has seen its newest generation, as
    /// far as its status tells.
    pub as_observed: bool,
}

impl Expression {
    /// An expression in CEL.
    pub fn cel(text: impl Into<Arc<str>>) -> Self {
        Self { language: Language::Cel, text: text.into(), as_observed: false }
    }

    /// An expression in JSONPath.
    pub fn json_path(text: impl Into<Arc<str>>) -> Self {
        Self { language: Language::JsonPath, text: text.into(), as_observed: false }
    }

    /// The same, true only of what is not of an older generation.
    #[must_use]
    pub fn as_observed(self) -> Self {
        Self { as_observed: true, ..self }
    }
}

/// One object that a predicate is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// The object: `object` in an expression. None is true of what is no JSON.
    pub json: &'a [u8],
    /// The state's name: `state` in an expression.
    pub state: &'a str,
    /// The state's reason: `reason` in an expression.
    pub reason: &'a str,
}

/// What predicates may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many workers there are at most.
    pub workers: usize,
    /// How much processor time a worker may take for one call, with all its documents. Whether it
    /// gets a processor is not the expression's fault; but no call takes longer than [`SLOWEST`]
    /// times as long.
    pub time: Duration,
    /// A worker's address space in bytes, the program itself included.
    pub memory: u64,
    /// The longest expression in bytes; never more than a MiB.
    pub expression: usize,
    /// How long a call may wait for a worker that is free.
    pub waiting: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: 4,
            time: Duration::from_millis(500),
            memory: 256 << 20,
            expression: 4096,
            waiting: Duration::from_secs(5),
        }
    }
}

/// So many times as long as its processor time a call may take on a machine that is busy.
pub const SLOWEST: u32 = 10;

/// A predicate that was not evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// The expression has more bytes than this, and was not looked at.
    #[error("the expression is longer than {0} bytes")]
    TooLong(usize),
    /// The expression is none: what is wrong with it and where, in one line.
    #[error("the expression is invalid: {0}")]
    Invalid(String),
    /// The worker has taken more than this time, of a processor, for it.
    #[error("the expression takes longer than {0:?}")]
    TooSlow(Duration),
    /// The worker did not survive it: memory or stack ran out.
    #[error("the expression takes too much memory")]
    Died,
    /// All workers were at work for as long as the call may wait. It can be
    /// tried again.
    #[error("too many expressions are being evaluated")]
    Busy,
    /// No worker can be started, and why: the daemon's fault.
    #[error("expressions cannot be evaluated: {0}")]
    Unavailable(String),
}

/// A pool of workers.
#[derive(Debug)]
pub struct Predicates {
    program: PathBuf,
    limits: Limits,
    /// Who has a slot may have a worker.
    slots: Semaphore,
    /// Those that nobody has. No more than there are free slots.
    idle: Mutex<Vec<Worker>>,
}

impl Predicates {
    /// Workers are started when they are needed. `program` is what is started:
    /// the daemon's own binary.
    #[must_use]
    pub fn new(program: PathBuf, limits: Limits) -> Self {
        let expression = limits.expression.min(wire::LONGEST_TEXT);
        let workers = limits.workers.clamp(1, Semaphore::MAX_PERMITS);
        let limits = Limits { workers, expression, ..limits };
        Self { program, slots: Semaphore::new(workers), limits, idle: Mutex::default() }
    }

    /// Compiles only: whether an expression is one.
    ///
    /// # Errors
    /// If it is none, or cannot be compiled within the limits.
    pub async fn check(&self, expression: &Expression) -> Result<(), PredicateError> {
        self.evaluate(expression, &[]).await.map(|_none| ())
    }

    /// For each document, whether the expression is true of it. It is not if it
    /// is an error, such as for a field that is not there, or no `bool`.
    ///
    /// # Errors
    /// If it is no expression, or cannot be evaluated within the limits.
    pub async fn evaluate(
        &self,
        expression: &Expression,
        documents: &[Document<'_>],
    ) -> Result<Vec<bool>, PredicateError> {
        if expression.text.len() > self.limits.expression {
            return Err(PredicateError::TooLong(self.limits.expression));
        }
        let slot = timeout(self.limits.waiting, self.slots.acquire()).await;
        let Ok(Ok(_slot)) = slot else { return Err(PredicateError::Busy) };
        if let Some(worker) = self.idle() {
            match self.ask(worker, expression, documents).await {
                // Others may be to blame: what it kept of theirs, or whoever
                // killed it. Only a new worker's death is the expression's.
                Err(PredicateError::Died) => {}
                asked => return asked,
            }
        }
        let worker = Worker::start(&self.program, &self.limits).await.map_err(PredicateError::Unavailable)?;
        self.ask(worker, expression, documents).await
    }

    /// The worker that worked last: it is the most likely to be in memory.
    fn idle(&self) -> Option<Worker> {
        let mut idle = self.idle.lock();
        while let Some(mut worker) = idle.pop() {
            if worker.is_alive() {
                return Some(worker);
            }
        }
        None
    }

    /// Puts the worker back only if it has given a whole answer. If the caller
    /// gives up before, it is dropped, and so killed.
    async fn ask(
        &self,
        mut worker: Worker,
        expression: &Expression,
        documents: &[Document<'_>],
    ) -> Result<Vec<bool>, PredicateError> {
        let is_late = match timeout(self.limits.time * SLOWEST, worker.ask(expression, documents)).await {
            Ok(Ok(answer)) => {
                self.idle.lock().push(worker);
                return match answer {
                    Answer::Verdicts(verdicts) => Ok(verdicts),
                    Answer::Invalid(message) => Err(PredicateError::Invalid(message)),
                };
            }
            Ok(Err(_)) => false,
            Err(_) => true,
        };
        let has_spent_its_time = worker.end().await;
        Err(if is_late || has_spent_its_time {
            PredicateError::TooSlow(self.limits.time)
        } else {
            PredicateError::Died
        })
    }
}

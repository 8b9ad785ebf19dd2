//! Callers' expressions, asked about objects.
//!
//! Who asks may stop reading in the midst of it: a question is answered by a
//! task of its own, so that it holds up nothing.

use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{mpsc, oneshot};

use crate::body::Body;
use crate::predicate::{Document, Expression, PredicateError, Predicates};
use crate::record::Record;

/// Objects that are asked about at a time: far fewer than take an ordinary
/// expression as long as it may.
const ASKED_AT_ONCE: usize = 256;
/// And the bytes of their bodies.
const BYTES_AT_ONCE: usize = 4 << 20;
/// Questions that wait; who has one more waits, too.
const QUESTIONS: usize = 16;
/// Questions that are worked at; most of them wait for a worker.
const AT_ONCE: usize = 16;

/// An expression over objects.
#[derive(Clone, Debug)]
pub struct Predicate {
    /// The expression.
    pub expression: Expression,
    /// Who answers.
    pub evaluator: Evaluator,
}

impl Predicate {
    /// Of which objects it is true. Of one that has no body it is not.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub async fn of(&self, records: Vec<Arc<Record>>) -> Result<Vec<bool>, PredicateError> {
        self.evaluator.ask(self.expression.clone(), records).await
    }
}

/// Takes questions.
#[derive(Clone, Debug)]
pub struct Evaluator {
    questions: mpsc::Sender<Question>,
}

#[derive(Debug)]
struct Question {
    expression: Expression,
    records: Vec<Arc<Record>>,
    answer: oneshot::Sender<Result<Vec<bool>, PredicateError>>,
}

/// Answers questions, for as long as there is an [`Evaluator`].
#[derive(Debug)]
pub struct Answering {
    predicates: Predicates,
    questions: mpsc::Receiver<Question>,
}

impl Evaluator {
    /// An evaluator, and what answers its questions.
    #[must_use]
    pub fn new(predicates: Predicates) -> (Self, Answering) {
        let (sender, questions) = mpsc::channel(QUESTIONS);
        (Self { questions: sender }, Answering { predicates, questions })
    }

    /// Whether an expression is one.
    ///
    /// # Errors
    /// If it is none, or cannot be compiled within its limits.
    pub async fn check(&self, expression: &Expression) -> Result<(), PredicateError> {
        self.ask(expression.clone(), Vec::new()).await.map(drop)
    }

    async fn ask(&self, expression: Expression, records: Vec<Arc<Record>>) -> Result<Vec<bool>, PredicateError> {
        let stopped = || PredicateError::Unavailable("the daemon is stopping".into());
        let (answer, answered) = oneshot::channel();
        self.questions.send(Question { expression, records, answer }).await.map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Answering {
    /// Answers until nobody can ask any more.
    pub async fn run(self) {
        let Self { predicates, mut questions } = self;
        let mut answers = FuturesUnordered::new();
        loop {
            tokio::select! {
                question = questions.recv(), if answers.len() < AT_ONCE => match question {
                    Some(question) => answers.push(answer(&predicates, question)),
                    None => break,
                },
                Some(()) = answers.next() => {}
            }
        }
    }
}

async fn answer(predicates: &Predicates, question: Question) {
    let Question { expression, records, mut answer } = question;
    let said = tokio::select! {
        // Nobody wants to know any more.
        () = answer.closed() => return,
        said = evaluate(predicates, &expression, &records) => said,
    };
    let _nobody_listens = answer.send(said);
}

async fn evaluate(
    predicates: &Predicates,
    expression: &Expression,
    records: &[Arc<Record>],
) -> Result<Vec<bool>, PredicateError> {
    let mut verdicts = Vec::with_capacity(records.len());
    let mut rest = records;
    loop {
        let (some, behind) = rest.split_at(so_many(rest));
        let json = |record: &Arc<Record>| record.body.as_ref().and_then(|body| body.json().ok()).unwrap_or_default();
        let bodies: Vec<_> = some.iter().map(json).collect();
        let documents: Vec<_> = some
            .iter()
            .zip(&bodies)
            .map(|(record, json)| Document {
                json,
                state: record.judgement.state.name(),
                reason: &record.judgement.reason,
            })
            .collect();
        verdicts.extend(predicates.evaluate(expression, &documents).await?);
        if behind.is_empty() {
            return Ok(verdicts);
        }
        rest = behind;
    }
}

/// How many of the first records are asked about together; at least one, if
/// there is one.
fn so_many(records: &[Arc<Record>]) -> usize {
    let mut bytes = 0;
    let fits = |record: &&Arc<Record>| {
        bytes += record.body.as_ref().map_or(0, Body::length);
        bytes <= BYTES_AT_ONCE
    };
    let fitting = records.iter().take(ASKED_AT_ONCE).take_while(fits).count();
    fitting.max(1).min(records.len())
}

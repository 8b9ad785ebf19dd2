//! Callers' expressions, asked about objects.
//!
//! Who asks may stop reading in the midst of it: a question is answered by a
//! task of its own, so that it holds up nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::access::Caller;
use crate::access::identity::User;
use crate::access::turns::{Limits, Turns, Waiting};
use crate::body::Body;
use crate::predicate::{Document, Expression, PredicateError, Predicates};
use crate::record::Record;

/// Objects that are asked about at a time: far fewer than take an ordinary
/// expression as long as it may.
const ASKED_AT_ONCE: usize = 256;
/// And the bytes of their bodies.
const BYTES_AT_ONCE: usize = 4 << 20;
/// Questions that wait, of all.
const QUESTIONS: usize = 16_384;
/// Questions that are worked at, and what waits for that: of all, and of one caller. Most of those that
/// are worked at wait for a worker.
const LIMITS: Limits = Limits { at_once: 16, of_one: 8, waiting: 4096, patience: Duration::from_secs(30) };
/// Who finds too many waiting is told so after that time, and not at once: it may ask again.
const FULL: Duration = Duration::from_secs(1);

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
    turns: Arc<Turns<User>>,
    /// Whose questions these are; nobody's in particular, if that is not said.
    whose: Option<User>,
}

#[derive(Debug)]
struct Question {
    waiting: Waiting,
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
        let turns = Arc::new(Turns::new(LIMITS));
        (Self { questions: sender, turns, whose: None }, Answering { predicates, questions })
    }

    /// The same, for the questions of a caller.
    #[must_use]
    pub fn of(&self, caller: &Caller) -> Self {
        Self { whose: caller.user(), ..self.clone() }
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
        let question = |waiting| Question { waiting, expression, records, answer };
        match self.turns.wait(self.whose.clone()).map(|waiting| self.questions.try_send(question(waiting))) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Closed(_))) => return Err(stopped()),
            Some(Err(TrySendError::Full(_))) | None => {
                tokio::time::sleep(FULL).await;
                return Err(PredicateError::Busy);
            }
        }
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
                question = questions.recv(), if answers.len() < QUESTIONS => match question {
                    Some(question) => answers.push(answer(&predicates, question)),
                    None => break,
                },
                Some(()) = answers.next() => {}
            }
        }
    }
}

async fn answer(predicates: &Predicates, question: Question) {
    let Question { waiting, expression, records, mut answer } = question;
    let evaluated = async {
        let _turn = waiting.turn().await.ok_or(PredicateError::Busy)?;
        evaluate(predicates, &expression, &records).await
    };
    let said = tokio::select! {
        // Nobody wants to know any more.
        () = answer.closed() => return,
        said = evaluated => said,
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

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::access::identity::Identity;
    use crate::predicate::Limits as Workers;

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_very_much_is_told_that_it_is_too_much_and_others_ask_on() {
        let (evaluator, mut answering) = Evaluator::new(Predicates::new("/nowhere".into(), Workers::default()));
        let of = |name: &str| evaluator.of(&Caller::User(Arc::new(Identity::new(name, Vec::new()))));
        let expression = Expression::cel("true");
        let jane = of("jane");
        let mut asked = Vec::new();
        for _ in 0..LIMITS.waiting {
            let mut asks = jane.check(&expression).boxed();
            assert!((&mut asks).now_or_never().is_none());
            asked.push(asks);
        }
        assert_eq!(jane.check(&expression).await, Err(PredicateError::Busy));
        let joe = of("joe");
        let mut asks = joe.check(&expression).boxed();
        assert!((&mut asks).now_or_never().is_none());
        // That those who ask are not polled any more holds up nobody.
        let arrived = std::iter::from_fn(|| answering.questions.try_recv().ok()).count();
        assert_eq!(arrived, LIMITS.waiting + 1);
    }
}

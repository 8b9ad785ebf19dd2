//! A version of an object, and what a gate's expressions say of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use crate::predicate::{Expression, PredicateError};
use crate::record::Record;
use crate::subscription::Predicate;

/// Versions whose answers are found again: those that many gates look at come to
/// them at the same time.
const RECENT: usize = 64;

/// A version of an object, and which of a gate's expressions are true of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The version.
    pub record: Arc<Record>,
    /// For each expression of the gate, whether it is true.
    pub holds: Box<[bool]>,
}

impl Seen {
    /// Of a gate without expressions.
    #[must_use]
    pub fn plain(record: Arc<Record>) -> Self {
        Self { record, holds: Box::default() }
    }
}

/// What expressions say of versions: asked once, however many gates want to know.
#[derive(Default)]
pub struct Looks {
    recent: Mutex<VecDeque<Look>>,
}

struct Look {
    expression: Expression,
    record: Arc<Record>,
    answer: Answer,
}

/// Any of those who wait for it brings it on.
type Answer = Shared<BoxFuture<'static, Result<bool, PredicateError>>>;

impl fmt::Debug for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looks").field("recent", &self.recent.lock().len()).finish()
    }
}

impl Looks {
    /// What a gate's expressions say of these versions, in their order.
    ///
    /// # Errors
    /// If an expression cannot be evaluated.
    pub async fn at(&self, expressions: &[Predicate], records: Vec<Arc<Record>>) -> Result<Vec<Seen>, PredicateError> {
        if expressions.is_empty() {
            return Ok(records.into_iter().map(Seen::plain).collect());
        }
        let mut answers = Vec::with_capacity(expressions.len());
        for expression in expressions {
            answers.push(match &records[..] {
                [] => Vec::new(),
                [one] => vec![self.answer(expression, one).await?],
                many => expression.of(many.to_vec()).await?,
            });
        }
        let seen = |(place, record): (usize, Arc<Record>)| Seen {
            record,
            holds: answers.iter().map(|answer| answer.get(place).copied().unwrap_or(false)).collect(),
        };
        Ok(records.into_iter().enumerate().map(seen).collect())
    }

    fn answer(&self, predicate: &Predicate, record: &Arc<Record>) -> Answer {
        let mut recent = self.recent.lock();
        // What failed, as because all workers were busy, is asked again.
        recent.retain(|look| !matches!(look.answer.peek(), Some(Err(_))));
        let is_it = |look: &&Look| Arc::ptr_eq(&look.record, record) && look.expression == predicate.expression;
        if let Some(known) = recent.iter().find(is_it) {
            return known.answer.clone();
        }
        let (asked, of) = (predicate.clone(), Arc::clone(record));
        let answer = async move { Ok(asked.of(vec![of]).await?.first().copied().unwrap_or(false)) };
        let answer = answer.boxed().shared();
        if recent.len() == RECENT {
            recent.pop_front();
        }
        let (expression, record) = (predicate.expression.clone(), Arc::clone(record));
        recent.push_back(Look { expression, record, answer: answer.clone() });
        answer
    }
}

//! Asks the cluster what callers may, by a task of its own.
//!
//! Who wants to know may be a stream that nobody reads, and is not polled then: nothing that
//! others wait for is held by whoever waits for an answer.

use std::sync::{Arc, Weak};
use std::time::Duration;

use foldhash::HashMap;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::identity::Identity;
use super::right::Action;
use crate::source::{Problem, ProblemReason};

/// Questions that are asked of the API server at a time: of a caller, and of all. Who has
/// many waits for itself.
const OF_ONE: usize = 4;
const AT_ONCE: usize = 32;
/// Questions that wait for their turn: of a caller, and of all.
const WAITING_OF_ONE: usize = 5_000;
const WAITING: usize = 20_000;
/// How long a question may wait for its turn, and for its answer then.
const TURN: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(15);

/// What the cluster says.
pub(super) type Said = Result<bool, Problem>;

/// Asks the cluster.
pub(super) type Ask = Box<dyn Fn(Arc<Identity>, Action) -> BoxFuture<'static, Said> + Send + Sync>;

/// Takes questions.
pub(super) struct Questions {
    questions: mpsc::Sender<Question>,
    /// For as long as somebody waits for one.
    turns_of: Mutex<HashMap<Arc<Identity>, Weak<Turns>>>,
}

/// What a caller's questions share.
struct Turns {
    waiting: Arc<Semaphore>,
    asking: Semaphore,
}

struct Question {
    identity: Arc<Identity>,
    action: Action,
    turns: Arc<Turns>,
    _waits: OwnedSemaphorePermit,
    answer: oneshot::Sender<Said>,
}

/// Asks the cluster, for as long as there is an [`Authorizer`](super::authorizer::Authorizer).
pub struct Reviewing {
    ask: Ask,
    questions: mpsc::Receiver<Question>,
}

/// Where questions are put, and what asks them.
pub(super) fn reviewing(ask: Ask) -> (Questions, Reviewing) {
    let (sender, questions) = mpsc::channel(WAITING);
    (Questions { questions: sender, turns_of: Mutex::default() }, Reviewing { ask, questions })
}

impl Questions {
    /// Puts a question: where its answer comes out.
    pub(super) fn put(&self, identity: Arc<Identity>, action: Action) -> Result<oneshot::Receiver<Said>, Problem> {
        let busy = || Problem::new(ProblemReason::Refused, "too many such questions wait for an answer");
        let turns = self.turns_of(&identity);
        let waits = Arc::clone(&turns.waiting).try_acquire_owned().map_err(|_| busy())?;
        let (answer, said) = oneshot::channel();
        let question = Question { identity, action, turns, _waits: waits, answer };
        self.questions.try_send(question).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => busy(),
            mpsc::error::TrySendError::Closed(_) => Problem::stopped(),
        })?;
        Ok(said)
    }

    fn turns_of(&self, identity: &Arc<Identity>) -> Arc<Turns> {
        let mut turns_of = self.turns_of.lock();
        if let Some(turns) = turns_of.get(identity).and_then(Weak::upgrade) {
            return turns;
        }
        turns_of.retain(|_, turns| turns.strong_count() > 0);
        let waiting = Arc::new(Semaphore::new(WAITING_OF_ONE));
        let turns = Arc::new(Turns { waiting, asking: Semaphore::new(OF_ONE) });
        turns_of.insert(Arc::clone(identity), Arc::downgrade(&turns));
        turns
    }
}

impl Reviewing {
    /// Asks until nobody has questions any more.
    pub async fn run(self) {
        let Self { ask, mut questions } = self;
        let turns = Semaphore::new(AT_ONCE);
        let mut asked = FuturesUnordered::new();
        loop {
            tokio::select! {
                question = questions.recv(), if asked.len() < WAITING => match question {
                    Some(question) => asked.push(answer(&ask, &turns, question)),
                    None => return,
                },
                Some(()) = asked.next() => {}
            }
        }
    }
}

async fn answer(ask: &Ask, turns: &Semaphore, question: Question) {
    let Question { identity, action, turns: own, _waits, answer } = question;
    // The semaphores are never closed.
    let turn = async { (own.asking.acquire().await, turns.acquire().await) };
    let said = match timeout(TURN, turn).await {
        Ok(_turn) => timeout(ANSWER, ask(identity, action)).await.unwrap_or_else(|_| Err(late(ANSWER))),
        Err(_) => Err(late(TURN)),
    };
    // Who wanted to know may have gone.
    let _nobody_listens = answer.send(said);
}

fn late(after: Duration) -> Problem {
    let message = format!("the API server has not said within {} s what somebody may do", after.as_secs());
    Problem::new(ProblemReason::Unreachable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_questions_share_turns_that_go_with_them() {
        let (questions, _reviewing) = reviewing(Box::new(|_, _| Box::pin(std::future::ready(Ok(true)))));
        let [jane, joe] = ["jane", "joe"].map(|name| Arc::new(Identity::new(name, Vec::new())));
        let first = questions.turns_of(&jane);
        assert!(Arc::ptr_eq(&first, &questions.turns_of(&jane)));
        let other = questions.turns_of(&joe);
        assert!(!Arc::ptr_eq(&first, &other), "a caller waits for nobody else's questions");
        drop(first);
        let _another = questions.turns_of(&Arc::new(Identity::new("jack", Vec::new())));
        assert_eq!(questions.turns_of.lock().len(), 2, "jane's are forgotten");
    }
}

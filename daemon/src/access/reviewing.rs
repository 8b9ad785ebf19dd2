//! Asks the cluster what callers may, by a task of its own.
//!
//! Who wants to know may be a stream that nobody reads, and is not polled then: nothing that
//! others wait for is held by whoever waits for an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::identity::{Identity, User};
use super::right::Action;
use super::turns::{Limits, Turns, Waiting};
use crate::source::{Problem, ProblemReason};

/// Questions that are asked of the API server at a time, or wait for that: of all, and of a caller. Who
/// has many waits for itself.
const LIMITS: Limits = Limits { at_once: 32, of_one: 4, waiting: 5_000, patience: Duration::from_secs(30) };
/// Questions that wait, of all.
const WAITING: usize = 20_000;
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(15);

/// What the cluster says.
pub(super) type Said = Result<bool, Problem>;

/// Asks the cluster.
pub(super) type Ask = Box<dyn Fn(Arc<Identity>, Action) -> BoxFuture<'static, Said> + Send + Sync>;

/// How many questions came to an end.
#[derive(Debug, Default)]
pub struct Reviews {
    ended: AtomicU64,
    failed: AtomicU64,
}

impl Reviews {
    /// How many were answered, or not.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// How many of them were not.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    fn count(&self, said: &Said) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(said.is_err().into(), Ordering::Relaxed);
    }
}

/// Takes questions.
pub(super) struct Questions {
    pub(super) reviews: Arc<Reviews>,
    questions: mpsc::Sender<Question>,
    turns: Turns<User>,
}

struct Question {
    identity: Arc<Identity>,
    action: Action,
    waiting: Waiting,
    answer: oneshot::Sender<Said>,
}

/// Asks the cluster, for as long as there is an [`Authorizer`](super::authorizer::Authorizer).
pub struct Reviewing {
    ask: Ask,
    questions: mpsc::Receiver<Question>,
    reviews: Arc<Reviews>,
}

/// Where questions are put, and what asks them.
pub(super) fn reviewing(ask: Ask) -> (Questions, Reviewing) {
    let (sender, questions) = mpsc::channel(WAITING);
    let reviews = Arc::<Reviews>::default();
    let asking = Reviewing { ask, questions, reviews: Arc::clone(&reviews) };
    (Questions { reviews, questions: sender, turns: Turns::new(LIMITS) }, asking)
}

impl Questions {
    /// Puts a question: where its answer comes out.
    pub(super) fn put(&self, identity: Arc<Identity>, action: Action) -> Result<oneshot::Receiver<Said>, Problem> {
        let busy = || Problem::new(ProblemReason::Refused, "too many such questions wait for an answer");
        let waiting = self.turns.wait(Some(User::from(&*identity))).ok_or_else(busy)?;
        let (answer, said) = oneshot::channel();
        let question = Question { identity, action, waiting, answer };
        self.questions.try_send(question).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => busy(),
            mpsc::error::TrySendError::Closed(_) => Problem::stopped(),
        })?;
        Ok(said)
    }
}

impl Reviewing {
    /// Asks until nobody has questions any more.
    pub async fn run(self) {
        let Self { ask, mut questions, reviews } = self;
        let mut asked = FuturesUnordered::new();
        loop {
            tokio::select! {
                question = questions.recv(), if asked.len() < WAITING => match question {
                    Some(question) => asked.push(answer(&ask, question, &reviews)),
                    None => return,
                },
                Some(()) = asked.next() => {}
            }
        }
    }
}

async fn answer(ask: &Ask, question: Question, reviews: &Reviews) {
    let Question { identity, action, waiting, answer } = question;
    let said = match waiting.turn().await {
        Some(_turn) => timeout(ANSWER, ask(identity, action)).await.unwrap_or_else(|_| Err(late(ANSWER))),
        None => Err(late(LIMITS.patience)),
    };
    reviews.count(&said);
    // Who wanted to know may have gone.
    let _nobody_listens = answer.send(said);
}

fn late(after: Duration) -> Problem {
    let message = format!("the API server has not said within {} s what somebody may do", after.as_secs());
    Problem::new(ProblemReason::Unreachable, message)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use parking_lot::Mutex;

    use super::*;
    use crate::access::right::Right;

    fn token(name: &str, id: usize) -> Arc<Identity> {
        let extra = [("authentication.kubernetes.io/credential-id".to_owned(), vec![format!("JTI={id}")])].into();
        Arc::new(Identity { extra, ..Identity::new(name, Vec::new()) })
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_many_tokens_has_the_turns_of_one_user() {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let asks = Arc::clone(&asked);
        let (questions, reviewing) = reviewing(Box::new(move |identity, _| {
            asks.lock().push(identity.username.clone());
            std::future::pending().boxed()
        }));
        let action = || Right::to_any("get", "", "pods", None).into();
        for number in 0..LIMITS.at_once {
            questions.put(token("jane", number), action()).unwrap();
        }
        questions.put(token("joe", 0), action()).unwrap();
        assert!(reviewing.run().now_or_never().is_none());
        let asked = asked.lock();
        let of = |name: &str| asked.iter().filter(|asked| *asked == name).count();
        assert_eq!((of("jane"), of("joe")), (LIMITS.of_one, 1));
    }
}

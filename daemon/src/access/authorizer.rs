//! Whether a caller may: the cluster's own authorizer is asked, and its answers are
//! kept for a short while.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt as _};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::identity::{Caller, Identity};
use super::reviewing::{Ask, Questions, Reviewing, Reviews, Said, reviewing};
pub use super::right::{Action, PathRight, Right};
use super::trust::Trust;
use crate::source::apiserver::ApiServer;
use crate::source::apiserver::review::Review;
use crate::source::{Problem, ProblemReason};

/// Answers that are kept.
const MOST: usize = 20_000;
/// A question that could not be asked is not asked again before that.
const ASK_AGAIN: Duration = Duration::from_secs(1);

type Answer = Shared<BoxFuture<'static, Said>>;

/// An answer, or one that is awaited.
struct Asked {
    at: Instant,
    answer: Answer,
}

impl Asked {
    fn is_good(&self, ttl: Duration) -> bool {
        let ttl = if matches!(self.answer.peek(), Some(Err(_))) { ASK_AGAIN.min(ttl) } else { ttl };
        self.at.elapsed() < ttl
    }
}

/// Knows what callers may do.
pub struct Authorizer {
    /// A recording, which has no cluster, has nobody to ask.
    questions: Option<Questions>,
    /// For how long a right that is withdrawn counts at most.
    lasts: Duration,
    ttl: Duration,
    asked: Mutex<HashMap<(Arc<Identity>, Action), Asked>>,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("ttl", &self.ttl).field("answers", &self.asked.lock().len()).finish()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewSpec<'a> {
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    groups: &'a [String],
    extra: &'a BTreeMap<String, Vec<String>>,
    #[serde(flatten)]
    action: &'a Action,
}

/// `SubjectAccessReviewStatus`.
#[derive(Deserialize)]
pub(super) struct Verdict {
    #[serde(default)]
    pub(super) allowed: bool,
}

impl Authorizer {
    /// Asks that API server, by what comes with it and is to run; a recording, which has
    /// none, knows no rights. A right that is withdrawn counts for so long at most: half of
    /// that an answer is kept, and as often whoever relies on it is to ask again.
    #[must_use]
    pub fn new(server: Option<ApiServer>, lasts: Duration) -> (Self, Option<Reviewing>) {
        let ask = |server: ApiServer| -> Ask {
            Box::new(move |identity, action| {
                let server = server.clone();
                async move { review(&server, &identity, &action).await }.boxed()
            })
        };
        Self::by(server.map(ask), lasts)
    }

    fn by(ask: Option<Ask>, lasts: Duration) -> (Self, Option<Reviewing>) {
        let (questions, reviewing) = ask.map(reviewing).unzip();
        (Self { questions, lasts, ttl: lasts / 2, asked: Mutex::new(HashMap::new()) }, reviewing)
    }

    /// What was found out now, for whoever relies on it.
    #[must_use]
    pub fn trust(&self) -> Trust {
        Trust::new(self.lasts)
    }

    /// How many questions came to an end; `None` if nobody is asked.
    #[must_use]
    pub fn reviews(&self) -> Option<&Reviews> {
        self.questions.as_ref().map(|questions| &*questions.reviews)
    }

    /// Whether the caller may.
    ///
    /// # Errors
    /// If the API server does not say.
    pub async fn may(&self, caller: &Caller, action: impl Into<Action>) -> Result<bool, Problem> {
        let Caller::User(identity) = caller else { return Ok(true) };
        self.answer(identity, action.into())?.await
    }

    fn answer(&self, identity: &Arc<Identity>, action: Action) -> Result<Answer, Problem> {
        let Some(questions) = &self.questions else {
            let message = "a recording has no access rules: only the daemon's owner may read it";
            return Err(Problem::new(ProblemReason::Forbidden, message));
        };
        let mut asked = self.asked.lock();
        let question = (Arc::clone(identity), action);
        if let Some(known) = asked.get(&question).filter(|asked| asked.is_good(self.ttl)) {
            return Ok(known.answer.clone());
        }
        make_room(&mut asked, self.ttl);
        let said = questions.put(Arc::clone(identity), question.1.clone())?;
        let answer = async move { said.await.unwrap_or_else(|_| Err(Problem::stopped())) };
        let answer = answer.boxed().shared();
        asked.insert(question, Asked { at: Instant::now(), answer: answer.clone() });
        Ok(answer)
    }
}

async fn review(server: &ApiServer, identity: &Identity, action: &Action) -> Result<bool, Problem> {
    let spec = ReviewSpec {
        user: &identity.username,
        uid: identity.uid.as_deref(),
        groups: &identity.groups,
        extra: &identity.extra,
        action,
    };
    let verdict: Verdict = server.review(Review::SUBJECT_ACCESS, &spec).await?;
    Ok(verdict.allowed)
}

/// Forgets what is outdated, and if that is not enough, the older half.
fn make_room(asked: &mut HashMap<(Arc<Identity>, Action), Asked>, ttl: Duration) {
    if asked.len() < MOST {
        return;
    }
    asked.retain(|_, asked| asked.is_good(ttl));
    if asked.len() >= MOST {
        let mut times: Vec<_> = asked.values().map(|asked| asked.at).collect();
        let (_, middle, _) = times.select_nth_unstable(MOST / 2);
        let middle = *middle;
        asked.retain(|_, asked| asked.at > middle);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, watch};

    use super::*;

    #[tokio::test]
    async fn a_recording_is_for_its_owner() {
        let (authorizer, _) = Authorizer::new(None, Duration::from_secs(1));
        let right = || Right::to_any("list", "", "pods", None);
        assert_eq!(authorizer.may(&Caller::Owner, right()).await, Ok(true));
        let user = Caller::User(Arc::new(Identity::new("jane", Vec::new())));
        assert_eq!(authorizer.may(&user, right()).await.unwrap_err().reason, ProblemReason::Forbidden);
    }

    /// An authorizer of whom everybody may everything, once the gate is open; it says whom it was asked about.
    fn gated() -> (Authorizer, Reviewing, watch::Sender<bool>, mpsc::UnboundedReceiver<Arc<Identity>>) {
        let (gate, open) = watch::channel(false);
        let (asked, told) = mpsc::unbounded_channel();
        let ask: Ask = Box::new(move |identity, _| {
            let (mut open, asked) = (open.clone(), asked.clone());
            async move {
                asked.send(identity).unwrap();
                open.wait_for(|open| *open).await.unwrap();
                Ok(true)
            }
            .boxed()
        });
        let (authorizer, reviewing) = Authorizer::by(Some(ask), Duration::from_hours(1));
        (authorizer, reviewing.unwrap(), gate, told)
    }

    #[tokio::test]
    async fn whoever_does_not_go_on_waiting_holds_up_nobody() {
        let (authorizer, reviewing, gate, mut asked) = gated();
        let reviewing = tokio::spawn(reviewing.run());
        let users: Vec<_> = (0..8).map(|n| Caller::User(Arc::new(Identity::new(n.to_string(), Vec::new())))).collect();
        let right = |name: usize| Right::to_any("get", "", &name.to_string(), None);
        let mut stalled = Vec::new();
        for user in &users {
            for name in 0..4 {
                let mut waits = authorizer.may(user, right(name)).boxed();
                assert_eq!((&mut waits).now_or_never(), None);
                // It is asked, and its reader is not polled again.
                stalled.push(waits);
                asked.recv().await.unwrap();
            }
        }
        gate.send(true).unwrap();
        assert_eq!(authorizer.may(&users[0], right(5)).await, Ok(true), "its other questions are asked");
        let other = Caller::User(Arc::new(Identity::new("other", Vec::new())));
        assert_eq!(authorizer.may(&other, right(5)).await, Ok(true), "and those of others");
        reviewing.abort();
    }

    #[tokio::test]
    async fn a_daemon_that_ends_leaves_nobody_waiting() {
        let (authorizer, reviewing, _gate, _asked) = gated();
        let jane = Caller::User(Arc::new(Identity::new("jane", Vec::new())));
        let right = || Right::to_any("get", "", "pods", None);
        let mut waits = authorizer.may(&jane, right()).boxed();
        assert_eq!((&mut waits).now_or_never(), None);
        drop(reviewing);
        assert_eq!(waits.await, Err(Problem::stopped()));
    }

    #[test]
    fn answers_are_bounded_in_number() {
        let mut asked = HashMap::new();
        let identity = Arc::new(Identity::default());
        for number in 0..3 * MOST {
            make_room(&mut asked, Duration::from_hours(1));
            let right = Action::from(Right::to_any("get", "", &number.to_string(), None));
            let answer = futures::future::ready(Ok(true)).boxed().shared();
            asked.insert((Arc::clone(&identity), right), Asked { at: Instant::now(), answer });
            assert!(asked.len() <= MOST);
        }
    }
}

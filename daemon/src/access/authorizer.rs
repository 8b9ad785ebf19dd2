//! Whether a caller may: the cluster's own authorizer is asked, and its answers are
//! kept for a short while.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use foldhash::{HashMap, HashMapExt as _};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::identity::{Caller, Identity};
pub use super::right::{Action, PathRight, Right};
use crate::source::apiserver::ApiServer;
use crate::source::apiserver::review::Review;
use crate::source::{Problem, ProblemReason};

/// Answers that are kept.
const MOST: usize = 20_000;
/// Questions that are asked of the API server at a time: of a caller, and of all. Who has
/// many waits for itself.
const OF_ONE: usize = 4;
const AT_ONCE: usize = 32;
/// A question that could not be asked is not asked again before that.
const ASK_AGAIN: Duration = Duration::from_secs(1);

type Answer = Shared<BoxFuture<'static, Result<bool, Problem>>>;

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
    server: Option<ApiServer>,
    ttl: Duration,
    asked: Mutex<HashMap<(Arc<Identity>, Action), Asked>>,
    turns: Arc<Semaphore>,
    /// For as long as somebody waits for one.
    turns_of: Mutex<HashMap<Arc<Identity>, Weak<Semaphore>>>,
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
    /// Asks that API server; a recording, which has none, knows no rights. A right that
    /// is withdrawn counts for so long at most: half of that an answer is kept, and as
    /// often whoever relies on it is to ask again.
    #[must_use]
    pub fn new(server: Option<ApiServer>, lasts: Duration) -> Self {
        let ttl = lasts / 2;
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { server, ttl, asked: Mutex::new(HashMap::new()), turns, turns_of: Mutex::new(HashMap::new()) }
    }

    /// How often whoever relies on an answer is to ask again.
    #[must_use]
    pub fn ask_again(&self) -> Duration {
        self.ttl
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
        let Some(server) = self.server.clone() else {
            let message = "a recording has no access rules: only the daemon's owner may read it";
            return Err(Problem::new(ProblemReason::Forbidden, message));
        };
        let mut asked = self.asked.lock();
        let question = (Arc::clone(identity), action);
        if let Some(known) = asked.get(&question).filter(|asked| asked.is_good(self.ttl)) {
            return Ok(known.answer.clone());
        }
        make_room(&mut asked, self.ttl);
        let (identity, action) = question.clone();
        let (turns, own) = (Arc::clone(&self.turns), self.turns_of(&identity));
        let review = async move {
            // The semaphores are never closed.
            let _own = own.acquire().await;
            let _turn = turns.acquire().await;
            review(&server, &identity, &action).await
        };
        let answer = review.boxed().shared();
        asked.insert(question, Asked { at: Instant::now(), answer: answer.clone() });
        Ok(answer)
    }
}

impl Authorizer {
    /// The turns that a caller's questions share.
    fn turns_of(&self, identity: &Arc<Identity>) -> Arc<Semaphore> {
        let mut turns_of = self.turns_of.lock();
        if let Some(turns) = turns_of.get(identity).and_then(Weak::upgrade) {
            return turns;
        }
        turns_of.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(OF_ONE));
        turns_of.insert(Arc::clone(identity), Arc::downgrade(&turns));
        turns
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
    use super::*;

    #[tokio::test]
    async fn a_recording_is_for_its_owner() {
        let authorizer = Authorizer::new(None, Duration::from_secs(1));
        let right = || Right::to_any("list", "", "pods", None);
        assert_eq!(authorizer.may(&Caller::Owner, right()).await, Ok(true));
        let user = Caller::User(Arc::new(Identity::new("jane", Vec::new())));
        assert_eq!(authorizer.may(&user, right()).await.unwrap_err().reason, ProblemReason::Forbidden);
    }

    #[test]
    fn a_callers_questions_share_turns_that_go_with_them() {
        let authorizer = Authorizer::new(None, Duration::from_secs(1));
        let [jane, joe] = ["jane", "joe"].map(|name| Arc::new(Identity::new(name, Vec::new())));
        let first = authorizer.turns_of(&jane);
        assert!(Arc::ptr_eq(&first, &authorizer.turns_of(&jane)));
        let other = authorizer.turns_of(&joe);
        assert!(!Arc::ptr_eq(&first, &other), "a caller waits for nobody else's questions");
        drop(first);
        let _another = authorizer.turns_of(&Arc::new(Identity::new("jack", Vec::new())));
        assert_eq!(authorizer.turns_of.lock().len(), 2, "jane's are forgotten");
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

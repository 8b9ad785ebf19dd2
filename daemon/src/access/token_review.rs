//! Bearer tokens that the served cluster knows: ServiceAccounts', above all.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::Denied;
use super::answers::{Answers, Fingerprint};
use super::identity::Identity;
use super::rate::{Rate, Rates};
use crate::clock::Clock;
use crate::source::Problem;
use crate::source::apiserver::ApiServer;
use crate::source::apiserver::review::Review;
use crate::source::shared::SharedReads;

/// For how long what the API server says of a token counts, without asking again.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// That it is somebody's: how late its end is noticed at most.
    pub known: Duration,
    /// That it is nobody's: it may become somebody's.
    pub unknown: Duration,
}

impl Default for Kept {
    fn default() -> Self {
        Self { known: Duration::from_secs(60), unknown: Duration::from_secs(10) }
    }
}

/// Answers that are kept.
const MOST: usize = 10_000;
/// Tokens that are asked about at once, and then for each interval one: tokens that are
/// none cost the API server no more.
const RATE: (u32, Duration) = (100, Duration::from_millis(20));
/// Of these, from one host: half, so that one that sends tokens that are none keeps nobody else out.
const RATE_OF_ONE: (u32, Duration) = (50, Duration::from_millis(40));

/// What a token came to.
type Answer = Result<Arc<Identity>, Denied>;
/// Asks about a token.
type Ask = Box<dyn Fn(Arc<str>) -> BoxFuture<'static, Result<ReviewStatus, Problem>> + Send + Sync>;

/// Asks the API server whose tokens are.
pub struct TokenReviews {
    ask: Ask,
    audiences: Arc<[String]>,
    kept: Kept,
    clock: Clock,
    parts: Arc<Parts>,
    reads: SharedReads<Fingerprint, Answer>,
}

struct Parts {
    answers: Answers<Answer>,
    rate: Rate,
    rates: Rates<IpAddr>,
}

impl fmt::Debug for TokenReviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenReviews").field("audiences", &self.audiences).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Spec<'a> {
    token: &'a str,
    audiences: &'a [String],
}

/// `TokenReviewStatus`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ReviewStatus {
    authenticated: bool,
    user: User,
    audiences: Option<Vec<String>>,
}

/// `UserInfo`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    uid: Option<String>,
    groups: Option<Vec<String>>,
    extra: Option<BTreeMap<String, Vec<String>>>,
}

impl TokenReviews {
    /// Asks that API server for tokens of one of these audiences.
    #[must_use]
    pub fn new(server: ApiServer, audiences: Vec<String>, kept: Kept) -> Self {
        let asked: Arc<[String]> = audiences.clone().into();
        let ask = move |token: Arc<str>| -> BoxFuture<'static, _> {
            let (server, audiences) = (server.clone(), Arc::clone(&asked));
            Box::pin(async move {
                let spec = Spec { token: &token, audiences: &audiences };
                server.review(Review::TOKEN, &spec).await
            })
        };
        Self::with(Box::new(ask), audiences, kept, Clock::System)
    }

    fn with(ask: Ask, audiences: Vec<String>, kept: Kept, clock: Clock) -> Self {
        let parts = Parts {
            answers: Answers::new(MOST),
            rate: Rate::new(RATE.0, RATE.1),
            rates: Rates::new(RATE_OF_ONE.0, RATE_OF_ONE.1),
        };
        Self { ask, audiences: audiences.into(), kept, clock, parts: Arc::new(parts), reads: SharedReads::default() }
    }

    /// Whose that token is, which comes from that host. One that is asked about is asked about
    /// once, however many send it.
    ///
    /// # Errors
    /// If it is nobody's, for another audience, or the API server does not say.
    pub async fn identify(&self, token: &str, from: IpAddr) -> Answer {
        let name = Fingerprint::of(token);
        if let Some(known) = self.parts.answers.get(name, self.clock.now()) {
            return known;
        }
        let asked = (self.ask)(token.into());
        let (parts, audiences, clock) = (Arc::clone(&self.parts), Arc::clone(&self.audiences), self.clock.clone());
        let kept = self.kept;
        let review = async move {
            // It may have been answered while this one waited for its turn.
            if let Some(known) = parts.answers.get(name, clock.now()) {
                return known;
            }
            if !(parts.rates.take(from) && parts.rate.take()) {
                return Err(Denied::Busy);
            }
            let answer = match asked.await {
                Ok(status) => judge(status, &audiences),
                Err(problem) => return Err(Denied::ClusterUnreachable(problem.message)),
            };
            let (now, lasts) = (clock.now(), if answer.is_ok() { kept.known } else { kept.unknown });
            if let Ok(until) = now.checked_add(lasts) {
                parts.answers.keep(name, answer.clone(), until, now);
            }
            answer
        };
        self.reads.read(&name, review).await
    }
}

/// What the API server's word comes to. One that does not know audiences names none, and
/// its word is about tokens for itself (`TokenReviewStatus.audiences`).
fn judge(status: ReviewStatus, audiences: &[String]) -> Answer {
    let User { username, uid, groups, extra } = status.user;
    if !status.authenticated || username.is_empty() {
        return Err(Denied::UnknownToken);
    }
    if !status.audiences.unwrap_or_default().iter().any(|audience| audiences.contains(audience)) {
        return Err(Denied::WrongAudience);
    }
    let mut groups = groups.unwrap_or_default();
    groups.sort_unstable();
    groups.dedup();
    Ok(Arc::new(Identity { username, uid, groups, extra: extra.unwrap_or_default() }))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::poll;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::source::ProblemReason;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn reviews(
        says: impl Fn(&str) -> Result<serde_json::Value, Problem> + Send + Sync + 'static,
    ) -> (TokenReviews, Arc<AtomicUsize>, Arc<Semaphore>) {
        let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1000)));
        let (count, open) = (Arc::clone(&asked), Arc::clone(&gate));
        let ask = move |token: Arc<str>| -> BoxFuture<'static, _> {
            let (count, open) = (Arc::clone(&count), Arc::clone(&open));
            let said = says(&token).map(|status| serde_json::from_value(status).unwrap());
            Box::pin(async move {
                count.fetch_add(1, Ordering::SeqCst);
                open.acquire().await.unwrap().forget();
                said
            })
        };
        (TokenReviews::with(Box::new(ask), vec!["daymark".into()], Kept::default(), Clock::System), asked, gate)
    }

    fn jane(audiences: &[&str]) -> serde_json::Value {
        serde_json::json!({"authenticated": true, "audiences": audiences,
            "user": {"username": "jane", "uid": "7", "groups": ["b", "a"], "extra": {"k": ["v"]}}})
    }

    #[tokio::test]
    async fn a_user_is_as_the_api_server_says() {
        let (reviews, ..) = reviews(|_| Ok(jane(&["daymark"])));
        let identity = reviews.identify("t", HERE).await.unwrap();
        assert_eq!((&*identity.username, identity.uid.as_deref()), ("jane", Some("7")));
        assert_eq!(identity.groups, ["a", "b"]);
        assert_eq!(identity.extra["k"], ["v"]);
    }

    #[tokio::test]
    async fn tokens_for_others_and_of_nobody_are_refused() {
        for (status, denied) in [
            (jane(&["other"]), Denied::WrongAudience),
            (jane(&[]), Denied::WrongAudience),
            (serde_json::json!({"authenticated": true, "user": {"username": "jane"}}), Denied::WrongAudience),
            (serde_json::json!({"authenticated": true, "audiences": ["daymark"]}), Denied::UnknownToken),
            (serde_json::json!({"authenticated": false, "error": "why"}), Denied::UnknownToken),
            (serde_json::json!({"audiences": ["daymark"], "user": {"username": "jane"}}), Denied::UnknownToken),
        ] {
            let (reviews, ..) = reviews(move |_| Ok(status.clone()));
            assert_eq!(reviews.identify("t", HERE).await, Err(denied));
        }
    }

    #[tokio::test]
    async fn a_token_is_asked_about_once_however_many_send_it() {
        let (reviews, asked, gate) = reviews(|_| Ok(jane(&["daymark"])));
        gate.forget_permits(1000);
        let mut waiting: Vec<_> = (0..50).map(|_| Box::pin(reviews.identify("t", HERE))).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        gate.add_permits(1);
        assert!(futures::future::join_all(waiting).await.iter().all(Result::is_ok));
        assert!(reviews.identify("t", HERE).await.is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_api_server_that_does_not_answer_is_asked_again() {
        let (reviews, asked, _) = reviews(|_| Err(Problem::new(ProblemReason::Unreachable, "no route")));
        for _ in 0..2 {
            assert_eq!(reviews.identify("t", HERE).await, Err(Denied::ClusterUnreachable("no route".into())));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_that_are_none_do_not_flood_the_api_server() {
        let (reviews, asked, _) = reviews(|_| Ok(serde_json::json!({"authenticated": false})));
        let elsewhere = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        for (from, in_all) in [(HERE, 50), (elsewhere, 100), (Ipv4Addr::BROADCAST.into(), 100)] {
            for number in 0..1000 {
                let known = reviews.identify(&format!("{from} {number}"), from).await;
                assert!(matches!(known, Err(Denied::UnknownToken | Denied::Busy)), "{known:?}");
            }
            assert_eq!(asked.load(Ordering::SeqCst), in_all, "{from}");
        }
        let known = format!("{HERE} 0");
        assert_eq!(reviews.identify(&known, HERE).await, Err(Denied::UnknownToken), "what is known is known");
    }
}

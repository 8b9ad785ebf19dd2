//! An issuer's keys as they are known, and when they are asked for again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::discovery::Discovery;
use super::keys::{Keys, Unverified};
use crate::access::Denied;

/// How often keys are asked for again: one that an issuer no longer has counts for that long, if the
/// issuer can be asked.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// For how long keys count while it cannot.
const OLDEST: Duration = Duration::from_hours(24);
/// Between two tries, whoever sends what: an issuer is not flooded by tokens with keys that are none.
const PAUSE: Duration = Duration::from_secs(10);

/// An issuer's keys. They are asked for by [`Keyring::keep`] alone: who sends a token may be gone before the
/// issuer has answered, and others need the answer as well.
pub(super) struct Keyring {
    issuer: String,
    discovery: Discovery,
    known: watch::Sender<Known>,
    /// Somebody has a token that none of the known keys can have signed.
    wanted: Notify,
}

struct Known {
    /// The keys, and when the read was begun that has brought them.
    keys: Option<(Instant, Arc<Keys>)>,
    /// Why the last try has failed. Until one has ended nothing is known.
    problem: Option<String>,
    /// When the last try was begun that has ended.
    tried: Option<Instant>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Keyring {
    pub(super) fn new(issuer: &str, discovery: Discovery) -> Self {
        let known = Known { keys: None, problem: Some("its keys were not read yet".into()), tried: None };
        Self { issuer: issuer.to_owned(), discovery, known: watch::Sender::new(known), wanted: Notify::new() }
    }

    /// The claims of a token that the issuer has signed. If none of the keys that are known can have,
    /// it waits for newer ones, unless they are just read.
    ///
    /// # Errors
    /// If it has not, or cannot be asked.
    pub(super) async fn verify(&self, token: &str) -> Result<Value, Denied> {
        let verdict = |keys: Option<Arc<Keys>>| keys.map_or(Err(Unverified::NoKey), |keys| keys.verify(token));
        let mut known = self.known.subscribe();
        let (keys, are_new) = {
            let known = known.borrow_and_update();
            (known.keys(), known.are_new())
        };
        let mut verified = verdict(keys);
        if verified == Err(Unverified::NoKey) && !are_new {
            self.wanted.notify_one();
            // What tells of a change is this keyring's own.
            let _changed = known.changed().await;
            let keys = known.borrow().keys();
            verified = verdict(keys);
        }
        verified.map_err(|unverified| match (unverified, &known.borrow().problem) {
            (Unverified::NoKey, Some(problem)) => {
                Denied::IssuerUnreachable { issuer: self.issuer.clone(), problem: problem.clone() }
            }
            (Unverified::NoKey, None) => Denied::bad("none of its issuer's keys can have signed it"),
            (Unverified::Bad(why), _) => Denied::bad(why),
        })
    }

    /// Keeps the keys fresh, for ever.
    pub(super) async fn keep(&self) {
        loop {
            let begun = Instant::now();
            let fetched = self.discovery.keys().await;
            let is_known = fetched.is_ok();
            // Who has wanted them until now is told what this has brought.
            let _told = self.wanted.notified().now_or_never();
            self.learn(begun, fetched);
            sleep_until(begun + PAUSE).await;
            if is_known {
                let _wanted = timeout_at(begun + FRESH, self.wanted.notified()).await;
            }
        }
    }

    fn learn(&self, begun: Instant, fetched: Result<Keys, String>) {
        self.known.send_modify(|known| {
            known.tried = Some(begun);
            match fetched {
                Ok(keys) => {
                    if known.problem.take().is_some() {
                        tracing::info!(issuer = self.issuer, "its keys can be read");
                    }
                    known.keys = Some((begun, Arc::new(keys)));
                }
                Err(problem) => {
                    if known.problem.as_ref() != Some(&problem) {
                        tracing::warn!(issuer = self.issuer, "its keys cannot be read, retrying: {problem}");
                    }
                    known.problem = Some(problem);
                }
            }
        });
    }
}

impl Known {
    /// The keys, if they are not too old to count.
    fn keys(&self) -> Option<Arc<Keys>> {
        let (read, keys) = self.keys.as_ref()?;
        (read.elapsed() < OLDEST).then(|| Arc::clone(keys))
    }

    /// Whether they are not asked for again just now.
    fn are_new(&self) -> bool {
        self.tried.is_some_and(|at| at.elapsed() < PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn keys_of_an_issuer_that_cannot_be_asked_count_for_a_day() {
        let keys = Some((Instant::now(), Arc::new(Keys::default())));
        let known = Known { keys, problem: Some("no answer".into()), tried: None };
        tokio::time::advance(OLDEST - Duration::from_secs(1)).await;
        assert!(known.keys().is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(known.keys().is_none());
    }
}

//! An issuer's keys as they are known, and when they are asked for again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use super::discovery::Discovery;
use super::keys::{Keys, Unverified};
use crate::access::Denied;
use crate::source::shared::SharedReads;

/// How often keys are asked for again: one that an issuer no longer has counts for that long, if the
/// issuer can be asked.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// For how long keys count while it cannot.
const OLDEST: Duration = Duration::from_hours(24);
/// Between two tries, whoever sends what: an issuer is not flooded by tokens with keys that are none.
const PAUSE: Duration = Duration::from_secs(10);

/// An issuer's keys.
pub(super) struct Keyring {
    issuer: String,
    shared: Arc<Shared>,
    reads: SharedReads<(), ()>,
}

/// What outlives who asks.
struct Shared {
    issuer: String,
    discovery: Discovery,
    known: Mutex<Known>,
}

struct Known {
    /// The keys, and when the read was begun that has brought them.
    keys: Option<(Instant, Arc<Keys>)>,
    /// Why the last try has failed, and when it was begun. Until one has ended nothing is known.
    problem: Option<String>,
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
        let shared = Shared { issuer: issuer.to_owned(), discovery, known: Mutex::new(known) };
        Self { issuer: issuer.to_owned(), shared: Arc::new(shared), reads: SharedReads::default() }
    }

    /// The claims of a token that the issuer has signed. If none of the keys that are known can have,
    /// they are asked for again.
    ///
    /// # Errors
    /// If it has not, or cannot be asked.
    pub(super) async fn verify(&self, token: &str) -> Result<Value, Denied> {
        let verdict = |keys: Option<Arc<Keys>>| keys.map_or(Err(Unverified::NoKey), |keys| keys.verify(token));
        let keys = || self.shared.known.lock().keys();
        let mut verified = verdict(keys());
        if verified == Err(Unverified::NoKey) {
            self.refetch().await;
            verified = verdict(keys());
        }
        verified.map_err(|unverified| match (unverified, &self.shared.known.lock().problem) {
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
            self.refetch().await;
            let failed = self.shared.known.lock().problem.is_some();
            tokio::time::sleep(if failed { PAUSE } else { FRESH }).await;
        }
    }

    /// Asks for the keys, once for all who want them now.
    async fn refetch(&self) {
        let shared = Arc::clone(&self.shared);
        self.reads.read(&(), async move { shared.refetch().await }).await;
    }
}

impl Known {
    /// The keys, if they are not too old to count.
    fn keys(&self) -> Option<Arc<Keys>> {
        let (read, keys) = self.keys.as_ref()?;
        (read.elapsed() < OLDEST).then(|| Arc::clone(keys))
    }
}

impl Shared {
    async fn refetch(&self) {
        let now = Instant::now();
        {
            let mut known = self.known.lock();
            if known.tried.is_some_and(|at| at.elapsed() < PAUSE) {
                return;
            }
            known.tried = Some(now);
        }
        let fetched = self.discovery.keys().await;
        let mut known = self.known.lock();
        match fetched {
            Ok(keys) => {
                if known.problem.take().is_some() {
                    tracing::info!(issuer = self.issuer, "its keys can be read");
                }
                known.keys = Some((now, Arc::new(keys)));
            }
            Err(problem) => {
                if known.problem.as_ref() != Some(&problem) {
                    tracing::warn!(issuer = self.issuer, "its keys cannot be read, retrying: {problem}");
                }
                known.problem = Some(problem);
            }
        }
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

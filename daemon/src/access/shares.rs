//! What each caller may have of the daemon at a time, so that none has all of it.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::identity::{Caller, User};

/// What each caller may have at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Streams.
    pub streams: usize,
    /// Gates that are open.
    pub gates: usize,
    /// Requests each second, in the long run; five times as many at once. So many may also be open
    /// besides its streams and gates: their answers are not read yet, or they are not sent whole.
    pub requests: u32,
}

impl Default for Limits {
    /// Enough for a large team's pipelines at the same time, and a tenth of what a daemon
    /// serves.
    fn default() -> Self {
        Self { streams: 1000, gates: 1000, requests: 100 }
    }
}

impl Limits {
    /// Requests that may come at once.
    fn burst(self) -> f64 {
        f64::from(self.requests) * f64::from(BURST)
    }

    /// Requests that may be open: all that stay so, and as many again as may come at once.
    fn open(self) -> usize {
        let burst = self.requests as usize * BURST as usize;
        self.streams.saturating_add(self.gates).saturating_add(burst)
    }
}

/// Logs of containers that are read for one caller at a time: half of what a daemon reads.
const LOGS: usize = 250;
/// Dumps that are made for one caller at a time.
const DUMPS: usize = 2;
/// Seconds of requests that may come at once.
const BURST: u32 = 5;
/// Callers that are told apart; those that have nothing make room.
const MOST: usize = 10_000;

/// A caller that has its share already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// Of streams.
    #[error("{0} streams of this caller are open, and no more are served: try again later")]
    Streams(usize),
    /// Of gates.
    #[error("{0} gates of this caller are open, and no more are served: try again later")]
    Gates(usize),
    /// Of logs.
    #[error("{0} logs are read for this caller, and no more are: try again later")]
    Logs(usize),
    /// Of dumps.
    #[error("{0} dumps are being made for this caller, and no more are: try again later")]
    Dumps(usize),
    /// Of requests.
    #[error("this caller makes more than {0} requests a second: try again later")]
    Requests(u32),
    /// Of requests that are open.
    #[error("{0} requests of this caller are open, and no more are served: read their answers")]
    Open(usize),
}

/// What callers have. The daemon's owner, whose it all is, has no share.
#[derive(Debug)]
pub struct Shares {
    limits: Limits,
    users: Mutex<HashMap<User, Arc<Share>>>,
}

#[derive(Debug)]
struct Share {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    streams: usize,
    gates: usize,
    logs: usize,
    dumps: usize,
    /// Requests whose answers have not ended.
    open: usize,
    /// Requests that may come now, and since when that is so.
    requests: f64,
    at: Instant,
}

/// Something of a share, for as long as it is held.
#[derive(Debug)]
pub struct Place {
    share: Arc<Share>,
    of: fn(&mut Held) -> &mut usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        *(self.of)(&mut self.share.held.lock()) -= 1;
    }
}

impl Shares {
    /// Nobody has anything yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, users: Mutex::new(HashMap::new()) }
    }

    /// One more stream.
    ///
    /// # Errors
    /// If the caller has its share.
    pub fn stream(&self, caller: &Caller) -> Result<Option<Place>, Exceeded> {
        let most = self.limits.streams;
        self.take(caller, |held| &mut held.streams, most).ok_or(Exceeded::Streams(most))
    }

    /// One more gate.
    ///
    /// # Errors
    /// If the caller has its share.
    pub fn gate(&self, caller: &Caller) -> Result<Option<Place>, Exceeded> {
        let most = self.limits.gates;
        self.take(caller, |held| &mut held.gates, most).ok_or(Exceeded::Gates(most))
    }

    /// One more log of a container that is read.
    ///
    /// # Errors
    /// If the caller has its share.
    pub fn log(&self, caller: &Caller) -> Result<Option<Place>, Exceeded> {
        self.take(caller, |held| &mut held.logs, LOGS).ok_or(Exceeded::Logs(LOGS))
    }

    /// One more dump.
    ///
    /// # Errors
    /// If the caller has its share.
    pub fn dump(&self, caller: &Caller) -> Result<Option<Place>, Exceeded> {
        self.take(caller, |held| &mut held.dumps, DUMPS).ok_or(Exceeded::Dumps(DUMPS))
    }

    /// One more request, which is open for as long as its place is held.
    ///
    /// # Errors
    /// If the caller has made too many.
    pub fn request(&self, caller: &Caller) -> Result<Option<Place>, Exceeded> {
        let place = self.take(caller, |held| &mut held.open, self.limits.open());
        let place = place.ok_or(Exceeded::Open(self.limits.open()))?;
        let Some(share) = place.as_ref().map(|place| &place.share) else { return Ok(None) };
        let mut held = share.held.lock();
        let (rate, most) = (f64::from(self.limits.requests), self.limits.burst());
        held.requests = (held.requests + held.at.elapsed().as_secs_f64() * rate).min(most);
        held.at = Instant::now();
        let may = held.requests >= 1.0;
        if may {
            held.requests -= 1.0;
        }
        drop(held);
        if may { Ok(place) } else { Err(Exceeded::Requests(self.limits.requests)) }
    }

    /// A place, or nothing for whoever needs none; `None` if all are taken.
    fn take(&self, caller: &Caller, of: fn(&mut Held) -> &mut usize, most: usize) -> Option<Option<Place>> {
        let Some(share) = self.share(caller) else { return Some(None) };
        {
            let mut held = share.held.lock();
            let held = of(&mut held);
            if *held >= most {
                return None;
            }
            *held += 1;
        }
        Some(Some(Place { share, of }))
    }

    fn share(&self, caller: &Caller) -> Option<Arc<Share>> {
        let user = caller.user()?;
        let mut users = self.users.lock();
        if let Some(share) = users.get(&user) {
            return Some(Arc::clone(share));
        }
        if users.len() >= MOST {
            users.retain(|_, share| share.is_in_use(self.limits));
        }
        let requests = self.limits.burst();
        let held = Held { streams: 0, gates: 0, logs: 0, dumps: 0, open: 0, requests, at: Instant::now() };
        let share = Arc::new(Share { held: Mutex::new(held) });
        users.insert(user, Arc::clone(&share));
        Some(share)
    }
}

impl Share {
    /// Whether it would be another one if it was forgotten.
    fn is_in_use(self: &Arc<Self>, limits: Limits) -> bool {
        let held = self.held.lock();
        let rested = held.requests + held.at.elapsed().as_secs_f64() * f64::from(limits.requests);
        let has_rested = rested >= limits.burst();
        Arc::strong_count(self) > 1 || !has_rested
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::identity::Identity;
    use super::*;

    fn user(name: &str) -> Caller {
        Caller::User(Arc::new(Identity::new(name, Vec::new())))
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_leaves_the_others_theirs() {
        let shares = Shares::new(Limits { streams: 2, gates: 1, requests: 2 });
        let (jane, joe) = (user("jane"), user("joe"));
        let first = shares.stream(&jane).unwrap();
        let _second = shares.stream(&jane).unwrap();
        assert_eq!(shares.stream(&jane).unwrap_err(), Exceeded::Streams(2));
        assert!(shares.gate(&jane).is_ok(), "gates are counted by themselves");
        assert!(shares.stream(&joe).is_ok());
        drop(first);
        assert!(shares.stream(&jane).is_ok());

        for _ in 0..10 {
            assert!(shares.request(&jane).is_ok());
        }
        assert_eq!(shares.request(&jane).unwrap_err(), Exceeded::Requests(2));
        assert!(shares.request(&joe).is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!([(); 3].map(|()| shares.request(&jane).is_ok()), [true, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_do_not_end_are_bounded() {
        let shares = Shares::new(Limits { streams: 1, gates: 1, requests: 2 });
        let jane = user("jane");
        let mut open = Vec::new();
        for _ in 0..12 {
            open.push(shares.request(&jane).unwrap());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(shares.request(&jane).unwrap_err(), Exceeded::Open(12));
        open.pop();
        assert!(shares.request(&jane).is_ok());
    }

    #[tokio::test]
    async fn a_user_has_one_share_however_many_tokens() {
        let shares = Shares::new(Limits { streams: 1, ..Limits::default() });
        let token = |id: &str| {
            let extra = [("authentication.kubernetes.io/credential-id".to_owned(), vec![id.to_owned()])].into();
            Caller::User(Arc::new(Identity { extra, ..Identity::new("jane", Vec::new()) }))
        };
        let _held = shares.stream(&token("JTI=1")).unwrap();
        assert_eq!(shares.stream(&token("JTI=2")).unwrap_err(), Exceeded::Streams(1));
    }

    #[tokio::test]
    async fn the_owner_has_no_share() {
        let shares = Shares::new(Limits { streams: 0, gates: 0, requests: 0 });
        assert!(shares.stream(&Caller::Owner).unwrap().is_none());
        assert!(shares.request(&Caller::TokenHolder).unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_that_have_nothing_are_forgotten() {
        let shares = Shares::new(Limits::default());
        let held = shares.stream(&user("first")).unwrap();
        for number in 0..MOST {
            shares.request(&user(&number.to_string())).unwrap();
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        shares.request(&user("last")).unwrap();
        assert_eq!(shares.users.lock().len(), 2, "who has a stream, and who came last");
        drop(held);
    }
}

//! Turns at what is done for so many at a time only: each caller has a part of them, and waits
//! for itself.

use std::hash::Hash;
use std::sync::{Arc, Weak};
use std::time::Duration;

use foldhash::HashMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many turns there are.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At a time.
    pub at_once: usize,
    /// Of these, one caller's.
    pub of_one: usize,
    /// Of one caller, those that wait or have theirs.
    pub waiting: usize,
    /// How long each may wait.
    pub patience: Duration,
}

/// Turns, which those share that are called the same.
#[derive(Debug)]
pub struct Turns<K> {
    limits: Limits,
    all: Arc<Semaphore>,
    owners: Arc<Part>,
    /// For as long as somebody waits for one, or has one.
    parts: Mutex<HashMap<K, Weak<Part>>>,
}

#[derive(Debug)]
struct Part {
    waiting: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Part {
    fn new(limits: Limits, turns: usize) -> Arc<Self> {
        let (waiting, turns) = (Arc::new(Semaphore::new(limits.waiting)), Arc::new(Semaphore::new(turns)));
        Arc::new(Self { waiting, turns })
    }
}

/// Somebody who waits for a turn. It is to be waited for by what is always polled: who is not is
/// given a turn, and does not take it.
#[derive(Debug)]
pub struct Waiting {
    all: Arc<Semaphore>,
    part: Arc<Part>,
    patience: Duration,
    place: OwnedSemaphorePermit,
}

/// A turn, for as long as it is held.
#[derive(Debug)]
pub struct Turn {
    _part: Arc<Part>,
    _held: [OwnedSemaphorePermit; 3],
}

impl<K: Eq + Hash> Turns<K> {
    /// Nobody waits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let (all, owners) = (Arc::new(Semaphore::new(limits.at_once)), Part::new(limits, limits.at_once));
        Self { limits, all, owners, parts: Mutex::default() }
    }

    /// One more who waits; `None` if too many of these do. Who is nobody in particular has all turns.
    pub fn wait(&self, whose: Option<K>) -> Option<Waiting> {
        let part = match whose {
            Some(whose) => self.part(whose),
            None => Arc::clone(&self.owners),
        };
        let place = Arc::clone(&part.waiting).try_acquire_owned().ok()?;
        Some(Waiting { all: Arc::clone(&self.all), part, patience: self.limits.patience, place })
    }

    fn part(&self, whose: K) -> Arc<Part> {
        let mut parts = self.parts.lock();
        if let Some(part) = parts.get(&whose).and_then(Weak::upgrade) {
            return part;
        }
        parts.retain(|_, part| part.strong_count() > 0);
        let part = Part::new(self.limits, self.limits.of_one);
        parts.insert(whose, Arc::downgrade(&part));
        part
    }
}

impl Waiting {
    /// The turn, when it comes; `None` if it does not come soon.
    pub async fn turn(self) -> Option<Turn> {
        let Self { all, part, patience, place } = self;
        let turns =
            async { Some((Arc::clone(&part.turns).acquire_owned().await.ok()?, all.acquire_owned().await.ok()?)) };
        let (own, of_all) = timeout(patience, turns).await.ok()??;
        Some(Turn { _part: part, _held: [own, of_all, place] })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const LIMITS: Limits = Limits { at_once: 3, of_one: 2, waiting: 3, patience: Duration::from_secs(30) };

    #[tokio::test(start_paused = true)]
    async fn who_has_many_waits_for_itself_and_not_for_ever() {
        let turns = Turns::new(LIMITS);
        let turn = |whose| turns.wait(Some(whose)).unwrap().turn();
        let held = [turn("jane").await.unwrap(), turn("jane").await.unwrap()];
        let third = turn("jane").boxed();
        assert!(turns.wait(Some("jane")).is_none(), "more do not even wait");
        assert!(turn("joe").await.is_some(), "others have their part");
        assert!(third.await.is_none(), "it does not come soon");
        let mut third = turn("jane").boxed();
        assert!((&mut third).now_or_never().is_none());
        drop(held);
        assert!(third.await.is_some());
    }

    #[test]
    fn parts_go_with_those_who_have_them() {
        let turns = Turns::new(LIMITS);
        let [jane, _joe] = ["jane", "joe"].map(|name| turns.wait(Some(name)).unwrap());
        drop(jane);
        let _jack = turns.wait(Some("jack"));
        assert_eq!(turns.parts.lock().len(), 2, "jane's is forgotten");
    }

    #[tokio::test]
    async fn who_is_nobody_in_particular_has_all_turns() {
        let turns = Turns::<&str>::new(LIMITS);
        let mut held = Vec::new();
        for _ in 0..LIMITS.at_once {
            held.push(turns.wait(None).unwrap().turn().await.unwrap());
        }
        assert!(turns.wait(None).is_none());
    }
}

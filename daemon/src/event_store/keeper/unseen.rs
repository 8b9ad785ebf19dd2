//! What events are about that was not there when they told of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashSet;
use tokio::time::Instant;

use crate::record::{Happening, Uid};

/// So many are looked for: of further ones the owners are not known.
const MOST: usize = 10_000;
/// After so long they are looked for again; then after twice as long, and so on.
const PAUSE: Duration = Duration::from_millis(250);
/// So often: what does not come within some seconds was there before.
const LOOKS: u32 = 5;

/// What is to be looked for again.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    by_time: BTreeMap<(Instant, u64), Waiting>,
    waiting: HashSet<Uid>,
    number: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Waiting {
    /// An event about it.
    pub(super) happening: Arc<Happening>,
    /// How often it was looked for in vain.
    pub(super) looks: u32,
}

impl Waiting {
    /// Whether it is not looked for any more.
    pub(super) fn is_last_look(&self) -> bool {
        self.looks >= LOOKS
    }
}

impl Unseen {
    /// It was not there.
    pub(super) fn add(&mut self, happening: &Arc<Happening>) {
        self.again(Waiting { happening: Arc::clone(happening), looks: 1 });
    }

    /// It is still not there.
    pub(super) fn again(&mut self, waiting: Waiting) {
        let subject = waiting.happening.subject.clone();
        if self.by_time.len() < MOST && self.waiting.insert(subject) {
            let at = Instant::now() + PAUSE * 2_u32.saturating_pow(waiting.looks - 1);
            self.number += 1;
            self.by_time.insert((at, self.number), waiting);
        }
    }

    /// When to look next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first_key_value().map(|((at, _), _)| *at)
    }

    /// Those for which it is time.
    pub(super) fn due(&mut self) -> Vec<Waiting> {
        let later = self.by_time.split_off(&(Instant::now(), u64::MAX));
        let due: Vec<_> = std::mem::replace(&mut self.by_time, later).into_values().collect();
        for waiting in &due {
            self.waiting.remove(&waiting.happening.subject);
        }
        due
    }
}

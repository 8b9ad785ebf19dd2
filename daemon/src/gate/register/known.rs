//! Which gates are known, and for how long.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Gate, MOST, NotOpened};
use crate::gate::token::Name;

/// Objects of gates that have ended whose states are kept: some 100 MB of them.
const MOST_OBJECTS: usize = 200_000;
/// Every gate is looked at then: not for each that is opened.
const BETWEEN_SWEEPS: SignedDuration = SignedDuration::from_secs(1);

/// Gates, open or ended.
#[derive(Debug, Default)]
pub(super) struct Known {
    by_name: HashMap<Name, Arc<Gate>>,
    by_request: HashMap<Name, Name>,
    /// Those that are no longer known, and still kept.
    forgotten: Vec<Name>,
    /// When it was looked for outdated ones.
    swept: Timestamp,
}

/// What has become of a gate that was to be kept.
pub(super) enum Kept {
    /// The same request has opened that one before.
    Known(String, Arc<Gate>),
    /// It is known now, and those need not be kept any more.
    New(Vec<Name>),
}

impl Known {
    /// Keeps a gate, unless that request has opened one before.
    pub(super) fn keep(&mut self, gate: &Arc<Gate>, request_id: &str, now: Timestamp) -> Result<Kept, NotOpened> {
        self.sweep(now);
        if let Some((token, gate)) = self.asked_before(gate, request_id, now) {
            return Ok(Kept::Known(token, gate));
        }
        let is_open = |gate: &&Arc<Gate>| gate.ended_at().is_none();
        if self.by_name.len() >= MOST && self.by_name.values().filter(is_open).count() >= MOST {
            return Err(NotOpened::TooMany);
        }
        if self.by_name.len() >= 2 * MOST {
            // The oldest verdict makes room.
            let ended = self.by_name.iter().filter_map(|(name, gate)| Some((gate.ended_at()?, *name)));
            if let Some((_, oldest)) = ended.min() {
                self.forget(oldest);
            }
        }
        self.insert(Arc::clone(gate));
        Ok(Kept::New(std::mem::take(&mut self.forgotten)))
    }

    /// Forgets those that are no longer kept, from time to time.
    fn sweep(&mut self, now: Timestamp) {
        if now.duration_since(self.swept) < BETWEEN_SWEEPS {
            return;
        }
        self.swept = now;
        let outdated = self.by_name.iter().filter(|(_, gate)| !gate.is_kept(now)).map(|(name, _)| *name);
        outdated.collect::<Vec<_>>().into_iter().for_each(|name| self.forget(name));
        self.make_room();
    }

    /// Forgets the oldest outcomes whose objects are too many.
    fn make_room(&mut self) {
        let ended = self.by_name.iter().filter_map(|(name, gate)| Some((gate.ended_at()?, *name, gate.size())));
        let mut ended: Vec<_> = ended.collect();
        ended.sort_unstable_by_key(|(at, ..)| std::cmp::Reverse(*at));
        let mut objects = 0;
        for (_, name, size) in ended {
            objects += size;
            if objects > MOST_OBJECTS {
                self.forget(name);
            }
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Gate>> {
        self.by_name.values()
    }

    /// The gate of that name, if its outcome is still kept.
    pub(super) fn find(&self, name: Name, now: Timestamp) -> Option<Arc<Gate>> {
        self.by_name.get(&name).filter(|gate| gate.is_kept(now)).cloned()
    }

    fn asked_before(&self, gate: &Gate, request_id: &str, now: Timestamp) -> Option<(String, Arc<Gate>)> {
        let known = self.find(*self.by_request.get(&gate.asked.as_ref()?.request)?, now)?;
        let token = known.asked.as_ref()?.token(request_id, known.name)?;
        Some((token, known))
    }

    /// Knows a gate from now on.
    pub(super) fn insert(&mut self, gate: Arc<Gate>) {
        if let Some(asked) = &gate.asked {
            self.by_request.insert(asked.request, gate.name);
        }
        self.by_name.insert(gate.name, gate);
    }

    fn forget(&mut self, name: Name) {
        self.forgotten.push(name);
        let gate = self.by_name.remove(&name);
        let request = gate.as_ref().and_then(|gate| Some(gate.asked.as_ref()?.request));
        if let Some(request) = request.filter(|request| self.by_request.get(request) == Some(&name)) {
            self.by_request.remove(&request);
        }
    }
}

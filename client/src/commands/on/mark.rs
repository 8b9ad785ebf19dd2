//! How far a stream was followed, and what was made of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use daymark::api::status_event::Event as Told;
use daymark::api::{Status, Unreachable, View};
use daymark::{ChangeKind, Picture, lacks};
use tokio::time::Instant;

use super::transition::{Event, Transition, differs, id, uid};

/// Which transitions count.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What is there from the beginning, too.
    pub initial: bool,
    /// Only those after which an expression holds: of what is gone, it does not.
    pub by_expression: bool,
    /// Only those by which an object begins to match.
    pub entered: bool,
    /// Only if it has matched for so long since.
    pub lasting: Duration,
}

/// How far a stream was followed. It moves on when a transition is dealt with,
/// not when it is told.
#[derive(Debug, Default, PartialEq)]
pub struct Mark {
    /// Where the stream can be resumed; empty if it cannot.
    pub cursor: Vec<u8>,
    /// The IDs of what was told behind the cursor and is dealt with, in order.
    pub taken: VecDeque<String>,
    /// The objects that match, by UID, as they were when last dealt with.
    pub objects: BTreeMap<String, Status>,
    /// Those that match, by UID, but have not for long enough to be dealt with.
    pub holding: BTreeMap<String, Status>,
    /// Whether a first snapshot was begun to be dealt with.
    pub begun: bool,
}

/// The objects of a stream: as they are told, and as far as they are dealt with.
pub struct Follower {
    wanted: Wanted,
    picture: Picture,
    mark: Mark,
    /// What the stream tells again, because it was dealt with before a restart.
    again: VecDeque<String>,
    /// The ID of what is being dealt with.
    dealing: Option<String>,
    /// How what holds began, and since when it is known to hold without interruption.
    since: BTreeMap<String, (Event, Instant)>,
    /// Kinds that the last snapshot lacked.
    unread: Vec<Unreachable>,
}

impl Follower {
    /// Goes on at `mark`.
    pub fn new(wanted: Wanted, mark: Mark) -> Self {
        let known = mark.objects.values().chain(mark.holding.values()).cloned();
        let picture = Picture::new(View::Basic).of_history().with(known);
        let again = mark.taken.clone();
        Self { wanted, picture, mark, again, dealing: None, since: BTreeMap::new(), unread: Vec::new() }
    }

    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// How many objects match, as was told last.
    pub fn matching(&self) -> usize {
        self.picture.statuses().len()
    }

    /// The transitions in what was told. Each is to be dealt with and settled, in
    /// order; then [`Follower::advance`] is to be called.
    pub fn take(&mut self, told: Told, now: Instant) -> Vec<Transition> {
        let subject = subject(&told).map(id);
        if subject.is_some() && self.is_told_again(subject.as_ref()) {
            return Vec::new();
        }
        self.dealing = subject;
        let snapshot = matches!(told, Told::Current(_));
        let first = snapshot && !self.mark.begun;
        let interrupted = matches!(told, Told::Current(_) | Told::Resumed(_) | Told::Gap(_));
        if let Told::Reset(reset) = &told {
            // Until all of the snapshot is told, nobody knows what still holds.
            self.since.clear();
            self.unread.clone_from(&reset.unreachable);
        }
        if snapshot {
            // Until all of it is dealt with, whoever goes on has to compare anew.
            (self.mark.begun, self.mark.cursor) = (true, Vec::new());
            self.mark.taken.clear();
            self.again.clear();
        }
        let mut transitions = Vec::new();
        for change in self.picture.apply(told) {
            let event = event(change.kind, first);
            let previous = self.mark.objects.get(uid(&change.status)).cloned();
            let transition = Transition { event, status: change.status, previous };
            if self.holds(&transition) {
                self.hold(transition, now);
            } else if self.counts(&transition, snapshot) {
                transitions.push(transition);
            } else {
                self.settle(transition);
            }
        }
        if interrupted {
            self.hold_anew(now);
        }
        transitions
    }

    /// When something will have matched for long enough, if it goes on.
    pub fn due_at(&self) -> Option<Instant> {
        self.since.values().map(|(_, since)| *since + self.wanted.lasting).min()
    }

    /// A transition to something that has matched for long enough. It is to be dealt with and
    /// settled.
    pub fn due(&self, now: Instant) -> Option<Transition> {
        let is_due = |(_, (_, since)): &(_, &(Event, Instant))| *since + self.wanted.lasting <= now;
        let (uid, (event, _)) = self.since.iter().find(is_due)?;
        let status = self.mark.holding.get(uid)?.clone();
        Some(Transition { event: *event, status, previous: None })
    }

    /// A transition is dealt with.
    pub fn settle(&mut self, transition: Transition) {
        let uid = uid(&transition.status).to_owned();
        self.mark.holding.remove(&uid);
        self.since.remove(&uid);
        match transition.event {
            Event::Left | Event::Deleted => self.mark.objects.remove(&uid),
            Event::Entered | Event::Changed | Event::Current => self.mark.objects.insert(uid, transition.status),
        };
    }

    /// What was taken last is dealt with, and the stream can be resumed at `cursor`.
    /// Says whether that is another place.
    pub fn advance(&mut self, cursor: &[u8]) -> bool {
        let dealt_with = self.dealing.take();
        if self.mark.cursor == cursor {
            self.mark.taken.extend(dealt_with);
            return false;
        }
        self.mark.cursor = cursor.to_vec();
        self.mark.taken.clear();
        self.again.clear();
        true
    }

    /// Whether it has to match for a while before it counts.
    fn holds(&self, transition: &Transition) -> bool {
        let is_gone = matches!(transition.event, Event::Left | Event::Deleted);
        let is_held = self.mark.holding.contains_key(uid(&transition.status));
        !is_gone && (is_held || (!self.wanted.lasting.is_zero() && self.counts(transition, false)))
    }

    fn hold(&mut self, transition: Transition, now: Instant) {
        let uid = uid(&transition.status).to_owned();
        self.since.entry(uid.clone()).or_insert((transition.event, now));
        self.mark.holding.insert(uid, transition.status);
    }

    /// Something may have been missed: whatever holds is known to do so from now on, if it was read.
    fn hold_anew(&mut self, now: Instant) {
        let is_read = |status: &Status| !self.unread.iter().any(|kind| lacks(kind, status));
        let event = |uid: &String| self.since.get(uid).map_or(Event::Entered, |(event, _)| *event);
        let read = self.mark.holding.iter().filter(|(_, status)| is_read(status));
        self.since = read.map(|(uid, _)| (uid.clone(), (event(uid), now))).collect();
    }

    fn counts(&self, transition: &Transition, snapshot: bool) -> bool {
        let Transition { event, status, previous } = transition;
        match event {
            Event::Current => self.wanted.initial,
            Event::Entered => true,
            Event::Left | Event::Deleted => !self.wanted.by_expression && !self.wanted.entered,
            Event::Changed if self.wanted.entered => previous.is_none(),
            // Between two snapshots there may have been transitions to and fro.
            Event::Changed => {
                previous.as_ref().is_none_or(|old| differs(old, status) || (snapshot && id(old) != id(status)))
            }
        }
    }

    /// Whether it is what comes next of what was dealt with before.
    fn is_told_again(&mut self, subject: Option<&String>) -> bool {
        if self.again.front() == subject {
            self.again.pop_front();
            return true;
        }
        // The rest was told otherwise this time.
        self.mark.taken.truncate(self.mark.taken.len() - self.again.len());
        self.again.clear();
        false
    }
}

fn event(kind: ChangeKind, first: bool) -> Event {
    match kind {
        ChangeKind::Entered if first => Event::Current,
        ChangeKind::Entered => Event::Entered,
        ChangeKind::Changed => Event::Changed,
        ChangeKind::Left => Event::Left,
        ChangeKind::Deleted => Event::Deleted,
    }
}

/// The object of which a single change is told.
fn subject(told: &Told) -> Option<&Status> {
    match told {
        Told::Entered(status) | Told::Changed(status) | Told::Left(status) | Told::Deleted(status) => Some(status),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

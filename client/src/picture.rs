//! The reader's own view of what a watch follows.

use std::collections::BTreeMap;

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{ObjectRef, State, Status, Unreachable, View};

/// The objects that exist and match a watch's filter, as the stream told them.
/// It says of every message what really differs from what it said before: a
/// snapshot that comes again, after a restart of the daemon say, repeats nothing.
///
/// An object that does not exist is not part of the picture. An object that was
/// deleted and created again under the same name is another object: one is
/// deleted, the other enters.
#[derive(Debug)]
pub struct Picture {
    every_version: bool,
    objects: BTreeMap<Key, Status>,
    snapshot: Option<Snapshot>,
    current: bool,
}

/// Why a kind cannot be read by its reader alone: what it may not see any more leaves.
pub const NOT_PERMITTED: &str = "PermissionDenied";

/// What a message changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The object: as it is now, or as it was last known if it is gone.
    pub status: Status,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It appeared, or began to match.
    Entered,
    /// It differs from what was told before.
    Changed,
    /// It ceased to match, but exists.
    Left,
    /// It was deleted; its state is `STATE_ABSENT`.
    Deleted,
}

/// A snapshot that is not complete.
#[derive(Debug)]
struct Snapshot {
    items: Vec<Status>,
    /// Kinds that it lacks.
    lacking: Vec<Unreachable>,
}

/// Resource, group, namespace, name, cluster: the order of lists.
type Key = [String; 5];

impl Picture {
    /// An empty picture of a watch with this view: in `VIEW_FULL` every version
    /// of an object is a change, else only another state.
    pub fn new(view: View) -> Self {
        Self { every_version: view == View::Full, objects: BTreeMap::new(), snapshot: None, current: false }
    }

    /// The same of a watch that skips nothing: every version of an object is a
    /// change, in either view.
    #[must_use]
    pub fn of_history(self) -> Self {
        Self { every_version: true, ..self }
    }

    /// The same, as an earlier watch has left it: what is told next is what
    /// differs from that.
    #[must_use]
    pub fn with(mut self, statuses: impl IntoIterator<Item = Status>) -> Self {
        self.objects.extend(statuses.into_iter().map(|status| (key(&status), status)));
        self
    }

    /// Whether a snapshot was completed: before, nothing is known to be missing.
    pub fn is_current(&self) -> bool {
        self.current
    }

    /// The objects, in the order of resource, namespace and name.
    pub fn statuses(&self) -> impl ExactSizeIterator<Item = &Status> {
        self.objects.values()
    }

    /// Takes in a message's event and returns what it changed.
    pub fn apply(&mut self, event: Event) -> Vec<Change> {
        match event {
            Event::Reset(reset) => {
                self.snapshot = Some(Snapshot { items: Vec::new(), lacking: reset.unreachable });
            }
            Event::Item(status) => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.items.push(status);
                }
            }
            Event::Current(_) => {
                self.current = true;
                return self.snapshot.take().map(|it| self.replace(it)).unwrap_or_default();
            }
            // The stream goes on from before the snapshot that was cut off.
            Event::Resumed(_) => self.snapshot = None,
            Event::Entered(status) | Event::Changed(status) => match &mut self.snapshot {
                Some(snapshot) => snapshot.put(status),
                None => return self.put(status),
            },
            Event::Left(status) | Event::Deleted(status) if self.snapshot.is_some() => {
                self.snapshot.iter_mut().for_each(|snapshot| snapshot.remove(&status));
            }
            Event::Left(status) => return self.remove(status, ChangeKind::Left),
            Event::Deleted(status) => return self.remove(status, ChangeKind::Deleted),
            Event::Progress(_) | Event::Gap(_) => {}
        }
        Vec::new()
    }

    /// Replaces the picture by a complete snapshot.
    fn replace(&mut self, snapshot: Snapshot) -> Vec<Change> {
        let mut before = std::mem::take(&mut self.objects);
        let mut came = Vec::new();
        for status in snapshot.items {
            let key = key(&status);
            if let Some(old) = before.remove(&key) {
                self.objects.insert(key, old);
            }
            came.extend(self.put(status));
        }
        let mut changes = Vec::new();
        for (key, old) in before {
            match snapshot.lacking.iter().find(|it| lacks(it, &old)) {
                // Nobody tells what has become of it.
                Some(lacking) if lacking.reason == NOT_PERMITTED => {
                    changes.push(Change { kind: ChangeKind::Left, status: old });
                }
                // Unread is not deleted: the kind's objects enter when it can be read.
                Some(_) => _ = self.objects.insert(key, old),
                None => changes.push(gone(old)),
            }
        }
        changes.extend(came);
        changes
    }

    fn put(&mut self, status: Status) -> Vec<Change> {
        let key = key(&status);
        if status.state() == State::Absent {
            return self.objects.remove(&key).map(gone).into_iter().collect();
        }
        let change = |kind, status: &Status| Change { kind, status: status.clone() };
        let changes = match self.objects.get(&key) {
            None => vec![change(ChangeKind::Entered, &status)],
            Some(old) if uid(old) != uid(&status) => {
                vec![gone(old.clone()), change(ChangeKind::Entered, &status)]
            }
            Some(old) if self.differs(old, &status) => vec![change(ChangeKind::Changed, &status)],
            Some(_) => Vec::new(),
        };
        self.objects.insert(key, status);
        changes
    }

    fn remove(&mut self, status: Status, kind: ChangeKind) -> Vec<Change> {
        let key = key(&status);
        match self.objects.get(&key) {
            // Another object of that name: the deletion of this one was told.
            Some(old) if !uid(&status).is_empty() && uid(old) != uid(&status) => Vec::new(),
            Some(_) => {
                self.objects.remove(&key);
                vec![Change { kind, status }]
            }
            None => Vec::new(),
        }
    }

    fn differs(&self, old: &Status, new: &Status) -> bool {
        let judgement = |it: &Status| (it.state, it.doom, it.generation);
        judgement(old) != judgement(new)
            || old.reason != new.reason
            || old.progress != new.progress
            || (self.every_version && old.resource_version != new.resource_version)
    }
}

/// What changes before a snapshot is complete, as it does while a view is being
/// proven, changes the snapshot.
impl Snapshot {
    fn put(&mut self, status: Status) {
        let of = key(&status);
        match self.items.iter_mut().find(|item| key(item) == of) {
            Some(item) => *item = status,
            None => self.items.push(status),
        }
    }

    fn remove(&mut self, status: &Status) {
        let of = key(status);
        self.items.retain(|item| key(item) != of || uid(item) != uid(status));
    }
}

fn gone(mut status: Status) -> Change {
    status.set_state(State::Absent);
    Change { kind: ChangeKind::Deleted, status }
}

fn key(status: &Status) -> Key {
    let ObjectRef { cluster, group, resource, namespace, name, .. } = status.r#ref.clone().unwrap_or_default();
    [resource, group, namespace, name, cluster]
}

fn uid(status: &Status) -> &str {
    status.r#ref.as_ref().map_or("", |it| &it.uid)
}

/// Whether an object is of a kind that cannot be read where it is.
pub fn lacks(unreachable: &Unreachable, status: &Status) -> bool {
    let namespace = status.r#ref.as_ref().map_or("", |it| &it.namespace);
    unreachable.kind == kind_name(status) && ["", namespace].contains(&unreachable.namespace.as_str())
}

fn kind_name(status: &Status) -> String {
    match &status.r#ref {
        Some(it) if it.group.is_empty() => it.resource.clone(),
        Some(it) => format!("{}.{}", it.resource, it.group),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;

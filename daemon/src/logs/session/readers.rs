//! The logs that are open, one way or the other.

use futures::stream::{BoxStream, SelectAll, StreamExt as _, select_all};

use crate::logs::Event;
use crate::logs::merge::Merge;

/// The logs that are open.
pub(super) enum Readers {
    /// They are read once, in the order of time.
    Once(Merge),
    /// They are followed.
    Follow(SelectAll<BoxStream<'static, Event>>),
}

impl Readers {
    /// None yet, to be followed or read once.
    pub(super) fn new(follow: bool) -> Self {
        match follow {
            true => Self::Follow(select_all([])),
            false => Self::Once(Merge::default()),
        }
    }

    pub(super) fn add(&mut self, events: BoxStream<'static, Event>) {
        match self {
            Self::Once(merge) => merge.add(events),
            Self::Follow(all) => all.push(events),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Once(merge) => merge.len(),
            Self::Follow(all) => all.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Once(merge) => merge.next().await,
            Self::Follow(all) => all.next().await,
        }
    }
}

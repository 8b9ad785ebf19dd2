//! What there is for a reader, and those who listen for it.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Revision;

/// So many wanted revisions are remembered: a reader that is further behind
/// looks at every entry.
const REMEMBERED: usize = 1024;

/// Which entries a reader wants, and who waits for the next.
///
/// Changed while the log is held for writing, asked while it is held for
/// reading.
#[derive(Debug)]
pub(super) struct News {
    wanted: Mutex<Wanted>,
    newest: watch::Sender<Revision>,
}

#[derive(Debug)]
struct Wanted {
    revisions: VecDeque<Revision>,
    /// Up to here it is not known what was wanted.
    unknown_to: Revision,
}

/// What a reader wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanting {
    /// It is too far behind to tell.
    Unknown,
    /// Nothing that there is.
    Nothing,
    /// That entry.
    Entry(Revision),
}

impl News {
    /// News of what comes behind `head`.
    pub(super) fn since(head: Revision) -> Self {
        let wanted = Mutex::new(Wanted { revisions: VecDeque::new(), unknown_to: head });
        Self { wanted, newest: watch::Sender::new(head) }
    }

    /// Notes that an entry is wanted; says whether that is news.
    pub(super) fn note(&self, revision: Revision) -> bool {
        let mut wanted = self.wanted.lock();
        // An entry may be offered for several reasons.
        if wanted.revisions.back() == Some(&revision) {
            return false;
        }
        wanted.revisions.push_back(revision);
        if wanted.revisions.len() > REMEMBERED
            && let Some(oldest) = wanted.revisions.pop_front()
        {
            wanted.unknown_to = oldest;
        }
        true
    }

    /// Wakes those who listen. Not while the log is held: there may be many.
    pub(super) fn tell(&self) {
        let newest = self.wanted.lock().revisions.back().copied();
        if let Some(newest) = newest {
            self.newest.send_if_modified(|told| {
                let news = newest > *told;
                *told = newest.max(*told);
                news
            });
        }
    }

    /// Where the next wanted entry behind `after` is, as far as that is known.
    pub(super) fn next(&self, after: Revision) -> Wanting {
        let wanted = self.wanted.lock();
        if after < wanted.unknown_to {
            return Wanting::Unknown;
        }
        let place = wanted.revisions.partition_point(|revision| *revision <= after);
        wanted.revisions.get(place).map_or(Wanting::Nothing, |next| Wanting::Entry(*next))
    }

    pub(super) fn listen(&self) -> watch::Receiver<Revision> {
        self.newest.subscribe()
    }

    /// How many listen.
    pub(super) fn listeners(&self) -> usize {
        self.newest.receiver_count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_wanted_is_skipped_as_far_as_that_is_known() {
        let news = News::since(10);
        assert_eq!((news.next(5), news.next(10)), (Wanting::Unknown, Wanting::Nothing));
        assert!(news.note(20) && !news.note(20) && news.note(30));
        assert_eq!([10, 19, 20, 29, 30].map(|after| news.next(after)), {
            use Wanting::{Entry, Nothing};
            [Entry(20), Entry(20), Entry(30), Entry(30), Nothing]
        });
        for revision in (0..).map(|n| 40 + 10 * n).take(REMEMBERED) {
            news.note(revision);
        }
        // 20 and 30 are forgotten.
        assert_eq!((news.next(25), news.next(30)), (Wanting::Unknown, Wanting::Entry(40)));
    }

    #[test]
    fn who_listens_is_told_of_what_came_since() {
        let news = News::since(1);
        let mut early = news.listen();
        news.note(2);
        assert!(!early.has_changed().unwrap());
        news.tell();
        assert!(early.has_changed().unwrap());
        early.mark_unchanged();
        news.tell();
        assert!(!early.has_changed().unwrap());
        assert_eq!(news.listeners(), 1);
    }
}

//! Several logs as one, in the order of time.

use futures::future::join_all;
use futures::stream::{BoxStream, StreamExt as _};

use super::Event;

/// Several logs as one: of each, one line is held. What is no line comes at once.
#[derive(Default)]
pub struct Merge {
    logs: Vec<Log>,
}

struct Log {
    events: BoxStream<'static, Event>,
    /// What comes next of it.
    head: Option<Event>,
}

impl Log {
    async fn fill(&mut self) {
        if self.head.is_none() {
            self.head = self.events.next().await;
        }
    }
}

impl Merge {
    /// One more log. Before anything was read of the others, or the order is wrong.
    pub fn add(&mut self, events: BoxStream<'static, Event>) {
        self.logs.push(Log { events, head: None });
    }

    /// How many logs are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.logs.len()
    }

    /// Whether all logs have ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    /// What comes next; `None` when all have ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        // All at the same time: each may be slow.
        join_all(self.logs.iter_mut().filter(|log| log.head.is_none()).map(Log::fill)).await;
        self.logs.retain(|log| log.head.is_some());
        // Of those with the same time, the first.
        let first = self.logs.iter_mut().min_by_key(|log| log.head.as_ref().and_then(Event::time))?;
        first.head.take()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::FutureExt as _;
    use futures::stream;

    use super::super::NoticeKind;
    use super::super::line::Line;
    use super::*;

    fn line(origin: u32, second: i64) -> Event {
        let time = jiff::Timestamp::from_second(second).ok();
        Event::Line { origin, line: Line { time, text: Bytes::new(), cut: false } }
    }

    #[tokio::test]
    async fn lines_come_in_the_order_of_their_times() {
        let mut merge = Merge::default();
        for (origin, seconds) in [(1, vec![1, 4, 4]), (2, vec![]), (3, vec![2, 1, 5]), (4, vec![4])] {
            merge.add(stream::iter(seconds.into_iter().map(move |second| line(origin, second))).boxed());
        }
        let mut told = Vec::new();
        while let Some(Event::Line { origin, line }) = merge.next().await {
            told.push((origin, line.time.map(jiff::Timestamp::as_second).unwrap_or_default()));
        }
        assert_eq!(told, [(1, 1), (3, 2), (3, 1), (1, 4), (1, 4), (4, 4), (3, 5)]);
        assert!(merge.is_empty());
    }

    #[tokio::test]
    async fn what_is_no_line_waits_for_no_other_logs_line() {
        let mut merge = Merge::default();
        let notice = || Event::notice(NoticeKind::Broken, 1, "");
        merge.add(stream::iter([line(1, 9), notice()]).boxed());
        merge.add(stream::iter([notice(), line(2, 1)]).boxed());
        let mut told = Vec::new();
        while let Some(event) = merge.next().await {
            told.push(event);
        }
        assert_eq!(told, [notice(), line(2, 1), line(1, 9), notice()]);
    }

    #[tokio::test]
    async fn no_more_is_read_than_one_line_ahead_and_nothing_is_lost_by_giving_up() {
        let mut merge = Merge::default();
        merge.add(stream::iter([line(1, 1), line(1, 3)]).boxed());
        merge.add(stream::once(tokio::task::yield_now()).map(|()| line(2, 2)).boxed());
        assert!(merge.next().now_or_never().is_none(), "the second log is awaited");
        for expected in [line(1, 1), line(2, 2), line(1, 3)] {
            assert_eq!(merge.next().await, Some(expected));
        }
    }
}

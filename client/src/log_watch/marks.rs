//! How far each log was handed out, as the daemon is told it.

use std::collections::HashMap;

use daymark_proto::v1::{LogPosition, LogSource};
use prost_types::Timestamp;

/// Positions that a request may hold.
const MOST: usize = 1000;

/// How far each log was handed out: those of the newest lines, where there are too many.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: HashMap<(String, String), Mark>,
    clock: u64,
}

#[derive(Debug)]
struct Mark {
    /// The newest time, and how many lines were handed out from the first of that time on.
    newest: Option<(Timestamp, i64)>,
    used: u64,
}

impl Marks {
    /// A log begins to be read. Where it is to be read whole, that counts until it has lines.
    pub(super) fn meet(&mut self, source: &LogSource) {
        if source.joined {
            self.mark(source);
        }
    }

    /// A line of that time was handed out.
    pub(super) fn tell(&mut self, source: &LogSource, time: Option<&Timestamp>) {
        let mark = self.mark(source);
        let Some(time) = time else { return };
        match &mut mark.newest {
            Some((newest, lines)) if moment(time) <= moment(newest) => *lines += 1,
            newest => *newest = Some((*time, 1)),
        }
    }

    fn mark(&mut self, source: &LogSource) -> &mut Mark {
        self.clock += 1;
        if self.marks.len() >= 2 * MOST {
            let mut used: Vec<_> = self.marks.values().map(|mark| mark.used).collect();
            let (_, oldest, _) = used.select_nth_unstable(MOST);
            let oldest = *oldest;
            self.marks.retain(|_, mark| mark.used >= oldest);
        }
        let uid = source.pod.as_ref().map(|pod| pod.uid.clone()).unwrap_or_default();
        let mark = self.marks.entry((uid, source.container.clone()));
        let mark = mark.or_insert(Mark { newest: None, used: 0 });
        mark.used = self.clock;
        mark
    }

    /// The same as positions.
    pub(super) fn positions(&self) -> Vec<LogPosition> {
        let mut marks: Vec<_> = self.marks.iter().collect();
        marks.sort_unstable_by_key(|(_, mark)| std::cmp::Reverse(mark.used));
        let position = |((pod_uid, container), mark): (&(String, String), &Mark)| LogPosition {
            pod_uid: pod_uid.clone(),
            container: container.clone(),
            time: mark.newest.map(|(time, _)| time),
            lines: mark.newest.map_or(0, |(_, lines)| lines),
        };
        marks.into_iter().take(MOST).map(position).collect()
    }
}

fn moment(time: &Timestamp) -> (i64, i32) {
    (time.seconds, time.nanos)
}

#[cfg(test)]
mod tests {
    use daymark_proto::v1::ObjectRef;

    use super::*;

    fn source(uid: &str, joined: bool) -> LogSource {
        let pod = Some(ObjectRef { uid: uid.to_owned(), ..ObjectRef::default() });
        LogSource { pod, container: "c".to_owned(), joined, ..LogSource::default() }
    }

    fn told(marks: &Marks) -> Vec<(String, Option<i64>, i64)> {
        let told = |it: LogPosition| (it.pod_uid, it.time.map(|time| time.seconds), it.lines);
        marks.positions().into_iter().map(told).collect()
    }

    #[test]
    fn a_position_is_the_newest_time_and_the_lines_from_its_first_on() {
        let mut marks = Marks::default();
        marks.meet(&source("whole", true));
        marks.meet(&source("other", false));
        assert_eq!(told(&marks), [("whole".to_owned(), None, 0)]);
        for seconds in [1, 3, 2, 3] {
            marks.tell(&source("a", false), Some(&Timestamp { seconds, nanos: 0 }));
        }
        marks.tell(&source("a", false), None);
        assert_eq!(told(&marks)[0], ("a".to_owned(), Some(3), 3));
    }

    #[test]
    fn positions_are_bounded_in_number_and_the_newest_stay() {
        let mut marks = Marks::default();
        for number in 0..5 * MOST {
            marks.meet(&source(&number.to_string(), true));
            assert!(marks.marks.len() <= 2 * MOST);
        }
        let positions = told(&marks);
        assert_eq!((positions.len(), positions[0].0.as_str()), (MOST, "4999"));
    }
}

//! A log that is open.

use futures::stream::{Fuse, StreamExt as _};
use jiff::Timestamp;

use crate::logs::line::{Line, Lines};
use crate::logs::mark::{Mark, Skip};
use crate::source::Problem;
use crate::source::logs::LogBody;

/// A log that is open.
pub(super) struct Open {
    body: Fuse<LogBody>,
    lines: Lines,
    skip: Skip,
    since: Option<Timestamp>,
    /// Whether its end is that of its run.
    pub(super) is_whole: bool,
}

impl Open {
    /// What of that log is behind the mark, and no older than `since`.
    pub(super) fn new(body: LogBody, mark: Option<Mark>, since: Option<Timestamp>, is_whole: bool) -> Self {
        Self { body: body.fuse(), lines: Lines::default(), skip: Skip::to(mark), since, is_whole }
    }

    /// The next line; `None` at the log's end.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, Problem> {
        loop {
            while let Some(line) = self.lines.next_line() {
                if self.is_wanted(&line) {
                    return Ok(Some(line));
                }
            }
            match self.body.next().await {
                Some(Ok(frame)) => self.lines.put(frame),
                // What has begun comes again, whole.
                Some(Err(problem)) => return Err(problem),
                None => match self.lines.rest() {
                    Some(line) if self.is_wanted(&line) => return Ok(Some(line)),
                    Some(_) => {}
                    None => return Ok(None),
                },
            }
        }
    }

    fn is_wanted(&mut self, line: &Line) -> bool {
        let Some(time) = line.time else { return true };
        !self.skip.skips(time) && self.since.is_none_or(|since| time >= since)
    }
}

//! Logs of pods, over a stream that resumes by itself.

mod marks;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use daymark_proto::v1::log_event::Event;
use daymark_proto::v1::{LogLine, LogNotice, LogSource, StreamLogsRequest, StreamLogsResponse};

use self::marks::Marks;
use crate::resumed::{After, Came, Heard, Opening, Resumed, Source};
use crate::{Client, Error};

/// How often in a row logs that are read once may break off without bringing anything.
const TRIES: u32 = 6;

/// Logs that are read or followed. When the connection breaks, it goes on behind the last line
/// that was handed out.
#[derive(Debug)]
pub struct LogWatch {
    stream: Resumed<Logs>,
    /// The sources of the stream that is open, by their numbers.
    sources: HashMap<u32, Arc<LogSource>>,
    arrived: VecDeque<Event>,
    over: bool,
}

/// What reading logs brings.
#[derive(Debug, Clone)]
pub enum LogWatchEvent {
    /// A line.
    Line {
        /// Whose.
        source: Arc<LogSource>,
        /// The line.
        line: LogLine,
    },
    /// What is to be known besides. After a break it may be told again.
    Notice {
        /// Of whose log, if it is about one.
        source: Option<Arc<LogSource>>,
        /// What.
        notice: LogNotice,
    },
    /// The stream was lost. Told once, however many tries it takes to get it back.
    Lost(Error),
}

impl LogWatch {
    pub(crate) fn new(client: Client, request: StreamLogsRequest) -> Self {
        let logs = Logs { request, marks: Marks::default(), was_open: false };
        let (sources, arrived) = (HashMap::new(), VecDeque::new());
        Self { stream: Resumed::new(client, logs), sources, arrived, over: false }
    }

    /// Whether nothing has arrived that was not handed out.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.arrived.is_empty()
    }

    /// What comes next; `None` when all was told. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting, again at every later call. Of logs that are not followed,
    /// also those that do, if nothing could be read yet, or not for several tries.
    pub async fn next(&mut self) -> Result<Option<LogWatchEvent>, Error> {
        loop {
            if let Some(event) = self.hand_out() {
                return Ok(Some(event));
            }
            if self.over {
                return Ok(None);
            }
            match self.stream.next().await? {
                Came::Message(message) => {
                    self.arrived.extend(message.events.into_iter().filter_map(|event| event.event));
                }
                Came::Lost(error) => return Ok(Some(LogWatchEvent::Lost(error))),
                // Another stream has numbers of its own.
                Came::Restored => self.sources.clear(),
            }
        }
    }

    fn hand_out(&mut self) -> Option<LogWatchEvent> {
        let marks = &mut self.stream.source.marks;
        loop {
            match self.arrived.pop_front()? {
                Event::Source(source) => {
                    marks.meet(&source);
                    self.sources.insert(source.number, Arc::new(source));
                }
                Event::Line(line) => {
                    // A daemon names no source that it has not told.
                    let Some(source) = self.sources.get(&line.source) else { continue };
                    marks.tell(source, line.time.as_ref());
                    return Some(LogWatchEvent::Line { source: Arc::clone(source), line });
                }
                Event::Notice(notice) => {
                    let source = self.sources.get(&notice.source).cloned();
                    return Some(LogWatchEvent::Notice { source, notice });
                }
                Event::End(_) => self.over = true,
            }
        }
    }
}

/// What is asked for, and how far it was handed out.
#[derive(Debug)]
struct Logs {
    request: StreamLogsRequest,
    marks: Marks,
    /// Whether anything was ever told.
    was_open: bool,
}

impl Source for Logs {
    type Message = StreamLogsResponse;

    fn open(&self, client: &Client) -> Opening<StreamLogsResponse> {
        client.open_logs(StreamLogsRequest { told: self.marks.positions(), ..self.request.clone() })
    }

    fn heard(&mut self, _: &StreamLogsResponse) -> Heard {
        self.was_open = true;
        Heard::Progress
    }

    fn after(&mut self, error: &Error) -> After {
        match After::by_recovery(error) {
            // Who reads once wants to know at once that there is nothing to be read.
            After::Retry if !self.request.follow && !self.was_open => After::Final,
            after => after,
        }
    }

    fn tries(&self) -> Option<u32> {
        (!self.request.follow).then_some(TRIES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(follow: bool) -> Logs {
        let request = StreamLogsRequest { follow, ..StreamLogsRequest::default() };
        Logs { request, marks: Marks::default(), was_open: false }
    }

    #[test]
    fn what_is_followed_is_awaited_and_what_is_read_once_only_when_it_has_begun() {
        let mut followed = logs(true);
        assert_eq!((followed.after(&Error::ended()), followed.tries()), (After::Retry, None));
        let mut read = logs(false);
        assert_eq!(read.after(&Error::ended()), After::Final);
        assert_eq!(read.heard(&StreamLogsResponse::default()), Heard::Progress);
        assert_eq!((read.after(&Error::ended()), read.tries()), (After::Retry, Some(TRIES)));
    }
}

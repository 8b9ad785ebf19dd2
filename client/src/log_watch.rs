//! Logs of pods, over a stream that resumes by itself.

mod marks;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use daymark_proto::v1::log_event::Event;
use daymark_proto::v1::{LogLine, LogNotice, LogSource, StreamLogsRequest, StreamLogsResponse};
use tonic::Streaming;

use self::marks::Marks;
use crate::retry::Retry;
use crate::{Client, Error, Recovery, recovery};

/// Tries in a row to go on with logs that are read once.
const TRIES: usize = 6;

/// Logs that are read or followed. When the connection breaks, it goes on behind the last line
/// that was handed out.
#[derive(Debug)]
pub struct LogWatch {
    client: Client,
    request: StreamLogsRequest,
    stream: Option<Streaming<StreamLogsResponse>>,
    /// The sources of the stream that is open, by their numbers.
    sources: HashMap<u32, Arc<LogSource>>,
    arrived: VecDeque<Event>,
    marks: Marks,
    retry: Retry,
    /// Tries since something was told.
    tries: usize,
    /// Whether anything was ever told.
    was_open: bool,
    lost: bool,
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
        Self {
            client,
            request,
            stream: None,
            sources: HashMap::new(),
            arrived: VecDeque::new(),
            marks: Marks::default(),
            retry: Retry::new(),
            tries: 0,
            was_open: false,
            lost: false,
            over: false,
        }
    }

    /// Whether nothing has arrived that was not handed out.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.arrived.is_empty()
    }

    /// What comes next; `None` when all was told. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting. Of logs that are not followed, also those that do, if
    /// nothing could be read yet, or not for several tries.
    pub async fn next(&mut self) -> Result<Option<LogWatchEvent>, Error> {
        loop {
            if let Some(event) = self.hand_out() {
                return Ok(Some(event));
            }
            if self.over {
                return Ok(None);
            }
            let error = match &mut self.stream {
                None => match self.open().await {
                    Ok(stream) => {
                        self.sources.clear();
                        self.stream = Some(stream);
                        continue;
                    }
                    Err(error) => error,
                },
                Some(stream) => match stream.message().await {
                    Ok(Some(message)) => {
                        self.take(message);
                        continue;
                    }
                    Ok(None) => Error::ended(),
                    Err(status) => self.client.error(&status),
                },
            };
            if let Some(event) = self.failed(error)? {
                return Ok(Some(event));
            }
        }
    }

    fn take(&mut self, message: StreamLogsResponse) {
        self.retry.came();
        (self.tries, self.was_open, self.lost) = (0, true, false);
        self.arrived.extend(message.events.into_iter().filter_map(|event| event.event));
    }

    fn hand_out(&mut self) -> Option<LogWatchEvent> {
        loop {
            match self.arrived.pop_front()? {
                Event::Source(source) => {
                    self.marks.meet(&source);
                    self.sources.insert(source.number, Arc::new(source));
                }
                Event::Line(line) => {
                    // A daemon names no source that it has not told.
                    let Some(source) = self.sources.get(&line.source) else { continue };
                    self.marks.tell(source, line.time.as_ref());
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

    fn failed(&mut self, error: Error) -> Result<Option<LogWatchEvent>, Error> {
        self.stream = None;
        self.tries += 1;
        let passes = match recovery(&error) {
            Recovery::Retry => self.request.follow || (self.was_open && self.tries <= TRIES),
            Recovery::Restart => false,
            // With other credentials it may.
            Recovery::Stop => true,
        };
        if !passes {
            return Err(error);
        }
        let error = self.retry.lost(&self.client, error)?;
        let is_news = !std::mem::replace(&mut self.lost, true);
        Ok(is_news.then_some(LogWatchEvent::Lost(error)))
    }

    async fn open(&mut self) -> Result<Streaming<StreamLogsResponse>, Error> {
        self.retry.pause().await;
        let request = StreamLogsRequest { told: self.marks.positions(), ..self.request.clone() };
        self.client.open_logs(request).await
    }
}

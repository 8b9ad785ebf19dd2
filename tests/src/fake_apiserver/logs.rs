//! Logs as kubelets stream them: with times, from a second on, for as long as the container runs,
//! and as tests let them break.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream};
use hyper::body::Frame;
use tokio::sync::watch;

use super::Shared;

/// Bytes that an endless log has at a time, about.
const CHUNK: usize = 16 << 10;

/// A pod and a container of it.
pub(super) type Writer = (String, String);

/// The logs of containers.
#[derive(Debug, Default)]
pub(super) struct Logs {
    pub(super) runs: HashMap<Writer, Vec<Run>>,
    /// After so many lines the next logs that are opened break, in the midst of another.
    pub(super) breaks: VecDeque<usize>,
    /// Pods whose logs are answered by a status.
    pub(super) refused: HashMap<String, u16>,
    /// Pods whose logs never end.
    pub(super) endless: Vec<String>,
    /// Bytes that were sent of endless logs.
    pub(super) sent: usize,
}

/// What one run of a container has written.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) over: bool,
}

/// A request for a log that streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) writer: Writer,
    pub(super) previous: bool,
    pub(super) follow: bool,
    /// A second, as it stands in the lines.
    pub(super) since: Option<String>,
    pub(super) tail: Option<usize>,
}

impl Wanted {
    pub(super) fn of(pod: &str, query: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is = |name: &str| query(name).as_deref() == Some("true");
        is("timestamps").then(|| Self {
            writer: (pod.to_owned(), query("container").unwrap_or_default()),
            previous: is("previous"),
            follow: is("follow"),
            since: query("sinceTime").map(|time| time.replace("%3A", ":").trim_end_matches('Z').to_owned()),
            tail: query("tailLines").and_then(|lines| lines.parse().ok()),
        })
    }
}

impl Logs {
    /// The run that is wanted, or the status that says that there is none.
    fn open(&self, wanted: &Wanted) -> Result<usize, u16> {
        if let Some(code) = self.refused.get(&wanted.writer.0) {
            return Err(*code);
        }
        if self.endless.contains(&wanted.writer.0) {
            return Ok(0);
        }
        let runs = self.runs.get(&wanted.writer).map_or(0, Vec::len);
        runs.checked_sub(1 + usize::from(wanted.previous)).ok_or(400)
    }
}

/// The logs of a fake API server, as tests write and break them.
#[derive(Debug)]
pub struct LogStreams<'a>(pub(super) &'a Shared);

impl LogStreams<'_> {
    /// The container writes these lines, each at that second of 2026, by the minute.
    pub fn write(&self, pod: &str, container: &str, lines: &[(u32, &str)]) {
        let text: String = lines
            .iter()
            .map(|(second, text)| format!("2026-01-01T00:{:02}:{:02}.000000000Z {text}\n", second / 60, second % 60))
            .collect();
        self.change(|logs| {
            let runs = logs.runs.entry((pod.to_owned(), container.to_owned())).or_default();
            if runs.is_empty() {
                runs.push(Run::default());
            }
            runs.last_mut().into_iter().for_each(|run| run.text += &text);
        });
    }

    /// The container's run ends, and another begins if so.
    pub fn end_run(&self, pod: &str, container: &str, again: bool) {
        self.change(|logs| {
            let runs = logs.runs.entry((pod.to_owned(), container.to_owned())).or_default();
            runs.last_mut().into_iter().for_each(|run| run.over = true);
            if again {
                runs.push(Run::default());
            }
        });
    }

    /// The next logs that are opened break after so many lines, in the midst of another.
    pub fn break_next(&self, lines: impl IntoIterator<Item = usize>) {
        self.change(|logs| logs.breaks.extend(lines));
    }

    /// Logs of that pod are refused by a status.
    pub fn refuse(&self, pod: &str, code: u16) {
        self.change(|logs| logs.refused.insert(pod.to_owned(), code));
    }

    /// The logs of that pod have no end: lines with rising numbers, `line 0` first.
    pub fn make_endless(&self, pod: &str) {
        self.change(|logs| logs.endless.push(pod.to_owned()));
    }

    /// Bytes that were sent of endless logs.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.0.state.lock().logs.sent
    }

    fn change<T>(&self, change: impl FnOnce(&mut Logs) -> T) -> T {
        self.0.change(|state| change(&mut state.logs))
    }
}

/// One log that is open.
pub(super) struct Open {
    shared: Arc<Shared>,
    ticks: watch::Receiver<u64>,
    wanted: Wanted,
    run: usize,
    /// Bytes of the run that were looked at.
    position: usize,
    /// Lines until it breaks.
    breaks: Option<usize>,
    broken: bool,
    numbers: usize,
}

impl Open {
    /// Opens a log; otherwise, the status that says why not.
    pub(super) fn new(shared: &Arc<Shared>, wanted: Wanted) -> Result<Self, u16> {
        let ticks = shared.ticks.subscribe();
        let (run, breaks, position) = shared.change(|state| {
            let run = state.logs.open(&wanted)?;
            let text = state.logs.runs.get(&wanted.writer).map_or("", |runs| runs[run].text.as_str());
            let skipped = wanted.tail.map_or(0, |tail| text.split_inclusive('\n').count().saturating_sub(tail));
            let position = text.split_inclusive('\n').take(skipped).map(str::len).sum();
            Ok::<_, u16>((run, state.logs.breaks.pop_front(), position))
        })?;
        let shared = Arc::clone(shared);
        Ok(Self { shared, ticks, wanted, run, position, breaks, broken: false, numbers: 0 })
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
        stream::unfold(self, |mut open| async move { open.next().await.map(|frame| (frame, open)) })
    }

    async fn next(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        if self.broken {
            // What was sent before goes on its way first.
            tokio::task::yield_now().await;
            return Some(Err(io::Error::other("the log is cut")));
        }
        if let Some(chunk) = self.endless() {
            return Some(Ok(Frame::data(chunk)));
        }
        loop {
            self.ticks.mark_unchanged();
            let (text, over) = self.read();
            if !text.is_empty() {
                return Some(Ok(Frame::data(text.into())));
            }
            if over || self.ticks.changed().await.is_err() {
                return None;
            }
        }
    }

    /// What is new of it, and whether nothing more comes.
    fn read(&mut self) -> (String, bool) {
        let state = self.shared.state.lock();
        let Some(run) = state.logs.runs.get(&self.wanted.writer).and_then(|runs| runs.get(self.run)) else {
            return (String::new(), true);
        };
        let mut text = String::new();
        for line in run.text[self.position..].split_inclusive('\n') {
            self.position += line.len();
            let since = self.wanted.since.as_deref().unwrap_or_default();
            if line.get(..since.len()).is_some_and(|time| time < since) {
                continue;
            }
            if self.breaks == Some(0) {
                text += &line[..line.len() / 2];
                self.broken = true;
                break;
            }
            text += line;
            self.breaks = self.breaks.map(|lines| lines - 1);
        }
        (text, run.over || !self.wanted.follow)
    }

    /// The next lines of a log without end, with rising numbers.
    fn endless(&mut self) -> Option<Bytes> {
        let mut state = self.shared.state.lock();
        if !state.logs.endless.contains(&self.wanted.writer.0) {
            return None;
        }
        let mut text = String::with_capacity(CHUNK + 64);
        while text.len() < CHUNK {
            text += &format!("2026-01-01T00:00:00.{:09}Z line {}\n", self.numbers, self.numbers);
            self.numbers += 1;
        }
        state.logs.sent += text.len();
        Some(text.into())
    }
}

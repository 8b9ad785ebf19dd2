//! Following one collection: a whole list, then a watch, again and again.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::StatusCode;

use super::ApiServer;
use super::answer::{Failure, malformed, unreachable};
use super::items::Items;
use super::lines::Lines;
use super::transport::Ticket;
use super::watch_event::{WatchEvent, version_of};
use crate::kind::escape;
use crate::source::listing::PageEnd;
use crate::source::{Closed, Collection, Event, Problem, ProblemReason, Sink};

/// Objects per page of a list.
const PAGE: usize = 250;
/// How long a watch may live; the API server is asked to end it then.
const WATCH_LIFETIME: Duration = Duration::from_secs(290);
/// How long a watch may be silent: past its lifetime it is half open.
const WATCH_IDLE: Duration = Duration::from_secs(295);
/// How long a watch may be silent that sends bookmarks, which Kubernetes does
/// about once a minute (k8s.io/apiserver `storage/cacher`, `bookmarkFrequency`).
const BOOKMARK_IDLE: Duration = Duration::from_secs(150);
/// How long a streaming list may be silent: an API server that does not know
/// them begins an ordinary watch, and never says that the list is whole.
const LIST_IDLE: Duration = Duration::from_secs(15);
/// Streaming lists that may break off in a row before one by pages is tried.
const BROKEN_LISTS: usize = 2;
/// Waits between tries: doubled from the first up to the last, with jitter.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// The longest that an API server's `Retry-After` is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Lists after a compaction are spread over that time: it hits many kinds at once.
const RELIST_WITHIN: Duration = Duration::from_millis(500);

/// What following a collection does next.
#[derive(Clone, Copy)]
enum Step {
    /// List everything.
    List,
    /// Watch from that resourceVersion on.
    Watch {
        version: u64,
        /// Whether a watch has told anything since the list.
        heard: bool,
    },
}

/// Why a list or watch ended.
pub(super) enum End {
    /// The resourceVersion is too old, it says: list again.
    Gone(Problem),
    /// Try again.
    Problem(Problem),
    /// The API server does not know streaming lists: list by pages.
    NoStreamingLists,
    /// Nobody reads the sink any more.
    Closed,
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        match failure.status {
            Some(StatusCode::GONE) => Self::Gone(failure.problem),
            _ => Self::Problem(failure.problem),
        }
    }
}

/// One collection being followed.
pub(super) struct Following<'a> {
    server: &'a ApiServer,
    collection: &'a Collection,
    sink: Sink,
    step: Step,
    backoff: Duration,
    /// Whether the API server is taken to know streaming lists (KEP-3157).
    streaming: bool,
    broken_lists: usize,
    /// Whether a watch has told bookmarks: then one that tells nothing is no use.
    bookmarks: bool,
    /// The object that the watch told last: it says how far the watch came, and
    /// is asked only when the watch has ended.
    last: Option<Bytes>,
}

impl<'a> Following<'a> {
    pub(super) fn new(server: &'a ApiServer, collection: &'a Collection, sink: Sink) -> Self {
        let (step, backoff) = (Step::List, BACKOFF.0);
        Self { server, collection, sink, step, backoff, streaming: true, broken_lists: 0, bookmarks: false, last: None }
    }

    /// Follows until nobody reads the sink any more.
    pub(super) async fn run(mut self) {
        loop {
            let closed = self.sink.closed();
            let end = tokio::select! {
                end = self.take_step() => end,
                () = closed => Err(End::Closed),
            };
            let problem = match end {
                Ok(()) => continue,
                Err(End::Closed) => return,
                Err(End::NoStreamingLists) => {
                    self.streaming = false;
                    continue;
                }
                Err(End::Gone(problem)) => {
                    let expected =
                        matches!(std::mem::replace(&mut self.step, Step::List), Step::Watch { heard: true, .. });
                    if expected {
                        // From here on it is not known what is missed.
                        if self.sink.put(Event::ListBegins).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(RELIST_WITHIN.mul_f64(fastrand::f64())).await;
                        continue;
                    }
                    // What was only just listed is not too old: not so fast.
                    problem
                }
                Err(End::Problem(problem)) => problem,
            };
            if problem.reason == ProblemReason::NotServed {
                // It may come back as something else.
                self.step = Step::List;
            }
            let asked = problem.retry_after;
            self.server.log(&self.collection.to_string(), Some(&problem));
            if self.sink.put(Event::Lost(problem)).await.is_err() {
                return;
            }
            self.pause(asked).await;
        }
    }

    /// Waits before the next try.
    async fn pause(&mut self, asked: Option<Duration>) {
        let backoff = self.backoff.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
        match asked {
            // At its word, not sooner; spread, because it said so to others, too.
            Some(asked) => tokio::time::sleep(asked.min(LONGEST_WAIT) + backoff).await,
            None => tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                () = self.server.hope.notified() => {}
            },
        }
    }

    async fn take_step(&mut self) -> Result<(), End> {
        match self.step {
            Step::List if self.streaming && self.broken_lists < BROKEN_LISTS => self.stream_list().await,
            Step::List => {
                self.broken_lists = 0;
                let version = self.list().await?;
                self.step = Step::Watch { version, heard: false };
                Ok(())
            }
            Step::Watch { .. } => {
                let version = self.came_to();
                let (ticket, lines) = self.open(&format!("resourceVersion={version}")).await?;
                self.restored().await?;
                self.watch(ticket, lines).await
            }
        }
    }

    /// How far the watch came. It never goes back, or the next one would repeat
    /// what was told.
    fn came_to(&mut self) -> u64 {
        let last = self.last.take().and_then(|object| version_of(&object)).unwrap_or(0);
        match &mut self.step {
            Step::Watch { version, .. } => {
                *version = last.max(*version);
                *version
            }
            Step::List => last,
        }
    }

    /// Puts a whole list, page by page, and returns its resourceVersion. It is asked for without one,
    /// as are those that a watch brings, and so it is as new as the API server's storage: one by
    /// `resourceVersion=0` may be of a cache that lags, and says nothing of what was heard before.
    async fn list(&mut self) -> Result<u64, End> {
        self.last = None;
        self.sink.put(Event::ListBegins).await?;
        let mut token = String::new();
        loop {
            let mut path = format!("{}?limit={PAGE}{}", self.collection.path(), self.collection.selector());
            if !token.is_empty() {
                path.push_str("&continue=");
                path.extend(escape(&token));
            }
            let body = match self.server.get(&path, self.collection.accept_list()).await {
                Ok(body) => body,
                // Of a list that was begun it means: begin again.
                Err(failure) => return Err(End::Problem(failure.problem)),
            };
            let end = self.page(body).await?;
            if end.next.is_empty() {
                let version =
                    end.version.parse().map_err(|_| malformed("list", &"its resourceVersion is no number"))?;
                self.sink.put(Event::ListEnds(version)).await?;
                return Ok(version);
            }
            token = end.next;
        }
    }

    /// Puts the objects of a page: each is looked at once, and where it ends is known when it is
    /// decoded.
    async fn page(&mut self, body: Bytes) -> Result<PageEnd, End> {
        let text = std::str::from_utf8(&body).map_err(|e| malformed("list", &e))?;
        let mut items = Items::default();
        items.put(body.clone());
        while let Some(left) = items.next_start().map_err(|e| malformed("list", &e))? {
            match self.sink.hold_listed((&body, text), body.len() - left).await? {
                Some(length) => items.skip(length),
                None => {
                    let bad = items.next_item().map_err(|e| malformed("list", &e))?;
                    let bad = bad.ok_or_else(|| malformed("list", &"it is cut off"))?;
                    self.sink.hold(Event::Listed(bad)).await?;
                }
            }
        }
        Ok(items.end().map_err(|e| malformed("list", &e))?)
    }

    /// Puts a whole list as a watch brings it, and what follows.
    async fn stream_list(&mut self) -> Result<(), End> {
        let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        let (ticket, mut lines) = match self.open(query).await {
            Ok(opened) => opened,
            Err(End::Problem(problem)) if problem.reason == ProblemReason::Invalid => {
                return Err(End::NoStreamingLists);
            }
            Err(end) => return Err(end),
        };
        self.broken_lists += 1;
        self.last = None;
        self.sink.put(Event::ListBegins).await?;
        let version = loop {
            let line = match lines.next().now_or_never() {
                Some(line) => line,
                None => {
                    self.sink.flush().await?;
                    tokio::time::timeout(LIST_IDLE, lines.next()).await.map_err(|_| End::NoStreamingLists)?
                }
            };
            let line = line.map_err(unreachable)?.ok_or_else(|| unreachable("a list broke off"))?;
            match WatchEvent::parse(&line)? {
                WatchEvent { event: Event::Changed(json), .. } => self.sink.hold(Event::Listed(json)).await?,
                WatchEvent { event: Event::Bookmark(version), initial_end: true } => break version,
                // It would have said so before.
                WatchEvent { event: Event::Bookmark(_), .. } => return Err(End::NoStreamingLists),
                WatchEvent { event, .. } => self.sink.put(event).await?,
            }
        };
        self.broken_lists = 0;
        self.bookmarks = true;
        self.sink.put(Event::ListEnds(version)).await?;
        self.step = Step::Watch { version, heard: false };
        self.restored().await?;
        self.watch(ticket, lines).await
    }

    async fn open(&self, query: &str) -> Result<(Ticket, Lines), End> {
        let (path, lifetime) = (self.collection.path(), WATCH_LIFETIME.as_secs());
        let selector = self.collection.selector();
        let path = format!("{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds={lifetime}&{query}{selector}");
        let (ticket, response) = self.server.watch(&path, self.collection.accept()).await?;
        Ok((ticket, Lines::new(response.into_body())))
    }

    async fn restored(&mut self) -> Result<(), End> {
        self.sink.put(Event::Restored).await?;
        self.server.log(&self.collection.to_string(), None);
        Ok(())
    }

    /// Puts changes until the API server ends the watch, and keeps in the step
    /// how far it came. The ticket is held for as long.
    async fn watch(&mut self, _ticket: Ticket, mut lines: Lines) -> Result<(), End> {
        let mut told = false;
        let mut idle = WATCH_IDLE;
        loop {
            let line = match lines.next().now_or_never() {
                Some(line) => line,
                None => {
                    self.sink.flush().await?;
                    // Not to hold on to what it came in.
                    self.came_to();
                    let Ok(line) = tokio::time::timeout(idle, lines.next()).await else {
                        self.heard_nothing(told);
                        return Err(unreachable(format!("the watch was silent for {} s", idle.as_secs())).into());
                    };
                    line
                }
            };
            let Some(line) = line.map_err(unreachable)? else { break };
            let WatchEvent { event, .. } = WatchEvent::parse(&line)?;
            self.backoff = BACKOFF.0;
            told = true;
            if let Step::Watch { version, heard } = &mut self.step {
                *heard = true;
                match &event {
                    Event::Bookmark(reached) => {
                        idle = BOOKMARK_IDLE;
                        self.bookmarks = true;
                        *version = (*reached).max(*version);
                    }
                    Event::Changed(object) | Event::Deleted(object) => self.last = Some(object.clone()),
                    _ => {}
                }
            }
            self.sink.hold(event).await?;
        }
        self.sink.flush().await?;
        self.heard_nothing(told);
        // One that lives as asked ends after bookmarks; this one is no use.
        if told { Ok(()) } else { Err(unreachable("the watch ended without an event").into()) }
    }

    /// A watch from a version that is still to come tells nothing, and the API server's storage may
    /// have been put back to what it was earlier: a list shows that.
    fn heard_nothing(&mut self, told: bool) {
        if !told && self.bookmarks {
            self.step = Step::List;
        }
    }
}

impl Drop for Following<'_> {
    /// It ends by being dropped, too.
    fn drop(&mut self) {
        self.server.forget(&self.collection.to_string());
    }
}

//! Reads the log of one container: once, or from run to run, also where it breaks off.

mod open;
mod pause;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::timeout;

use self::open::Open;
use self::pause::Pause;
use super::line::Line;
use super::mark::Mark;
use super::plan::{Plan, Progress};
use super::pod::Standing;
use super::{Event, Failure, NoticeKind};
use crate::record::Key;
use crate::source::Problem;
use crate::source::logs::{LogBody, LogRequest};

/// After so long a silence a log that is followed is opened anew: the node may be gone, which
/// nobody says.
const SILENCE: Duration = Duration::from_mins(9);
/// After so long a silence the log of a pod that is gone has ended, whether its node says so or not.
const GONE: Duration = Duration::from_secs(10);
/// So long after the end of its log a container is said to have ended, at the latest. If it was
/// opened sooner, it could be that of the next run already.
const END: Duration = Duration::from_secs(5);
/// How often in a row a log is opened in vain that is read once: before it was ever open, and
/// afterwards. Others wait for it.
const TRIES: (usize, usize) = (2, 5);
/// Kubelets leave lines out by their time, which may be a little less than that of a line before.
const OVERLAP: SignedDuration = SignedDuration::from_secs(1);

/// Opens logs.
pub type Opener = Arc<dyn Fn(LogRequest) -> BoxFuture<'static, Result<LogBody, Problem>> + Send + Sync>;

/// Which part of a log.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Whether it goes on.
    pub follow: bool,
    /// Whether it is that of the run before.
    pub previous: bool,
    /// Only lines from this time on.
    pub since: Option<Timestamp>,
    /// Of its first run, only the last so many lines.
    pub tail: Option<u64>,
    /// Behind what was told already.
    pub mark: Option<Mark>,
    /// The time now.
    pub now: Timestamp,
}

/// Reads the log of one container.
pub struct Reader {
    opener: Opener,
    origin: u32,
    pod: Key,
    container: String,
    part: Part,
    standing: watch::Receiver<Standing>,
    /// How the container stood when it was last looked what is to be done.
    seen: Standing,
    progress: Progress,
    open: Option<Open>,
    /// Whether it was opened before.
    was_open: bool,
    tries: usize,
    pause: Pause,
    /// Whether it is to be waited before anything is opened, and for what.
    waits: Option<Waits>,
    said: Said,
    over: bool,
}

/// What is waited for before a log is opened again.
#[derive(Clone, Copy)]
enum Waits {
    /// That the container is said to have ended, as its log has.
    ForItsEnd,
    /// That what has failed passes.
    ForBetter,
}

/// What was said and is not said again.
#[derive(Default)]
struct Said {
    waiting: bool,
    broken: bool,
}

impl Reader {
    /// Reads that part of a container's log, while the container stands as `standing` says.
    #[must_use]
    pub fn new(
        opener: Opener,
        origin: u32,
        (pod, container): (Key, String),
        part: Part,
        standing: watch::Receiver<Standing>,
    ) -> Self {
        Self {
            opener,
            origin,
            pod,
            container,
            part,
            standing,
            seen: Standing::default(),
            progress: Progress::default(),
            open: None,
            was_open: false,
            tries: 0,
            pause: Pause::default(),
            waits: None,
            said: Said::default(),
            over: false,
        }
    }

    /// What it reads.
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Event> {
        stream::unfold(self, |mut reader| async move { reader.next().await.map(|event| (event, reader)) }).boxed()
    }

    async fn next(&mut self) -> Option<Event> {
        while !self.over {
            let event = match (&self.open, self.part.follow) {
                (Some(_), _) => self.read().await,
                (None, true) => self.go_on().await,
                (None, false) => self.open_once().await,
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    async fn read(&mut self) -> Option<Event> {
        let gone = self.standing.borrow().gone;
        let open = self.open.as_mut()?;
        let patience = if gone { GONE } else { SILENCE };
        let read = match self.part.follow {
            true => tokio::select! {
                biased;
                read = timeout(patience, open.next()) => read,
                // It may be gone by now.
                _ = self.standing.changed(), if !gone => return None,
            },
            false => Ok(open.next().await),
        };
        match read {
            Ok(Ok(Some(line))) => Some(self.take(line)),
            Ok(Ok(None)) => {
                let closed = self.open.take()?;
                self.said.broken = false;
                self.progress.whole = closed.is_whole;
                self.over = !self.part.follow;
                self.waits = (!closed.is_whole).then_some(Waits::ForItsEnd);
                None
            }
            Ok(Err(problem)) => {
                self.open = None;
                self.broke(&problem)
            }
            Err(_) => {
                self.open = None;
                None
            }
        }
    }

    fn take(&mut self, line: Line) -> Event {
        if let Some(time) = line.time {
            self.part.mark = Some(Mark::behind(self.part.mark, time));
        }
        self.pause = Pause::default();
        self.tries = 0;
        self.said.broken = false;
        Event::Line { origin: self.origin, line }
    }

    async fn open_once(&mut self) -> Option<Event> {
        self.rest().await;
        self.tries += 1;
        self.open(self.part.previous, false, true).await
    }

    /// The next thing to do of a log that is followed.
    async fn go_on(&mut self) -> Option<Event> {
        self.rest().await;
        let standing = self.standing.borrow_and_update().clone();
        self.seen.clone_from(&standing);
        match self.progress.plan(&standing) {
            Plan::End => {
                self.over = true;
                if self.said.broken {
                    return Some(self.notice(NoticeKind::Missing, "it is gone, and what was not read is lost"));
                }
                let how = if standing.gone { "its pod is gone" } else { "it will write nothing more" };
                Some(self.notice(NoticeKind::Ended, how))
            }
            Plan::Wait => self.wait(&standing).await,
            Plan::Missed(run) => {
                self.progress = Progress { run: Some(run), whole: true };
                Some(self.notice(NoticeKind::Missing, "it was restarted more than once, and what it wrote is lost"))
            }
            Plan::Rest(_) => self.open(true, false, true).await,
            Plan::Read { run, .. } if self.progress.run != Some(run) => {
                let before = self.progress.run.replace(run);
                self.progress.whole = false;
                before?;
                // Of what comes now nothing was there when the reading began.
                self.part.tail = None;
                Some(self.notice(NoticeKind::Restarted, "it was restarted"))
            }
            Plan::Read { over, .. } => self.open(false, !over, over).await,
        }
    }

    async fn wait(&mut self, standing: &Standing) -> Option<Event> {
        if standing.run.is_none() && !std::mem::replace(&mut self.said.waiting, true) {
            let why = if standing.waits.is_empty() { String::new() } else { format!(": {}", standing.waits) };
            return Some(self.notice(NoticeKind::Waiting, &format!("it has not started{why}")));
        }
        self.over = self.standing.changed().await.is_err();
        None
    }

    /// Waits a while if the last try was in vain, or until the container stands otherwise.
    async fn rest(&mut self) {
        let Some(waits) = self.waits.take() else { return };
        if self.part.follow && *self.standing.borrow() != self.seen {
            return;
        }
        let pause = &mut self.pause;
        let passes = async move {
            match waits {
                Waits::ForItsEnd => tokio::time::sleep(END).await,
                Waits::ForBetter => pause.rest().await,
            }
        };
        tokio::select! {
            _ = self.standing.changed(), if self.part.follow => {}
            () = passes => {}
        }
    }

    async fn open(&mut self, previous: bool, follow: bool, is_whole: bool) -> Option<Event> {
        let (pod, container) = (self.pod.clone(), self.container.clone());
        let request = LogRequest { pod, container, previous, follow, since: self.since(), tail: self.tail() };
        match timeout(SILENCE, (self.opener)(request)).await {
            Ok(Ok(body)) => {
                self.open = Some(Open::new(body, self.part.mark, self.part.since, is_whole));
                self.was_open = true;
                None
            }
            Ok(Err(problem)) if previous && self.part.follow && Failure::from(&problem) == Failure::NoLog => {
                self.progress.whole = true;
                Some(self.notice(NoticeKind::Missing, "it was restarted, and the end of what it wrote is lost"))
            }
            Ok(Err(problem)) => self.broke(&problem),
            Err(_) => None,
        }
    }

    /// What was told is left out when it comes again.
    fn since(&self) -> Option<Timestamp> {
        let told = self.part.mark.map(|mark| mark.time.checked_sub(OVERLAP).unwrap_or(mark.time));
        let nothing_wanted = self.part.tail == Some(0) && self.was_open;
        told.or(nothing_wanted.then_some(self.part.now)).max(self.part.since)
    }

    fn tail(&self) -> Option<u64> {
        let nothing_wanted = self.part.tail == Some(0) && self.was_open;
        self.part.tail.filter(|_| self.part.mark.is_none() && !nothing_wanted)
    }

    /// The log is not to be had now.
    fn broke(&mut self, problem: &Problem) -> Option<Event> {
        let failure = Failure::from(problem);
        let goes_on = match (failure, self.part.follow) {
            (Failure::Unreachable, true) | (Failure::NoLog, true) => true,
            (Failure::Unreachable, false) => self.tries < if self.was_open { TRIES.1 } else { TRIES.0 },
            _ => false,
        };
        if !goes_on {
            self.over = true;
            return Some(self.notice(NoticeKind::Failed(failure), &problem.message));
        }
        self.pause.asked(problem.retry_after);
        self.waits = Some(Waits::ForBetter);
        // A container that has not started is waited for; so is a pod's going.
        let is_news = self.part.follow && failure == Failure::Unreachable;
        if !is_news || std::mem::replace(&mut self.said.broken, true) {
            return None;
        }
        Some(self.notice(NoticeKind::Broken, &format!("{}; trying again", problem.message)))
    }

    fn notice(&self, kind: NoticeKind, what: &str) -> Event {
        let message = format!("container {} of pod {}: {what}", self.container, self.pod.name);
        Event::notice(kind, self.origin, message)
    }
}

#[cfg(test)]
mod tests;

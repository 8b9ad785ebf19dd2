//! `daymark get --watch`

use std::collections::BTreeSet;
use std::time::Duration;

use daymark::api::status_event::{Event, Gap, Reset};
use daymark::api::{Freshness, State, Status, Unreachable, WatchStatusesRequest};
use daymark::{Client, Error, Picture, Told, WatchEvent};
use tokio::time::{Instant, MissedTickBehavior};

use super::get::{Mode, Query};
use super::session;
use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::staleness::{self, Staleness};
use crate::words;

mod sink;
mod until;

use sink::Sink;
use until::Until;

/// How often the screen is redrawn at most.
const FRAME: Duration = Duration::from_millis(200);
const PROGRESS: Duration = Duration::from_secs(5);

/// A watch that is being shown.
struct Follower<'a> {
    client: Client,
    query: &'a Query<'a>,
    printer: &'a mut Printer,
    picture: Picture,
    sink: Sink,
    /// What ends it.
    until: Until,
    /// What was said on stderr once is not said again after a restart.
    said: BTreeSet<String>,
    /// Kinds that are missing.
    unread: Vec<Unreachable>,
    staleness: Staleness,
    /// Why the stream is lost, while it is.
    lost: Option<Error>,
}

/// Shows what is there, then what changes, until the time is over.
pub async fn run(global: &Global, query: &Query<'_>, printer: &mut Printer) -> Result<Exit, Failure> {
    let deadline = Instant::now() + query.limit().unwrap_or(session::FOREVER);
    let client = match tokio::time::timeout_at(deadline, session::connect(global)).await {
        Ok(client) => client?,
        Err(_) => return Err(Failure::new(Exit::Unreachable, "no connection within --timeout")),
    };
    let (picture, sink) = (Picture::new(query.view()), Sink::new(query, printer).await?);
    let picture = if query.following.history { picture.of_history() } else { picture };
    let until = Until::open(&client, query);
    let (said, unread, staleness) = (BTreeSet::new(), Vec::new(), Staleness::default());
    let mut follower = Follower { client, query, printer, picture, sink, until, said, unread, staleness, lost: None };
    follower.follow(deadline).await
}

impl Follower<'_> {
    async fn follow(&mut self, deadline: Instant) -> Result<Exit, Failure> {
        let mut watch = self.client.watch(WatchStatusesRequest {
            filter: Some(self.query.filter()),
            view: self.query.view().into(),
            progress_interval: PROGRESS.try_into().ok(),
            history: self.query.following.history,
            ..WatchStatusesRequest::default()
        });
        let mut frame = tokio::time::interval(FRAME);
        frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => return self.end(),
                _ = frame.tick(), if self.sink.is_live() => self.sink.draw(self.printer, &self.picture)?,
                // What is there is shown first.
                met = self.until.met(), if self.picture.is_current() => return self.met(met?).await,
                event = watch.next() => self.take(event).await?,
            }
        }
    }

    async fn take(&mut self, event: Result<WatchEvent, Error>) -> Result<(), Failure> {
        match event {
            Ok(WatchEvent::Told(told)) => self.told(told).await,
            Ok(WatchEvent::Lost { error }) => {
                let text = session::lost(&self.client, &error);
                self.lost = Some(error);
                self.sink.make_room(self.printer)?;
                self.printer.problem(&text);
                Ok(())
            }
            Ok(WatchEvent::Restored) => {
                self.lost = None;
                Ok(())
            }
            Err(error) => {
                self.sink.make_room(self.printer)?;
                Err(error.into())
            }
        }
    }

    async fn told(&mut self, Told { event, freshness }: Told) -> Result<(), Failure> {
        self.fresh(freshness.as_ref())?;
        self.sink.heard(freshness);
        match &event {
            Event::Reset(reset) => self.unreachable(reset)?,
            Event::Item(status) if status.state() == State::Absent => self.absent(status)?,
            Event::Gap(gap) => self.gap(gap)?,
            _ => {}
        }
        let first = !self.picture.is_current();
        let changes = self.picture.apply(event);
        // What was there before is no transition.
        if !first || self.query.mode != Mode::Transitions {
            self.sink.changes(self.printer, &self.picture, changes).await?;
        }
        if first && self.picture.is_current() && self.picture.statuses().len() == 0 {
            self.nothing_found().await?;
        }
        Ok(self.printer.flush()?)
    }

    /// Says that what is shown is old, and when it is not any more.
    fn fresh(&mut self, freshness: Option<&Freshness>) -> Result<(), Failure> {
        let news = self.staleness.news(freshness, &self.unread);
        if news.is_some() {
            self.sink.make_room(self.printer)?;
        }
        staleness::tell(news, self.printer);
        Ok(())
    }

    fn unreachable(&mut self, reset: &Reset) -> Result<(), Failure> {
        self.unread.clone_from(&reset.unreachable);
        for kind in &reset.unreachable {
            self.say(session::unreachable(kind))?;
        }
        match self.query.all_unreachable(&reset.unreachable) {
            Some(Exit::NotPermitted) => {
                Err(Failure::new(Exit::NotPermitted, "none of the requested objects may be read"))
            }
            _ => Ok(()),
        }
    }

    fn gap(&mut self, gap: &Gap) -> Result<(), Failure> {
        self.sink.make_room(self.printer)?;
        self.printer
            .problem(&format!("changes of {} may be missing here: the API server no longer had them", gap.kind));
        Ok(())
    }

    fn absent(&mut self, status: &Status) -> Result<(), Failure> {
        self.say(format!("{} does not exist; it is shown once it exists", words::name(status)))
    }

    async fn nothing_found(&mut self) -> Result<(), Failure> {
        // A name that is missing was reported already.
        if !matches!(self.query.selection, crate::targets::Selection::Kinds(_)) {
            return Ok(());
        }
        let all = self.query.shown.all_namespaces;
        let nothing = session::nothing_found(&self.client, &self.query.selection, self.query.namespace, all);
        let nothing = nothing.await;
        self.sink.make_room(self.printer)?;
        self.printer.note(&crate::sanitize::line(&nothing));
        Ok(())
    }

    fn say(&mut self, text: String) -> Result<(), Failure> {
        if self.said.insert(text.clone()) {
            self.sink.make_room(self.printer)?;
            self.printer.problem(&text);
        }
        Ok(())
    }

    /// What was waited for is so: it is shown, if it has not come yet.
    async fn met(&mut self, status: Status) -> Result<Exit, Failure> {
        let changes = self.picture.apply(Event::Changed(status));
        self.sink.changes(self.printer, &self.picture, changes).await?;
        self.sink.draw(self.printer, &self.picture)?;
        self.printer.flush()?;
        Ok(Exit::Passed)
    }

    /// The time is over: no failure, if the objects were seen to the end.
    fn end(&mut self) -> Result<Exit, Failure> {
        if let Some(error) = &self.lost {
            return Err(session::timed_out(error));
        }
        if !self.picture.is_current() {
            let text = "timed out before the daemon had read the objects";
            return Err(Failure::new(Exit::Unreachable, text));
        }
        if !self.query.following.until.is_empty() {
            return Err(Failure::new(Exit::Undecided, "timed out: --until was not true of any object"));
        }
        Ok(Exit::Passed)
    }
}

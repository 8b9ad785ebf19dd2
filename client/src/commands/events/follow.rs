//! `daymark events --watch`

use std::time::Duration;

use daymark::api::watch_events_response::Reset;
use daymark::api::{ClusterEvent, Freshness, WatchEventsRequest, WatchEventsResponse};
use daymark::{Client, Error, EventsTold};
use tokio::time::Instant;

use super::{Query, name, rows};
use crate::args::{EventFormat, Global};
use crate::commands::session;
use crate::event_json::EventJson;
use crate::exit::{Exit, Failure};
use crate::layout::Layout;
use crate::printer::Printer;
use crate::sanitize;

/// How often a stream that has nothing to tell says that it is alive.
const PROGRESS: Duration = Duration::from_secs(5);

/// A watch that is being shown.
struct Follower<'a> {
    client: Client,
    query: &'a Query<'a>,
    printer: &'a mut Printer,
    layout: Layout,
    /// What there was at first, until all of it has come: it is laid out together.
    first: Option<Vec<ClusterEvent>>,
    /// Whether something was printed.
    begun: bool,
    /// Why the stream is lost, while it is.
    lost: Option<Error>,
}

/// Shows what has happened, then what happens, until the time is over.
pub(super) async fn run(global: &Global, query: &Query<'_>, printer: &mut Printer) -> Result<Exit, Failure> {
    let limit = match query.args.timeout {
        None | Some(Duration::ZERO) => session::FOREVER,
        Some(limit) => limit,
    };
    let deadline = Instant::now() + limit;
    let client = match tokio::time::timeout_at(deadline, session::connect(global)).await {
        Ok(client) => client?,
        Err(_) => return Err(Failure::new(Exit::Unreachable, "no connection within --timeout")),
    };
    let (layout, first) = (Layout::default(), Some(Vec::new()));
    Follower { client, query, printer, layout, first, begun: false, lost: None }.follow(deadline).await
}

impl Follower<'_> {
    async fn follow(&mut self, deadline: Instant) -> Result<Exit, Failure> {
        let mut watch = self.client.watch_events(WatchEventsRequest {
            filter: Some(self.query.filter()),
            progress_interval: PROGRESS.try_into().ok(),
            ..WatchEventsRequest::default()
        });
        loop {
            let told = tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => return self.end(),
                told = watch.next() => told?,
            };
            match told {
                EventsTold::Told(message) => self.told(*message).await?,
                EventsTold::Restored => self.lost = None,
                EventsTold::Lost(error) => {
                    self.printer.problem(&session::lost(&self.client, &error));
                    self.lost = Some(error);
                }
            }
        }
    }

    async fn told(&mut self, message: WatchEventsResponse) -> Result<(), Failure> {
        let WatchEventsResponse { reset, events, current, freshness, .. } = message;
        if let Some(reset) = &reset {
            self.missing(reset, freshness.as_ref());
        }
        match self.first.as_mut() {
            Some(first) => first.extend(events),
            None => self.show(&events, freshness.as_ref())?,
        }
        if current && let Some(first) = self.first.take() {
            if first.is_empty() {
                let nothing = self.query.nothing_found(&self.client).await;
                self.printer.note(&sanitize::line(&nothing));
            }
            self.show(&first, freshness.as_ref())?;
        }
        Ok(self.printer.flush()?)
    }

    fn missing(&mut self, reset: &Reset, freshness: Option<&Freshness>) {
        let complete_since = reset.complete_since.as_ref();
        self.query.say_what_is_missing(self.printer, &reset.unreachable, complete_since, freshness);
        if let Some(target) = self.query.target.as_ref().filter(|_| reset.absent) {
            self.printer.problem(&format!("{target} does not exist; its events are shown once there are any"));
        }
    }

    fn show(&mut self, events: &[ClusterEvent], freshness: Option<&Freshness>) -> Result<(), Failure> {
        if events.is_empty() {
            return Ok(());
        }
        let columns = self.query.columns();
        let is_first = !std::mem::replace(&mut self.begun, true);
        if matches!(self.query.args.output, EventFormat::Table | EventFormat::Wide) {
            let now = freshness.and_then(|freshness| freshness.time.as_ref());
            self.layout.fit(&columns.room());
            return rows(self.printer, columns, &mut self.layout, events, now, is_first);
        }
        for (number, event) in events.iter().enumerate() {
            let object = EventJson::from(event);
            match self.query.args.output {
                EventFormat::Name => self.printer.line(&name(event))?,
                EventFormat::Ndjson => self.printer.json_line(&object)?,
                EventFormat::Yaml => {
                    if !is_first || number > 0 {
                        self.printer.line("---")?;
                    }
                    self.printer.yaml(&object)?;
                }
                EventFormat::Json | EventFormat::Table | EventFormat::Wide => {
                    self.printer.json(&object)?;
                }
            }
        }
        Ok(())
    }

    /// The time is over: no failure, if events were followed to the end.
    fn end(&self) -> Result<Exit, Failure> {
        if let Some(error) = &self.lost {
            return Err(session::timed_out(error));
        }
        if self.first.is_some() {
            let text = "timed out before the daemon sent its events";
            return Err(Failure::new(Exit::Unreachable, text));
        }
        Ok(Exit::Passed)
    }
}

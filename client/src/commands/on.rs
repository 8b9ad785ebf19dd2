//! `daymark on`

use std::collections::BTreeSet;
use std::time::Duration;

use daymark::api::status_event::{Event, Reset};
use daymark::api::{Filter, View, WatchStatusesRequest};
use daymark::{Client, Error, Told, Watch, WatchEvent};
use tokio::time::Instant;

use super::session;
use crate::args::{Global, On};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::signals::Signals;
use crate::{duration, sanitize, words};

mod mark;
mod process;
mod query;
mod state_file;
mod transition;

use mark::{Follower, Mark, Wanted};
use query::Query;
use state_file::StateFile;
use transition::Transition;

const PROGRESS: Duration = Duration::from_secs(5);
/// How long it may take until the state file holds what ran no command.
const SAVED_EVERY: Duration = Duration::from_secs(5);

/// One watch, and how far it was dealt with.
struct Stream {
    watch: Watch,
    kinds: usize,
    follower: Follower,
    /// Whether it has come to what is new.
    following: bool,
    /// Whether it was said that it cannot be resumed.
    expired: bool,
    /// Why it is lost, while it is.
    lost: Option<Error>,
    /// Whether the daemon itself has lost sight of the cluster.
    outdated: bool,
}

/// The command on its way.
struct Runner<'a> {
    args: &'a On,
    client: Client,
    printer: &'a mut Printer,
    signals: &'a mut Signals,
    deadline: Instant,
    /// In how many namespaces is looked; `None` if in all.
    places: Option<usize>,
    streams: Vec<Stream>,
    file: Option<StateFile>,
    saved: Instant,
    /// Whether the file does not hold how far the streams are.
    stale: bool,
    /// What was said on stderr is not said again of another stream, until it is mended.
    said: BTreeSet<String>,
}

/// Runs a command at each transition, until the time is over.
pub async fn run(global: &Global, args: &On, printer: &mut Printer, signals: &mut Signals) -> Result<Exit, Failure> {
    let query = Query::new(global, args)?;
    let filters = query.filters();
    let file = args.state_file.as_deref().map(|path| StateFile::open(path, query.subject()?, filters.len()));
    let (file, marks) = file.transpose()?.map_or((None, Vec::new()), |(file, marks)| (Some(file), marks));
    let limit = args.timeout.filter(|limit| !limit.is_zero()).unwrap_or(session::FOREVER);
    let deadline = Instant::now() + limit;
    let client = tokio::select! {
        biased;
        ending = signals.next() => return Err(ending.into()),
        () = tokio::time::sleep_until(deadline) => {
            return Err(Failure::new(Exit::Unreachable, "no connection within --timeout"));
        }
        client = session::connect(global) => client?,
    };
    let wanted = Wanted {
        initial: args.initial,
        by_expression: !args.when.is_empty(),
        entered: args.entered || args.lasting.is_some(),
        lasting: args.lasting.unwrap_or_default(),
    };
    let marks = marks.into_iter().chain(std::iter::repeat_with(Mark::default));
    let streams = filters.into_iter().zip(marks).map(|(filter, mark)| Stream::new(&client, filter, wanted, mark));
    let streams = streams.collect();
    let (saved, stale, said) = (Instant::now(), false, BTreeSet::new());
    let places = session::places(session::namespace(global), args.all_namespaces);
    let mut runner = Runner { args, client, printer, signals, deadline, places, streams, file, saved, stale, said };
    runner.follow().await
}

impl Stream {
    fn new(client: &Client, filter: Filter, wanted: Wanted, mark: Mark) -> Self {
        let kinds = filter.kinds.len();
        let watch = client.watch(WatchStatusesRequest {
            filter: Some(filter),
            view: View::Basic.into(),
            cursor: mark.cursor.clone().into(),
            progress_interval: PROGRESS.try_into().ok(),
            history: true,
            ..WatchStatusesRequest::default()
        });
        let follower = Follower::new(wanted, mark);
        Self { watch, kinds, follower, following: false, expired: false, lost: None, outdated: false }
    }

    /// Whether what it has told still holds, as far as anybody knows.
    fn is_heard(&self) -> bool {
        self.lost.is_none() && !self.outdated
    }
}

impl Runner<'_> {
    async fn follow(&mut self) -> Result<Exit, Failure> {
        let mut turn = 0;
        loop {
            let due = self.due_at();
            tokio::select! {
                biased;
                ending = self.signals.next() => {
                    self.save()?;
                    return Err(ending.into());
                }
                () = tokio::time::sleep_until(self.deadline) => return self.end(),
                (place, event) = next(&mut self.streams, turn) => {
                    turn = place + 1;
                    if let Some(exit) = self.take(place, event).await? {
                        self.save()?;
                        return Ok(exit);
                    }
                }
                // Behind the events: one of them may say that it no longer holds.
                () = sleep_until(due) => {
                    if let Some(exit) = self.perform_due().await? {
                        return Ok(exit);
                    }
                }
            }
        }
    }

    /// When something has held for long enough. Of what is not heard, nobody knows.
    fn due_at(&self) -> Option<Instant> {
        let heard = self.streams.iter().filter(|stream| stream.is_heard());
        heard.filter_map(|stream| stream.follower.due_at()).min()
    }

    /// Runs the command for one object that has held for long enough.
    async fn perform_due(&mut self) -> Result<Option<Exit>, Failure> {
        let now = Instant::now();
        let mut heard = self.streams.iter().enumerate().filter(|(_, stream)| stream.is_heard());
        match heard.find_map(|(place, stream)| Some((place, stream.follower.due(now)?))) {
            Some((place, transition)) => self.perform(place, transition, false).await,
            None => Ok(None),
        }
    }

    async fn take(&mut self, place: usize, event: Result<WatchEvent, Error>) -> Result<Option<Exit>, Failure> {
        match event {
            Ok(WatchEvent::Told(Told { event, freshness })) => {
                // Of events that came together one has it.
                if let Some(freshness) = freshness {
                    self.streams[place].outdated = !freshness.problem.is_empty();
                }
                return self.told(place, event).await;
            }
            Ok(WatchEvent::Lost { error }) => {
                let text = session::lost(&self.client, &error);
                self.say(text);
                let stream = &mut self.streams[place];
                stream.expired |= error.rpc().is_some_and(|error| error.reason == "CURSOR_EXPIRED");
                stream.lost = Some(error);
            }
            Ok(WatchEvent::Restored) => {
                self.streams[place].lost = None;
                if self.streams.iter().all(|stream| stream.lost.is_none()) {
                    self.said.clear();
                }
            }
            Err(error) => {
                self.save()?;
                return Err(error.into());
            }
        }
        Ok(None)
    }

    async fn told(&mut self, place: usize, event: Event) -> Result<Option<Exit>, Failure> {
        match &event {
            Event::Reset(reset) => self.reset(place, reset)?,
            Event::Gap(gap) => {
                let kind = &gap.kind;
                self.printer
                    .problem(&format!("changes of {kind} may be missing here: the API server no longer had them"));
            }
            _ => {}
        }
        let follows = matches!(event, Event::Current(_) | Event::Resumed(_));
        let transitions = self.streams[place].follower.take(event, Instant::now());
        let count = transitions.len();
        if follows {
            self.follows(place);
        }
        for (number, transition) in transitions.into_iter().enumerate() {
            if Instant::now() >= self.deadline {
                return self.end().map(Some);
            }
            let exit = self.perform(place, transition, number + 1 == count).await?;
            if exit.is_some() {
                return Ok(exit);
            }
        }
        if count == 0 {
            self.advance(place);
            if follows || (self.stale && self.saved.elapsed() >= SAVED_EVERY) {
                self.save()?;
            }
        }
        Ok(None)
    }

    /// Runs the command for a transition; then, and no sooner, it counts as done.
    async fn perform(&mut self, place: usize, transition: Transition, last: bool) -> Result<Option<Exit>, Failure> {
        let program = self.args.command.first().map(|it| it.display().to_string()).unwrap_or_default();
        let (id, line) = (transition.id(), line(&transition));
        self.printer.note(&sanitize::line(&format!("{line} -> {program}")));
        let ended = process::run(&self.args.command, &transition, self.signals).await?;
        if let (Some(ending), false) = (ended.ending, ended.is_success()) {
            return Err(ending.into());
        }
        self.streams[place].follower.settle(transition);
        self.stale = true;
        if last {
            self.advance(place);
        }
        self.save()?;
        if !ended.is_success() {
            self.printer.problem(&format!("{program} {ended} for {id}"));
        }
        match ended.ending {
            Some(ending) => Err(ending.into()),
            None if self.args.once && ended.is_success() => Ok(Some(Exit::Passed)),
            None if (self.args.once || self.args.exit_on_error) && !ended.is_success() => Ok(Some(Exit::Failed)),
            None => Ok(None),
        }
    }

    /// Everything that a stream has told is dealt with.
    fn advance(&mut self, place: usize) {
        let Stream { watch, follower, .. } = &mut self.streams[place];
        self.stale |= follower.advance(watch.cursor());
    }

    /// A stream has come to what is new.
    fn follows(&mut self, place: usize) {
        self.stale = true;
        let all = |streams: &[Stream]| streams.iter().all(|stream| stream.following);
        let before = all(&self.streams);
        self.streams[place].following = true;
        if !before && all(&self.streams) {
            let count: usize = self.streams.iter().map(|stream| stream.follower.matching()).sum();
            self.printer.note(&format!("following; objects that match: {count}"));
        }
    }

    fn reset(&mut self, place: usize, reset: &Reset) -> Result<(), Failure> {
        for kind in &reset.unreachable {
            self.say(session::unreachable(kind));
        }
        let Stream { kinds, follower, expired, .. } = &mut self.streams[place];
        if session::none_readable(*kinds, self.places, &reset.unreachable) == Some(Exit::NotPermitted) {
            return Err(Failure::new(Exit::NotPermitted, "none of the requested objects may be read"));
        }
        if follower.mark().begun && !std::mem::take(expired) {
            self.printer
                .problem("changes may be missing here: the current objects are compared with the last known ones");
        }
        Ok(())
    }

    fn say(&mut self, text: String) {
        if self.said.insert(text.clone()) {
            self.printer.problem(&text);
        }
    }

    fn save(&mut self) -> Result<(), Failure> {
        if let Some(file) = self.file.as_ref().filter(|_| self.stale) {
            file.save(self.streams.iter().map(|stream| stream.follower.mark()))?;
        }
        (self.saved, self.stale) = (Instant::now(), false);
        Ok(())
    }

    /// The time is over: no failure, if the objects were seen to the end.
    fn end(&mut self) -> Result<Exit, Failure> {
        self.save()?;
        if let Some(error) = self.streams.iter().find_map(|stream| stream.lost.as_ref()) {
            return Err(session::timed_out(error));
        }
        if !self.streams.iter().all(|stream| stream.following) {
            let text = "timed out before the daemon had read the objects";
            return Err(Failure::new(Exit::Unreachable, text));
        }
        match self.args.timeout {
            Some(limit) if self.args.once => {
                let text = format!("no transition has matched within {}", duration::show(limit));
                Err(Failure::new(Exit::Undecided, text))
            }
            _ => Ok(Exit::Passed),
        }
    }
}

/// Returns at that time, if ever.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The next event of any stream, and whose it is. Each has its turn to be asked first.
async fn next(streams: &mut [Stream], turn: usize) -> (usize, Result<WatchEvent, Error>) {
    let count = streams.len().max(1);
    std::future::poll_fn(|context| {
        for place in (0..streams.len()).map(|place| (place + turn) % count) {
            // It loses nothing by being dropped.
            let event = std::pin::pin!(streams[place].watch.next());
            if let std::task::Poll::Ready(event) = event.poll(context) {
                return std::task::Poll::Ready((place, event));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

/// `shop/deployment.apps/web: Failed CrashLoopBackOff`
fn line(transition: &Transition) -> String {
    let status = &transition.status;
    let namespace = status.r#ref.as_ref().map_or("", |object| &object.namespace);
    let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
    let state = words::state(status.state());
    format!("{place}{}: {state} {}", words::name(status), status.reason)
}

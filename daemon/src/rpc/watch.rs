//! `WatchStatuses`: a snapshot, and what follows it.

mod eyes;
mod letter;
mod sending;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::status_event::{Current, Event, Progress, Reset, Resumed};
use daymark_proto::v1::{Unreachable, WatchStatusesResponse};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, Stream};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;

pub(super) use self::eyes::Eyes;
use self::letter::Letter;
use super::Served;
use super::convert::{View, encode};
use super::error::{cache_closed, cursor_expired, draining, unevaluated, unproven};
use super::rights::Sight;
use super::streams::Permit;
use crate::cache::Cache;
use crate::caches::first::first;
use crate::event_log::Revision;
use crate::proof::{Finds, Unproven};
use crate::subscription::feed::Portion;
use crate::subscription::{Feed, Group, Interruption, Items, Selection};

type Message = Encoded<WatchStatusesResponse>;

/// One stream.
pub(super) struct Watch {
    served: Arc<Served>,
    selection: Arc<Selection>,
    eyes: Eyes,
    unreachable: Vec<Unreachable>,
    view: View,
    progress_interval: Option<Duration>,
    feed: Feed,
    stage: Stage,
    /// Resolves when the view is proven; `None` if nobody asked, or it is.
    proof: Option<BoxFuture<'static, Result<(), Unproven>>>,
    /// Whether somebody asked for proof.
    proves: bool,
    /// Resolves when its reader may see otherwise.
    other_sight: BoxFuture<'static, Result<Sight, Status>>,
    _permit: Permit,
}

/// What a stream waits for.
enum Step {
    /// The view is proven, or cannot be.
    Proven(Result<(), Unproven>),
    /// Changes; or the log has dropped what comes next.
    Changes(Result<Portion, Interruption>),
    /// A kind that could not be read can be.
    Reachable,
    /// The reader may see otherwise than before, or nothing any more.
    Sees(Result<Sight, Status>),
    /// Nothing, for as long as the reader is to be left without a sign of life.
    Silence,
}

/// How a stream begins.
pub(super) enum Beginning {
    /// With a snapshot, because of that.
    Snapshot(Cause),
    /// Where an earlier one left off.
    Resume(Revision),
}

enum Stage {
    /// A snapshot is to be taken.
    Reset(Cause),
    /// These items of it are to be sent.
    Items(Items),
    /// What the stream opens with is to be sent when the view is proven.
    Proving(Opening),
    /// It is to be sent after everything up to that revision.
    Opening(Opening, Revision),
    /// Changes are sent as they come.
    Live,
    /// There is nothing more.
    Ended,
}

/// What says that the reader's picture is whole.
#[derive(Clone, Copy)]
enum Opening {
    /// The end of a snapshot.
    Current,
    /// The stream goes on where an earlier one left off.
    Resumed,
}

impl Opening {
    fn event(self) -> Event {
        match self {
            Self::Current => Event::Current(Current {}),
            Self::Resumed => Event::Resumed(Resumed {}),
        }
    }
}

/// Those who want the same; what a proof finds out is of its stream alone.
fn group(served: &Served, selection: Selection, proven: bool) -> Arc<Group> {
    match proven {
        true => Arc::new(Group::new(&served.log, Arc::new(selection))),
        false => served.groups.join(&served.log, selection),
    }
}

/// What a stream is to be.
pub(super) struct Order {
    pub(super) selection: Selection,
    pub(super) eyes: Eyes,
    pub(super) unreachable: Vec<Unreachable>,
    pub(super) view: View,
    pub(super) progress_interval: Option<Duration>,
    pub(super) beginning: Beginning,
    /// Whether `current` or `resumed` is to be sent only when the view is proven.
    pub(super) proven: bool,
}

impl Watch {
    pub(super) fn new(served: Arc<Served>, order: Order, permit: Permit) -> Self {
        let Order { selection, eyes, unreachable, view, progress_interval, beginning, proven } = order;
        let group = group(&served, selection, proven);
        let selection = Arc::clone(group.selection());
        let (stage, after) = match beginning {
            Beginning::Snapshot(cause) => (Stage::Reset(cause), 0),
            Beginning::Resume(revision) => (Stage::Proving(Opening::Resumed), revision),
        };
        let feed = Feed::new(group, after);
        let proof = proven.then(|| Arc::clone(&served.prover).prove(Arc::clone(&selection), Finds::History).boxed());
        let other_sight = eyes.open(&served, &selection, view);
        Self {
            served,
            selection,
            eyes,
            other_sight,
            proves: proven,
            unreachable,
            view,
            progress_interval,
            feed,
            stage,
            proof,
            _permit: permit,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Message, Status>> {
        let drained = Box::pin(self.served.drain.clone().cancelled_owned());
        // Boxed: they are handed to and fro with every message.
        stream::unfold((Box::new(self), drained), |(mut watch, mut drained)| async move {
            watch.next(drained.as_mut()).await.map(|message| (message, (watch, drained)))
        })
    }

    async fn next(&mut self, drained: Pin<&mut WaitForCancellationFutureOwned>) -> Option<Result<Message, Status>> {
        // What was read already goes out without a look at anything else.
        if matches!(self.stage, Stage::Live)
            && let Some(portion) = self.feed.pop()
        {
            return Some(self.changes(Ok(portion)));
        }
        if matches!(self.stage, Stage::Ended) {
            return None;
        }
        // A snapshot that is read slowly may take longer than a right lasts.
        let result = match (&mut self.other_sight).now_or_never() {
            Some(sight) => sight.and_then(|sight| self.see(sight)),
            None => tokio::select! {
                biased;
                () = drained => Err(draining()),
                message = self.message() => message,
            },
        };
        if result.is_err() {
            self.stage = Stage::Ended;
        }
        Some(result)
    }

    async fn message(&mut self) -> Result<Message, Status> {
        let mut letter = Letter::default();
        loop {
            match &mut self.stage {
                Stage::Reset(cause) => {
                    let cause = *cause;
                    letter.add(encode(Event::Reset(self.reset(cause)?)));
                }
                Stage::Items(items) => match items.next(&self.selection).await.map_err(|error| unevaluated(&error))? {
                    Some(item) => {
                        letter.add(self.item(&item)?);
                        if letter.is_full() {
                            return Ok(self.send(letter, None));
                        }
                    }
                    None => self.stage = Stage::Proving(Opening::Current),
                },
                Stage::Proving(opening) if self.proof.is_none() => self.stage = Stage::Opening(*opening, 0),
                // The proof may take its time.
                Stage::Proving(_) if !letter.is_empty() => return Ok(self.send(letter, None)),
                Stage::Proving(opening) => {
                    let opening = *opening;
                    if let Some(message) = self.prove(opening).await? {
                        return Ok(message);
                    }
                }
                Stage::Opening(opening, at) => {
                    let (opening, at) = (*opening, *at);
                    if let Some(message) = self.open(opening, at, &mut letter).await? {
                        return Ok(message);
                    }
                }
                Stage::Live => {
                    let step = self.step().await;
                    return self.tell(step);
                }
                Stage::Ended => return Err(draining()),
            }
        }
    }

    /// Waits until the view is proven; what comes meanwhile is told.
    async fn prove(&mut self, opening: Opening) -> Result<Option<Message>, Status> {
        match self.step().await {
            Step::Proven(proven) => {
                proven.map_err(|error| unproven(&error))?;
                self.proof = None;
                // What the proof has seen is in the log by now, and a reader that
                // resumes would else take its old picture for it.
                self.stage = Stage::Opening(opening, self.served.log.head());
                Ok(None)
            }
            step => self.tell(step).map(Some),
        }
    }

    /// Opens the stream behind everything up to that revision, which is told first.
    async fn open(&mut self, opening: Opening, at: Revision, letter: &mut Letter) -> Result<Option<Message>, Status> {
        match self.feed.reaches(at).await {
            Ok(true) => {
                letter.add(encode(opening.event()));
                self.stage = Stage::Live;
                Ok(Some(self.send(std::mem::take(letter), self.feed.handed_out_to())))
            }
            // Not to change the order of what is said.
            Ok(false) if !letter.is_empty() => Ok(Some(self.send(std::mem::take(letter), None))),
            Ok(false) => {
                let portion = self.feed.next().await;
                self.changes(portion).map(Some)
            }
            Err(Interruption::Expired) => {
                self.stage = Stage::Reset(self.overtaken()?);
                Ok(None)
            }
            Err(Interruption::Predicate(error)) => Err(unevaluated(&error)),
        }
    }

    async fn step(&mut self) -> Step {
        let proof = async {
            match &mut self.proof {
                Some(proof) => proof.await,
                None => std::future::pending().await,
            }
        };
        let silence = async {
            match self.progress_interval {
                Some(interval) => tokio::time::sleep(interval).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            proven = proof => Step::Proven(proven),
            portion = self.feed.next() => Step::Changes(portion),
            () = reachable(&self.selection, &self.unreachable) => Step::Reachable,
            sight = &mut self.other_sight => Step::Sees(sight),
            () = silence => Step::Silence,
        }
    }

    fn tell(&mut self, step: Step) -> Result<Message, Status> {
        match step {
            Step::Changes(portion) => self.changes(portion),
            // A reader that came back holds what it knew of that kind.
            Step::Reachable => self.begin_anew(Cause::Reachable),
            Step::Sees(sight) => self.see(sight?),
            Step::Silence | Step::Proven(_) => {
                let progress = Letter::of(encode(Event::Progress(Progress {})));
                Ok(self.send(progress, self.feed.handed_out_to()))
            }
        }
    }

    /// The log no longer holds what comes next: a kind was read for the first time,
    /// or the reader is too slow. It gets the newest state, unless it wants
    /// everything.
    fn overtaken(&self) -> Result<Cause, Status> {
        let caches = || self.selection.caches.iter();
        let reachable = |it: &Unreachable| caches().any(|cache| meant(cache, it) && cache.freshness().listed);
        match () {
            () if self.unreachable.iter().any(reachable) => Ok(Cause::Reachable),
            // Why it was closed is told instead.
            () if self.selection.history && !caches().any(|cache| cache.closed().is_cancelled()) => {
                Err(cursor_expired())
            }
            () => Ok(Cause::Lagged),
        }
    }

    /// A message by which a snapshot begins.
    fn begin_anew(&mut self, cause: Cause) -> Result<Message, Status> {
        let reset = self.reset(cause)?;
        Ok(self.send(Letter::of(encode(Event::Reset(reset))), None))
    }

    /// Goes on with what the reader may see by now.
    fn see(&mut self, sight: Sight) -> Result<Message, Status> {
        let selection = self.selection.seeing(sight.visible.clone());
        self.eyes.sight = sight;
        let group = group(&self.served, selection, self.proves);
        self.selection = Arc::clone(group.selection());
        self.feed = Feed::new(group, 0);
        if self.proves {
            let proof = Arc::clone(&self.served.prover).prove(Arc::clone(&self.selection), Finds::History);
            self.proof = Some(proof.boxed());
        }
        self.other_sight = self.eyes.open(&self.served, &self.selection, self.view);
        self.begin_anew(Cause::RightsChanged)
    }

    /// Begins a snapshot.
    fn reset(&mut self, cause: Cause) -> Result<Reset, Status> {
        if let Some(closed) = self.selection.caches.iter().find(|cache| cache.closed().is_cancelled()) {
            return Err(cache_closed(closed.kind()));
        }
        let (items, revision) = Items::take(&self.selection, &self.served.log);
        self.feed.skip_to(revision);
        // As of the snapshot: what was listed before it is whole in it.
        let unread = |it: &Unreachable| self.selection.caches.iter().any(|c| !c.freshness().listed && meant(c, it));
        self.unreachable.retain(unread);
        self.stage = Stage::Items(items);
        let unreachable = self.unreachable.iter().chain(&self.eyes.sight.refused).cloned().collect();
        Ok(Reset { cause: cause.into(), unreachable })
    }
}

/// Whether that cache is meant.
fn meant(cache: &Cache, unreachable: &Unreachable) -> bool {
    let namespace = cache.collection().namespace.as_deref().unwrap_or_default();
    unreachable.namespace == namespace && unreachable.kind == cache.kind().to_string()
}

/// Returns when a kind that could not be read holds a whole list.
async fn reachable(selection: &Selection, unreachable: &[Unreachable]) {
    let waited_for = |cache: &&crate::caches::Lease| unreachable.iter().any(|it| meant(cache, it));
    first(selection.caches.iter().filter(waited_for).map(|cache| cache.holds_a_list())).await;
}

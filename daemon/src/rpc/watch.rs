//! `WatchStatuses`: a snapshot, and what follows it.

mod proof;
mod snapshot;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daymark_proto::Encoded;
use daymark_proto::v1::watch_statuses_response::reset::Cause;
use daymark_proto::v1::watch_statuses_response::{Current, Event, Progress, Reset, Resumed};
use daymark_proto::v1::{Freshness, Unreachable, WatchStatusesResponse};
use futures::future::{BoxFuture, FutureExt as _, select_all};
use futures::stream::{self, Stream};
use prost::Message as _;
use tonic::Status;

use self::proof::prove;
use self::snapshot::{Item, Items};
use super::Served;
use super::convert::View;
use super::error::{cache_closed, draining};
use super::streams::Permit;
use crate::cache::Cache;
use crate::event_log::{Entry, Expired, Revision};
use crate::subscription::feed::Delivery;
use crate::subscription::{Feed, Relation, Selection};

/// How long several messages may say the same freshness: they go out together.
const SAME_FRESHNESS: Duration = Duration::from_millis(1);

type Message = Encoded<WatchStatusesResponse>;

/// One stream.
pub(super) struct Watch {
    served: Arc<Served>,
    selection: Arc<Selection>,
    unreachable: Vec<Unreachable>,
    view: View,
    progress_interval: Option<Duration>,
    feed: Feed,
    stage: Stage,
    /// Resolves when the view is proven; `None` if nobody asked, or it is.
    proof: Option<BoxFuture<'static, Result<(), Status>>>,
    /// The freshness that was sent last, encoded, and when.
    freshness: Option<(Instant, Bytes)>,
    _permit: Permit,
}

/// What a stream waits for.
enum Step {
    /// The view is proven, or cannot be.
    Proven(Result<(), Status>),
    /// A change; or the log has dropped what comes next.
    Entry(Result<Delivery, Expired>),
    /// A kind that could not be read can be.
    Reachable,
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

/// What a stream is to be.
pub(super) struct Order {
    pub(super) selection: Selection,
    pub(super) unreachable: Vec<Unreachable>,
    pub(super) view: View,
    pub(super) progress_interval: Option<Duration>,
    pub(super) beginning: Beginning,
    /// Whether `current` or `resumed` is to be sent only when the view is proven.
    pub(super) proven: bool,
}

impl Watch {
    pub(super) fn new(served: Arc<Served>, order: Order, permit: Permit) -> Self {
        let Order { selection, unreachable, view, progress_interval, beginning, proven } = order;
        let selection = Arc::new(selection);
        let (stage, after) = match beginning {
            Beginning::Snapshot(cause) => (Stage::Reset(cause), 0),
            Beginning::Resume(revision) => (Stage::Proving(Opening::Resumed), revision),
        };
        let feed = Feed::new(&served.log, Arc::clone(&selection), after);
        let proof = proven.then(|| prove(Arc::clone(&served), Arc::clone(&selection)).boxed());
        let freshness = None;
        Self { served, selection, unreachable, view, progress_interval, feed, stage, proof, freshness, _permit: permit }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Message, Status>> {
        // Boxed: it is handed to and fro with every message.
        stream::unfold(Box::new(self), |mut watch| async move { watch.next().await.map(|message| (message, watch)) })
    }

    async fn next(&mut self) -> Option<Result<Message, Status>> {
        // What was read already goes out without a look at anything else.
        if matches!(self.stage, Stage::Live)
            && let Some(delivery) = self.feed.pop()
        {
            return Some(self.deliver(Ok(delivery)));
        }
        if matches!(self.stage, Stage::Ended) {
            return None;
        }
        let drain = self.served.drain.clone();
        let result = tokio::select! {
            biased;
            () = drain.cancelled() => Err(draining()),
            message = self.message() => message,
        };
        if result.is_err() {
            self.stage = Stage::Ended;
        }
        Some(result)
    }

    async fn message(&mut self) -> Result<Message, Status> {
        loop {
            match &mut self.stage {
                Stage::Reset(cause) => {
                    let cause = *cause;
                    return self.reset(cause);
                }
                Stage::Items(items) => match items.next(&self.selection) {
                    Some(item) => return self.item(&item),
                    None => self.stage = Stage::Proving(Opening::Current),
                },
                Stage::Proving(opening) if self.proof.is_none() => self.stage = Stage::Opening(*opening, 0),
                Stage::Proving(opening) => {
                    let opening = *opening;
                    match self.step().await {
                        Step::Proven(proven) => {
                            proven?;
                            self.proof = None;
                            // What the proof has seen is in the log by now, and a reader that
                            // resumes would else take its old picture for it.
                            self.stage = Stage::Opening(opening, self.served.log.head());
                        }
                        step => return self.tell(step),
                    }
                }
                Stage::Opening(opening, at) => match self.feed.reaches(*at) {
                    Ok(true) => {
                        let event = opening.event();
                        self.stage = Stage::Live;
                        return Ok(self.plain(event, self.feed.handed_out_to()));
                    }
                    Ok(false) => {
                        let delivery = self.feed.next().await;
                        return self.deliver(delivery);
                    }
                    Err(Expired) => self.stage = Stage::Reset(Cause::Lagged),
                },
                Stage::Live => {
                    let step = self.step().await;
                    return self.tell(step);
                }
                Stage::Ended => return Err(draining()),
            }
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
            delivery = self.feed.next() => Step::Entry(delivery),
            () = reachable(&self.selection, &self.unreachable) => Step::Reachable,
            () = silence => Step::Silence,
        }
    }

    fn tell(&mut self, step: Step) -> Result<Message, Status> {
        match step {
            Step::Entry(delivery) => self.deliver(delivery),
            // A reader that came back holds what it knew of that kind.
            Step::Reachable => self.reset(Cause::Reachable),
            Step::Silence | Step::Proven(_) => Ok(self.plain(Event::Progress(Progress {}), self.feed.handed_out_to())),
        }
    }

    fn deliver(&mut self, delivery: Result<Delivery, Expired>) -> Result<Message, Status> {
        let Ok((entry, relation)) = delivery else {
            let waited = !self.unreachable.is_empty();
            // The reader is too slow for the log: it gets the newest state.
            return self.reset(if waited { Cause::Reachable } else { Cause::Lagged });
        };
        let change = Encoded::from_bytes(self.encode(&entry, relation)?);
        // How new the view is depends on what else the stream reads, and on when.
        Ok(change.with_bytes(self.fresh()))
    }

    /// The change as every stream sends it to whom it is the same.
    fn encode(&self, entry: &Entry, relation: Relation) -> Result<Bytes, Status> {
        let form = relation as u8 * 2 + u8::from(self.view == View::Full);
        entry.wire(form, || {
            let cache = self.selection.caches.iter().find(|cache| cache.id() == entry.cache);
            let cache = cache.ok_or_else(|| Status::internal("a change of a cache that is not read"))?;
            let change = self.served.change(cache.kind(), entry, relation, self.view)?;
            Ok(Encoded::new(&change).into_shared())
        })
    }

    /// Begins a snapshot.
    fn reset(&mut self, cause: Cause) -> Result<Message, Status> {
        if let Some(closed) = self.selection.caches.iter().find(|cache| cache.closed().is_cancelled()) {
            return Err(cache_closed(closed.kind()));
        }
        let (items, revision) = Items::take(&self.selection, &self.served.log);
        self.feed.skip_to(revision);
        // As of the snapshot: what was listed before it is whole in it.
        let unread = |kind: &str| self.selection.caches.iter().any(|c| !c.freshness().listed && named(c, kind));
        self.unreachable.retain(|it| unread(&it.kind));
        self.stage = Stage::Items(items);
        let reset = Reset { cause: cause.into(), unreachable: self.unreachable.clone() };
        Ok(self.plain(Event::Reset(reset), None))
    }

    fn item(&self, item: &Item) -> Result<Message, Status> {
        let caches = &self.selection.caches;
        let status = match item {
            Item::Present(cache, record) => self.served.status(caches[*cache].kind(), record, self.view)?,
            Item::Absent(cache, key) => self.served.absent(caches[*cache].kind(), key),
            Item::Unread(cache, key) => self.served.unread(&caches[*cache], key),
        };
        Ok(self.plain(Event::Item(status), None))
    }

    /// A message that is this stream's alone.
    fn plain(&self, event: Event, at: Option<Revision>) -> Message {
        Encoded::new(&WatchStatusesResponse {
            cursor: at.map(|revision| self.served.cursor(revision)).unwrap_or_default(),
            freshness: Some(self.freshness_now()),
            event: Some(event),
        })
    }

    /// The freshness as a part of a message.
    fn fresh(&mut self) -> Bytes {
        let now = Instant::now();
        if let Some((at, bytes)) = &self.freshness
            && now.duration_since(*at) < SAME_FRESHNESS
        {
            return bytes.clone();
        }
        let message = WatchStatusesResponse { freshness: Some(self.freshness_now()), ..Default::default() };
        let bytes: Bytes = message.encode_to_vec().into();
        self.freshness = Some((now, bytes.clone()));
        bytes
    }

    fn freshness_now(&self) -> Freshness {
        self.served.freshness(self.selection.caches.iter().map(|cache| -> &Cache { cache }))
    }
}

/// Whether `unreachable` means that cache.
fn named(cache: &Cache, unreachable: &str) -> bool {
    cache.collection().to_string() == unreachable
}

/// Returns when a kind that could not be read holds a whole list.
async fn reachable(selection: &Selection, unreachable: &[Unreachable]) {
    if unreachable.is_empty() {
        return std::future::pending().await;
    }
    let waited_for = |cache: &&crate::caches::Lease| unreachable.iter().any(|it| named(cache, &it.kind));
    select_all(selection.caches.iter().filter(waited_for).map(|cache| cache.holds_a_list().boxed())).await;
}

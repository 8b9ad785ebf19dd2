//! `WatchStatuses`: a snapshot, and what follows it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::watch_statuses_response::reset::Cause;
use daymark_proto::v1::watch_statuses_response::{Current, Event, Progress, Reset, Resumed};
use daymark_proto::v1::{Freshness, Unreachable, WatchStatusesResponse};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, Stream, TryStreamExt as _};
use tonic::Status;

use super::Served;
use super::convert::View;
use super::error::{draining, unreadable};
use crate::event_log::{Entry, Revision};
use crate::object::{Key, Record};
use crate::source::Truth;
use crate::subscription::{Absence, Feed, Named, Relation, Scope, Selection};

/// Live reads that one proof makes at a time.
const READS_AT_ONCE: usize = 16;
/// Before a live read that failed is tried again.
const READ_AGAIN: Duration = Duration::from_secs(1);

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
}

/// What a stream waits for.
enum Step {
    /// The view is proven, or cannot be.
    Proven(Result<(), Status>),
    /// A change; or the log has dropped what comes next.
    Entry(Delivery),
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
    Items(VecDeque<Item>),
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

enum Item {
    /// An object of the cache at that place.
    Present(usize, Arc<Record>),
    /// A name that no object of the cache at that place has.
    Absent(usize, Key),
    /// A name in a cache that has nothing to say yet.
    Unread(usize, Key),
}

impl Opening {
    fn event(self) -> Event {
        match self {
            Self::Current => Event::Current(Current {}),
            Self::Resumed => Event::Resumed(Resumed {}),
        }
    }
}

impl Watch {
    pub(super) fn new(
        served: Arc<Served>,
        selection: Selection,
        unreachable: Vec<Unreachable>,
        view: View,
        progress_interval: Option<Duration>,
        beginning: Beginning,
    ) -> Self {
        let selection = Arc::new(selection);
        let (stage, after) = match beginning {
            Beginning::Snapshot(cause) => (Stage::Reset(cause), 0),
            Beginning::Resume(revision) => (Stage::Proving(Opening::Resumed), revision),
        };
        let feed = Feed::new(Arc::clone(&served.log), Arc::clone(&selection), view == View::Full, after);
        Self { served, selection, unreachable, view, progress_interval, feed, stage, proof: None }
    }

    /// The same stream, `current` or `resumed` only when the view is proven.
    pub(super) fn proven(mut self) -> Self {
        self.proof = Some(prove(Arc::clone(&self.served), Arc::clone(&self.selection)).boxed());
        self
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Message, Status>> {
        stream::unfold(self, |mut watch| async move { watch.next().await.map(|message| (message, watch)) })
    }

    async fn next(&mut self) -> Option<Result<Message, Status>> {
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
                    return Ok(self.reset(cause));
                }
                Stage::Items(items) => match items.pop_front() {
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
                    Err(_) => self.stage = Stage::Reset(Cause::Lagged),
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
            () = silence => Step::Silence,
        }
    }

    fn tell(&mut self, step: Step) -> Result<Message, Status> {
        match step {
            Step::Entry(delivery) => self.deliver(delivery),
            Step::Silence | Step::Proven(_) => Ok(self.plain(Event::Progress(Progress {}), self.feed.handed_out_to())),
        }
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<Message, Status> {
        let Ok((entry, relation)) = delivery else {
            // The reader is too slow for the log: it gets the newest state.
            return Ok(self.reset(Cause::Lagged));
        };
        let form = relation as usize * 2 + usize::from(self.view == View::Full);
        let encode = || Ok::<_, Status>(Encoded::new(&self.served.change(&entry, relation, self.view)?).into_shared());
        let change = Encoded::from_bytes(entry.wire(form, encode)?);
        // How new the view is depends on what else the stream reads, and on when.
        Ok(change.with(&WatchStatusesResponse { freshness: self.freshness(), ..Default::default() }))
    }

    /// Begins a snapshot.
    fn reset(&mut self, cause: Cause) -> Message {
        self.stage = Stage::Items(self.take_snapshot());
        let reset = Reset { cause: cause.into(), unreachable: self.unreachable.clone() };
        self.plain(Event::Reset(reset), None)
    }

    /// Takes the snapshot, and lets the feed go on behind it.
    fn take_snapshot(&mut self) -> VecDeque<Item> {
        let snapshot = self.selection.snapshot(&self.served.log);
        // As of the snapshot: what was listed before it is whole in it.
        let caches = &self.selection.caches;
        let unread = |kind: &str| caches.iter().any(|c| !c.freshness().listed && c.kind().to_string() == kind);
        self.unreachable.retain(|it| unread(&it.kind));
        self.feed.skip_to(snapshot.revision);
        match &self.selection.scope {
            Scope::Named(named) => named
                .iter()
                .map(|n| match snapshot.get(n.cache, &n.key).filter(|record| n.means(record, snapshot.revision)) {
                    Some(record) => Item::Present(n.cache, Arc::clone(record)),
                    None if caches[n.cache].freshness().listed => Item::Absent(n.cache, n.key.clone()),
                    None => Item::Unread(n.cache, n.key.clone()),
                })
                .collect(),
            Scope::All | Scope::Namespaces(_) => (0..caches.len())
                .flat_map(|cache| snapshot.objects(cache, None).map(move |(_, record)| (cache, record)))
                .filter(|(cache, record)| self.selection.selects(caches[*cache].id(), record, snapshot.revision))
                .map(|(cache, record)| Item::Present(cache, Arc::clone(record)))
                .collect(),
        }
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
            freshness: self.freshness(),
            event: Some(event),
        })
    }

    fn freshness(&self) -> Option<Freshness> {
        Some(self.served.freshness(&self.selection.caches))
    }
}

type Delivery = Result<(Arc<Entry>, Relation), crate::event_log::Expired>;

/// Resolves when the caches hold what live reads, begun after now, have seen of
/// every named object; or when they may not be read.
async fn prove(served: Arc<Served>, selection: Arc<Selection>) -> Result<(), Status> {
    let Scope::Named(named) = &selection.scope else { return Ok(()) };
    let each = |named| prove_one(&served, &selection, named);
    stream::iter(named.iter().map(Ok)).try_for_each_concurrent(READS_AT_ONCE, each).await
}

async fn prove_one(served: &Served, selection: &Selection, named: &Named) -> Result<(), Status> {
    let cache = &selection.caches[named.cache];
    let mut told = false;
    loop {
        match served.source.read(cache.kind(), &named.key).await {
            Ok(Truth::Cached) => return Ok(()),
            Ok(Truth::Seen(version)) => {
                cache.reaches(version).await;
                return Ok(());
            }
            Ok(Truth::Absent(version)) => {
                let since = cache.outlives(&named.key, version, &served.log).await;
                // Each name is proven once.
                let _only = named.absence.set(Absence { version, since });
                return Ok(());
            }
            Err(problem) if problem.reason.is_of_the_kind() => return Err(unreadable(cache.kind(), &problem)),
            Err(problem) => {
                if !std::mem::replace(&mut told, true) {
                    let (kind, name) = (cache.kind(), &*named.key.name);
                    tracing::warn!(%kind, name, "a stream waits for a live read, which failed: {}", problem.message);
                }
                tokio::time::sleep(READ_AGAIN).await;
            }
        }
    }
}

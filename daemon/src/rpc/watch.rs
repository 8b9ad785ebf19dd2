//! `WatchStatuses`: a snapshot, and what follows it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::watch_statuses_response::reset::Cause;
use daymark_proto::v1::watch_statuses_response::{Current, Event, Progress, Reset, Resumed};
use daymark_proto::v1::{Unreachable, WatchStatusesResponse};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, Stream, StreamExt as _};
use tonic::Status;

use super::Served;
use super::convert::View;
use super::error::draining;
use crate::event_log::{Entry, Revision};
use crate::kind::Kind;
use crate::object::{Key, Record};
use crate::source::Truth;
use crate::subscription::{Feed, Named, Relation, Scope, Selection};

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
    proof: Option<BoxFuture<'static, ()>>,
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
    /// A name that no object has.
    Absent(usize, Key),
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
                Stage::Proving(opening) => {
                    let opening = *opening;
                    match self.proven_or_entry().await {
                        Some(delivery) => return self.deliver(delivery),
                        None => self.stage = Stage::Opening(opening, self.proven_at()),
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
                Stage::Live => match self.entry_or_progress().await {
                    None => return Ok(self.plain(Event::Progress(Progress {}), self.feed.handed_out_to())),
                    Some(delivery) => return self.deliver(delivery),
                },
                Stage::Ended => return Err(draining()),
            }
        }
    }

    /// An entry, or `None` when the view is proven, or need not be.
    async fn proven_or_entry(&mut self) -> Option<Delivery> {
        let proof = self.proof.as_mut()?;
        tokio::select! {
            () = proof => None,
            delivery = self.feed.next() => Some(delivery),
        }
    }

    /// What must be sent before the view counts as proven: what the proof has
    /// seen is in the log by now, and a reader that resumes would else take its
    /// old picture for it.
    fn proven_at(&mut self) -> Revision {
        self.proof.take().map_or(0, |_| self.served.log.head())
    }

    async fn entry_or_progress(&mut self) -> Option<Delivery> {
        let silence = async {
            match self.progress_interval {
                Some(interval) => tokio::time::sleep(interval).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            delivery = self.feed.next() => Some(delivery),
            () = silence => None,
        }
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<Message, Status> {
        let Ok((entry, relation)) = delivery else {
            // The reader is too slow for the log: it gets the newest state.
            return Ok(self.reset(Cause::Lagged));
        };
        let form = relation as usize * 2 + usize::from(self.view == View::Full);
        let encode = || Ok(Encoded::new(&self.served.change(&entry, relation, self.view)?).into_bytes());
        entry.wire(form, encode).map(Encoded::from_bytes)
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
                .map(|n| match snapshot.get(n.cache, &n.key).filter(|record| n.means(record)) {
                    Some(record) => Item::Present(n.cache, Arc::clone(record)),
                    None => Item::Absent(n.cache, n.key.clone()),
                })
                .collect(),
            Scope::All | Scope::Namespaces(_) => (0..self.selection.caches.len())
                .flat_map(|cache| snapshot.objects(cache, None).map(move |(_, record)| (cache, record)))
                .filter(|(cache, record)| self.selection.selects(self.selection.caches[*cache].id(), record))
                .map(|(cache, record)| Item::Present(cache, Arc::clone(record)))
                .collect(),
        }
    }

    fn item(&self, item: &Item) -> Result<Message, Status> {
        let kind = |cache: usize| -> &Kind { self.selection.caches[cache].kind() };
        let status = match item {
            Item::Present(cache, record) => self.served.status(kind(*cache), record, self.view)?,
            Item::Absent(cache, key) => self.served.absent(kind(*cache), key),
        };
        Ok(self.plain(Event::Item(status), None))
    }

    /// A message that is this stream's alone.
    fn plain(&self, event: Event, at: Option<Revision>) -> Message {
        Encoded::new(&WatchStatusesResponse {
            cursor: at.map(|revision| self.served.cursor(revision)).unwrap_or_default(),
            freshness: Some(self.served.freshness(&self.selection.caches)),
            event: Some(event),
        })
    }
}

type Delivery = Result<(Arc<Entry>, Relation), crate::event_log::Expired>;

/// Resolves when the caches hold what live reads, begun after now, have seen of
/// every named object.
async fn prove(served: Arc<Served>, selection: Arc<Selection>) {
    let Scope::Named(named) = &selection.scope else { return };
    stream::iter(named).for_each_concurrent(READS_AT_ONCE, |named| prove_one(&served, &selection, named)).await;
}

async fn prove_one(served: &Served, selection: &Selection, named: &Named) {
    let cache = &selection.caches[named.cache];
    let mut told = false;
    loop {
        let before = cache.get(&named.key);
        match served.source.read(cache.kind(), &named.key).await {
            Ok(Truth::Cached) => return,
            Ok(Truth::Seen(seen)) => return cache.reach(&named.key, before.as_deref(), seen.as_ref()).await,
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

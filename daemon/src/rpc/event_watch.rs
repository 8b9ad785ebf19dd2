//! `WatchEvents`: the events that are kept, and those that follow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::watch_events_response::Reset;
use daymark_proto::v1::{ClusterEvent, WatchEventsResponse};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, Stream};
use prost::Message as _;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::Served;
use super::convert::{View, timestamp};
use super::error::{Reason, cache_closed, draining, status};
use super::event_filter::Asked;
use super::rights::{self, Sight, Use};
use super::status_service::PAGE_BYTES;
use super::streams::Permit;
use crate::access::Caller;
use crate::cache::Cache;
use crate::caches::first_closed;
use crate::clock::reaches;
use crate::event_log::cursor::{EventCursor, InvalidCursor};
use crate::event_store::{Kept, Order, Place, Step};

/// Events that are read at a time.
const AT_ONCE: usize = 500;
/// What comes faster is told together.
const PACE: Duration = Duration::from_millis(20);

type Message = Encoded<WatchEventsResponse>;

/// One stream.
pub(super) struct EventWatch {
    served: Arc<Served>,
    asked: Asked,
    interval: Option<Duration>,
    news: watch::Receiver<Step>,
    stage: Stage,
    /// When something was told last.
    told: Instant,
    /// What was read and not told yet.
    waiting: VecDeque<Kept>,
    /// Resolves when the reader may see otherwise.
    other_sight: BoxFuture<'static, Result<Sight, Status>>,
    _permit: Permit,
}

#[derive(Clone, Copy)]
enum Stage {
    /// A snapshot is to begin.
    Reset(Cause),
    /// What is kept is told, from behind that place on, as of that step.
    Kept(Option<Place>, Step),
    /// All of that has been read.
    KeptAll(Step),
    /// It goes on from there.
    Resumed(Step),
    /// What happens is told, from behind that step on.
    Live(Step),
    Ended,
}

impl EventWatch {
    pub(super) fn new(
        served: Arc<Served>,
        asked: Asked,
        cursor: &[u8],
        interval: Option<Duration>,
        permit: Permit,
    ) -> Result<Self, Status> {
        let stage = beginning(&served, &asked, cursor)?;
        let (news, other_sight) = (served.events.listen(), other_sight(&served, &asked));
        let (waiting, told) = (VecDeque::new(), Instant::now());
        Ok(Self { served, asked, interval, news, stage, told, waiting, other_sight, _permit: permit })
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Message, Status>> {
        stream::unfold(Box::new(self), |mut watch| async move { Some((watch.next().await?, watch)) })
    }

    async fn next(&mut self) -> Option<Result<Message, Status>> {
        if matches!(self.stage, Stage::Ended) {
            return None;
        }
        let drain = self.served.drain.clone();
        // What is kept may be read so slowly that a right does not last as long.
        let seen = (&mut self.other_sight).now_or_never().map(|sight| sight.map(|sight| self.see(sight)));
        let result = match seen {
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => tokio::select! {
                biased;
                () = drain.cancelled() => Err(draining()),
                message = self.message() => message,
            },
        };
        if result.is_err() {
            self.stage = Stage::Ended;
        }
        Some(result)
    }

    async fn message(&mut self) -> Result<Message, Status> {
        loop {
            if let Some(events) = self.some_that_wait() {
                return Ok(self.tell(WatchEventsResponse { events, ..Default::default() }));
            }
            match self.stage {
                Stage::Reset(cause) => return self.reset(cause).await,
                Stage::Kept(after, until) => {
                    let (store, filter) = (&self.served.events, &self.asked.filter);
                    let kept = store.page(filter, Order::OldestFirst, after, until, AT_ONCE);
                    self.stage = match kept.last().filter(|_| kept.len() == AT_ONCE) {
                        Some(last) => Stage::Kept(Some(last.place()), until),
                        None => Stage::KeptAll(until),
                    };
                    self.waiting.extend(kept);
                }
                Stage::KeptAll(until) | Stage::Resumed(until) => {
                    self.stage = Stage::Live(until);
                    return Ok(self.tell(WatchEventsResponse { current: true, ..Default::default() }));
                }
                Stage::Live(after) => {
                    self.news.mark_unchanged();
                    let Ok((events, until)) = self.served.events.since(&self.asked.filter, after, AT_ONCE) else {
                        self.stage = Stage::Reset(Cause::Lagged);
                        continue;
                    };
                    self.stage = Stage::Live(until);
                    if events.is_empty() && until == self.served.events.newest() && self.wait().await? {
                        return Ok(self.tell(WatchEventsResponse::default()));
                    }
                    self.waiting.extend(events);
                }
                Stage::Ended => return Err(draining()),
            }
        }
    }

    /// Waits for something to read; says whether there was nothing for as long as may be.
    async fn wait(&mut self) -> Result<bool, Status> {
        let Self { asked, news, other_sight, interval, told, .. } = self;
        let caches = &asked.selection.caches;
        let silence = interval.and_then(|interval| told.checked_add(interval));
        let sight = tokio::select! {
            biased;
            sight = other_sight => sight?,
            place = first_closed(caches) => return Err(cache_closed(caches[place].kind())),
            changed = news.changed() => match changed {
                Ok(()) => {
                    tokio::time::sleep(PACE).await;
                    return Ok(false);
                }
                Err(_) => return Err(draining()),
            },
            () = reaches(silence) => return Ok(true),
        };
        self.see(sight);
        Ok(false)
    }

    /// As many of those that wait as one message takes.
    fn some_that_wait(&mut self) -> Option<Vec<ClusterEvent>> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(kept) = self.waiting.front() {
            let event = ClusterEvent::from(kept);
            bytes += event.encoded_len();
            if bytes > PAGE_BYTES && !events.is_empty() {
                break;
            }
            events.push(event);
            self.waiting.pop_front();
        }
        (!events.is_empty()).then_some(events)
    }

    /// Begins with what is kept.
    async fn reset(&mut self, cause: Cause) -> Result<Message, Status> {
        let absent = self.served.is_absent(&self.asked).await?;
        let now = self.served.clock.now();
        let complete_since = self.served.events.complete_since(&self.asked.filter.namespaces, now);
        self.stage = Stage::Kept(None, self.served.events.newest());
        let reset = Reset {
            cause: cause.into(),
            unreachable: self.asked.missing(),
            complete_since: complete_since.map(timestamp),
            absent,
        };
        Ok(self.tell(WatchEventsResponse { reset: Some(reset), ..Default::default() }))
    }

    /// The reader sees so much by now, and is told it anew.
    fn see(&mut self, sight: Sight) {
        self.asked.see(sight);
        self.other_sight = other_sight(&self.served, &self.asked);
        self.waiting.clear();
        self.stage = Stage::Reset(Cause::RightsChanged);
    }

    /// The message, with where it stands.
    fn tell(&mut self, message: WatchEventsResponse) -> Message {
        self.told = Instant::now();
        let at = match self.stage {
            Stage::Live(at) if self.waiting.is_empty() => Some(at),
            _ => None,
        };
        let rights = rights::number(&self.asked.sight.visible);
        let caches = self.asked.selection.caches.iter().map(|cache| -> &Cache { cache });
        Encoded::new(&WatchEventsResponse {
            cursor: at.map(|at| self.served.event_cursor(at, rights)).unwrap_or_default(),
            freshness: Some(self.served.freshness(caches)),
            ..message
        })
    }
}

/// Where a stream begins that has that cursor.
fn beginning(served: &Served, asked: &Asked, cursor: &[u8]) -> Result<Stage, Status> {
    if cursor.is_empty() {
        return Ok(Stage::Reset(Cause::Initial));
    }
    let invalid = |e: InvalidCursor| status(Code::InvalidArgument, Reason::InvalidCursor, e.to_string(), []);
    let cursor = EventCursor::decode(cursor).map_err(invalid)?;
    Ok(match () {
        () if cursor.incarnation != served.incarnation || cursor.step > served.events.newest() => {
            Stage::Reset(Cause::OtherIncarnation)
        }
        () if cursor.rights != rights::number(&asked.sight.visible) => Stage::Reset(Cause::RightsChanged),
        () if !served.events.holds(&asked.filter.namespaces, cursor.step) => Stage::Reset(Cause::CursorExpired),
        () => Stage::Resumed(cursor.step),
    })
}

/// Resolves when the caller may see otherwise; it is an error if that is nothing any more,
/// or not the object whose events are asked for.
fn other_sight(served: &Arc<Served>, asked: &Asked) -> BoxFuture<'static, Result<Sight, Status>> {
    if !matches!(asked.caller, Caller::User(_)) {
        return std::future::pending().boxed();
    }
    let (served, caller, before) = (Arc::clone(served), asked.caller.clone(), asked.sight.clone());
    let (selection, target) = (asked.selection.seeing(Vec::new()), asked.target.clone());
    let other = async move {
        let hidden = async {
            match &target {
                Some((cache, key)) => served.hidden(&caller, cache.kind(), key).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            sight = served.other_sight(&caller, &selection, (Use::Follow, View::Full), &before) => sight,
            error = hidden => Err(error),
        }
    };
    other.boxed()
}

//! `StatusService`: reading and following states.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::status_service_server::StatusService;
use daymark_proto::v1::watch_statuses_response::reset::Cause;
use daymark_proto::v1::{
    GetStatusRequest, GetStatusResponse, ListStatusesRequest, ListStatusesResponse, Unreachable, WatchStatusesRequest,
    WatchStatusesResponse,
};
use futures::stream::Stream;
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::convert::View;
use super::error::{Reason, draining, status, unreadable};
use super::watch::{Beginning, Watch};
use crate::cache::{Cache, Snapshot};
use crate::event_log::cursor::Cursor;
use crate::object::{Key, Record};
use crate::source::Problem;
use crate::subscription::{Scope, Selection};

/// Objects per page: what a request that does not say gets, and the most.
const PAGE: (usize, usize) = (500, 1000);
/// A page ends at about this many bytes of objects: many clients take messages
/// of 4 MiB and no more.
const PAGE_BYTES: usize = 3 << 20;
/// The shortest interval of progress messages.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }

    /// Waits for a cache to hold something; ends when the daemon does.
    async fn listed(&self, cache: &Cache) -> Result<Result<(), Problem>, Status> {
        tokio::select! {
            biased;
            () = self.served.drain.cancelled() => Err(draining()),
            listed = cache.listed() => Ok(listed),
        }
    }

    /// Waits for the selected caches to hold something, and tells those that
    /// cannot.
    async fn await_listed(&self, selection: &Selection) -> Result<Vec<Unreachable>, Status> {
        let mut unreachable = Vec::new();
        let mut last = None;
        for cache in &selection.caches {
            let Err(problem) = self.listed(cache).await? else { continue };
            let error = unreadable(cache.kind(), &problem);
            if !problem.reason.is_of_the_kind() {
                return Err(error);
            }
            unreachable.push(Unreachable {
                kind: cache.kind().to_string(),
                reason: problem.reason.to_string(),
                message: problem.message,
            });
            last = Some(error);
        }
        match last {
            Some(error) if unreachable.len() == selection.caches.len() => Err(error),
            _ => Ok(unreachable),
        }
    }

    fn beginning(&self, cursor: &[u8], selection: &Selection) -> Result<Beginning, Status> {
        if cursor.is_empty() {
            return Ok(Beginning::Snapshot(Cause::Initial));
        }
        let cursor = Cursor::decode(cursor)
            .map_err(|e| status(Code::InvalidArgument, Reason::InvalidCursor, e.to_string(), []))?;
        if cursor.incarnation != self.served.incarnation || cursor.revision > self.served.log.head() {
            return Ok(Beginning::Snapshot(Cause::OtherIncarnation));
        }
        let caches: Vec<_> = selection.caches.iter().map(|cache| cache.id()).collect();
        Ok(match self.served.log.read(&caches, cursor.revision, 1) {
            Ok(_) => Beginning::Resume(cursor.revision),
            Err(_) => Beginning::Snapshot(Cause::CursorExpired),
        })
    }
}

#[tonic::async_trait]
impl StatusService for Handler {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        caller(&request)?;
        let request = request.into_inner();
        let wanted = request.r#ref.clone().unwrap_or_default();
        let (cache, key) = self.served.resolve(&wanted)?;
        self.listed(cache).await?.map_err(|problem| unreadable(cache.kind(), &problem))?;

        let log = &self.served.log;
        let snapshot = Snapshot::take([&**cache], log);
        let record = snapshot
            .get(0, &key)
            .filter(|record| wanted.uid.is_empty() || *wanted.uid == *record.object.metadata.uid)
            .ok_or_else(|| not_found(cache, &key))?;
        Ok(Response::new(GetStatusResponse {
            status: Some(self.served.status(cache.kind(), record, request.view().into())?),
            freshness: Some(self.served.freshness(std::slice::from_ref(cache))),
            cursor: self.served.cursor(snapshot.revision),
        }))
    }

    async fn list_statuses(
        &self,
        request: Request<ListStatusesRequest>,
    ) -> Result<Response<ListStatusesResponse>, Status> {
        caller(&request)?;
        let request = request.into_inner();
        let selection = self.served.select(&request.filter.clone().unwrap_or_default())?;
        if matches!(selection.scope, Scope::Named(_)) {
            let message = "invalid filter: a list takes kinds; read objects by name with GetStatus";
            return Err(status(Code::InvalidArgument, Reason::InvalidFilter, message, []));
        }
        let size = page_size(request.page_size)?;
        let after = page_start(&request.page_token, &selection)?;
        let unreachable = self.await_listed(&selection).await?;
        Ok(Response::new(self.page(&selection, after, size, request.view().into(), unreachable)?))
    }

    type WatchStatusesStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchStatusesResponse>, Status>> + Send>>;

    async fn watch_statuses(
        &self,
        request: Request<WatchStatusesRequest>,
    ) -> Result<Response<Self::WatchStatusesStream>, Status> {
        caller(&request)?;
        let request = request.into_inner();
        let view = request.view().into();
        let selection = self.served.select(&request.filter.clone().unwrap_or_default())?;
        if request.proven && !matches!(selection.scope, Scope::Named(_)) {
            let message = "invalid filter: a proven view needs filter.refs";
            return Err(status(Code::InvalidArgument, Reason::InvalidFilter, message, []));
        }
        let interval = progress_interval(request.progress_interval)?;
        let beginning = self.beginning(&request.cursor, &selection)?;
        let unreachable = self.await_listed(&selection).await?;
        let served = Arc::clone(&self.served);
        let watch = Watch::new(served, selection, unreachable, view, interval, beginning);
        let watch = if request.proven { watch.proven() } else { watch };
        Ok(Response::new(Box::pin(watch.into_stream())))
    }
}

impl Handler {
    fn page(
        &self,
        selection: &Selection,
        (first_cache, after): (usize, Option<Key>),
        size: usize,
        view: View,
        unreachable: Vec<Unreachable>,
    ) -> Result<ListStatusesResponse, Status> {
        let (records, next_page_token, revision) = {
            let snapshot = selection.snapshot(&self.served.log);
            let (records, next_page_token) = page_of(&snapshot, selection, (first_cache, after), size, view);
            (records, next_page_token, snapshot.revision)
        };
        // Unpacking objects takes its time: the caches are no longer held.
        let status =
            |(place, record): &(usize, Arc<Record>)| self.served.status(selection.caches[*place].kind(), record, view);
        Ok(ListStatusesResponse {
            statuses: records.iter().map(status).collect::<Result<_, _>>()?,
            next_page_token,
            unreachable,
            freshness: Some(self.served.freshness(&selection.caches)),
            cursor: self.served.cursor(revision),
        })
    }
}

/// Up to `size` selected objects with the places of their caches, from a place
/// on; and the token of the next page, if there is one.
fn page_of(
    snapshot: &Snapshot<'_>,
    selection: &Selection,
    (first_cache, after): (usize, Option<Key>),
    size: usize,
    view: View,
) -> (Vec<(usize, Arc<Record>)>, String) {
    let mut records = Vec::new();
    let mut bytes = 0;
    for (place, cache) in selection.caches.iter().enumerate().skip(first_cache) {
        let after = after.as_ref().filter(|_| place == first_cache);
        let mut last = after;
        for (key, record) in snapshot.objects(place, after) {
            if !selection.selects(cache.id(), record, snapshot.revision) {
                continue;
            }
            if view == View::Full {
                bytes += record.body.length();
            }
            if records.len() == size || (bytes > PAGE_BYTES && !records.is_empty()) {
                return (records, page_token(place, last));
            }
            records.push((place, Arc::clone(record)));
            last = Some(key);
        }
    }
    (records, String::new())
}

fn not_found(cache: &Cache, key: &Key) -> Status {
    let kind = cache.kind();
    let message = match &*key.namespace {
        "" => format!("{kind} {:?} not found", key.name),
        namespace => format!("{kind} {:?} not found in namespace {namespace:?}", key.name),
    };
    let metadata =
        [("kind", kind.to_string()), ("namespace", key.namespace.to_string()), ("name", key.name.to_string())];
    status(Code::NotFound, Reason::ObjectNotFound, message, metadata)
}

fn page_size(asked: i32) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE.0),
        Ok(size) => Ok(size.min(PAGE.1)),
        Err(_) => Err(invalid_page(format!("page_size {asked} is negative"))),
    }
}

/// The place of a cache in the selection, and the key to go on behind.
fn page_token(place: usize, after: Option<&Key>) -> String {
    match after {
        Some(key) => format!("{place}/{}/{}", key.namespace, key.name),
        None => format!("{place}"),
    }
}

fn page_start(token: &str, selection: &Selection) -> Result<(usize, Option<Key>), Status> {
    if token.is_empty() {
        return Ok((0, None));
    }
    let mut parts = token.splitn(3, '/');
    let place = parts.next().and_then(|place| place.parse().ok()).filter(|place| *place < selection.caches.len());
    let after = match (parts.next(), parts.next()) {
        (Some(namespace), Some(name)) => Some(Key::new(namespace, name)),
        (None, _) => None,
        _ => return Err(invalid_page("page_token is not one that this list gave".into())),
    };
    Ok((place.ok_or_else(|| invalid_page("page_token is not one that this list gave".into()))?, after))
}

fn invalid_page(message: String) -> Status {
    status(Code::InvalidArgument, Reason::InvalidPage, message, [])
}

fn progress_interval(asked: Option<prost_types::Duration>) -> Result<Option<Duration>, Status> {
    let Some(asked) = asked else { return Ok(None) };
    match Duration::try_from(asked) {
        Ok(interval) if interval >= SHORTEST_INTERVAL => Ok(Some(interval)),
        _ => {
            let message = "progress_interval is less than 100 ms";
            Err(status(Code::InvalidArgument, Reason::InvalidInterval, message, []))
        }
    }
}

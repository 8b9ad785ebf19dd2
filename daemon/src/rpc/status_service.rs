//! `StatusService`: reading and following states.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::status_service_server::StatusService;
use daymark_proto::v1::{
    self, GetStatusRequest, GetStatusResponse, ListStatusesRequest, ListStatusesResponse, Unreachable,
    WatchStatusesRequest, WatchStatusesResponse,
};
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::convert::View;
use super::error::{Reason, cursor_expired, status, unevaluated, unknown_kinds, unreadable};
use super::rights::{self, Use};
use super::watch::{Beginning, Eyes, Order, Watch};
use crate::cache::{Cache, Snapshot};
use crate::event_log::Revision;
use crate::event_log::cursor::Cursor;
use crate::predicate::PredicateError;
use crate::record::{Key, Record, Uid};
use crate::subscription::{Scope, Selection};

/// Objects per page: what a request that does not say gets, and the most.
const PAGE: (usize, usize) = (500, 1000);
/// A page ends at about this many bytes of objects: many clients take messages
/// of 4 MiB and no more.
pub(super) const PAGE_BYTES: usize = 3 << 20;
/// Objects that one page reads from the API server at a time.
const READS_AT_ONCE: usize = 16;
/// The shortest interval of progress messages.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
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
        if cursor.rights != rights::number(&selection.visible) {
            return Ok(Beginning::Snapshot(Cause::RightsChanged));
        }
        let caches: Vec<_> = selection.caches.iter().map(|cache| cache.id()).collect();
        Ok(match self.served.log.holds(&caches, cursor.revision) {
            true => Beginning::Resume(cursor.revision),
            false => Beginning::Snapshot(Cause::CursorExpired),
        })
    }
}

#[tonic::async_trait]
impl StatusService for Handler {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let wanted = request.r#ref.clone().unwrap_or_default();
        self.served.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let (cache, key) = self.served.resolve(&wanted, None).await?;
        let view = request.view().into();
        self.served.may_get(&caller, cache.kind(), &key, view).await?;
        self.served.listed(&cache).await?.map_err(|problem| unreadable(cache.kind(), &problem))?;

        let (record, revision) = {
            let snapshot = Snapshot::take([&*cache], &self.served.log);
            let record = snapshot.get(0, &key).cloned();
            (record, snapshot.revision)
        };
        let meant = |record: &Arc<Record>| wanted.uid.is_empty() || Uid::from(wanted.uid.as_str()) == record.uid;
        let record = record.filter(meant).ok_or_else(|| not_found(&cache, &key))?;
        Ok(Response::new(GetStatusResponse {
            status: Some(self.whole_status(&cache, &record, view).await?),
            freshness: Some(self.served.freshness([&*cache])),
            cursor: self.served.cursor(revision, 0),
        }))
    }

    async fn list_statuses(
        &self,
        request: Request<ListStatusesRequest>,
    ) -> Result<Response<ListStatusesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let selection = self.served.select_for(&caller, &request.filter.clone().unwrap_or_default()).await?;
        if matches!(selection.scope, Scope::Named(_)) {
            let message = "invalid filter: a list takes kinds; read objects by name with GetStatus";
            return Err(status(Code::InvalidArgument, Reason::InvalidFilter, message, []));
        }
        let size = page_size(request.page_size)?;
        let after = page_start(&request.page_token, &selection)?;
        let view = request.view().into();
        let (sight, mut unreachable) = self.served.seen(&caller, &selection, Use::Read, view).await?;
        let selection = sight.narrow(selection);
        unreachable.extend(sight.refused);
        Ok(Response::new(self.page(&selection, after, size, view, unreachable).await?))
    }

    type WatchStatusesStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchStatusesResponse>, Status>> + Send>>;

    async fn watch_statuses(
        &self,
        request: Request<WatchStatusesRequest>,
    ) -> Result<Response<Self::WatchStatusesStream>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let permit = self.served.streams.begin(&caller)?;
        let view = request.view().into();
        let mut selection = self.served.select_for(&caller, &request.filter.clone().unwrap_or_default()).await?;
        if view == View::Full {
            selection.need_bodies()?;
            selection.with_bodies = true;
        }
        if request.history && request.proven {
            let message = "history excludes proven: what a proof finds to be past is left out";
            return Err(status(Code::InvalidArgument, Reason::InvalidFilter, message, []));
        }
        selection.history = request.history;
        selection.every_version = request.history || view == View::Full;
        let interval = progress_interval(request.progress_interval)?;
        let (sight, unreachable) = self.served.seen(&caller, &selection, Use::Follow, view).await?;
        let selection = sight.narrow(selection);
        let beginning = self.beginning(&request.cursor, &selection)?;
        if request.history && !request.cursor.is_empty() && matches!(beginning, Beginning::Snapshot(_)) {
            return Err(cursor_expired());
        }
        let eyes = Eyes { caller, sight };
        let order = Order {
            selection,
            eyes,
            unreachable,
            view,
            progress_interval: interval,
            beginning,
            proven: request.proven,
        };
        let watch = Watch::new(Arc::clone(&self.served), order, permit);
        Ok(Response::new(Box::pin(watch.into_stream())))
    }
}

impl Handler {
    /// The status of an object; of one whose body is not kept, the whole object
    /// is read from the API server.
    async fn whole_status(&self, cache: &Cache, record: &Record, view: View) -> Result<v1::Status, Status> {
        let mut status = self.served.status(cache.kind(), record, view)?;
        if view == View::Full && record.body.is_none() {
            let read = self.served.source.read_whole(cache.collection(), &record.key).await;
            let read = read.map_err(|problem| unreadable(cache.kind(), &problem))?;
            // One that is gone by now has no JSON.
            status.object = read.map(Into::into).unwrap_or_default();
        }
        Ok(status)
    }

    async fn page(
        &self,
        selection: &Selection,
        start: Place,
        size: usize,
        view: View,
        unreachable: Vec<Unreachable>,
    ) -> Result<ListStatusesResponse, Status> {
        let (records, mut next_page_token, revision) =
            self.page_of(selection, start, size).await.map_err(|error| unevaluated(&error))?;
        // Unpacking objects takes its time: the caches are not held.
        let status = |(place, record): &(usize, Arc<Record>)| {
            let (cache, record) = (selection.caches[*place].clone(), Arc::clone(record));
            async move { self.whole_status(&cache, &record, view).await }
        };
        let mut all = pin!(stream::iter(&records).map(status).buffered(READS_AT_ONCE));
        let (mut statuses, mut bytes) = (Vec::new(), 0);
        while let Some(status) = all.try_next().await? {
            bytes += status.object.len();
            if bytes > PAGE_BYTES && !statuses.is_empty() {
                // It and those behind it come with the next page.
                let (place, last) = &records[statuses.len() - 1];
                next_page_token = page_token(*place, Some(&last.key));
                break;
            }
            statuses.push(status);
        }
        Ok(ListStatusesResponse {
            statuses,
            next_page_token,
            unreachable,
            freshness: Some(self.served.freshness(selection.caches.iter().map(|cache| -> &Cache { cache }))),
            cursor: self.served.cursor(revision, rights::number(&selection.visible)),
        })
    }

    /// Up to `size` selected objects with the places of their caches, from a
    /// place on; the token of the next page, if there is one; and a revision
    /// that is no later than any of them.
    async fn page_of(
        &self,
        selection: &Selection,
        (first_cache, after): Place,
        size: usize,
    ) -> Result<(Vec<(usize, Arc<Record>)>, String, Revision), PredicateError> {
        let mut records = Vec::new();
        let first_revision = self.served.log.head();
        for place in first_cache..selection.caches.len() {
            let mut after = after.clone().filter(|_| place == first_cache);
            loop {
                let some = self.some_of(selection, place, after.as_ref());
                let Some(last) = some.last() else { break };
                let last = last.key.clone();
                let sifted = selection.sift(&some.iter().collect::<Vec<_>>()).await?;
                for (record, _) in some.iter().zip(sifted).filter(|(_, wanted)| *wanted) {
                    if records.len() == size {
                        return Ok((records, page_token(place, after.as_ref()), first_revision));
                    }
                    after = Some(record.key.clone());
                    records.push((place, Arc::clone(record)));
                }
                after = Some(last);
            }
        }
        Ok((records, String::new(), first_revision))
    }

    /// The next objects of a cache that may be selected.
    fn some_of(&self, selection: &Selection, place: usize, after: Option<&Key>) -> Vec<Arc<Record>> {
        let cache = &selection.caches[place];
        let snapshot = Snapshot::take([&**cache], &self.served.log);
        let may = |record: &&Arc<Record>| selection.may_select(cache.id(), record, snapshot.revision);
        snapshot.objects(0, after).map(|(_, record)| record).filter(may).take(Selection::SIFTED).cloned().collect()
    }
}

/// The place of a cache in a selection, and a key in it to go on behind.
pub(super) type Place = (usize, Option<Key>);

pub(super) fn not_found(cache: &Cache, key: &Key) -> Status {
    let kind = cache.kind();
    let message = match &*key.namespace {
        "" => format!("{kind} {:?} not found", key.name),
        namespace => format!("{kind} {:?} not found in namespace {namespace:?}", key.name),
    };
    let metadata =
        [("kind", kind.to_string()), ("namespace", key.namespace.to_string()), ("name", key.name.to_string())];
    status(Code::NotFound, Reason::ObjectNotFound, message, metadata)
}

pub(super) fn page_size(asked: i32) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE.0),
        Ok(size) => Ok(size.min(PAGE.1)),
        Err(_) => Err(invalid_page(format!("page_size {asked} is negative"))),
    }
}

/// The place of a cache in the selection, and the key to go on behind.
pub(super) fn page_token(place: usize, after: Option<&Key>) -> String {
    match after {
        Some(key) => format!("{place}/{}/{}", key.namespace, key.name),
        None => format!("{place}"),
    }
}

pub(super) fn page_start(token: &str, selection: &Selection) -> Result<Place, Status> {
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

pub(super) fn invalid_page(message: String) -> Status {
    status(Code::InvalidArgument, Reason::InvalidPage, message, [])
}

pub(super) fn progress_interval(asked: Option<prost_types::Duration>) -> Result<Option<Duration>, Status> {
    let Some(asked) = asked else { return Ok(None) };
    match Duration::try_from(asked) {
        Ok(interval) if interval >= SHORTEST_INTERVAL => Ok(Some(interval)),
        _ => {
            let message = "progress_interval is less than 100 ms";
            Err(status(Code::InvalidArgument, Reason::InvalidInterval, message, []))
        }
    }
}

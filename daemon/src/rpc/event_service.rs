//! `EventService`: reading and following events.

use std::pin::Pin;
use std::sync::Arc;

use daymark_proto::Encoded;
use daymark_proto::v1::event_service_server::EventService;
use daymark_proto::v1::{ClusterEvent, ListEventsRequest, ListEventsResponse, WatchEventsRequest, WatchEventsResponse};
use futures::Stream;
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::event_convert::{page_start, page_token};
use super::event_watch::EventWatch;
use super::rights::Use;
use super::status_service::{PAGE_BYTES, invalid_page, page_size, progress_interval};
use crate::cache::Cache;
use crate::event_store::{Kept, Order, Step};

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

#[tonic::async_trait]
impl EventService for Handler {
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<ListEventsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let size = page_size(request.page_size)?;
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(
                page_start(token).ok_or_else(|| invalid_page("page_token is not one that this list gave".into()))?,
            ),
        };
        let order = if request.newest_first { Order::NewestFirst } else { Order::OldestFirst };
        let asked = self.served.events_asked(caller, request.filter.unwrap_or_default(), Use::Read).await?;
        let kept = self.served.events.page(&asked.filter, order, after, Step::MAX, size + 1);
        if kept.is_empty() && after.is_none() {
            self.served.check_target(&asked).await?;
        }
        let (events, next_page_token) = page(&kept, size);
        let caches = asked.selection.caches.iter().map(|cache| -> &Cache { cache });
        let complete_since = self.served.events.complete_since(&asked.filter.namespaces, self.served.clock.now());
        Ok(Response::new(ListEventsResponse {
            events,
            next_page_token,
            freshness: Some(self.served.freshness(caches)),
            complete_since: complete_since.map(super::convert::timestamp),
            unreachable: asked.missing(),
        }))
    }

    type WatchEventsStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchEventsResponse>, Status>> + Send>>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let permit = self.served.streams.begin(&caller)?;
        let interval = progress_interval(request.progress_interval)?;
        let asked = self.served.events_asked(caller, request.filter.unwrap_or_default(), Use::Follow).await?;
        let watch = EventWatch::new(Arc::clone(&self.served), asked, &request.cursor, interval, permit)?;
        Ok(Response::new(Box::pin(watch.into_stream())))
    }
}

/// A page of at most `size` events, and the token of the next one if there are more.
fn page(kept: &[Kept], size: usize) -> (Vec<ClusterEvent>, String) {
    let (mut events, mut bytes) = (Vec::new(), 0);
    for (number, kept_here) in kept.iter().enumerate() {
        let event = ClusterEvent::from(kept_here);
        bytes += event.encoded_len();
        let is_full = number == size || bytes > PAGE_BYTES;
        if let Some(last) = number.checked_sub(1).filter(|_| is_full) {
            return (events, page_token(kept[last].place()));
        }
        events.push(event);
    }
    (events, String::new())
}

//! The events of a daemon that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::event_service_server::EventService;
use daymark_proto::v1::{ListEventsRequest, ListEventsResponse, WatchEventsRequest, WatchEventsResponse};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

/// One step of a stream. Behind the last the stream goes on, in silence.
#[derive(Clone)]
pub enum EventStep {
    Send(Box<WatchEventsResponse>),
    Fail(Status),
}

/// What the daemon's events do.
#[derive(Default)]
pub struct EventScript {
    pub pages: VecDeque<Result<ListEventsResponse, Status>>,
    /// The streams, in the order of the calls.
    pub streams: VecDeque<Vec<EventStep>>,
}

/// What was asked of the events.
#[derive(Default)]
pub struct SeenEvents {
    pub lists: Vec<ListEventsRequest>,
    pub watches: Vec<WatchEventsRequest>,
}

/// The events.
#[derive(Default)]
pub struct Events {
    script: Mutex<EventScript>,
    pub seen: Mutex<SeenEvents>,
}

impl Events {
    pub fn playing(script: EventScript) -> Self {
        Self { script: Mutex::new(script), ..Self::default() }
    }
}

pub struct Service(pub Arc<Events>);

#[tonic::async_trait]
impl EventService for Service {
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<ListEventsResponse>, Status> {
        self.0.seen.lock().unwrap().lists.push(request.into_inner());
        let page = self.0.script.lock().unwrap().pages.pop_front();
        page.unwrap_or_else(|| Err(Status::internal("not in the script"))).map(Response::new)
    }

    type WatchEventsStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchEventsResponse>, Status>> + Send>>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        self.0.seen.lock().unwrap().watches.push(request.into_inner());
        let steps = self.0.script.lock().unwrap().streams.pop_front().unwrap_or_default();
        let steps = futures::stream::iter(steps).chain(futures::stream::pending());
        let messages = steps.map(|step| match step {
            EventStep::Send(message) => Ok(Encoded::new(&*message)),
            EventStep::Fail(status) => Err(status),
        });
        Ok(Response::new(Box::pin(messages)))
    }
}

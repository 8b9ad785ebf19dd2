//! The dumps of a daemon that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::dump_response::Event;
use daymark_proto::v1::snapshot_service_server::SnapshotService;
use daymark_proto::v1::{
    DumpBegun, DumpEnd, DumpKind, DumpLogs, DumpPart, DumpRefused, DumpRequest, DumpResponse, DumpRestarted,
};
use futures::{Stream, StreamExt as _};
use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use crate::objects::NOW;

/// A stream: what it tells, or how it fails. Behind the last the stream goes on, in silence.
pub type DumpSteps = Vec<Result<Event, Status>>;

/// The streams that there are, in the order of the calls, and what was asked.
#[derive(Default)]
pub struct FakeDumps {
    pub streams: Mutex<VecDeque<DumpSteps>>,
    pub seen: Mutex<Vec<DumpRequest>>,
}

pub struct Service(pub Arc<FakeDumps>);

#[tonic::async_trait]
impl SnapshotService for Service {
    type DumpStream = Pin<Box<dyn Stream<Item = Result<Encoded<DumpResponse>, Status>> + Send>>;

    async fn dump(&self, request: Request<DumpRequest>) -> Result<Response<Self::DumpStream>, Status> {
        self.0.seen.lock().unwrap().push(request.into_inner());
        let steps = self.0.streams.lock().unwrap().pop_front().unwrap_or_default();
        let messages = futures::stream::iter(steps).map(|step| {
            let event = Some(step?);
            Ok(Encoded::new(&DumpResponse { event }))
        });
        Ok(Response::new(Box::pin(messages.chain(futures::stream::pending()))))
    }
}

pub fn begun(kinds: i32) -> Event {
    Event::Begun(DumpBegun {
        cluster: "default".to_owned(),
        kubernetes_version: "v1.36.0".to_owned(),
        daemon_version: "0.1.0".to_owned(),
        time: Some(Timestamp { seconds: NOW, nanos: 0 }),
        default_namespace: "shop".to_owned(),
        namespaces: Vec::new(),
        kinds,
    })
}

/// A file in one part.
pub fn file(number: u32, path: &str, text: &str) -> Event {
    Event::Part(DumpPart { file: number, path: path.to_owned(), data: text.to_owned().into(), last: true })
}

/// A part of a file, which is not the last.
pub fn part(number: u32, path: &str, text: &str) -> Event {
    Event::Part(DumpPart { file: number, path: path.to_owned(), data: text.to_owned().into(), last: false })
}

pub fn kind(resource: &str, objects: i64) -> Event {
    Event::Kind(DumpKind {
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        kind: resource.to_owned(),
        namespaced: true,
        watched: true,
        file: format!("{resource}.json"),
        parts: 1,
        resource_version: "7".to_owned(),
        objects,
        ..DumpKind::default()
    })
}

pub fn restarted(kind: &str) -> Event {
    Event::Restarted(DumpRestarted { kind: kind.to_owned() })
}

pub fn refused(kind: &str, reason: &str) -> Event {
    let (kind, reason, message) = (kind.to_owned(), reason.to_owned(), "so \u{1b}it is".to_owned());
    Event::Refused(DumpRefused { kind, reason, message, ..DumpRefused::default() })
}

pub fn logs(mark: &str, pods: i64, of_pods: i64) -> Event {
    Event::Logs(DumpLogs { mark: mark.to_owned(), pods, of_pods, logs: pods, cut: 0 })
}

pub fn end() -> Event {
    Event::End(DumpEnd { time: Some(Timestamp { seconds: NOW + 5, nanos: 0 }) })
}

//! The logs of a daemon that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::log_event::Event;
use daymark_proto::v1::log_service_server::LogService;
use daymark_proto::v1::{
    LogEnd, LogEvent, LogLine, LogNotice, LogNoticeKind, LogSource, ObjectRef, StreamLogsRequest, StreamLogsResponse,
};
use futures::{Stream, StreamExt as _};
use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use crate::objects::NOW;

/// One step of a stream of logs. Behind the last the stream goes on, in silence.
#[derive(Clone)]
pub enum LogStep {
    Send(Vec<Event>),
    Fail(Status),
    /// The stream ends without having said so.
    Cut,
}

/// The streams that there are, in the order of the calls, and what was asked.
#[derive(Default)]
pub struct FakeLogs {
    pub streams: Mutex<VecDeque<Vec<LogStep>>>,
    pub seen: Mutex<Vec<StreamLogsRequest>>,
}

pub struct Service(pub Arc<FakeLogs>);

#[tonic::async_trait]
impl LogService for Service {
    type StreamLogsStream = Pin<Box<dyn Stream<Item = Result<Encoded<StreamLogsResponse>, Status>> + Send>>;

    async fn stream_logs(
        &self,
        request: Request<StreamLogsRequest>,
    ) -> Result<Response<Self::StreamLogsStream>, Status> {
        self.0.seen.lock().unwrap().push(request.into_inner());
        let steps = self.0.streams.lock().unwrap().pop_front().unwrap_or_default();
        if let [LogStep::Fail(status)] = &steps[..] {
            return Err(status.clone());
        }
        let steps = futures::stream::iter(steps).chain(futures::stream::pending());
        let messages =
            steps.take_while(|step| std::future::ready(!matches!(step, LogStep::Cut))).map(|step| match step {
                LogStep::Send(events) => {
                    let events = events.into_iter().map(|event| LogEvent { event: Some(event) }).collect();
                    Ok(Encoded::new(&StreamLogsResponse { events }))
                }
                LogStep::Fail(status) => Err(status),
                LogStep::Cut => Err(Status::internal("taken above")),
            });
        Ok(Response::new(Box::pin(messages)))
    }
}

pub fn source(number: u32, pod: &str, container: &str) -> Event {
    let namespace = "shop".to_owned();
    let pod = ObjectRef { namespace, name: pod.to_owned(), uid: format!("uid-{pod}"), ..ObjectRef::default() };
    Event::Source(LogSource { number, pod: Some(pod), container: container.to_owned(), joined: false })
}

/// A line, so many nanoseconds behind the daemon's time.
pub fn line(source: u32, nanos: i32, text: impl Into<Vec<u8>>) -> Event {
    let time = Some(Timestamp { seconds: NOW, nanos });
    Event::Line(LogLine { source, time, text: text.into().into(), cut: false })
}

pub fn notice(kind: LogNoticeKind, message: &str, reason: &str) -> Event {
    let (message, reason) = (message.to_owned(), reason.to_owned());
    Event::Notice(LogNotice { kind: kind.into(), source: 0, message, reason })
}

pub fn end() -> Event {
    Event::End(LogEnd {})
}

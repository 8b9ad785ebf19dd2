//! `ProxyService`: reads that are passed on to the API server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daymark_proto::Encoded;
use daymark_proto::v1::fetch_response::Message;
use daymark_proto::v1::proxy_service_server::ProxyService;
use daymark_proto::v1::{FetchHead, FetchRequest, FetchResponse, HttpHeader};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::acting::{Note, not_done};
use super::auth::caller;
use super::error::{Reason, draining, status};
use super::streams::Permit;
use crate::access::Caller;
use crate::act::Act;
use crate::act::actor::{Actor, NotDone};
use crate::act::passing::{Passed, Read};
use crate::source::apiserver::passing::PassedBody;

/// How long an answer may go on, as a watch does.
const LONGEST: Duration = Duration::from_hours(1);
/// Bytes of a message.
const CHUNK: usize = 64 << 10;

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

#[tonic::async_trait]
impl ProxyService for Handler {
    type FetchStream = BoxStream<'static, Result<Encoded<FetchResponse>, Status>>;

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let (caller, served) = (caller(&request)?, &self.served);
        let path = request.get_ref().path.split('?').next().unwrap_or_default().to_owned();
        let note = Note::of(&request, &caller, Act::Proxy, path);
        let FetchRequest { path, head, headers } = request.into_inner();
        let permit = served.streams.begin(&caller)?;
        let headers: Vec<_> = headers.iter().map(|it| (&*it.name, &*it.value)).collect();
        let read = Read::new(&path, head, &headers).map_err(|error| {
            let message = format!("invalid request to the API server: {error}");
            status(Code::InvalidArgument, Reason::InvalidProxyRequest, message, [])
        })?;
        let actor = served.actor(&caller, Act::Proxy).await?;
        if !actor.is_named() {
            return Err(nameless(&caller));
        }
        let Passed { status, headers, body } = served.pass(read, &actor).await?;
        note.tell("passed on", &format!("the API server answered {status}"));
        let headers = headers.into_iter().map(|(name, value)| HttpHeader { name, value });
        let head = FetchHead { status: status.into(), headers: headers.collect() };
        let passing = Passing { served: Arc::clone(served), body, until: Instant::now() + LONGEST, _permit: permit };
        let head = stream::once(std::future::ready(Ok(message(Message::Head(head)))));
        Ok(Response::new(head.chain(passing.into_stream()).boxed()))
    }
}

impl Served {
    async fn pass(&self, read: Read, actor: &Actor) -> Result<Passed, Status> {
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Err(draining()),
            passed = read.pass(actor) => passed.map_err(|error: NotDone| not_done(&error)),
        }
    }
}

/// Whoever has no name to the API server would see what the daemon may.
fn nameless(caller: &Caller) -> Status {
    let message = format!(
        "the daemon reads the API for {caller} only as that user, and may not impersonate users: its operator grants that"
    );
    status(Code::PermissionDenied, Reason::PermissionDenied, message, [])
}

/// A body that is passed on.
struct Passing {
    served: Arc<Served>,
    body: PassedBody,
    until: Instant,
    _permit: Permit,
}

impl Passing {
    fn into_stream(self) -> BoxStream<'static, Result<Encoded<FetchResponse>, Status>> {
        let chunks = stream::unfold(Some(self), |passing| async move {
            let mut passing = passing?;
            let chunk = passing.next().await?;
            let goes_on = chunk.is_ok();
            Some((chunk, goes_on.then_some(passing)))
        });
        let pieces = chunks.flat_map(|chunk| match chunk {
            Ok(chunk) => stream::iter(pieces(chunk).into_iter().map(|piece| Ok(message(Message::Data(piece))))).boxed(),
            Err(error) => stream::once(std::future::ready(Err(error))).boxed(),
        });
        pieces.boxed()
    }

    async fn next(&mut self) -> Option<Result<Bytes, Status>> {
        tokio::select! {
            biased;
            () = self.served.drain.cancelled() => Some(Err(draining())),
            () = tokio::time::sleep_until(self.until) => {
                let message = "an answer goes on for an hour at most: ask again";
                Some(Err(status(Code::DeadlineExceeded, Reason::TunnelExpired, message, [])))
            }
            chunk = self.body.next() => Some(chunk?.map_err(|problem| {
                let message = format!("the API server's answer broke off: {}", problem.message);
                status(Code::Unavailable, Reason::ClusterUnreachable, message, [])
            })),
        }
    }
}

fn message(message: Message) -> Encoded<FetchResponse> {
    Encoded::new(&FetchResponse { message: Some(message) })
}

fn pieces(mut chunk: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while !chunk.is_empty() {
        pieces.push(chunk.split_to(chunk.len().min(CHUNK)));
    }
    pieces
}

//! `TunnelService`: connections to pods.

mod carrier;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daymark_proto::Encoded;
use daymark_proto::v1::forward_request::Message as Sent;
use daymark_proto::v1::forward_response::Message as Told;
use daymark_proto::v1::tunnel_service_server::TunnelService;
use daymark_proto::v1::{ForwardRequest, ForwardResponse, ForwardTarget, ResolveRequest, ResolveResponse, TunnelPort};
use futures::stream::{BoxStream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

use self::carrier::{Candidates, Carrier};
use super::Served;
use super::acting::Note;
use super::auth::caller;
use super::error::{Reason, draining, status};
use crate::act::Act;
use crate::panics::caught;

/// Ports that a request may name.
const MOST_PORTS: usize = 100;
/// How long a connection lasts, and how long it may.
const LASTS: (Duration, Duration) = (Duration::from_hours(1), Duration::from_hours(24));
/// How long the first message of a connection may take.
const FIRST: Duration = Duration::from_secs(10);
/// Bytes of a message.
const CHUNK: usize = 64 << 10;
/// Messages that wait to be sent to the caller.
const WAITING: usize = 2;

/// What is told of a connection, in its order.
type Answer = Result<Encoded<ForwardResponse>, Status>;

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

#[tonic::async_trait]
impl TunnelService for Handler {
    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        let caller = caller(&request)?;
        let ResolveRequest { r#ref, ports } = request.into_inner();
        if ports.len() > MOST_PORTS {
            return Err(invalid(format!("{} ports are more than {MOST_PORTS}", ports.len())));
        }
        let actor = self.served.actor(&caller, Act::Tunnel).await?;
        let target = self.served.tunnel_target(&actor, &r#ref.unwrap_or_default()).await?;
        let mut found = Vec::with_capacity(ports.len());
        for port in &ports {
            let meant = target.port(port)?;
            // Of any that is ready: there is one.
            let candidates = Candidates::new(&target, meant.endpoints.clone());
            candidates.may_be_had(&actor).await?;
            let ready = i32::try_from(meant.endpoints.len()).unwrap_or(i32::MAX);
            found.push(TunnelPort { port: meant.port.into(), name: meant.name, target: meant.target, ready });
        }
        Ok(Response::new(ResolveResponse { r#ref: Some(target.object_ref(&self.served)), ports: found }))
    }

    type ForwardStream = BoxStream<'static, Answer>;

    async fn forward(
        &self,
        mut request: Request<Streaming<ForwardRequest>>,
    ) -> Result<Response<Self::ForwardStream>, Status> {
        let (caller, served) = (caller(&request)?, &self.served);
        let permit = served.streams.begin(&caller)?;
        let wanted = first(request.get_mut()).await?;
        let lasts = lasts(wanted.max_duration)?;
        let actor = served.actor(&caller, Act::Tunnel).await?;
        let target = served.tunnel_target(&actor, &wanted.r#ref.unwrap_or_default()).await?;
        let note = Note::of(&request, &caller, Act::Tunnel, format!("{} port {}", target.told(), wanted.port));
        let endpoints = served.tunnels.in_turn(target.port(&wanted.port)?.endpoints);
        let mut candidates = Candidates::new(&target, endpoints);
        let connection = tokio::select! {
            biased;
            () = served.drain.cancelled() => return Err(draining()),
            connection = candidates.connect(&actor) => connection?,
        };
        note.tell("begun", &connection.told());
        let (told, answers) = mpsc::channel(WAITING);
        let upload = request.into_inner().map(data).boxed();
        let until = Instant::now() + lasts;
        let reader = told.clone();
        let carrier = Carrier { served: Arc::clone(served), actor, target, candidates, upload, told, note, permit };
        let carrying = carried(reader, carrier.run(connection, until));
        if !served.tunnels.carry(Box::pin(carrying)).await {
            return Err(draining());
        }
        Ok(Response::new(ReceiverStream::new(answers).boxed()))
    }
}

/// Carries a connection; if that panics, its end is told nevertheless.
async fn carried(told: mpsc::Sender<Answer>, carrying: impl Future<Output = ()>) {
    if caught("a tunnel", carrying).await.is_err() {
        // Who has gone needs no reason.
        let _gone = told.send(Err(Status::internal("a fault in the daemon has ended the connection"))).await;
    }
}

/// The first message: to where.
async fn first(requests: &mut Streaming<ForwardRequest>) -> Result<ForwardTarget, Status> {
    let first = tokio::time::timeout(FIRST, requests.message()).await;
    let first = first.map_err(|_| invalid(format!("no first message came within {} s", FIRST.as_secs())))?;
    match first?.and_then(|request| request.message) {
        Some(Sent::Target(target)) => Ok(target),
        Some(Sent::Data(_)) | None => Err(invalid("the first message holds no target")),
    }
}

/// The bytes of a message that is not the first.
fn data(request: Result<ForwardRequest, Status>) -> Result<Bytes, Status> {
    match request?.message {
        Some(Sent::Data(data)) if data.len() <= CHUNK => Ok(data),
        Some(Sent::Data(data)) => Err(invalid(format!("{} bytes of a message are more than {CHUNK}", data.len()))),
        Some(Sent::Target(_)) | None => Err(invalid("a message that is not the first holds no bytes")),
    }
}

fn lasts(asked: Option<prost_types::Duration>) -> Result<Duration, Status> {
    match asked.map(Duration::try_from) {
        None => Ok(LASTS.0),
        Some(Ok(lasts)) if lasts <= LASTS.1 && !lasts.is_zero() => Ok(lasts),
        Some(_) => Err(invalid("max_duration is not of up to 24 hours")),
    }
}

fn encoded(message: Told) -> Encoded<ForwardResponse> {
    Encoded::new(&ForwardResponse { message: Some(message) })
}

fn invalid(message: impl Into<String>) -> Status {
    let message = format!("invalid request for a tunnel: {}", message.into());
    status(Code::InvalidArgument, Reason::InvalidTunnel, message, [])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_whose_carrier_panics_ends_with_a_reason() {
        let (told, mut answers) = mpsc::channel(WAITING);
        carried(told, async { panic!("a fault") }).await;
        assert_eq!(answers.recv().await.unwrap().unwrap_err().code(), Code::Internal);
        assert!(answers.recv().await.is_none());
    }
}

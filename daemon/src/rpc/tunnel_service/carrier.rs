//! One connection, from the endpoint that is chosen to its end.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use daymark_proto::Encoded;
use daymark_proto::v1::forward_response::Message as Told;
use daymark_proto::v1::{ForwardEndpoint, ForwardResponse, ObjectRef};
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::encoded;
use crate::access::Caller;
use crate::act::actor::{Actor, NotDone};
use crate::act::carrying::{Ended, Kept, carry};
use crate::act::endpoints::Endpoint;
use crate::act::port_forward::{self, Lost, Receiver, Sender};
use crate::record::Key;
use crate::rpc::Served;
use crate::rpc::acting::{Note, not_done};
use crate::rpc::error::{Reason, draining, status};
use crate::rpc::streams::Permit;
use crate::rpc::trusting::no_more;
use crate::rpc::tunnel_target::{Target, may_forward};
use crate::source::ProblemReason;

/// Endpoints that are tried for one connection.
const TRIES: usize = 5;

/// Endpoints that are left to be tried.
pub(super) struct Candidates {
    namespace: Arc<str>,
    left: VecDeque<Endpoint>,
    /// Why the last one was given up.
    because: String,
}

/// A connection to an endpoint.
pub(super) struct Connection {
    pod: Key,
    port: u16,
    because: String,
    sender: Sender,
    receiver: Receiver,
}

impl Connection {
    /// `pod "web-1" port 8080`
    pub(super) fn told(&self) -> String {
        format!("pod {:?} port {}", self.pod.name, self.port)
    }

    fn endpoint(&self, served: &Served) -> Told {
        let pod = ObjectRef {
            cluster: served.cluster.clone(),
            resource: "pods".to_owned(),
            namespace: self.pod.namespace.to_string(),
            name: self.pod.name.to_string(),
            ..ObjectRef::default()
        };
        Told::Endpoint(ForwardEndpoint { pod: Some(pod), port: self.port.into(), because: self.because.clone() })
    }
}

impl Candidates {
    /// The first of these.
    pub(super) fn new(target: &Target, endpoints: Vec<Endpoint>) -> Self {
        let left = endpoints.into_iter().take(TRIES).collect();
        Self { namespace: Arc::clone(&target.key.namespace), left, because: String::new() }
    }

    fn pod(&self, endpoint: &Endpoint) -> Key {
        Key { namespace: Arc::clone(&self.namespace), name: endpoint.pod.as_str().into() }
    }

    /// Makes sure that the first may be had.
    pub(super) async fn may_be_had(&self, actor: &Actor) -> Result<(), Status> {
        match self.left.front() {
            Some(first) => may_forward(actor, &self.pod(first)).await.map_err(|error| not_done(&error)),
            None => Ok(()),
        }
    }

    /// A connection to the next one that there is.
    pub(super) async fn connect(&mut self, actor: &Actor) -> Result<Connection, Status> {
        while let Some(endpoint) = self.left.pop_front() {
            let (pod, port) = (self.pod(&endpoint), endpoint.port);
            may_forward(actor, &pod).await.map_err(|error| not_done(&error))?;
            match port_forward::open(actor, &pod, port).await {
                Ok((sender, receiver)) => {
                    let because = std::mem::take(&mut self.because);
                    return Ok(Connection { pod, port, because, sender, receiver });
                }
                Err(error) if is_of_the_pod(&error) => self.because = format!("pod {:?}: {error}", pod.name),
                Err(error) => return Err(not_done(&error)),
            }
        }
        let message = format!("no pod accepts the connection: {}", self.because);
        Err(status(Code::Unavailable, Reason::EndpointLost, message, []))
    }
}

/// Whether another pod may do: this one is gone, or its node does not answer.
fn is_of_the_pod(error: &NotDone) -> bool {
    match error {
        NotDone::Denied { .. } | NotDone::Unreviewed(_) | NotDone::Another { .. } => false,
        NotDone::Refused(refusal) => {
            let is_refused = matches!(refusal.problem.reason, ProblemReason::Forbidden | ProblemReason::Unauthorized);
            refusal.status.is_some() && refusal.status != Some(429) && !is_refused
        }
    }
}

/// A connection that is carried.
pub(super) struct Carrier {
    pub(super) served: Arc<Served>,
    pub(super) actor: Actor,
    pub(super) target: Target,
    pub(super) candidates: Candidates,
    pub(super) upload: BoxStream<'static, Result<Bytes, Status>>,
    pub(super) told: mpsc::Sender<Result<Encoded<ForwardResponse>, Status>>,
    pub(super) note: Note,
    pub(super) permit: Permit,
}

impl Carrier {
    /// Carries it to its end, which is told, and at the latest until that time.
    pub(super) async fn run(self, connection: Connection, until: Instant) {
        let Self { served, actor, target, mut candidates, mut upload, told, note, permit } = self;
        let drain = served.drain.clone();
        let mut line =
            Line { served: &served, actor: &actor, target: &target, candidates: &mut candidates, told: &told };
        let ended = tokio::select! {
            biased;
            () = drain.cancelled() => Err(draining()),
            () = tokio::time::sleep_until(until) => Err(expired()),
            ended = line.carry(connection, &mut upload) => ended,
        };
        match ended {
            Ok(()) => note.tell("ended", ""),
            Err(error) => {
                note.tell("ended", error.message());
                // Who does not read is not waited for by anybody else; who has gone needs no reason.
                let _gone = told.send(Err(error)).await;
            }
        }
        drop(permit);
    }
}

/// What a connection is carried with.
struct Line<'a> {
    served: &'a Served,
    actor: &'a Actor,
    target: &'a Target,
    candidates: &'a mut Candidates,
    told: &'a mpsc::Sender<Result<Encoded<ForwardResponse>, Status>>,
}

impl Line<'_> {
    /// Carries a connection, to another endpoint if the first does not take it.
    async fn carry(
        &mut self,
        mut connection: Connection,
        upload: &mut BoxStream<'static, Result<Bytes, Status>>,
    ) -> Result<(), Status> {
        let mut kept = Kept::default();
        loop {
            if self.told.send(Ok(encoded(connection.endpoint(self.served)))).await.is_err() {
                return Ok(());
            }
            let Connection { pod, sender, receiver, .. } = &mut connection;
            let data = |data| encoded(Told::Data(data));
            let ended = tokio::select! {
                biased;
                why = withdrawn(self.served, self.actor, self.target, pod) => return Err(why),
                ended = carry((sender, receiver), upload, self.told, data, &mut kept) => ended,
            };
            match ended {
                Ended::Over | Ended::ReaderGone => return Ok(()),
                Ended::Caller(error) => return Err(error),
                Ended::Lost(lost) if kept.may_be_sent_again(&lost) => {
                    self.candidates.because = format!("{}: {lost}", connection.told());
                    connection = self.candidates.connect(self.actor).await?;
                }
                Ended::Lost(lost) => return Err(broken(&connection, &lost)),
            }
        }
    }
}

fn broken(connection: &Connection, lost: &Lost) -> Status {
    let message = format!("{}: {lost}", connection.told());
    status(Code::Unavailable, Reason::EndpointLost, message, [])
}

fn expired() -> Status {
    let message = "the connection has reached its maximum duration";
    status(Code::DeadlineExceeded, Reason::TunnelExpired, message, [])
}

/// Resolves when the caller may no longer have the connection: why.
async fn withdrawn(served: &Served, actor: &Actor, target: &Target, pod: &Key) -> Status {
    if !matches!(actor.caller(), Caller::User(_)) {
        return std::future::pending().await;
    }
    let look = || async {
        served.may_look_below(actor, target.cache.kind(), &target.key).await?;
        may_forward(actor, pod).await.map_err(|error| not_done(&error))
    };
    no_more(actor.caller(), served.authorizer.trust(), look).await
}

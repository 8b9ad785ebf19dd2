//! `GateService`: verdicts on sets of objects.

use std::sync::Arc;

use daymark_proto::Encoded;
use daymark_proto::v1::gate_service_server::GateService;
use daymark_proto::v1::{
    self, ArmGateRequest, ArmGateResponse, CancelGateRequest, CancelGateResponse, GetGateRequest, GetGateResponse,
    OpenGateRequest, OpenGateResponse, WatchGateRequest, WatchGateResponse,
};
use futures::stream::BoxStream;
use prost::Message as _;
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::error::{Reason, come_again, draining, status};
use super::gate_lasting::with_caller;
use super::gate_policy::invalid;
use super::gate_watch::Watching;
use crate::access::Caller;
use crate::access::identity::User;
use crate::gate::register::{self as gate, Gate, NotArmed, NotOpened};
use crate::gate::report::Report;

/// The longest `request_id` in bytes.
const LONGEST_ID: usize = 128;

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }

    fn find<M>(&self, request: &Request<M>, token: &str) -> Result<Arc<Gate>, Status> {
        self.served.gates.find(token, &caller(request)?).ok_or_else(|| {
            let message = "there is no such gate: it was never opened here, or its verdict is no longer kept";
            status(Code::NotFound, Reason::GateNotFound, message, [])
        })
    }

    /// A gate that is told once more how it stands when that is so, or has ended.
    async fn after(&self, gate: &Gate, so: impl Fn(&Report) -> bool) -> Result<v1::Gate, Status> {
        let mut report = gate.report();
        tokio::select! {
            biased;
            () = self.served.drain.cancelled() => Err(draining()),
            changed = report.wait_for(|report| so(report) || report.verdict.is_some()) => match changed {
                Ok(report) => self.served.gate(gate, &report),
                Err(_) => Err(draining()),
            },
        }
    }

    async fn open(&self, caller: &Caller, mut request: OpenGateRequest) -> Result<(String, Arc<Gate>), Status> {
        let id = std::mem::take(&mut request.request_id);
        if id.len() > LONGEST_ID {
            return Err(invalid(format!("request_id is longer than {LONGEST_ID} bytes")));
        }
        // Who reads what is kept does not learn by what the token can be had again.
        let is_kept = self.served.gates.are_durable();
        let bytes = if is_kept { with_caller(request.encode_to_vec(), caller) } else { Vec::new() };
        let opening = self.served.opening(caller, request).await?;
        let id = id_of(caller, id);
        self.served.gates.open(opening, gate::Request { id, bytes }).await.map_err(|error| match error {
            NotOpened::TooMany => come_again(Reason::TooManyGates, error.to_string()),
            _ if self.served.drain.is_cancelled() => draining(),
            NotOpened::Stopping => draining(),
            NotOpened::NotKept(_) => status(Code::Unavailable, Reason::GatesNotKept, error.to_string(), []),
            NotOpened::NoToken(_) => Status::internal(error.to_string()),
        })
    }

    fn not_armed(&self, error: &NotArmed) -> Status {
        match error {
            _ if self.served.drain.is_cancelled() => draining(),
            NotArmed::Ended => status(Code::FailedPrecondition, Reason::GateEnded, error.to_string(), []),
            NotArmed::Twice => status(Code::FailedPrecondition, Reason::NotToBeArmed, error.to_string(), []),
            NotArmed::NotKept(_) => status(Code::Unavailable, Reason::GatesNotKept, error.to_string(), []),
        }
    }
}

/// What a request is known by: each caller's are its own.
fn id_of(caller: &Caller, id: String) -> String {
    match caller.user() {
        Some(User { name, uid }) if !id.is_empty() => format!("{id}\0{name}\0{}", uid.unwrap_or_default()),
        _ => id,
    }
}

#[tonic::async_trait]
impl GateService for Handler {
    async fn open_gate(&self, request: Request<OpenGateRequest>) -> Result<Response<OpenGateResponse>, Status> {
        let caller = caller(&request)?;
        if self.served.drain.is_cancelled() {
            return Err(draining());
        }
        let (token, gate) = self.open(&caller, request.into_inner()).await?;
        let gate = self.served.gate(&gate, &gate.report().borrow())?;
        Ok(Response::new(OpenGateResponse { token, gate: Some(gate) }))
    }

    async fn arm_gate(&self, request: Request<ArmGateRequest>) -> Result<Response<ArmGateResponse>, Status> {
        let gate = self.find(&request, &request.get_ref().token)?;
        let applied = request.into_inner().applied;
        if !gate.awaits_arming {
            let message = "the gate was not opened with await_arming";
            return Err(status(Code::FailedPrecondition, Reason::NotToBeArmed, message, []));
        }
        if !gate.is_looked_at() {
            self.after(&gate, |_| gate.is_looked_at()).await?;
        }
        let ended = gate.report().borrow().verdict.is_some();
        let Some(whereabouts) = gate.whereabouts().filter(|_| !ended) else {
            return Err(self.not_armed(&NotArmed::Ended));
        };
        let places = self.served.applied_to(&applied, None, whereabouts)?;
        let matched = i32::try_from(places.len()).unwrap_or(i32::MAX);
        let request = ArmGateRequest { token: String::new(), applied }.encode_to_vec();
        gate.arm(places, request).await.map_err(|error| self.not_armed(&error))?;
        let gate = self.after(&gate, |report| report.armed).await?;
        Ok(Response::new(ArmGateResponse { gate: Some(gate), matched }))
    }

    type WatchGateStream = BoxStream<'static, Result<Encoded<WatchGateResponse>, Status>>;

    async fn watch_gate(&self, request: Request<WatchGateRequest>) -> Result<Response<Self::WatchGateStream>, Status> {
        let gate = self.find(&request, &request.get_ref().token)?;
        let permit = self.served.streams.begin(&caller(&request)?)?;
        Ok(Response::new(Watching::stream(&self.served, permit, gate)))
    }

    async fn get_gate(&self, request: Request<GetGateRequest>) -> Result<Response<GetGateResponse>, Status> {
        let gate = self.find(&request, &request.get_ref().token)?;
        let report = Arc::clone(&gate.report().borrow());
        Ok(Response::new(self.served.gate_and_objects(&gate, &report)?))
    }

    async fn cancel_gate(&self, request: Request<CancelGateRequest>) -> Result<Response<CancelGateResponse>, Status> {
        let gate = self.find(&request, &request.get_ref().token)?;
        gate.cancel().await;
        // Who cancels what has ended is told how.
        let gate = self.after(&gate, |_| false).await?;
        Ok(Response::new(CancelGateResponse { gate: Some(gate) }))
    }
}

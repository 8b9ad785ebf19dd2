//! The gates of a daemon that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::gate_service_server::GateService;
use daymark_proto::v1::{
    ArmGateRequest, ArmGateResponse, CancelGateRequest, CancelGateResponse, GetGateRequest, GetGateResponse,
    OpenGateRequest, OpenGateResponse, WatchGateRequest, WatchGateResponse,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

/// One step of a gate's stream. Behind the last the stream goes on, in silence.
#[derive(Clone)]
pub enum GateStep {
    Send(Box<WatchGateResponse>),
    Fail(Status),
    /// The stream ends, as it does behind a verdict.
    End,
}

/// What the daemon's gates do.
#[derive(Default)]
pub struct GateScript {
    /// The errors of openings, in the order of the calls; then they succeed.
    pub refusals: VecDeque<Status>,
    /// The streams, in the order of the calls.
    pub streams: VecDeque<Vec<GateStep>>,
    /// How a gate stands for who only looks.
    pub shown: Option<GetGateResponse>,
}

/// What was asked of the gates.
#[derive(Default)]
pub struct SeenGates {
    pub opened: Vec<OpenGateRequest>,
    pub watched: Vec<String>,
    pub armed: Vec<ArmGateRequest>,
    pub cancelled: Vec<String>,
}

/// The gates.
#[derive(Default)]
pub struct Gates {
    pub script: Mutex<GateScript>,
    pub seen: Mutex<SeenGates>,
}

pub struct Service(pub Arc<Gates>);

#[tonic::async_trait]
impl GateService for Service {
    async fn open_gate(&self, request: Request<OpenGateRequest>) -> Result<Response<OpenGateResponse>, Status> {
        let mut seen = self.0.seen.lock().unwrap();
        seen.opened.push(request.into_inner());
        match self.0.script.lock().unwrap().refusals.pop_front() {
            Some(refusal) => Err(refusal),
            None => {
                let token = format!("token-{}", seen.opened.len());
                Ok(Response::new(OpenGateResponse { token, ..OpenGateResponse::default() }))
            }
        }
    }

    async fn arm_gate(&self, request: Request<ArmGateRequest>) -> Result<Response<ArmGateResponse>, Status> {
        self.0.seen.lock().unwrap().armed.push(request.into_inner());
        Ok(Response::new(ArmGateResponse { matched: 1, ..ArmGateResponse::default() }))
    }

    type WatchGateStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchGateResponse>, Status>> + Send>>;

    async fn watch_gate(&self, request: Request<WatchGateRequest>) -> Result<Response<Self::WatchGateStream>, Status> {
        self.0.seen.lock().unwrap().watched.push(request.into_inner().token);
        let steps = self.0.script.lock().unwrap().streams.pop_front().unwrap_or_default();
        let steps = futures::stream::iter(steps).chain(futures::stream::pending());
        let messages =
            steps.take_while(|step| std::future::ready(!matches!(step, GateStep::End))).map(|step| match step {
                GateStep::Send(message) => Ok(Encoded::new(&*message)),
                GateStep::Fail(status) => Err(status),
                GateStep::End => Err(Status::internal("taken above")),
            });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn get_gate(&self, _: Request<GetGateRequest>) -> Result<Response<GetGateResponse>, Status> {
        let shown = self.0.script.lock().unwrap().shown.clone();
        shown.map(Response::new).ok_or_else(|| Status::internal("not in the script"))
    }

    async fn cancel_gate(&self, request: Request<CancelGateRequest>) -> Result<Response<CancelGateResponse>, Status> {
        self.0.seen.lock().unwrap().cancelled.push(request.into_inner().token);
        Ok(Response::new(CancelGateResponse::default()))
    }
}

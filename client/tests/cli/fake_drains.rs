//! The drains of a daemon that plays a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use daymark_proto::v1::node_service_server::NodeService;
use daymark_proto::v1::{
    CordonRequest, CordonResponse, DrainOptions, DrainPlan, Operation, PlanDrainRequest, PlanDrainResponse,
    StartDrainRequest, StartDrainResponse, UncordonRequest, UncordonResponse,
};
use tonic::{Request, Response, Status};

/// What becomes of nodes, in the order of the calls.
#[derive(Default)]
pub struct DrainScript {
    pub plans: VecDeque<DrainPlan>,
    pub starts: VecDeque<Operation>,
    /// How nodes were to be drained.
    pub seen: Vec<DrainOptions>,
}

pub struct Service(pub Arc<Mutex<DrainScript>>);

fn unscripted() -> Status {
    Status::internal("not in the script")
}

#[tonic::async_trait]
impl NodeService for Service {
    async fn cordon(&self, _: Request<CordonRequest>) -> Result<Response<CordonResponse>, Status> {
        Err(unscripted())
    }

    async fn uncordon(&self, _: Request<UncordonRequest>) -> Result<Response<UncordonResponse>, Status> {
        Err(unscripted())
    }

    async fn plan_drain(&self, request: Request<PlanDrainRequest>) -> Result<Response<PlanDrainResponse>, Status> {
        let mut script = self.0.lock().unwrap();
        script.seen.extend(request.into_inner().options);
        let plan = script.plans.pop_front().ok_or_else(unscripted)?;
        Ok(Response::new(PlanDrainResponse { plan: Some(plan) }))
    }

    async fn start_drain(&self, request: Request<StartDrainRequest>) -> Result<Response<StartDrainResponse>, Status> {
        let mut script = self.0.lock().unwrap();
        script.seen.extend(request.into_inner().options);
        let operation = script.starts.pop_front().ok_or_else(unscripted)?;
        Ok(Response::new(StartDrainResponse { operation: Some(operation), plan: script.plans.pop_front() }))
    }
}

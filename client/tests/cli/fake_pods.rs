//! The quarantines of a daemon that plays a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use daymark_proto::v1::pod_service_server::PodService;
use daymark_proto::v1::{
    ListQuarantinedRequest, ListQuarantinedResponse, ReleaseRequest, ReleaseResponse, StartQuarantineRequest,
    StartQuarantineResponse,
};
use tonic::{Request, Response, Status};

/// What becomes of pods, in the order of the calls.
#[derive(Default)]
pub struct PodScript {
    pub starts: VecDeque<Result<StartQuarantineResponse, Status>>,
    pub releases: VecDeque<Result<ReleaseResponse, Status>>,
    pub pages: VecDeque<Result<ListQuarantinedResponse, Status>>,
}

/// What was asked.
#[derive(Default)]
pub struct SeenPods {
    pub starts: Vec<StartQuarantineRequest>,
    pub releases: Vec<ReleaseRequest>,
    pub lists: Vec<ListQuarantinedRequest>,
}

/// The pods.
#[derive(Default)]
pub struct Pods {
    pub script: Mutex<PodScript>,
    pub seen: Mutex<SeenPods>,
}

pub struct Service(pub Arc<Pods>);

fn answer<T>(answer: Option<Result<T, Status>>) -> Result<Response<T>, Status> {
    answer.unwrap_or_else(|| Err(Status::internal("not in the script"))).map(Response::new)
}

#[tonic::async_trait]
impl PodService for Service {
    async fn start_quarantine(
        &self,
        request: Request<StartQuarantineRequest>,
    ) -> Result<Response<StartQuarantineResponse>, Status> {
        self.0.seen.lock().unwrap().starts.push(request.into_inner());
        answer(self.0.script.lock().unwrap().starts.pop_front())
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Result<Response<ReleaseResponse>, Status> {
        self.0.seen.lock().unwrap().releases.push(request.into_inner());
        answer(self.0.script.lock().unwrap().releases.pop_front())
    }

    async fn list_quarantined(
        &self,
        request: Request<ListQuarantinedRequest>,
    ) -> Result<Response<ListQuarantinedResponse>, Status> {
        self.0.seen.lock().unwrap().lists.push(request.into_inner());
        answer(self.0.script.lock().unwrap().pages.pop_front())
    }
}

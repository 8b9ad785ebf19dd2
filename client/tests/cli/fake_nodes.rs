//! The nodes of a daemon that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::node_readiness_service_server::NodeReadinessService;
use daymark_proto::v1::{ListNodesRequest, ListNodesResponse, WatchNodesRequest, WatchNodesResponse};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

/// What the daemon tells of nodes.
#[derive(Default)]
pub struct NodeScript {
    /// The pages, in the order of the calls.
    pub pages: VecDeque<Result<ListNodesResponse, Status>>,
    /// The streams, in the order of the calls. One that ends with an error is broken by it;
    /// others go on, in silence.
    pub streams: VecDeque<Vec<Result<WatchNodesResponse, Status>>>,
}

/// What was asked of nodes.
#[derive(Default)]
pub struct SeenNodes {
    pub lists: Vec<ListNodesRequest>,
    pub watches: Vec<WatchNodesRequest>,
}

/// The nodes.
#[derive(Default)]
pub struct Nodes {
    pub script: Mutex<NodeScript>,
    pub seen: Mutex<SeenNodes>,
}

pub struct Service(pub Arc<Nodes>);

#[tonic::async_trait]
impl NodeReadinessService for Service {
    async fn list_nodes(&self, request: Request<ListNodesRequest>) -> Result<Response<ListNodesResponse>, Status> {
        self.0.seen.lock().unwrap().lists.push(request.into_inner());
        let page = self.0.script.lock().unwrap().pages.pop_front();
        page.unwrap_or_else(|| Err(Status::internal("not in the script"))).map(Response::new)
    }

    type WatchNodesStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchNodesResponse>, Status>> + Send>>;

    async fn watch_nodes(
        &self,
        request: Request<WatchNodesRequest>,
    ) -> Result<Response<Self::WatchNodesStream>, Status> {
        self.0.seen.lock().unwrap().watches.push(request.into_inner());
        let steps = self.0.script.lock().unwrap().streams.pop_front().unwrap_or_default();
        let messages = futures::stream::iter(steps).map(|step| step.map(|message| Encoded::new(&message)));
        Ok(Response::new(Box::pin(messages.chain(futures::stream::pending()))))
    }
}

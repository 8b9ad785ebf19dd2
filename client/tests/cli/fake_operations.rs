//! The operations of a daemon that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::operation_service_server::OperationService;
use daymark_proto::v1::{
    CancelOperationRequest, CancelOperationResponse, GetOperationRequest, GetOperationResponse, ListOperationsRequest,
    ListOperationsResponse, WatchOperationRequest, WatchOperationResponse,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

/// What the daemon tells of operations.
#[derive(Default)]
pub struct OperationScript {
    /// The streams, in the order of the calls. One that ends with neither an end nor an error
    /// goes on, in silence.
    pub streams: VecDeque<Vec<Result<WatchOperationResponse, Status>>>,
    /// The pages of lists, in the order of the calls.
    pub pages: VecDeque<ListOperationsResponse>,
}

/// The operations.
#[derive(Default)]
pub struct Operations {
    pub script: Mutex<OperationScript>,
    /// Those that were cancelled, by their ids.
    pub cancelled: Mutex<Vec<String>>,
}

pub struct Service(pub Arc<Operations>);

#[tonic::async_trait]
impl OperationService for Service {
    async fn get_operation(&self, _: Request<GetOperationRequest>) -> Result<Response<GetOperationResponse>, Status> {
        Err(Status::internal("not in the script"))
    }

    async fn list_operations(
        &self,
        _: Request<ListOperationsRequest>,
    ) -> Result<Response<ListOperationsResponse>, Status> {
        let page = self.0.script.lock().unwrap().pages.pop_front();
        page.map(Response::new).ok_or_else(|| Status::internal("not in the script"))
    }

    type WatchOperationStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchOperationResponse>, Status>> + Send>>;

    async fn watch_operation(
        &self,
        _: Request<WatchOperationRequest>,
    ) -> Result<Response<Self::WatchOperationStream>, Status> {
        let steps = self.0.script.lock().unwrap().streams.pop_front().unwrap_or_default();
        let messages = futures::stream::iter(steps).map(|step| step.map(|message| Encoded::new(&message)));
        Ok(Response::new(Box::pin(messages.chain(futures::stream::pending()))))
    }

    async fn cancel_operation(
        &self,
        request: Request<CancelOperationRequest>,
    ) -> Result<Response<CancelOperationResponse>, Status> {
        self.0.cancelled.lock().unwrap().push(request.into_inner().id);
        Ok(Response::new(CancelOperationResponse::default()))
    }
}

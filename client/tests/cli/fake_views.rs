//! The tables and trees of a daemon that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::table_service_server::TableService;
use daymark_proto::v1::tree_service_server::TreeService;
use daymark_proto::v1::{ListTablesRequest, ListTablesResponse, WatchTreeRequest, WatchTreeResponse};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

/// What the daemon tells.
#[derive(Default)]
pub struct ViewScript {
    /// The answers, in the order of the calls.
    pub tables: VecDeque<Result<ListTablesResponse, Status>>,
    /// The streams, in the order of the calls. Behind the last of its messages a stream goes on, in silence.
    pub trees: VecDeque<Vec<Result<WatchTreeResponse, Status>>>,
}

/// What the daemon was asked.
#[derive(Default)]
pub struct SeenViews {
    pub tables: Vec<ListTablesRequest>,
    pub trees: Vec<WatchTreeRequest>,
}

/// The tables and trees.
#[derive(Default)]
pub struct Views {
    pub script: Mutex<ViewScript>,
    pub seen: Mutex<SeenViews>,
}

pub struct Service(pub Arc<Views>);

#[tonic::async_trait]
impl TableService for Service {
    async fn list_tables(&self, request: Request<ListTablesRequest>) -> Result<Response<ListTablesResponse>, Status> {
        self.0.seen.lock().unwrap().tables.push(request.into_inner());
        let answer = self.0.script.lock().unwrap().tables.pop_front();
        answer.unwrap_or_else(|| Err(Status::internal("not in the script"))).map(Response::new)
    }
}

#[tonic::async_trait]
impl TreeService for Service {
    type WatchTreeStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchTreeResponse>, Status>> + Send>>;

    async fn watch_tree(&self, request: Request<WatchTreeRequest>) -> Result<Response<Self::WatchTreeStream>, Status> {
        self.0.seen.lock().unwrap().trees.push(request.into_inner());
        let messages = self.0.script.lock().unwrap().trees.pop_front().unwrap_or_default();
        let messages = futures::stream::iter(messages).map(|message| Ok(Encoded::new(&message?)));
        Ok(Response::new(Box::pin(messages.chain(futures::stream::pending()))))
    }
}

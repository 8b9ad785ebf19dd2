//! `OperationService`: what is being done to the cluster.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::operation_service_server::OperationService;
use daymark_proto::v1::{
    self, CancelOperationRequest, CancelOperationResponse, GetOperationRequest, GetOperationResponse,
    ListOperationsRequest, ListOperationsResponse, WatchOperationRequest, WatchOperationResponse,
};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::watch;
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::acting::{Note, not_done};
use super::auth::caller;
use super::error::{Reason, come_again, draining, status, unreviewed};
use super::rights::denied;
use super::status_service::{invalid_page, page_size};
use super::streams::Permit;
use super::trusting::no_more;
use crate::access::Caller;
use crate::access::authorizer::Right;
use crate::act::operation::{End, NotStarted, Operation, Progress, Report, Stage, Start, Step, Stop, Watcher};

/// Changes are told together that come within that.
const PACE: Duration = Duration::from_millis(100);

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }

    /// An operation that the caller may see.
    async fn find(&self, caller: &Caller, id: &str) -> Result<Arc<Operation>, Status> {
        let operation = self.served.operations.find(id).ok_or_else(|| {
            let message = "there is no such operation: it was never started here, or ended more than an hour ago";
            status(Code::NotFound, Reason::OperationNotFound, message, [])
        })?;
        self.served.sees(caller, &operation).await?.map_err(|right| denied(caller, &right))?;
        Ok(operation)
    }
}

impl Served {
    /// Whether the caller may see an operation; else what it lacks.
    async fn sees(&self, caller: &Caller, operation: &Operation) -> Result<Result<(), Right>, Status> {
        if caller.owns_what_is_of(&operation.caller) {
            return Ok(Ok(()));
        }
        for right in &operation.seen_by {
            let may = self.authorizer.may(caller, right.clone()).await;
            if !may.map_err(|problem| unreviewed(&problem))? {
                return Ok(Err(right.clone()));
            }
        }
        Ok(Ok(()))
    }

    /// Resolves when the caller may see it no more.
    async fn blinded(self: Arc<Self>, caller: Caller, operation: Arc<Operation>) -> Status {
        let look = || async { self.sees(&caller, &operation).await?.map_err(|right| denied(&caller, &right)) };
        no_more(&caller, self.authorizer.trust(), look).await
    }
}

impl Served {
    /// Starts an operation, and notes its beginning and its end; says how it stands.
    pub(super) async fn begin<F>(
        &self,
        start: Start,
        note: Note,
        work: impl FnOnce(Arc<Report>, Stop) -> F + Send,
    ) -> Result<v1::Operation, Status>
    where
        F: Future<Output = End> + Send + 'static,
    {
        let begun = note.clone();
        let noted = |report: Arc<Report>, stop: Stop| {
            let work = work(report, stop);
            async move {
                begun.tell("begun", "");
                // The log of who does what has the end of one that panics, too.
                let end = End::of(work).await;
                begun.tell(end.reason, &end.message);
                end
            }
        };
        let operation = self.operations.start(start, noted).await.map_err(|error| {
            note.tell("refused", &error.to_string());
            not_started(&error)
        })?;
        let progress = Arc::clone(&operation.progress().borrow());
        Ok(self.operation(&operation, &progress))
    }
}

/// Nothing was started.
fn not_started(error: &NotStarted) -> Status {
    match error {
        NotStarted::TooMany => come_again(Reason::TooManyOperations, error.to_string()),
        NotStarted::NoId(_) => Status::internal(error.to_string()),
        NotStarted::Stopping => draining(),
    }
}

#[tonic::async_trait]
impl OperationService for Handler {
    async fn get_operation(
        &self,
        request: Request<GetOperationRequest>,
    ) -> Result<Response<GetOperationResponse>, Status> {
        let operation = self.find(&caller(&request)?, &request.get_ref().id).await?;
        let progress = Arc::clone(&operation.progress().borrow());
        let steps = progress.steps.iter().map(|step| self.served.step(step)).collect();
        let operation = Some(self.served.operation(&operation, &progress));
        Ok(Response::new(GetOperationResponse { operation, steps }))
    }

    async fn list_operations(
        &self,
        request: Request<ListOperationsRequest>,
    ) -> Result<Response<ListOperationsResponse>, Status> {
        let caller = caller(&request)?;
        let size = page_size(request.get_ref().page_size)?;
        let all = self.served.operations.all();
        let first = match &*request.get_ref().page_token {
            "" => 0,
            token => all.iter().position(|operation| *operation.id == *token).ok_or_else(|| {
                invalid_page("page_token is not one that this list gave, or its operation is forgotten".into())
            })?,
        };
        let mut page = ListOperationsResponse::default();
        for operation in &all[first..] {
            if self.served.sees(&caller, operation).await?.is_err() {
                continue;
            }
            if page.operations.len() == size {
                page.next_page_token = operation.id.to_string();
                break;
            }
            page.operations.push(self.served.operation(operation, &operation.progress().borrow()));
        }
        Ok(Response::new(page))
    }

    type WatchOperationStream = BoxStream<'static, Result<Encoded<WatchOperationResponse>, Status>>;

    async fn watch_operation(
        &self,
        request: Request<WatchOperationRequest>,
    ) -> Result<Response<Self::WatchOperationStream>, Status> {
        let caller = caller(&request)?;
        let operation = self.find(&caller, &request.get_ref().id).await?;
        let permit = self.served.streams.begin(&caller)?;
        let watching = Watching {
            served: Arc::clone(&self.served),
            progress: operation.progress(),
            told: Vec::new(),
            blinded: Arc::clone(&self.served).blinded(caller, Arc::clone(&operation)).boxed(),
            place: Place::First,
            _watcher: operation.watched(),
            operation,
            _permit: permit,
        };
        Ok(Response::new(stream::unfold(watching, Watching::next).boxed()))
    }

    async fn cancel_operation(
        &self,
        request: Request<CancelOperationRequest>,
    ) -> Result<Response<CancelOperationResponse>, Status> {
        let caller = caller(&request)?;
        let operation = self.find(&caller, &request.get_ref().id).await?;
        if !caller.owns_what_is_of(&operation.caller) {
            let actor = self.served.actor(&caller, operation.act).await?;
            actor.may(operation.cancelled_by.clone()).await.map_err(|error| not_done(&error))?;
        }
        Note::of(&request, &caller, operation.act, &*operation.id).tell("cancelled", "");
        operation.cancel();
        let progress = Arc::clone(&operation.progress().borrow());
        let operation = Some(self.served.operation(&operation, &progress));
        Ok(Response::new(CancelOperationResponse { operation }))
    }
}

/// Somebody who watches an operation.
struct Watching {
    served: Arc<Served>,
    operation: Arc<Operation>,
    progress: watch::Receiver<Arc<Progress>>,
    told: Vec<Arc<Step>>,
    blinded: BoxFuture<'static, Status>,
    place: Place,
    _watcher: Watcher,
    _permit: Permit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Going,
    Ended,
}

type Message = Result<Encoded<WatchOperationResponse>, Status>;

impl Watching {
    async fn next(mut self) -> Option<(Message, Self)> {
        match self.place {
            Place::Ended => return None,
            Place::First => self.place = Place::Going,
            Place::Going => {
                if let Err(error) = self.change().await {
                    self.place = Place::Ended;
                    return Some((Err(error), self));
                }
            }
        }
        let progress = Arc::clone(&self.progress.borrow_and_update());
        if progress.stage != Stage::Running {
            self.place = Place::Ended;
        }
        let message = self.tell(&progress);
        Some((Ok(message), self))
    }

    async fn change(&mut self) -> Result<(), Status> {
        let changed = async {
            let changed = self.progress.changed().await;
            tokio::time::sleep(PACE).await;
            changed
        };
        tokio::select! {
            biased;
            () = self.served.drain.cancelled() => Err(draining()),
            error = &mut self.blinded => Err(error),
            // An operation whose work ends without an end has ended with the daemon.
            changed = changed => changed.map_err(|_| draining()),
        }
    }

    fn tell(&mut self, progress: &Progress) -> Encoded<WatchOperationResponse> {
        let is_told =
            |(place, step): &(usize, &Arc<Step>)| self.told.get(*place).is_some_and(|told| Arc::ptr_eq(told, step));
        let differ = progress.steps.iter().enumerate().filter(|it| !is_told(it));
        let steps = differ.map(|(_, step)| self.served.step(step)).collect();
        self.told.clone_from(&progress.steps);
        let operation = Some(self.served.operation(&self.operation, progress));
        Encoded::new(&WatchOperationResponse { operation, steps })
    }
}

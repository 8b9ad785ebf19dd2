//! `DiagnosisService`: what is wrong, why, and what to try next.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::diagnosis_service_server::DiagnosisService;
use daymark_proto::v1::{
    self, DiagnoseRequest, DiagnoseResponse, Filter, RankedCause, WatchDiagnosisRequest, WatchDiagnosisResponse,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::Served;
use super::acting::Note;
use super::auth::caller;
use super::diagnosis_gather::Gathering;
use super::diagnosis_observe::Asked;
use super::error::draining;
use super::streams::Permit;
use crate::access::Caller;
use crate::act::Act;
use crate::diagnose::diagnose;

/// Diagnoses that are made at a time: each looks at many objects.
const AT_ONCE: usize = 4;
/// How often one that is watched is made anew, if anything has happened.
const ANEW: Duration = Duration::from_secs(2);
/// And if nothing has: events and logs are not followed.
const ANYWAY: u32 = 5;

pub(super) struct Handler {
    diagnoser: Arc<Diagnoser>,
}

/// Makes diagnoses, a few at a time.
struct Diagnoser {
    served: Arc<Served>,
    turns: Semaphore,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { diagnoser: Arc::new(Diagnoser { served, turns: Semaphore::new(AT_ONCE) }) }
    }
}

impl Diagnoser {
    async fn diagnose(&self, caller: &Caller, filter: &Filter) -> Result<v1::Diagnosis, Status> {
        self.of(self.served.observe(caller, filter)).await
    }

    /// What is wrong with what is observed, when it is its turn.
    async fn of(
        &self,
        observing: impl Future<Output = Result<(Gathering<'_>, Asked), Status>>,
    ) -> Result<v1::Diagnosis, Status> {
        let made = async {
            let _turn = self.turns.acquire().await.map_err(|_| draining())?;
            let (gathering, asked) = observing.await?;
            let diagnosis = diagnose(&gathering.observation, &asked.names);
            Ok(self.served.diagnosis(&diagnosis, &gathering, &asked))
        };
        tokio::select! {
            biased;
            () = self.served.drain.cancelled() => Err(draining()),
            diagnosis = made => diagnosis,
        }
    }
}

#[tonic::async_trait]
impl DiagnosisService for Handler {
    async fn diagnose(&self, request: Request<DiagnoseRequest>) -> Result<Response<DiagnoseResponse>, Status> {
        let caller = caller(&request)?;
        let note = Note::of(&request, &caller, Act::DryRun, "");
        let DiagnoseRequest { filter, manifests } = request.into_inner();
        let (filter, diagnoser) = (filter.unwrap_or_default(), &self.diagnoser);
        let diagnosis = match manifests.is_empty() {
            true => diagnoser.diagnose(&caller, &filter).await?,
            false => {
                let observing = diagnoser.served.observe_manifests(&caller, &filter, manifests, &note);
                diagnoser.of(observing).await?
            }
        };
        Ok(Response::new(DiagnoseResponse { diagnosis: Some(diagnosis) }))
    }

    type WatchDiagnosisStream = BoxStream<'static, Result<Encoded<WatchDiagnosisResponse>, Status>>;

    async fn watch_diagnosis(
        &self,
        request: Request<WatchDiagnosisRequest>,
    ) -> Result<Response<Self::WatchDiagnosisStream>, Status> {
        let caller = caller(&request)?;
        let permit = self.diagnoser.served.streams.begin(&caller)?;
        let filter = request.into_inner().filter.unwrap_or_default();
        // What cannot be answered at all is an error of the call.
        let first = self.diagnoser.diagnose(&caller, &filter).await?;
        let watching = Watching { diagnoser: Arc::clone(&self.diagnoser), caller, filter, told: None, _permit: permit };
        Ok(Response::new(watching.stream(first)))
    }
}

/// Somebody who watches a diagnosis.
struct Watching {
    diagnoser: Arc<Diagnoser>,
    caller: Caller,
    filter: Filter,
    told: Option<v1::Diagnosis>,
    _permit: Permit,
}

type Message = Result<Encoded<WatchDiagnosisResponse>, Status>;

impl Watching {
    fn stream(self, first: v1::Diagnosis) -> BoxStream<'static, Message> {
        stream::unfold(Some((self, Some(first))), |state| async {
            let (mut watching, first) = state?;
            let diagnosis = match first {
                Some(first) => Ok(first),
                None => watching.next().await,
            };
            match diagnosis {
                Ok(diagnosis) => {
                    let message = watching.tell(diagnosis);
                    Some((Ok(message), Some((watching, None))))
                }
                Err(status) => Some((Err(status), None)),
            }
        })
        .boxed()
    }

    /// The next diagnosis that differs from the one that was told.
    async fn next(&self) -> Result<v1::Diagnosis, Status> {
        loop {
            self.something_happens().await?;
            let diagnosis = self.diagnoser.diagnose(&self.caller, &self.filter).await?;
            if self.told.as_ref().is_none_or(|told| differ(told, &diagnosis)) {
                return Ok(diagnosis);
            }
        }
    }

    /// Returns when something has changed in the cluster, or may have unseen.
    async fn something_happens(&self) -> Result<(), Status> {
        let served = &self.diagnoser.served;
        let before = served.log.head();
        for _ in 0..ANYWAY {
            tokio::select! {
                biased;
                () = served.drain.cancelled() => return Err(draining()),
                () = tokio::time::sleep(ANEW) => {}
            }
            if served.log.head() != before {
                break;
            }
        }
        Ok(())
    }

    fn tell(&mut self, diagnosis: v1::Diagnosis) -> Encoded<WatchDiagnosisResponse> {
        let is_gone = |cause: &RankedCause| !diagnosis.causes.iter().any(|other| are_the_same(cause, other));
        let before = self.told.take().map(|told| told.causes).unwrap_or_default();
        let gone = before.into_iter().filter(is_gone).collect();
        self.told = Some(diagnosis.clone());
        Encoded::new(&WatchDiagnosisResponse { diagnosis: Some(diagnosis), gone })
    }
}

fn are_the_same(one: &RankedCause, other: &RankedCause) -> bool {
    one.reason == other.reason && one.object == other.object
}

/// Whether it is worth telling: messages may count seconds and restarts.
fn differ(one: &v1::Diagnosis, other: &v1::Diagnosis) -> bool {
    let causes = |it: &v1::Diagnosis| {
        let cause = |cause: &RankedCause| (cause.reason.clone(), cause.object.clone(), cause.certainty, cause.count);
        it.causes.iter().map(cause).collect::<Vec<_>>()
    };
    let checks = |it: &v1::Diagnosis| it.checks.iter().map(|check| check.result).collect::<Vec<_>>();
    one.state != other.state || causes(one) != causes(other) || checks(one) != checks(other)
}

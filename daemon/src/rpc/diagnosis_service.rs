//! `DiagnosisService`: what is wrong, why, and what to try next.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::diagnosis_service_server::DiagnosisService;
use daymark_proto::v1::{
    self, DiagnoseRequest, DiagnoseResponse, Filter, Manifest, RankedCause, WatchDiagnosisRequest,
    WatchDiagnosisResponse,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::acting::Note;
use super::auth::caller;
use super::error::draining;
use super::streams::Permit;
use super::workshop::{Workshop, rest};
use crate::access::Caller;
use crate::act::Act;
use crate::diagnose::diagnose;

/// How often one that is watched is made anew, if anything has happened.
const ANEW: Duration = Duration::from_secs(2);
/// And if nothing has: events and logs are not followed.
const ANYWAY: u32 = 5;

pub(super) struct Handler {
    diagnoser: Arc<Diagnoser>,
}

/// Makes diagnoses, a few at a time: each looks at many objects.
struct Diagnoser {
    served: Arc<Served>,
    workshop: Workshop,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { diagnoser: Arc::new(Diagnoser { served, workshop: Workshop::new() }) }
    }
}

impl Diagnoser {
    /// A diagnosis, and how long it has taken.
    async fn diagnose(&self, caller: &Caller, filter: &Filter) -> Result<(v1::Diagnosis, Duration), Status> {
        let (served, caller, filter) = (Arc::clone(&self.served), caller.clone(), filter.clone());
        let whose = caller.clone();
        let work = async move {
            let begun = Instant::now();
            let (gathering, asked) = served.observe(&caller, &filter).await?;
            let found = diagnose(&gathering.observation, &asked.names);
            Ok((served.diagnosis(&found, &gathering, &asked), begun.elapsed()))
        };
        self.workshop.have_done(&self.served, &whose, work).await
    }

    /// The same, of what manifests would make of the cluster.
    async fn of_manifests(
        &self,
        caller: &Caller,
        filter: Filter,
        manifests: Vec<Manifest>,
        note: Note,
    ) -> Result<v1::Diagnosis, Status> {
        let (served, caller) = (Arc::clone(&self.served), caller.clone());
        let whose = caller.clone();
        let work = async move {
            let (gathering, asked) = served.observe_manifests(&caller, &filter, manifests, &note).await?;
            let found = diagnose(&gathering.observation, &asked.names);
            Ok(served.diagnosis(&found, &gathering, &asked))
        };
        self.workshop.have_done(&self.served, &whose, work).await
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
            true => diagnoser.diagnose(&caller, &filter).await?.0,
            false => diagnoser.of_manifests(&caller, filter, manifests, note).await?,
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
        let (first, took) = self.diagnoser.diagnose(&caller, &filter).await?;
        let (diagnoser, rest) = (Arc::clone(&self.diagnoser), rest(took, ANEW));
        let watching = Watching { diagnoser, caller, filter, told: None, rest, _permit: permit };
        Ok(Response::new(watching.stream(first)))
    }
}

/// Somebody who watches a diagnosis.
struct Watching {
    diagnoser: Arc<Diagnoser>,
    caller: Caller,
    filter: Filter,
    told: Option<v1::Diagnosis>,
    /// How long it rests before the next.
    rest: Duration,
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
    async fn next(&mut self) -> Result<v1::Diagnosis, Status> {
        loop {
            self.something_happens().await?;
            let (diagnosis, took) = match self.diagnoser.diagnose(&self.caller, &self.filter).await {
                // It comes again, later.
                Err(busy) if busy.code() == Code::ResourceExhausted => {
                    self.rest = rest(Duration::MAX, ANEW);
                    continue;
                }
                made => made?,
            };
            self.rest = rest(took, ANEW);
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
                () = tokio::time::sleep(self.rest) => {}
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

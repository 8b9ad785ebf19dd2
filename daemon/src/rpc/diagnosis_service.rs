//! `DiagnosisService`: what is wrong, why, and what to try next.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::diagnosis_service_server::DiagnosisService;
use daymark_proto::v1::{
    self, DiagnoseRequest, DiagnoseResponse, Filter, Manifest, RankedCause, WatchDiagnosisRequest,
    WatchDiagnosisResponse,
};
use futures::stream::BoxStream;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::Served;
use super::acting::Note;
use super::auth::caller;
use super::retold::{self, Retelling, Rhythm};
use super::streams::Permit;
use super::workshop::Workshop;
use crate::access::Caller;
use crate::act::Act;
use crate::diagnose::diagnose;

/// How often one that is watched is made anew, if anything has happened. Events and logs are not followed: it is from
/// time to time if nothing has.
const ANEW: Duration = Duration::from_secs(2);

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
        let (diagnoser, rhythm) = (Arc::clone(&self.diagnoser), Rhythm::new(ANEW));
        let mut watching = Watching { diagnoser, caller, filter, told: None, rhythm, _permit: permit };
        // What cannot be answered at all is an error of the call.
        let first = watching.diagnose().await?;
        Ok(Response::new(retold::stream(watching, first)))
    }
}

/// Somebody who watches a diagnosis.
struct Watching {
    diagnoser: Arc<Diagnoser>,
    caller: Caller,
    filter: Filter,
    told: Option<v1::Diagnosis>,
    rhythm: Rhythm,
    _permit: Permit,
}

impl Watching {
    async fn diagnose(&mut self) -> Result<v1::Diagnosis, Status> {
        let Self { diagnoser, caller, filter, rhythm, .. } = self;
        rhythm.looks(&diagnoser.served.log);
        let (diagnosis, took) = diagnoser.diagnose(caller, filter).await?;
        rhythm.looked(took);
        Ok(diagnosis)
    }
}

impl Retelling for Watching {
    type Found = v1::Diagnosis;
    type Message = WatchDiagnosisResponse;

    /// The next diagnosis that differs from the one that was told.
    async fn again(&mut self) -> Result<v1::Diagnosis, Status> {
        loop {
            let served = &self.diagnoser.served;
            self.rhythm.something_happens(&served.log, &served.drain).await?;
            let made = self.diagnose().await;
            let Some(diagnosis) = self.rhythm.found(made)? else { continue };
            if self.told.as_ref().is_none_or(|told| differ(told, &diagnosis)) {
                return Ok(diagnosis);
            }
        }
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

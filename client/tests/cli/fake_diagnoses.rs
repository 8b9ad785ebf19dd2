//! The diagnoses of a daemon that plays a script.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::diagnosis_service_server::DiagnosisService;
use daymark_proto::v1::{
    DiagnoseRequest, DiagnoseResponse, Diagnosis, Filter, Manifest, WatchDiagnosisRequest, WatchDiagnosisResponse,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

/// What the daemon's diagnoses are.
#[derive(Default)]
pub struct DiagnosisScript {
    /// The answers, in the order of the calls.
    pub answers: VecDeque<Result<Diagnosis, Status>>,
    /// Whether calls are never answered.
    pub is_silent: bool,
    /// The streams, in the order of the calls. One that ends with an error is broken by it;
    /// others go on, in silence.
    pub streams: VecDeque<Vec<Result<WatchDiagnosisResponse, Status>>>,
}

/// The diagnoses.
#[derive(Default)]
pub struct Diagnoses {
    pub script: Mutex<DiagnosisScript>,
    pub seen: Mutex<Vec<Filter>>,
    /// The manifests, each as `PLACE KIND NAMESPACE/NAME`.
    pub manifests: Mutex<Vec<String>>,
}

pub struct Service(pub Arc<Diagnoses>);

#[tonic::async_trait]
impl DiagnosisService for Service {
    async fn diagnose(&self, request: Request<DiagnoseRequest>) -> Result<Response<DiagnoseResponse>, Status> {
        let DiagnoseRequest { filter, manifests } = request.into_inner();
        self.0.seen.lock().unwrap().extend(filter);
        let line = |it: &Manifest| format!("{} {} {}/{}", it.place, it.kind, it.namespace, it.name);
        self.0.manifests.lock().unwrap().extend(manifests.iter().map(line));
        if self.0.script.lock().unwrap().is_silent {
            std::future::pending::<()>().await;
        }
        let answer = self.0.script.lock().unwrap().answers.pop_front();
        let diagnosis = answer.unwrap_or_else(|| Err(Status::internal("not in the script")))?;
        Ok(Response::new(DiagnoseResponse { diagnosis: Some(diagnosis) }))
    }

    type WatchDiagnosisStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchDiagnosisResponse>, Status>> + Send>>;

    async fn watch_diagnosis(
        &self,
        request: Request<WatchDiagnosisRequest>,
    ) -> Result<Response<Self::WatchDiagnosisStream>, Status> {
        self.0.seen.lock().unwrap().extend(request.into_inner().filter);
        let steps = self.0.script.lock().unwrap().streams.pop_front().unwrap_or_default();
        let messages = futures::stream::iter(steps).map(|step| step.map(|message| Encoded::new(&message)));
        Ok(Response::new(Box::pin(messages.chain(futures::stream::pending()))))
    }
}

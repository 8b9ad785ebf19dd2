//! `NodeReadinessService`: whether nodes are usable, part by part.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::node_readiness_service_server::NodeReadinessService;
use daymark_proto::v1::{ListNodesRequest, ListNodesResponse, NodePartResult, WatchNodesRequest, WatchNodesResponse};
use futures::future::try_join_all;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::error::{draining, unproven};
use super::node_look::{Evidence, Look};
use super::node_question::Question;
use super::retold::{self, Retelling, Rhythm};
use super::streams::Permit;
use super::workshop::Workshop;
use crate::access::Caller;
use crate::proof::Finds;
use crate::record::Key;

/// How often nodes that are watched are looked at anew, if anything has happened. Leases run out: it is from time to
/// time if nothing has.
const ANEW: Duration = Duration::from_secs(1);
/// How long the API server may take to tell its version, and for how long that counts.
const VERSION: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));
/// Proofs that are tried one after another before something else is told: what a look rests on may
/// change meanwhile.
const PROOFS: usize = 3;

pub(super) struct Handler {
    looker: Arc<Looker>,
}

/// Looks at nodes, a few at a time: each look may take in many pods.
struct Looker {
    served: Arc<Served>,
    workshop: Workshop,
    /// The API server's version, and when it was told.
    version: Mutex<Option<(Instant, String)>>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { looker: Arc::new(Looker { served, workshop: Workshop::new(), version: Mutex::default() }) }
    }
}

impl Looker {
    /// A look, and how long it has taken.
    async fn look(self: &Arc<Self>, caller: &Caller, question: &Arc<Question>) -> Result<(Look, Duration), Status> {
        let (looker, whose, question) = (Arc::clone(self), caller.clone(), Arc::clone(question));
        let look = async move {
            let version = looker.version().await;
            let begun = Instant::now();
            let look = looker.served.look_at_nodes(&whose, &question, version).await?;
            Ok((look, begun.elapsed()))
        };
        self.workshop.have_done(&self.served, caller, look).await
    }

    /// The API server's version, if it says.
    async fn version(&self) -> Option<String> {
        let (patience, lasts) = VERSION;
        let known = self.version.lock().clone();
        if let Some((_, version)) = known.filter(|(told, _)| told.elapsed() < lasts) {
            return Some(version);
        }
        let version = tokio::time::timeout(patience, self.served.source.version()).await.ok()?.ok()?;
        let version = Some(version).filter(|version| !version.is_empty())?;
        *self.version.lock() = Some((Instant::now(), version.clone()));
        Some(version)
    }

    /// What is told of nodes now, and how long the last look has taken. That they are as they are to be is told only when that was
    /// proven.
    async fn answer(
        self: &Arc<Self>,
        caller: &Caller,
        question: &Arc<Question>,
    ) -> Result<(WatchNodesResponse, Duration), Status> {
        let (mut look, mut took) = self.look(caller, question).await?;
        let mut proven: Option<BTreeSet<Key>> = None;
        for _ in 0..PROOFS {
            let is_proven = proven.as_ref().is_some_and(|proven| look.evidence.pods.is_subset(proven));
            if is_proven || !question.is_met_by(&look.nodes) {
                break;
            }
            proven = Some(look.evidence.pods.clone());
            self.prove(look.evidence).await?;
            (look, took) = self.look(caller, question).await?;
        }
        let is_proven = proven.is_some_and(|proven| look.evidence.pods.is_subset(&proven));
        let Look { nodes, requests, not_visible, freshness, .. } = look;
        let passed = is_proven && question.is_met_by(&nodes);
        let freshness = Some(freshness);
        let answer = WatchNodesResponse { nodes, passed, certificate_requests: requests, not_visible, freshness };
        Ok((answer, took))
    }

    /// Returns when what a look rests on is no older than now. Leases need no proof: an old one
    /// only seems to end earlier.
    async fn prove(&self, evidence: Evidence) -> Result<(), Status> {
        let prover = &self.served.prover;
        let proofs =
            evidence.into_selections().into_iter().map(|it| Arc::clone(prover).prove(Arc::new(it), Finds::Nothing));
        tokio::select! {
            biased;
            () = self.served.drain.cancelled() => Err(draining()),
            proven = try_join_all(proofs) => proven.map(drop).map_err(|error| unproven(&error)),
        }
    }
}

#[tonic::async_trait]
impl NodeReadinessService for Handler {
    async fn list_nodes(&self, request: Request<ListNodesRequest>) -> Result<Response<ListNodesResponse>, Status> {
        let caller = caller(&request)?;
        let question = Arc::new(Question::page(request.into_inner())?);
        let (look, _) = self.looker.look(&caller, &question).await?;
        let Look { nodes, not_visible, freshness, next, .. } = look;
        let next_page_token = next.map(|key| key.name.to_string()).unwrap_or_default();
        Ok(Response::new(ListNodesResponse { nodes, next_page_token, not_visible, freshness: Some(freshness) }))
    }

    type WatchNodesStream = BoxStream<'static, Result<Encoded<WatchNodesResponse>, Status>>;

    async fn watch_nodes(
        &self,
        request: Request<WatchNodesRequest>,
    ) -> Result<Response<Self::WatchNodesStream>, Status> {
        let caller = caller(&request)?;
        let question = Arc::new(Question::watched(request.into_inner())?);
        let permit = self.looker.served.streams.begin(&caller)?;
        let looker = Arc::clone(&self.looker);
        let mut watching =
            Watching { looker, caller, question, told: None, rhythm: Rhythm::new(ANEW), _permit: permit };
        // What cannot be answered at all is an error of the call.
        let first = watching.answer().await?;
        Ok(Response::new(retold::stream(watching, first)))
    }
}

/// Somebody who watches nodes.
struct Watching {
    looker: Arc<Looker>,
    caller: Caller,
    question: Arc<Question>,
    told: Option<WatchNodesResponse>,
    rhythm: Rhythm,
    _permit: Permit,
}

impl Watching {
    async fn answer(&mut self) -> Result<WatchNodesResponse, Status> {
        let Self { looker, caller, question, rhythm, .. } = self;
        rhythm.looks(&looker.served.log);
        let (answer, took) = looker.answer(caller, question).await?;
        rhythm.looked(took);
        Ok(answer)
    }
}

impl Retelling for Watching {
    type Found = WatchNodesResponse;
    type Message = WatchNodesResponse;

    /// The next answer that differs from the one that was told.
    async fn again(&mut self) -> Result<WatchNodesResponse, Status> {
        loop {
            let served = &self.looker.served;
            self.rhythm.something_happens(&served.log, &served.drain).await?;
            let answer = self.answer().await;
            let Some(answer) = self.rhythm.found(answer)? else { continue };
            let gist = gist(answer.clone());
            if self.told.as_ref().is_none_or(|told| *told != gist) {
                return Ok(answer);
            }
        }
    }

    fn tell(&mut self, answer: WatchNodesResponse) -> Encoded<WatchNodesResponse> {
        let message = Encoded::new(&answer);
        self.told = Some(gist(answer));
        message
    }
}

/// What of an answer is worth telling anew when it differs: not ages and sums.
fn gist(mut answer: WatchNodesResponse) -> WatchNodesResponse {
    answer.freshness = None;
    for node in &mut answer.nodes {
        node.lease_renew_time = None;
        node.resources.clear();
        if let Some(status) = &mut node.status {
            status.resource_version.clear();
        }
        for part in &mut node.parts {
            if part.result() == NodePartResult::Ok {
                part.message.clear();
            }
        }
    }
    answer
}

//! `NodeService`: nodes that are taken out of use for a while.

use std::sync::Arc;

use daymark_proto::v1::node_service_server::NodeService;
use daymark_proto::v1::{
    CordonRequest, CordonResponse, ObjectRef, PlanDrainRequest, PlanDrainResponse, StartDrainRequest,
    StartDrainResponse, UncordonRequest, UncordonResponse,
};
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::acting::{Note, not_done};
use super::auth::caller;
use super::error::{Reason, status, unknown_kinds};
use crate::access::Caller;
use crate::act::Act;
use crate::act::cordon::{Scheduled, Scheduling, schedule};
use crate::kind::Kind;
use crate::record::Key;

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }

    async fn schedule(
        &self,
        caller: &Caller,
        node: &ObjectRef,
        note: &Note,
        scheduling: Scheduling,
        dry_run: bool,
    ) -> Result<(ObjectRef, bool), Status> {
        let actor = self.served.actor(caller, Act::Cordon).await?;
        let nodes = self.served.nodes(node).await?;
        let scheduled = schedule(&actor, &nodes, (&node.name, &node.uid), scheduling, dry_run).await;
        note.tell_of(&scheduled);
        let Scheduled { uid, changed } = scheduled.map_err(|error| not_done(&error))?;
        Ok((self.served.object_ref(&nodes, &Key::new("", node.name.as_str()), uid), changed))
    }
}

impl Served {
    /// The kind of nodes, if a request names one of this cluster.
    pub(super) async fn nodes(&self, node: &ObjectRef) -> Result<Arc<Kind>, Status> {
        self.check_cluster(&node.cluster)?;
        if node.name.is_empty() {
            return Err(status(Code::InvalidArgument, Reason::InvalidFilter, "ref.name is empty: which node?", []));
        }
        self.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let nodes = self.caches.catalog().find_exactly(("", "Node"));
        nodes.ok_or_else(|| status(Code::NotFound, Reason::UnknownKind, "the cluster has no nodes", []))
    }
}

#[tonic::async_trait]
impl NodeService for Handler {
    async fn cordon(&self, request: Request<CordonRequest>) -> Result<Response<CordonResponse>, Status> {
        let caller = caller(&request)?;
        let node = request.get_ref().r#ref.clone().unwrap_or_default();
        let note = Note::of(&request, &caller, Act::Cordon, format!("cordon node/{}", node.name));
        let (node, changed) = self.schedule(&caller, &node, &note, Scheduling::Off, request.get_ref().dry_run).await?;
        Ok(Response::new(CordonResponse { r#ref: Some(node), changed }))
    }

    async fn uncordon(&self, request: Request<UncordonRequest>) -> Result<Response<UncordonResponse>, Status> {
        let caller = caller(&request)?;
        let node = request.get_ref().r#ref.clone().unwrap_or_default();
        let note = Note::of(&request, &caller, Act::Cordon, format!("uncordon node/{}", node.name));
        let (node, changed) = self.schedule(&caller, &node, &note, Scheduling::On, request.get_ref().dry_run).await?;
        Ok(Response::new(UncordonResponse { r#ref: Some(node), changed }))
    }

    async fn plan_drain(&self, request: Request<PlanDrainRequest>) -> Result<Response<PlanDrainResponse>, Status> {
        let caller = caller(&request)?;
        let PlanDrainRequest { r#ref, options } = request.into_inner();
        let plan = self.served.drain_plan(&caller, r#ref, options).await?;
        Ok(Response::new(PlanDrainResponse { plan: Some(self.served.told_plan(&plan)) }))
    }

    async fn start_drain(&self, request: Request<StartDrainRequest>) -> Result<Response<StartDrainResponse>, Status> {
        let caller = caller(&request)?;
        let node = request.get_ref().r#ref.clone().unwrap_or_default();
        let note = Note::of(&request, &caller, Act::Drain, format!("node/{}", node.name));
        Ok(Response::new(self.served.start_drain(&caller, note, request.into_inner()).await?))
    }
}

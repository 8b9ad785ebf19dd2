//! `ServerService`: what the daemon is.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::server_service_server::ServerService;
use daymark_proto::v1::{Cluster, GetServerInfoRequest, GetServerInfoResponse, ServedKind};
use tonic::{Request, Response, Status};

use super::Served;
use super::auth::caller;
use crate::kind::Kind;

/// How long the API server may take to tell its version before it is left out.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

#[tonic::async_trait]
impl ServerService for Handler {
    async fn get_server_info(
        &self,
        request: Request<GetServerInfoRequest>,
    ) -> Result<Response<GetServerInfoResponse>, Status> {
        caller(&request)?;
        let served = &self.served;
        // A cluster that does not answer is told by an empty version.
        let version = tokio::time::timeout(PATIENCE, served.source.version()).await;
        let cluster = Cluster {
            name: served.cluster.clone(),
            kubernetes_version: version.ok().and_then(Result::ok).unwrap_or_default(),
            default_namespace: served.default_namespace.clone(),
            replayed: served.source.is_replay(),
            kinds: served.caches.iter().map(|cache| served_kind(cache.kind())).collect(),
        };
        Ok(Response::new(GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").into(),
            incarnation: served.incarnation.to_string(),
            clusters: vec![cluster],
        }))
    }
}

fn served_kind(kind: &Kind) -> ServedKind {
    ServedKind {
        group: kind.group.clone(),
        version: kind.version.clone(),
        resource: kind.resource.clone(),
        kind: kind.kind.clone(),
        short_names: kind.short_names.clone(),
        namespaced: kind.namespaced,
    }
}

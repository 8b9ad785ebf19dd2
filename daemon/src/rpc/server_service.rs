//! `ServerService`: what the daemon is.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::server_service_server::ServerService;
use daymark_proto::v1::{
    CacheStatus, Cluster, GetServerInfoRequest, GetServerInfoResponse, ListCachesRequest, ListCachesResponse,
    ServedKind,
};
use tonic::{Request, Response, Status};

use super::Served;
use super::auth::caller;
use crate::cache::Cache;
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
            kinds: served.caches.catalog().kinds().iter().map(|kind| served_kind(kind)).collect(),
        };
        Ok(Response::new(GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").into(),
            incarnation: served.incarnation.to_string(),
            clusters: vec![cluster],
        }))
    }

    async fn list_caches(&self, request: Request<ListCachesRequest>) -> Result<Response<ListCachesResponse>, Status> {
        let caller = caller(&request)?;
        let mut caches = Vec::new();
        for cache in self.served.caches.open() {
            if self.served.may_list(&caller, &cache).await? {
                caches.push(self.cache_status(&cache));
            }
        }
        Ok(Response::new(ListCachesResponse { caches, streams: count(self.served.streams.open()) }))
    }
}

impl Handler {
    fn cache_status(&self, cache: &Cache) -> CacheStatus {
        let served = &self.served;
        let (size, freshness) = (cache.size(), cache.freshness().clone());
        let resource_version = match freshness.resource_version {
            0 => String::new(),
            version => version.to_string(),
        };
        CacheStatus {
            cluster: served.cluster.clone(),
            kind: Some(served_kind(cache.kind())),
            namespace: cache.collection().namespace.as_deref().unwrap_or_default().to_owned(),
            objects: count(size.objects),
            bytes: count(size.bytes),
            body_bytes: count(size.body_bytes),
            freshness: Some(served.freshness([cache])),
            listed: freshness.listed,
            resource_version,
            subscribers: count(served.log.streams(cache.id())),
            lists: i64::try_from(freshness.lists).unwrap_or(i64::MAX),
            decode_errors: i64::try_from(freshness.decode_errors).unwrap_or(i64::MAX),
            warm: served.caches.is_warm(cache.kind()),
            change_bytes: count(served.log.bytes(cache.id())),
            field_selector: cache.collection().field_selector.unwrap_or_default().to_owned(),
        }
    }
}

/// A count or size of what is in memory.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
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

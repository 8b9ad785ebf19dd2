//! `TreeService`: an object and what it owns.

mod growing;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::tree_service_server::TreeService;
use daymark_proto::v1::{Unreachable, WatchTreeRequest, WatchTreeResponse};
use futures::stream::Stream;
use tonic::{Code, Request, Response, Status};

use self::growing::Growing;
use super::Served;
use super::auth::caller;
use super::convert::View;
use super::error::{Reason, status, unknown_kinds, unreadable};
use super::filter::Caches;
use super::gate_owned::can_be_unready;
use super::rights::{Sight, Use};
use super::status_service::not_found;
use crate::access::Caller;
use crate::caches::Lease;
use crate::kind::Kind;
use crate::record::{Key, Uid};
use crate::subscription::{Found, Named, Scope, Selection};
use crate::tree::owned_kinds;

/// The shortest interval between two trees.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

/// The object that a tree grows from.
pub(super) struct Root {
    pub(super) cache: Lease,
    pub(super) key: Key,
}

impl Root {
    /// It alone, as a stream follows it.
    pub(super) fn selection(&self) -> Selection {
        let named = Named { cache: 0, key: self.key.clone(), uid: None, absence: Found::default() };
        Selection::of(vec![self.cache.clone()], Scope::Named(vec![named]))
    }
}

/// Where what an object owns is looked for, and what of that may be seen.
pub(super) struct Ground {
    pub(super) selection: Selection,
    pub(super) sight: Sight,
    pub(super) unreachable: Vec<Unreachable>,
}

#[tonic::async_trait]
impl TreeService for Handler {
    type WatchTreeStream = Pin<Box<dyn Stream<Item = Result<Encoded<WatchTreeResponse>, Status>> + Send>>;

    async fn watch_tree(&self, request: Request<WatchTreeRequest>) -> Result<Response<Self::WatchTreeStream>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let interval = interval(request.interval)?;
        let permit = self.served.streams.begin(&caller)?;
        self.served.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let wanted = request.r#ref.unwrap_or_default();
        let (cache, key) = self.served.resolve(&wanted, None).await?;
        let root = Root { cache, key };
        let sight = self.served.sight(&caller, &root.selection(), Use::Follow, View::Basic).await?;
        let kind = root.cache.kind();
        self.served.listed(&root.cache).await?.map_err(|problem| unreadable(kind, &problem))?;
        let is_meant = |uid: &Uid| wanted.uid.is_empty() || uid.is(&wanted.uid);
        if !root.cache.get(&root.key).is_some_and(|record| is_meant(&record.uid)) {
            return Err(not_found(&root.cache, &root.key));
        }
        let ground = self.served.ground(&caller, &root, &request.kinds).await?;
        let growing = Growing::new(Arc::clone(&self.served), caller, (root, sight), ground, interval, permit);
        Ok(Response::new(Box::pin(growing.into_stream())))
    }
}

impl Served {
    /// Where what an object owns is to be looked for.
    async fn ground(&self, caller: &Caller, root: &Root, names: &[String]) -> Result<Ground, Status> {
        let kind = root.cache.kind();
        let kinds = match names {
            [] => self.kinds_below(kind),
            names => self.kinds(names).await?,
        };
        let scope = match kind.namespaced {
            true => Scope::Namespaces([Arc::clone(&root.key.namespace)].into()),
            false => Scope::All,
        };
        let is_near = |cache: &Lease| {
            !kind.namespaced || cache.collection().namespace.as_deref().is_none_or(|n| *n == *root.key.namespace)
        };
        let mut caches = Caches::default();
        // What has a namespace owns nothing that has none.
        for kind in kinds.iter().filter(|below| below.namespaced || !kind.namespaced) {
            self.lease(kind).await?.into_iter().filter(is_near).for_each(|cache| caches.add(cache));
        }
        let selection = Selection::of(caches.into_inner(), scope);
        let (sight, unreachable) = self.sight_below(caller, &selection).await?;
        Ok(Ground { selection, sight, unreachable })
    }

    /// What may be seen below an object: nothing is not an error.
    async fn sight_below(&self, caller: &Caller, of: &Selection) -> Result<(Sight, Vec<Unreachable>), Status> {
        if of.caches.is_empty() {
            return Ok((self.sight(caller, of, Use::Follow, View::Basic).await?, Vec::new()));
        }
        match self.seen(caller, of, Use::Follow, View::Basic).await {
            Ok(seen) => Ok(seen),
            Err(denied) if denied.code() == Code::PermissionDenied => Ok((Sight::nothing(of, &denied), Vec::new())),
            Err(error) => Err(error),
        }
    }

    fn kinds_below(&self, kind: &Kind) -> Vec<Arc<Kind>> {
        let catalog = self.caches.catalog();
        match owned_kinds(&kind.group, &kind.kind) {
            Some(names) => names.into_iter().filter_map(|name| catalog.find_exactly(name)).collect(),
            None => catalog.kinds().iter().filter(|kind| can_be_unready(kind)).cloned().collect(),
        }
    }
}

fn interval(asked: Option<prost_types::Duration>) -> Result<Duration, Status> {
    match asked.map(Duration::try_from) {
        None => Ok(SHORTEST_INTERVAL),
        Some(Ok(interval)) if interval >= SHORTEST_INTERVAL => Ok(interval),
        Some(_) => {
            let message = "interval is less than 100 ms";
            Err(status(Code::InvalidArgument, Reason::InvalidInterval, message, []))
        }
    }
}

//! What a tunnel leads to, and who may have it.

use std::sync::Arc;

use daymark_proto::v1::ObjectRef;
use tonic::{Code, Status};

use super::Served;
use super::acting::not_done;
use super::convert::View;
use super::error::{Reason, status, unknown_kinds, unreadable};
use super::status_service::not_found;
use crate::access::authorizer::Right;
use crate::act::actor::{Actor, NotDone};
use crate::act::endpoints::{self, Meant, NoEndpoint};
use crate::caches::Lease;
use crate::kind::Kind;
use crate::logs::below;
use crate::record::Key;
use crate::subscription::{Found, Named, Scope, Selection};

/// An object that connections go to, as it is now.
pub(super) struct Target {
    pub(super) cache: Lease,
    pub(super) key: Key,
    json: Vec<u8>,
    rest: Rest,
}

/// What its ports are known by besides.
enum Rest {
    /// A Service, with its EndpointSlices.
    Slices(Vec<Vec<u8>>),
    /// A pod.
    Itself,
    /// Pods below a workload, by their names.
    Pods(Vec<(Arc<str>, Vec<u8>)>),
}

fn is_service(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.resource == "services"
}

impl Target {
    /// What a port of it means.
    pub(super) fn port(&self, port: &str) -> Result<Meant, Status> {
        let meant = match &self.rest {
            Rest::Slices(slices) => endpoints::of_service(&self.json, slices.iter().map(|slice| &**slice), port),
            Rest::Itself => endpoints::of_pods([(&*self.key.name, &*self.json)], port, true),
            Rest::Pods(pods) => endpoints::of_pods(pods.iter().map(|(name, pod)| (&**name, &**pod)), port, false),
        };
        meant.map_err(|error| self.not_meant(port, &error))
    }

    fn not_meant(&self, port: &str, error: &NoEndpoint) -> Status {
        let (code, reason) = match error {
            NoEndpoint::UnknownPort { .. } => (Code::NotFound, Reason::PortNotFound),
            NoEndpoint::NoPort(_) => (Code::InvalidArgument, Reason::InvalidTunnel),
            NoEndpoint::NotTcp { .. } | NoEndpoint::Unreadable(_) => (Code::FailedPrecondition, Reason::NotForwardable),
            NoEndpoint::Alias(_) | NoEndpoint::NoSelector => (Code::FailedPrecondition, Reason::NoSelector),
            NoEndpoint::NoneReady(_) | NoEndpoint::NoPods | NoEndpoint::NotRunning(_) => {
                (Code::FailedPrecondition, Reason::NoEndpoint)
            }
        };
        status(code, reason, format!("{}: {error}", self.told()), [("port", port.to_owned())])
    }

    /// `services "web" in namespace "shop"`
    pub(super) fn told(&self) -> String {
        told(self.cache.kind(), &self.key)
    }

    /// The object, as the API names it.
    pub(super) fn object_ref(&self, served: &Served) -> ObjectRef {
        let kind = self.cache.kind();
        ObjectRef {
            cluster: served.cluster.clone(),
            group: kind.group.clone(),
            resource: kind.resource.clone(),
            namespace: self.key.namespace.to_string(),
            name: self.key.name.to_string(),
            ..ObjectRef::default()
        }
    }
}

fn told(kind: &Kind, key: &Key) -> String {
    format!("{kind} {:?} in namespace {:?}", key.name, key.namespace)
}

impl Served {
    /// The object that a tunnel is to lead to, if whoever it is for may know it, and what is below it.
    pub(super) async fn tunnel_target(&self, actor: &Actor, wanted: &ObjectRef) -> Result<Target, Status> {
        self.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let (cache, key) = self.resolve(wanted, None).await?;
        let kind = cache.kind();
        self.may_look_below(actor, kind, &key).await?;
        if !kind.namespaced {
            let message = format!("{kind} {:?} has no pods: nothing can be forwarded to it", key.name);
            return Err(status(Code::FailedPrecondition, Reason::NotForwardable, message, []));
        }
        self.listed(&cache).await?.map_err(|problem| unreadable(cache.kind(), &problem))?;
        let named = Named { cache: 0, key: key.clone(), uid: None, absence: Found::default() };
        let selection = Selection::of(vec![cache.clone()], Scope::Named(vec![named]));
        let absent = self.absent_targets(&selection).await?;
        let record = cache.get(&key).filter(|_| absent.is_empty()).ok_or_else(|| not_found(&cache, &key))?;
        let below = self.below(&selection).await?;
        let found = below::Found { cache: Arc::clone(cache.cache()), record };
        let json = self.json_of(&found).await?.ok_or_else(|| not_found(&cache, &key))?;
        let rest = if cache.kind().is_pods() {
            Rest::Itself
        } else if is_service(cache.kind()) {
            let slices = self.jsons_of(&below.slices(&key)).await?;
            Rest::Slices(slices.into_iter().map(|(_, json)| json).collect())
        } else {
            let pods = below.pods(&self.source, &self.log, &found).await;
            let pods = pods.map_err(|problem| unreadable(cache.kind(), &problem))?;
            Rest::Pods(self.jsons_of(&pods).await?)
        };
        Ok(Target { cache, key, json, rest })
    }

    /// Whether whoever the actor acts for may know an object, and what connections to it go to.
    pub(super) async fn may_look_below(&self, actor: &Actor, kind: &Kind, key: &Key) -> Result<(), Status> {
        self.may_get(actor.caller(), kind, key, View::Full).await?;
        let namespace = Some(&*key.namespace);
        let below = match kind {
            kind if kind.is_pods() => return may_forward(actor, key).await.map_err(|error| not_done(&error)),
            kind if is_service(kind) => Right::to_any("list", "discovery.k8s.io", "endpointslices", namespace),
            _ => Right::to_any("list", "", "pods", namespace),
        };
        actor.may(below).await.map_err(|error| not_done(&error))
    }

    async fn json_of(&self, found: &below::Found) -> Result<Option<Vec<u8>>, Status> {
        found.json(&self.source).await.map_err(|problem| unreadable(found.cache.kind(), &problem))
    }

    /// The JSON of each that is still there.
    async fn jsons_of(&self, found: &[below::Found]) -> Result<Vec<(Arc<str>, Vec<u8>)>, Status> {
        let mut jsons = Vec::with_capacity(found.len());
        for found in found {
            jsons.extend(self.json_of(found).await?.map(|json| (Arc::clone(&found.record.key.name), json)));
        }
        Ok(jsons)
    }
}

/// Whether whoever the actor acts for may have ports of a pod forwarded: of all in its namespace, or of
/// that one.
pub(super) async fn may_forward(actor: &Actor, pod: &Key) -> Result<(), NotDone> {
    let here = Right::to_any("create", "", "pods", Some(&pod.namespace)).below("portforward");
    match actor.may(here.clone()).await {
        Err(NotDone::Denied { .. }) => actor.may(here.of(&pod.name)).await,
        known => known,
    }
}

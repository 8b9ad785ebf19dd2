//! `ControlPlaneService`: how the cluster's control plane is.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::control_plane_service_server::ControlPlaneService;
use daymark_proto::v1::{
    ControlPlane, ControlPlaneHealth, GetControlPlaneRequest, GetControlPlaneResponse, Unreachable,
    WatchControlPlaneRequest, WatchControlPlaneResponse,
};
use futures::stream::BoxStream;
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::control_plane_convert as convert;
use super::convert::timestamp;
use super::error::{Reason, draining, status};
use super::retold::{self, Retelling};
use super::streams::Permit;
use crate::access::Caller;
use crate::control_plane::{Observation, Observer, Subject};
use crate::source::{Problem, ProblemReason};

/// How often it is told, where the request does not say, and at most.
const INTERVAL: Duration = Duration::from_secs(5);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Handler {
    teller: Arc<Teller>,
}

/// Tells each caller what it may see.
struct Teller {
    served: Arc<Served>,
    /// None of a recording.
    observer: Option<Observer>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        let observer = served.source.api_server().map(|server| {
            Observer::new(server, Arc::clone(&served.caches), Arc::clone(&served.log), served.clock.clone())
        });
        Self { teller: Arc::new(Teller { served, observer }) }
    }
}

#[tonic::async_trait]
impl ControlPlaneService for Handler {
    async fn get_control_plane(
        &self,
        request: Request<GetControlPlaneRequest>,
    ) -> Result<Response<GetControlPlaneResponse>, Status> {
        let caller = caller(&request)?;
        self.teller.served.check_cluster(&request.get_ref().cluster)?;
        let control_plane = Some(self.teller.tell(&caller).await?);
        Ok(Response::new(GetControlPlaneResponse { control_plane }))
    }

    type WatchControlPlaneStream = BoxStream<'static, Result<Encoded<WatchControlPlaneResponse>, Status>>;

    async fn watch_control_plane(
        &self,
        request: Request<WatchControlPlaneRequest>,
    ) -> Result<Response<Self::WatchControlPlaneStream>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        self.teller.served.check_cluster(&request.cluster)?;
        let interval = interval(request.interval)?;
        let permit = self.teller.served.streams.begin(&caller)?;
        // What cannot be answered at all is an error of the call.
        let first = self.teller.tell(&caller).await?;
        let watching = Watching { teller: Arc::clone(&self.teller), caller, interval, _permit: permit };
        Ok(Response::new(retold::stream(watching, first)))
    }
}

/// Somebody who watches.
struct Watching {
    teller: Arc<Teller>,
    caller: Caller,
    interval: Duration,
    _permit: Permit,
}

impl Retelling for Watching {
    type Found = ControlPlane;
    type Message = WatchControlPlaneResponse;

    async fn again(&mut self) -> Result<ControlPlane, Status> {
        tokio::select! {
            biased;
            () = self.teller.served.drain.cancelled() => Err(draining()),
            () = tokio::time::sleep(self.interval) => self.teller.tell(&self.caller).await,
        }
    }

    fn tell(&mut self, told: ControlPlane) -> Encoded<WatchControlPlaneResponse> {
        Encoded::new(&WatchControlPlaneResponse { control_plane: Some(told) })
    }
}

impl Teller {
    /// How the control plane is, as far as the caller may see it.
    async fn tell(&self, caller: &Caller) -> Result<ControlPlane, Status> {
        let Some(observer) = &self.observer else {
            let message = "a recording has no control plane";
            return Err(status(Code::FailedPrecondition, Reason::NoApiServer, message, []));
        };
        tokio::select! {
            biased;
            () = self.served.drain.cancelled() => Err(draining()),
            told = self.tell_observed(caller, observer) => Ok(told),
        }
    }

    async fn tell_observed(&self, caller: &Caller, observer: &Observer) -> ControlPlane {
        let seen = observer.observe().await;
        let told = ControlPlane {
            cluster: self.served.cluster.clone(),
            observed_at: Some(timestamp(seen.at)),
            ..ControlPlane::default()
        };
        if let Some(problem) = &seen.unreachable {
            let (health, unreachable) = (ControlPlaneHealth::Unreachable.into(), problem.message.clone());
            return ControlPlane { health, unreachable, ..told };
        }
        let mut telling = Telling { served: &self.served, caller, told };
        telling.observed(&seen).await;
        if telling.may_see(Subject::METRICS).await
            && let Some(measured) = telling.read(Subject::METRICS, observer.measure().await.as_ref())
        {
            telling.told.etcd = Some(convert::etcd(measured));
            telling.told.deprecated_apis = measured.metrics.deprecated.iter().map(convert::deprecated).collect();
            telling.told.metrics_since = convert::started(measured);
        }
        telling.told
    }
}

/// What one caller is being told.
struct Telling<'a> {
    served: &'a Served,
    caller: &'a Caller,
    told: ControlPlane,
}

impl Telling<'_> {
    async fn observed(&mut self, seen: &Observation) {
        let now = self.served.clock.now();
        if self.may_see(Subject::VERSION).await {
            self.told.version = self.read(Subject::VERSION, seen.version.as_ref()).cloned().unwrap_or_default();
        }
        for (subject, endpoint) in &seen.endpoints {
            if self.may_see(*subject).await
                && let Some(endpoint) = self.read(*subject, endpoint.as_ref())
            {
                self.told.endpoints.push(convert::endpoint(*subject, endpoint));
            }
        }
        for (subject, leader) in &seen.leases {
            if self.may_see(*subject).await
                && let Some(leader) = self.read(*subject, leader.as_ref())
            {
                self.told.leases.push(convert::lease(*subject, leader.as_ref(), now));
            }
        }
        if self.may_see(Subject::Nodes).await
            && let Some(kubelets) = self.read(Subject::Nodes, seen.kubelets.as_ref())
        {
            let version = self.told.version.clone();
            self.told.kubelets = kubelets.iter().map(|it| convert::kubelets(it, &version)).collect();
        }
        let is_hidden = |subject: Subject| self.told.not_visible.iter().any(|hidden| hidden.kind == subject.name());
        let visible = seen.latencies.iter().filter(|latency| !is_hidden(latency.subject));
        self.told.latencies = visible.map(convert::latency).collect();
        self.told.health = health(&self.told).into();
    }

    /// Whether the caller may see it; if not, that is noted.
    async fn may_see(&mut self, subject: Subject) -> bool {
        match self.served.may_read(self.caller, subject.right()).await {
            Ok(()) => true,
            Err(why) => {
                self.hide(subject, why.reason, why.message);
                false
            }
        }
    }

    /// What was read of it; why not, if not, is noted.
    fn read<'a, T>(&mut self, subject: Subject, it: Result<&'a T, &Problem>) -> Option<&'a T> {
        it.map_err(|problem| {
            let message = match problem.reason {
                ProblemReason::Forbidden => format!("the daemon may not {}", subject.right()),
                _ => problem.message.clone(),
            };
            self.hide(subject, &problem.reason.to_string(), message);
        })
        .ok()
    }

    fn hide(&mut self, subject: Subject, reason: &str, message: String) {
        self.told.not_visible.push(Unreachable {
            kind: subject.name(),
            namespace: subject.namespace().to_owned(),
            reason: reason.to_owned(),
            message,
        });
    }
}

/// What that which can be seen comes to.
fn health(told: &ControlPlane) -> ControlPlaneHealth {
    let fails = told.endpoints.iter().any(|endpoint| !endpoint.passed);
    let is_led = |lease: &daymark_proto::v1::LeaderLease| !lease.found || (!lease.holder.is_empty() && !lease.expired);
    match (fails || !told.leases.iter().all(is_led), told.endpoints.is_empty()) {
        (true, _) => ControlPlaneHealth::Unhealthy,
        (false, true) => ControlPlaneHealth::Unspecified,
        (false, false) => ControlPlaneHealth::Healthy,
    }
}

fn interval(asked: Option<prost_types::Duration>) -> Result<Duration, Status> {
    match asked.map(Duration::try_from) {
        None => Ok(INTERVAL),
        Some(Ok(interval)) if interval >= SHORTEST_INTERVAL => Ok(interval),
        Some(_) => {
            let message = "interval is less than 1 s";
            Err(status(Code::InvalidArgument, Reason::InvalidInterval, message, []))
        }
    }
}

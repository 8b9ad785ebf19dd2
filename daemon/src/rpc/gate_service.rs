//! `GateService`: verdicts on sets of objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use daymark_proto::Encoded;
use daymark_proto::v1::gate_service_server::GateService;
use daymark_proto::v1::{
    self, AppliedObject, ArmGateRequest, ArmGateResponse, CancelGateRequest, CancelGateResponse, GateObject,
    GatePolicy, GetGateRequest, GetGateResponse, OpenGateRequest, OpenGateResponse, WatchGateRequest,
    WatchGateResponse,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::SignedDuration;
use tokio::sync::watch;
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::convert::{View, timestamp};
use super::error::{Reason, come_again, draining, status};
use super::streams::Permit;
use crate::gate::register::{Gate, NotArmed, NotOpened};
use crate::gate::run::{Report, Stands};
use crate::gate::tally::Place;
use crate::gate::{Applied, Goal, Outcome, Policy, Standing};
use crate::kind::Kind;
use crate::record::Uid;
use crate::subscription::Selection;

/// The longest that a gate may be open.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }

    fn find(&self, token: &str) -> Result<Arc<Gate>, Status> {
        self.served.gates.find(token).ok_or_else(|| {
            let message = "there is no such gate: it was never opened here, or its verdict is no longer kept";
            status(Code::NotFound, Reason::GateNotFound, message, [])
        })
    }

    async fn applied(&self, gate: &Gate, applied: &AppliedObject) -> Result<(Place, Applied), Status> {
        let wanted = applied.r#ref.clone().unwrap_or_default();
        let (cache, key) = self.served.resolve(&wanted).await?;
        let place = gate.place(cache.kind(), &key).ok_or_else(|| {
            let message = format!("{} {} is not of a kind that the gate is about", cache.kind(), key.name);
            status(Code::InvalidArgument, Reason::InvalidPolicy, message, [])
        })?;
        let version = &applied.resource_version;
        let resource_version = if version.is_empty() { Ok(0) } else { version.parse() };
        let resource_version = resource_version.map_err(|_| invalid(format!("{version:?} is no resourceVersion")))?;
        let uid = (!wanted.uid.is_empty()).then(|| Uid::from(wanted.uid.as_str()));
        Ok((place, Applied { uid, generation: applied.generation, resource_version }))
    }

    /// What of a gate's end, or its being armed, the caller is told, as soon as it
    /// is so.
    async fn after(&self, gate: &Gate, so: impl Fn(&Report) -> bool) -> Result<v1::Gate, Status> {
        let mut report = gate.report();
        tokio::select! {
            biased;
            () = self.served.drain.cancelled() => Err(draining()),
            changed = report.wait_for(|report| so(report) || report.verdict.is_some()) => match changed {
                Ok(report) => Ok(summary(gate, &report)),
                Err(_) => Err(draining()),
            },
        }
    }
}

#[tonic::async_trait]
impl GateService for Handler {
    async fn open_gate(&self, request: Request<OpenGateRequest>) -> Result<Response<OpenGateResponse>, Status> {
        caller(&request)?;
        let OpenGateRequest { filter, policy, await_arming } = request.into_inner();
        let filter = filter.unwrap_or_default();
        if !filter.states.is_empty() || !filter.cel.is_empty() || !filter.field_selector.is_empty() {
            return Err(invalid("a gate's filter takes refs, or kinds, namespaces and a label selector"));
        }
        let mut selection = self.served.select(&filter).await?;
        // The last version counts as applied, also if its state is as before.
        selection.every_version = true;
        let policy = read_policy(policy.unwrap_or_default(), &selection)?;
        self.served.await_listed(&selection).await?;
        let (token, gate) = match self.served.gates.open(selection, policy, await_arming).await {
            Ok(opened) => opened,
            Err(error @ NotOpened::TooMany) => return Err(come_again(Reason::TooManyGates, error.to_string())),
            Err(NotOpened::Stopping) => return Err(draining()),
            Err(error @ NotOpened::NoToken(_)) => return Err(Status::internal(error.to_string())),
        };
        let summary = summary(&gate, &gate.report().borrow());
        Ok(Response::new(OpenGateResponse { token, gate: Some(summary) }))
    }

    async fn arm_gate(&self, request: Request<ArmGateRequest>) -> Result<Response<ArmGateResponse>, Status> {
        caller(&request)?;
        let ArmGateRequest { token, applied } = request.into_inner();
        let gate = self.find(&token)?;
        if !gate.awaits_arming {
            let message = "the gate was not opened to be armed";
            return Err(status(Code::FailedPrecondition, Reason::NotToBeArmed, message, []));
        }
        let mut places = Vec::with_capacity(applied.len());
        for applied in &applied {
            places.push(self.applied(&gate, applied).await?);
        }
        gate.arm(places).await.map_err(|error| {
            let reason = match error {
                NotArmed::Ended => Reason::GateEnded,
                NotArmed::Twice => Reason::NotToBeArmed,
            };
            status(Code::FailedPrecondition, reason, error.to_string(), [])
        })?;
        let gate = self.after(&gate, |report| report.armed).await?;
        Ok(Response::new(ArmGateResponse { gate: Some(gate) }))
    }

    type WatchGateStream = BoxStream<'static, Result<Encoded<WatchGateResponse>, Status>>;

    async fn watch_gate(&self, request: Request<WatchGateRequest>) -> Result<Response<Self::WatchGateStream>, Status> {
        caller(&request)?;
        let gate = self.find(&request.into_inner().token)?;
        let watching = Watching {
            served: Arc::clone(&self.served),
            _permit: self.served.streams.begin()?,
            report: gate.report(),
            gate,
            told: BTreeMap::new(),
            stage: Stage::First,
        };
        Ok(Response::new(stream::unfold(watching, Watching::next).boxed()))
    }

    async fn get_gate(&self, request: Request<GetGateRequest>) -> Result<Response<GetGateResponse>, Status> {
        caller(&request)?;
        let gate = self.find(&request.into_inner().token)?;
        let report = Arc::clone(&gate.report().borrow());
        let objects = report.objects.iter().map(|stands| self.served.gate_object(&gate, stands));
        let objects = objects.collect::<Result<_, _>>()?;
        Ok(Response::new(GetGateResponse { gate: Some(summary(&gate, &report)), objects }))
    }

    async fn cancel_gate(&self, request: Request<CancelGateRequest>) -> Result<Response<CancelGateResponse>, Status> {
        caller(&request)?;
        let gate = self.find(&request.into_inner().token)?;
        gate.cancel().await;
        // Who cancels what has ended is told how.
        let gate = self.after(&gate, |_| false).await?;
        Ok(Response::new(CancelGateResponse { gate: Some(gate) }))
    }
}

/// Somebody who watches a gate.
struct Watching {
    served: Arc<Served>,
    _permit: Permit,
    gate: Arc<Gate>,
    report: watch::Receiver<Arc<Report>>,
    told: BTreeMap<Place, Stands>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    First,
    Going,
    Ended,
}

type Message = Result<Encoded<WatchGateResponse>, Status>;

impl Watching {
    async fn next(mut self) -> Option<(Message, Self)> {
        match self.stage {
            Stage::Ended => return None,
            Stage::First => self.stage = Stage::Going,
            Stage::Going => {
                let changed = tokio::select! {
                    biased;
                    () = self.served.drain.cancelled() => false,
                    changed = self.report.changed() => changed.is_ok(),
                };
                if !changed {
                    self.stage = Stage::Ended;
                    return Some((Err(draining()), self));
                }
            }
        }
        let report = Arc::clone(&self.report.borrow_and_update());
        if report.verdict.is_some() {
            self.stage = Stage::Ended;
        }
        let message = self.tell(&report);
        if message.is_err() {
            self.stage = Stage::Ended;
        }
        Some((message, self))
    }

    fn tell(&mut self, report: &Report) -> Message {
        let mut objects = Vec::new();
        for stands in &report.objects {
            if !self.told.get(&stands.place).is_some_and(|told| told.is_like(stands)) {
                objects.push(self.served.gate_object(&self.gate, stands)?);
                self.told.insert(stands.place.clone(), stands.clone());
            }
        }
        let kinds: Vec<_> = self.gate.kinds.iter().map(|(kind, _)| Arc::clone(kind)).collect();
        let caches = self.served.caches.open();
        let caches = caches.iter().filter(|cache| kinds.iter().any(|kind| **kind == *cache.kind()));
        let freshness = Some(self.served.freshness(caches.map(|cache| &**cache)));
        let gate = Some(summary(&self.gate, report));
        Ok(Encoded::new(&WatchGateResponse { gate, objects, freshness }))
    }
}

impl Served {
    fn gate_object(&self, gate: &Gate, stands: &Stands) -> Result<GateObject, Status> {
        let (cache, key) = &stands.place;
        let (kind, _) = gate.kinds.get(*cache).ok_or_else(|| Status::internal("an object of no kind"))?;
        let status = match &stands.seen {
            Some(record) => self.status(kind, record, View::Basic)?,
            None => self.absent(kind, key),
        };
        let (standing, why) = match &stands.standing {
            Standing::Waiting(why) => (v1::Standing::Waiting, why.clone()),
            Standing::Met => (v1::Standing::Met, String::new()),
            Standing::Failed(why) => (v1::Standing::Failed, why.clone()),
        };
        Ok(GateObject { status: Some(status), standing: standing.into(), why })
    }
}

fn summary(gate: &Gate, report: &Report) -> v1::Gate {
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let met = report.objects.iter().filter(|stands| stands.standing == Standing::Met).count();
    let verdict = report.verdict.as_ref();
    let outcome = verdict.map_or(v1::Outcome::Unspecified, |verdict| match verdict.outcome {
        Outcome::Passed => v1::Outcome::Passed,
        Outcome::Failed => v1::Outcome::Failed,
        Outcome::Undecided => v1::Outcome::Undecided,
        Outcome::Cancelled => v1::Outcome::Cancelled,
    });
    v1::Gate {
        outcome: outcome.into(),
        reason: verdict.map(|verdict| verdict.reason.clone()).unwrap_or_default(),
        message: verdict.map(|verdict| verdict.message.clone()).unwrap_or_default(),
        open_time: Some(timestamp(gate.opened)),
        deadline: Some(timestamp(gate.deadline)),
        end_time: verdict.map(|verdict| timestamp(verdict.at)),
        armed: report.armed,
        proven: report.proven,
        objects: count(report.objects.len()),
        met: count(met),
    }
}

fn read_policy(wire: GatePolicy, selection: &Selection) -> Result<Policy, Status> {
    let default = Policy::default();
    let duration = |name: &str, duration: Option<prost_types::Duration>| {
        let Some(wire) = duration else { return Ok(None) };
        if !(-999_999_999..=999_999_999).contains(&wire.nanos) {
            return Err(invalid(format!("{name} is no duration")));
        }
        let duration = SignedDuration::new(wire.seconds, wire.nanos);
        if duration.is_negative() { Err(invalid(format!("{name} is negative"))) } else { Ok(Some(duration)) }
    };
    let goal = wire.goal();
    let policy = Policy {
        goal: match goal {
            v1::Goal::Unspecified | v1::Goal::Ready | v1::Goal::Rollout | v1::Goal::Complete => Goal::Ready,
            v1::Goal::Exists => Goal::Exists,
            v1::Goal::Deleted => Goal::Deleted,
        },
        ignore_failures: wire.ignore_failures,
        stable_for: duration("stable_for", wire.stable_for)?.unwrap_or(default.stable_for),
        tolerate: duration("tolerate", wire.tolerate)?.unwrap_or(default.tolerate),
        no_progress: duration("no_progress", wire.no_progress)?,
        deadline: duration("deadline", wire.deadline)?.unwrap_or(default.deadline),
        min_objects: match wire.min_objects {
            0 => default.min_objects,
            n => usize::try_from(n).map_err(|_| invalid("min_objects is negative"))?,
        },
    };
    for cache in &selection.caches {
        check_goal(goal, cache.kind())?;
    }
    match () {
        () if policy.deadline.is_zero() || policy.deadline > LONGEST => {
            Err(invalid("deadline is not from 1 ns to a day"))
        }
        () if policy.stable_for >= policy.deadline => Err(invalid("stable_for is not shorter than the deadline")),
        () if policy.no_progress.is_some_and(|long| long.is_zero()) => Err(invalid("no_progress is zero")),
        () => Ok(policy),
    }
}

fn check_goal(goal: v1::Goal, kind: &Kind) -> Result<(), Status> {
    let is = |group: &str, resources: &[&str]| kind.group == group && resources.contains(&kind.resource.as_str());
    let fits = match goal {
        v1::Goal::Rollout => is("apps", &["deployments", "statefulsets", "daemonsets"]),
        v1::Goal::Complete => is("batch", &["jobs"]),
        v1::Goal::Unspecified | v1::Goal::Ready | v1::Goal::Exists | v1::Goal::Deleted => true,
    };
    if fits { Ok(()) } else { Err(invalid(format!("{} is no goal of {kind}", goal.as_str_name()))) }
}

fn invalid(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, Reason::InvalidPolicy, format!("invalid policy: {}", message.into()), [])
}

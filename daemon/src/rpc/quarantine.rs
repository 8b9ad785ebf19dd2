//! Quarantines: from a request to a plan, and to an operation; and back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::{ObjectRef, ReleaseRequest, ReleaseResponse, StartQuarantineRequest, StartQuarantineResponse};
use jiff::Timestamp;
use tonic::{Code, Status};

use super::Served;
use super::acting::{Note, not_done};
use super::error::{Reason, status, unknown_kinds};
use crate::access::Caller;
use crate::access::authorizer::Right;
use crate::act::Act;
use crate::act::actor::Actor;
use crate::act::controller::Controller;
use crate::act::eyes::Eyes;
use crate::act::operation::{Start, Target};
use crate::act::quarantine::mark::Mark;
use crate::act::quarantine::plan::{Facts, Plan, Unfit};
use crate::act::quarantine::read::{self, Managing};
use crate::act::quarantine::release::{NotReleased, find, release};
use crate::act::quarantine::{Options, Quarantine, Targets};
use crate::diagnose::Object;
use crate::kind::Kind;
use crate::record::Key;
use crate::subscription::{Scope, Selection};

/// How long a quarantine may take, if nobody says; and at most.
const TIMEOUT: Duration = Duration::from_mins(5);
const LONGEST: Duration = Duration::from_hours(24);
/// The longest `request_id` and `why` in bytes.
const LONGEST_ID: usize = 128;
const LONGEST_WHY: usize = 1024;
/// Labels that a request may set.
const LABELS: usize = 16;

/// A plan, and by what it was made.
struct Planned {
    plan: Plan,
    facts: Facts,
    managing: Managing,
    mark: Mark,
    is_marked: bool,
}

impl Served {
    /// Begins a quarantine, unless the same request has begun it before.
    pub(super) async fn start_quarantine(
        &self,
        caller: &Caller,
        note: Note,
        request: StartQuarantineRequest,
    ) -> Result<StartQuarantineResponse, Status> {
        let options = options_of(&request)?;
        let StartQuarantineRequest { request_id, r#ref, detach, .. } = request;
        let actor = self.actor(caller, Act::Quarantine).await?;
        let wanted = r#ref.unwrap_or_default();
        let (pods, key) = self.pod(&wanted).await?;
        if let Some(known) = self.operations.started(&request_id, Act::Quarantine, caller) {
            let operation = Some(self.operation(&known, &known.progress().borrow()));
            return Ok(StartQuarantineResponse { operation, plan: None });
        }
        let planned = self.quarantine_plan(&actor, &pods, (&key, &wanted.uid), &options, &request_id).await;
        let planned = planned.inspect_err(|error| note.tell("refused", error.message()))?;
        let Planned { plan, facts, managing, mark, is_marked } = planned;
        let targets = self.quarantine_targets(&pods, &key, &facts, &plan)?;
        let told_plan = self.told_quarantine(&plan, &targets);
        let start = start(request_id, caller, &targets.pod, options.timeout, detach);
        let eyes = self.eyes_on_pods(&pods, &key.namespace).await?;
        let quarantine = Quarantine { actor, options, plan, facts, managing, targets, mark, is_marked, eyes };
        let operation = self.begin(start, note, move |report, stop| quarantine.run(report, stop)).await?;
        Ok(StartQuarantineResponse { operation: Some(operation), plan: Some(told_plan) })
    }

    /// What would become of a pod; or, if the same request has put it into quarantine in an
    /// earlier run of the daemon, what is left to be awaited.
    async fn quarantine_plan(
        &self,
        actor: &Actor,
        pods: &Kind,
        (key, uid): (&Key, &str),
        options: &Options,
        request: &str,
    ) -> Result<Planned, Status> {
        let refused = |error| not_done(&error);
        let by = actor.caller().to_string();
        let pod = read::pod(actor, key, uid).await.map_err(refused)?;
        let is_own = |mark: &Mark| !request.is_empty() && (&*mark.request, &mark.by) == (request, &by);
        let marked = Mark::of(&pod).ok().flatten().filter(is_own);
        let controller = match &marked {
            Some(mark) => mark.controller.clone(),
            None => Controller::of(&pod),
        };
        let managing = self.managing_with_kind(controller);
        read::may(actor, pods, key, &managing).await.map_err(refused)?;
        let facts = read::facts(actor, pod, &managing).await.map_err(refused)?;
        if let Some(mark) = marked {
            return Ok(Planned { plan: Plan::of_mark(&mark, &facts), facts, managing, mark, is_marked: true });
        }
        let plan = Plan::of(&facts, &options.set).map_err(|error| unfit(&key.name, &error))?;
        let mark = Mark {
            labels: Mark::labels(&plan.changes),
            controller: plan.controller.clone(),
            services: plan.services.iter().map(|service| service.name.clone()).collect(),
            by,
            // As exact as the creation of pods, which is compared with it.
            at: Timestamp::from_second(self.clock.now().as_second()).unwrap_or_default(),
            why: options.why.clone(),
            request: request.to_owned(),
        };
        Ok(Planned { plan, facts, managing, mark, is_marked: false })
    }

    /// Gives a pod its labels back.
    pub(super) async fn release(
        &self,
        caller: &Caller,
        note: &Note,
        request: ReleaseRequest,
    ) -> Result<ReleaseResponse, Status> {
        let ReleaseRequest { r#ref, dry_run } = request;
        let wanted = r#ref.unwrap_or_default();
        let actor = self.actor(caller, Act::Quarantine).await?;
        let (pods, key) = self.pod(&wanted).await?;
        let now = (self.clock.now(), dry_run);
        let released = async {
            let (pod, mark) = find(&actor, &pods, &key, &wanted.uid).await?;
            release(&actor, pod, &self.managing_with_kind(mark.controller), now).await
        };
        match released.await {
            Ok(released) => {
                note.tell(if dry_run { "dry run" } else { "done" }, &released.message);
                Ok(self.told_release(&pods, &key, released))
            }
            Err(error) => {
                note.tell("failed", &error.to_string());
                Err(not_released(&error))
            }
        }
    }

    /// The pod that a request names.
    async fn pod(&self, wanted: &ObjectRef) -> Result<(Arc<Kind>, Key), Status> {
        self.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let (cache, key) = self.resolve(wanted, None).await?;
        if !cache.kind().is_pods() {
            return Err(invalid(format!("{} are not pods: only these can be put into quarantine", cache.kind())));
        }
        Ok((self.known_kind(("", "Pod"))?, key))
    }

    fn known_kind(&self, (group, kind): (&str, &str)) -> Result<Arc<Kind>, Status> {
        let found = self.caches.catalog().find_exactly((group, kind));
        found.ok_or_else(|| {
            status(Code::NotFound, Reason::UnknownKind, format!("the cluster serves no kind {kind}"), [])
        })
    }

    fn managing_with_kind(&self, controller: Option<Controller>) -> Managing {
        let controller = controller?;
        let kind = self.caches.catalog().find_exactly((&controller.group, &controller.kind));
        Some((controller, kind))
    }

    fn quarantine_targets(&self, pods: &Arc<Kind>, key: &Key, facts: &Facts, plan: &Plan) -> Result<Targets, Status> {
        let services = self.known_kind(("", "Service"))?;
        let service = |name: &str, uid: &str| Target {
            kind: Arc::clone(&services),
            key: Key::new(Arc::clone(&key.namespace), name),
            uid: uid.to_owned(),
        };
        let Object { uid, .. } = &facts.pod;
        Ok(Targets {
            pod: Target { kind: Arc::clone(pods), key: key.clone(), uid: uid.clone() },
            services: plan.services.iter().map(|it| service(&it.name, &it.uid)).collect(),
            controller: plan.controller.as_ref().and_then(|it| self.managing(it, &key.namespace)),
        })
    }

    /// Eyes on a namespace's pods and EndpointSlices, as far as the daemon follows them.
    async fn eyes_on_pods(&self, pods: &Arc<Kind>, namespace: &str) -> Result<Eyes, Status> {
        let mut selections = Vec::new();
        let slices = self.caches.catalog().find_exactly(("discovery.k8s.io", "EndpointSlice"));
        for kind in [Some(Arc::clone(pods)), slices].into_iter().flatten() {
            let scope = Scope::Namespaces(BTreeSet::from([namespace.into()]));
            let selection = Selection::of(self.lease(&kind).await?, scope);
            selections.push(Selection { every_version: true, ..selection });
        }
        Ok(Eyes::on(&self.log, &self.groups, selections))
    }
}

fn start(request: String, caller: &Caller, pod: &Target, timeout: Duration, detached: bool) -> Start {
    Start {
        request,
        act: Act::Quarantine,
        target: pod.clone(),
        caller: caller.clone(),
        timeout,
        detached,
        seen_by: vec![Right::to("get", &pod.kind, Some(&pod.key.namespace)).of(&pod.key.name)],
        cancelled_by: read::right(&pod.kind, &pod.key),
    }
}

fn options_of(request: &StartQuarantineRequest) -> Result<Options, Status> {
    let timeout = match request.timeout {
        None => TIMEOUT,
        Some(timeout) => match Duration::try_from(timeout) {
            Ok(timeout) if !timeout.is_zero() && timeout <= LONGEST => timeout,
            _ => return Err(invalid("timeout is not between 0 and a day")),
        },
    };
    for (what, text, longest) in [("request_id", &request.request_id, LONGEST_ID), ("why", &request.why, LONGEST_WHY)] {
        if text.len() > longest {
            return Err(invalid(format!("{what} is longer than {longest} bytes")));
        }
    }
    if request.set.len() > LABELS {
        return Err(invalid(format!("set has more than {LABELS} labels")));
    }
    let set = request.set.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(Options { set, why: request.why.clone(), dry_run: request.dry_run, timeout })
}

fn unfit(name: &str, error: &Unfit) -> Status {
    match error {
        Unfit::Pod(why) => {
            let message = format!("pod {name} is not put into quarantine: {why}");
            status(Code::FailedPrecondition, Reason::NotToBeQuarantined, message, [])
        }
        Unfit::Request(why) => invalid(format!("pod {name}: {why}")),
    }
}

fn not_released(error: &NotReleased) -> Status {
    let reason = match error {
        NotReleased::NotDone(error) => return not_done(error),
        NotReleased::NotQuarantined(..) => Reason::NotQuarantined,
        NotReleased::LabelsChanged(..) => Reason::LabelsChanged,
    };
    status(Code::FailedPrecondition, reason, error.to_string(), [])
}

fn invalid(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, Reason::InvalidQuarantine, message, [])
}

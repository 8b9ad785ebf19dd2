//! Drains: from a request to a plan, and to an operation.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::{DrainOptions, ObjectRef, StartDrainRequest, StartDrainResponse};
use tonic::{Code, Status};

use super::Served;
use super::acting::{Note, not_done};
use super::diagnosis_gather::Gathering;
use super::drain_convert::Planned;
use super::error::{Reason, status};
use crate::access::Caller;
use crate::access::authorizer::Right;
use crate::act::actor::{Actor, NotDone};
use crate::act::drain::plan::{Facts, Fate, Plan};
use crate::act::drain::{Drain, Kinds, Options, read};
use crate::act::eyes::Eyes;
use crate::act::operation::{Start, Target};
use crate::act::{Act, cordon};
use crate::diagnose::{Fitting, elsewhere};
use crate::record::Key;
use crate::subscription::fields::FieldSelector;
use crate::subscription::{Scope, Selection};

/// How long a drain may take, if nobody says; and at most.
const TIMEOUT: Duration = Duration::from_mins(15);
const LONGEST: Duration = Duration::from_hours(24 * 7);
/// Nodes that are looked at for room.
const NODES: usize = 5000;
/// The longest `request_id` in bytes.
const LONGEST_ID: usize = 128;

impl Served {
    /// What would become of a node's pods.
    pub(super) async fn drain_plan(
        &self,
        caller: &Caller,
        node: Option<ObjectRef>,
        options: Option<DrainOptions>,
    ) -> Result<Planned, Status> {
        let (node, options) = (node.unwrap_or_default(), options_of(options.unwrap_or_default())?);
        let nodes = self.nodes(&node).await?;
        let actor = self.reader(caller).await?;
        self.planned(&actor, Kinds { pods: self.pods()?, nodes }, &node, &options).await
    }

    async fn planned(
        &self,
        actor: &Actor,
        kinds: Kinds,
        node: &ObjectRef,
        options: &Options,
    ) -> Result<Planned, Status> {
        let facts = read::facts(actor, (&node.name, &node.uid), options, self.clock.now()).await;
        let facts = facts.map_err(|error| not_read(&error, options))?;
        let plan = Plan::of(&facts, options);
        let fitting = self.fitting(actor.caller(), &facts, &plan).await;
        Ok(Planned { plan, kinds, fitting, deletes: options.disable_eviction, time: self.clock.now() })
    }

    /// Whether other nodes have room for what goes.
    async fn fitting(&self, caller: &Caller, facts: &Facts, plan: &Plan) -> Option<Fitting> {
        let going: Vec<_> = plan.with(Fate::Goes).map(|pod| &*pod.uid).collect();
        // What is not managed does not come back.
        let is_going = |pod: &&crate::diagnose::Object| going.contains(&&*pod.uid) && pod.is_managed();
        let pods: Vec<_> = facts.pods.iter().filter(is_going).collect();
        let mut gathering = Gathering::new(self, caller);
        gathering.take("Node", &None, NODES, |_| true).await;
        gathering.add_up("Pod", true).await;
        elsewhere(&gathering.observation, &plan.node, &pods)
    }

    fn pods(&self) -> Result<Arc<crate::kind::Kind>, Status> {
        let pods = self.caches.catalog().find_exactly(("", "Pod"));
        pods.ok_or_else(|| status(Code::NotFound, Reason::UnknownKind, "the cluster has no pods", []))
    }

    /// Begins a drain, unless the same request has begun it before.
    pub(super) async fn start_drain(
        &self,
        caller: &Caller,
        note: Note,
        request: StartDrainRequest,
    ) -> Result<StartDrainResponse, Status> {
        let StartDrainRequest { request_id, r#ref, options, detach } = request;
        let (node, options) = (r#ref.unwrap_or_default(), options_of(options.unwrap_or_default())?);
        if request_id.len() > LONGEST_ID {
            return Err(invalid(format!("request_id is longer than {LONGEST_ID} bytes")));
        }
        let actor = self.actor(caller, Act::Drain).await?;
        let nodes = self.nodes(&node).await?;
        if let Some(known) = self.operations.started(&request_id, Act::Drain, caller) {
            let operation = Some(self.operation(&known, &known.progress().borrow()));
            return Ok(StartDrainResponse { operation, plan: None });
        }
        let kinds = Kinds { pods: self.pods()?, nodes };
        let planned = self.planned(&actor, kinds.clone(), &node, &options).await?;
        let blocked = self.check_plan(&actor, &planned, &options).await;
        if let Err(error) = blocked {
            note.tell("refused", error.message());
            return Err(error);
        }
        let plan = planned.plan.clone();
        let start = start(&kinds, &plan, caller, options.timeout);
        let start = Start { request: request_id, detached: detach, ..start };
        let controllers = plan.with(Fate::Goes).map(|pod| self.controller(pod)).collect();
        let eyes = self.eyes_on_node(&kinds, &plan.node).await?;
        let drain = Drain { actor, kinds, options, plan, controllers, eyes, clock: self.clock.clone() };
        let operation = self.begin(start, note, move |report, stop| drain.run(report, stop)).await?;
        Ok(StartDrainResponse { operation: Some(operation), plan: Some(self.told_plan(&planned)) })
    }

    /// Whether nothing is in the way of a plan, and the caller may carry it out.
    async fn check_plan(&self, actor: &Actor, planned: &Planned, options: &Options) -> Result<(), Status> {
        let plan = &planned.plan;
        let blocking: Vec<_> = plan.with(Fate::Blocks).collect();
        if let Some(first) = blocking.first() {
            let (namespace, name) = (&first.key.namespace, &first.key.name);
            let more = match blocking.len() {
                1 => String::new(),
                some => format!("; blocking: {some} pods in total"),
            };
            let message = format!(
                "node {} is not drained, and nothing was touched: pod {namespace}/{name}: {}{more}",
                plan.node, first.message
            );
            let count = ("blocking", blocking.len().to_string());
            return Err(status(Code::FailedPrecondition, Reason::DrainBlocked, message, [count]));
        }
        actor.may(cordon::right(&planned.kinds.nodes, &plan.node)).await.map_err(|error| not_done(&error))?;
        if !options.disable_eviction && !read::evicts(actor).await.map_err(|error| not_done(&error))? {
            let message =
                "the API server evicts no pods; --disable-eviction deletes them instead, whatever budgets say";
            return Err(status(Code::FailedPrecondition, Reason::NoEviction, message, []));
        }
        Ok(())
    }

    /// Eyes on a node's pods and on budgets, as far as the daemon follows them.
    async fn eyes_on_node(&self, kinds: &Kinds, node: &str) -> Result<Eyes, Status> {
        let pods = Selection::of(self.lease(&kinds.pods).await?, Scope::All);
        let fields = FieldSelector::parse(&format!("spec.nodeName={node}"));
        let pods = Selection { fields: fields.map_err(|e| invalid(e.to_string()))?, ..pods };
        let mut selections = vec![Selection { every_version: true, ..pods }];
        if let Some(budgets) = self.caches.catalog().find_exactly(("policy", "PodDisruptionBudget")) {
            let budgets = Selection::of(self.lease(&budgets).await?, Scope::All);
            selections.push(Selection { every_version: true, ..budgets });
        }
        Ok(Eyes::on(&self.log, &self.groups, selections))
    }
}

fn start(kinds: &Kinds, plan: &Plan, caller: &Caller, timeout: Duration) -> Start {
    let name = plan.node.as_str();
    Start {
        request: String::new(),
        act: Act::Drain,
        target: Target { kind: Arc::clone(&kinds.nodes), key: Key::new("", name), uid: plan.uid.clone() },
        caller: caller.clone(),
        timeout,
        detached: false,
        seen_by: vec![Right::to("get", &kinds.nodes, None).of(&name.into()), Right::to("list", &kinds.pods, None)],
        cancelled_by: cordon::right(&kinds.nodes, name),
    }
}

fn not_read(error: &NotDone, options: &Options) -> Status {
    match error {
        NotDone::Refused(refusal) if refusal.status == Some(400) && !options.pod_selector.is_empty() => {
            invalid(format!("pod_selector: {}", refusal.message))
        }
        error => not_done(error),
    }
}

fn options_of(options: DrainOptions) -> Result<Options, Status> {
    let timeout = match options.timeout {
        None => TIMEOUT,
        Some(timeout) => match Duration::try_from(timeout) {
            Ok(timeout) if !timeout.is_zero() && timeout <= LONGEST => timeout,
            _ => return Err(invalid("timeout is not between 0 and a week".to_owned())),
        },
    };
    let grace_period = options.grace_period_seconds.map(u32::try_from).transpose();
    let grace_period = grace_period.map_err(|_| invalid("grace_period_seconds is negative".to_owned()))?;
    let skip = u32::try_from(options.skip_wait_for_delete_timeout_seconds);
    let skip = skip.map_err(|_| invalid("skip_wait_for_delete_timeout_seconds is negative".to_owned()))?;
    Ok(Options {
        ignore_daemonsets: options.ignore_daemonsets,
        delete_emptydir_data: options.delete_emptydir_data,
        force: options.force,
        grace_period,
        pod_selector: options.pod_selector,
        disable_eviction: options.disable_eviction,
        dry_run: options.dry_run,
        skip_wait_for_delete_timeout: skip,
        timeout,
    })
}

fn invalid(message: String) -> Status {
    status(Code::InvalidArgument, Reason::InvalidDrain, message, [])
}

//! A drain from its beginning to its end.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use super::Options;
use super::evict::{Outcome, evict};
use super::goings::Goings;
use super::plan::{Fate, Plan, Planned};
use super::read;
use crate::act::actor::{Actor, NotDone};
use crate::act::cordon::{Scheduling, schedule};
use crate::act::eyes::Eyes;
use crate::act::operation::{End, Report, Stage, Step, StepState, Stop, Target, Why};
use crate::diagnose::Object;
use crate::diagnose::fields::{counted, list, text};
use crate::kind::Kind;

/// The pods of the node are looked at again no sooner than that after the last time.
const LOOK: Duration = Duration::from_millis(500);
/// And no later, while something is awaited of them: the eyes may not see.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);
/// Pods that a message names.
const NAMED: usize = 5;

/// The kinds that a drain is about.
#[derive(Clone, Debug)]
pub struct Kinds {
    /// Nodes.
    pub nodes: Arc<Kind>,
    /// Pods.
    pub pods: Arc<Kind>,
}

/// A drain.
#[derive(Debug)]
pub struct Drain {
    /// Who drains.
    pub actor: Actor,
    /// Of what kinds that is.
    pub kinds: Kinds,
    /// How.
    pub options: Options,
    /// What is to be done.
    pub plan: Plan,
    /// What manages the pods that go, in their order.
    pub controllers: Vec<Option<Target>>,
    /// Eyes on the node's pods, and on budgets, in this order.
    pub eyes: Eyes,
}

/// Something that was awaited.
enum Happened {
    /// A pod was asked to go.
    Asked(usize, Outcome),
    /// The node's pods were looked at.
    Looked(Result<Vec<Object>, NotDone>),
}

/// A drain that goes on.
struct Running {
    actor: Actor,
    options: Arc<Options>,
    plan: Plan,
    goings: Goings,
    /// The pods that go.
    pods: Vec<Target>,
    report: Arc<Report>,
    under_way: FuturesUnordered<BoxFuture<'static, Happened>>,
    is_looking: bool,
    looked: Instant,
    look_at: Option<Instant>,
}

impl Drain {
    /// Does it.
    pub async fn run(self, report: Arc<Report>, stop: Stop) -> End {
        let Self { actor, kinds, options, plan, controllers, mut eyes } = self;
        let pods = pods(&plan, &kinds, controllers, &report);
        let mut stopped = pin!(stop.asked());
        let cordon = schedule(&actor, &kinds.nodes, (&plan.node, &plan.uid), Scheduling::Off, options.dry_run);
        let cordoned = tokio::select! {
            biased;
            why = &mut stopped => return Running::new(actor, options, plan, pods, report).stopped(why),
            cordoned = cordon => cordoned,
        };
        if let Err(error) = cordoned {
            let message = format!("node {} is not cordoned: {error}; no pod was touched", plan.node);
            return End { stage: Stage::Failed, reason: "NotCordoned", message };
        }
        report.say("Evicting", format!("node {} is cordoned", plan.node));
        let mut running = Running::new(actor, options, plan, pods, report);
        loop {
            running.ask();
            if running.is_over() {
                return running.ended();
            }
            let next = sleep_until(running.next_time());
            tokio::select! {
                biased;
                why = &mut stopped => return running.stopped(why),
                Some(happened) = running.under_way.next() => running.take(happened),
                place = eyes.changed() => running.seen(place),
                () = next => running.on_time(),
            }
        }
    }
}

/// The pods that go, each of which becomes a step; those that stay are steps, too, that are over.
fn pods(plan: &Plan, kinds: &Kinds, controllers: Vec<Option<Target>>, report: &Report) -> Vec<Target> {
    let target = |pod: &Planned| Target { kind: Arc::clone(&kinds.pods), key: pod.key.clone(), uid: pod.uid.clone() };
    let step = |pod: &Planned, controller, state, reason, message: &str| Step {
        object: target(pod),
        controller,
        state,
        reason,
        message: message.to_owned(),
    };
    for (pod, controller) in plan.with(Fate::Goes).zip(controllers) {
        report.add(step(pod, controller, StepState::Waiting, "Waiting", &pod.message));
    }
    for pod in plan.with(Fate::Stays) {
        report.add(step(pod, None, StepState::Skipped, pod.reason, &pod.message));
    }
    plan.with(Fate::Goes).map(target).collect()
}

impl Running {
    fn new(actor: Actor, options: Options, plan: Plan, pods: Vec<Target>, report: Arc<Report>) -> Self {
        let goings = Goings::of(&plan, !options.disable_eviction);
        Self {
            actor,
            options: Arc::new(options),
            plan,
            goings,
            pods,
            report,
            under_way: FuturesUnordered::new(),
            is_looking: false,
            looked: Instant::now(),
            look_at: None,
        }
    }

    /// Asks those to go whose turn it is.
    fn ask(&mut self) {
        while let Some(number) = self.goings.next(Instant::now()) {
            let Some(pod) = self.pods.get(number).cloned() else { return };
            let (actor, options) = (self.actor.clone(), Arc::clone(&self.options));
            let asked = async move { Happened::Asked(number, evict(&actor, &pod, &options).await) };
            self.under_way.push(asked.boxed());
        }
    }

    fn is_over(&self) -> bool {
        self.goings.left().next().is_none()
    }

    /// When there is something to do that nothing else tells.
    fn next_time(&self) -> Instant {
        let look = self.next_look();
        self.goings.due().map_or(look, |due| due.min(look))
    }

    /// When the node's pods are looked at next; while they are, not before long.
    fn next_look(&self) -> Instant {
        match self.is_looking {
            true => Instant::now() + LOOK_ANYWAY,
            false => self.look_at.unwrap_or(self.looked + LOOK_ANYWAY),
        }
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        if self.next_look() <= now {
            (self.is_looking, self.look_at, self.looked) = (true, None, now);
            let (actor, node) = (self.actor.clone(), self.plan.node.clone());
            let selector = self.options.pod_selector.clone();
            let looked = async move { Happened::Looked(read::pods(&actor, &node, &selector).await) };
            self.under_way.push(looked.boxed());
        }
    }

    /// The eyes have seen something: pods, or budgets.
    fn seen(&mut self, place: usize) {
        match place {
            0 => self.look_soon(),
            _ => self.goings.budgets_changed(),
        }
    }

    fn look_soon(&mut self) {
        let soon = self.looked + LOOK;
        self.look_at = Some(self.look_at.map_or(soon, |at| at.min(soon)));
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Asked(number, outcome) => self.asked(number, outcome),
            Happened::Looked(pods) => {
                self.is_looking = false;
                self.looked = Instant::now();
                match pods {
                    Ok(pods) => self.look(&pods),
                    Err(error) => self.report.say("NotVisible", format!("the node's pods cannot be read: {error}")),
                }
            }
        }
    }

    fn asked(&mut self, number: usize, outcome: Outcome) {
        let now = Instant::now();
        match outcome {
            Outcome::Going if self.options.dry_run => {
                self.goings.is_over(number);
                self.tell(number, StepState::Done, "WouldGo", "it would go (dry run)");
            }
            Outcome::Going => {
                self.goings.goes(number);
                let reason = if self.options.disable_eviction { "Deleted" } else { "Evicted" };
                self.tell(number, StepState::Running, reason, "it ends");
                self.look_soon();
            }
            Outcome::Gone => {
                self.goings.is_over(number);
                self.tell(number, StepState::Done, "Gone", "it went by itself");
            }
            Outcome::Budget(message) => {
                self.goings.waits(number, now);
                let message = self.with_budgets(number, &message);
                self.tell(number, StepState::Blocked, "DisruptionBudget", message);
            }
            Outcome::Held { reason, message } => {
                self.goings.waits(number, now);
                self.tell(number, StepState::Blocked, reason, message);
            }
            Outcome::Failed(message) => {
                self.goings.is_over(number);
                self.tell(number, StepState::Failed, "Refused", message);
            }
        }
    }

    /// The node has these pods now.
    fn look(&mut self, pods: &[Object]) {
        let there: HashMap<_, _> = pods.iter().map(|pod| (pod.uid.as_str(), pod)).collect();
        let left: Vec<_> = self.goings.left().collect();
        for (number, is_going) in left {
            let Some(uid) = self.pods.get(number).map(|pod| pod.uid.clone()) else { continue };
            match there.get(&*uid) {
                None => {
                    self.goings.is_over(number);
                    let message = if is_going { "it is gone" } else { "it went by itself" };
                    self.tell(number, StepState::Done, "Gone", message);
                }
                Some(pod) if is_going => self.tell(number, StepState::Running, "Terminating", ending(pod)),
                Some(_) => {}
            }
        }
    }

    /// A budget's refusal, with what is known of the budget from the plan if the API server says
    /// nothing of it.
    fn with_budgets(&self, number: usize, message: &str) -> String {
        let pod = self.plan.with(Fate::Goes).nth(number);
        let budgets = pod.into_iter().flat_map(|pod| &pod.budgets).filter_map(|place| self.plan.budgets.get(*place));
        match (budgets.into_iter().next(), message.is_empty()) {
            (Some(budget), true) => format!("PodDisruptionBudget {} {}", budget.key.name, budget.message()),
            (Some(budget), false) if budget.is_never() => {
                format!("{message}; it never allows a disruption: as many pods have to be healthy as there are")
            }
            (_, _) => message.to_owned(),
        }
    }

    fn tell(&self, number: usize, state: StepState, reason: &'static str, message: impl Into<String>) {
        // Steps are in the pods' order.
        self.report.step(number, state, reason, message);
    }

    /// Every pod is gone, or will not go.
    fn ended(&self) -> End {
        let progress = self.report.now();
        let count = |state| progress.steps.iter().filter(|step| step.state == state).count();
        let (gone, stay, failed) = (count(StepState::Done), count(StepState::Skipped), count(StepState::Failed));
        let stay = match stay {
            0 => String::new(),
            1 => "; 1 pod stays".to_owned(),
            stay => format!("; {stay} pods stay"),
        };
        let node = &self.plan.node;
        if failed > 0 {
            let message = format!("node {node} is not drained: {}{stay}. {}", self.left(), self.undo());
            return End { stage: Stage::Failed, reason: "Refused", message };
        }
        let message = match self.options.dry_run {
            true => format!("node {node} would be drained: {} would go{stay} (dry run)", counted(gone, "pod")),
            false => format!("node {node} is drained: {} went{stay}", counted(gone, "pod")),
        };
        End { stage: Stage::Succeeded, reason: "Drained", message }
    }

    /// It is to end before that.
    fn stopped(&self, why: Why) -> End {
        let (stage, reason, because) = match why {
            Why::Cancelled => (Stage::Cancelled, "Cancelled", "it was cancelled".to_owned()),
            Why::Unwatched => (Stage::Cancelled, "Unwatched", "nobody watched any more".to_owned()),
            Why::Late => {
                (Stage::Failed, "DeadlineExceeded", format!("{} s have passed", self.options.timeout.as_secs()))
            }
        };
        let message =
            format!("node {} is not drained, because {because}: {}. {}", self.plan.node, self.left(), self.undo());
        End { stage, reason, message }
    }

    /// Which pods are left, and why.
    fn left(&self) -> String {
        let progress = self.report.now();
        let is_left = |state| !matches!(state, StepState::Done | StepState::Skipped);
        let left: Vec<_> = progress.steps.iter().filter(|step| is_left(step.state)).collect();
        let named = left.iter().take(NAMED).map(|step| {
            let (namespace, name) = (&step.object.key.namespace, &step.object.key.name);
            match step.message.is_empty() {
                true => format!("{namespace}/{name}"),
                false => format!("{namespace}/{name} ({})", step.message),
            }
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let more = left.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{} left: {named}{more}", counted(left.len(), "pod"))
    }

    fn undo(&self) -> String {
        match self.options.dry_run {
            true => "Nothing was changed (dry run)".to_owned(),
            false => format!("It stays cordoned: daymark node uncordon {} undoes that", self.plan.node),
        }
    }
}

/// Why a pod that is to end has not ended yet.
fn ending(pod: &Object) -> String {
    let finalizers: Vec<_> =
        list(&pod.value, "/metadata/finalizers").iter().filter_map(serde_json::Value::as_str).collect();
    let since = text(&pod.value, "/metadata/deletionTimestamp");
    match (since.is_empty(), finalizers.is_empty()) {
        (true, _) => "it ends".to_owned(),
        (false, true) => format!("it ends by {since}"),
        (false, false) => format!("it was to end by {since}, and is kept by {}", finalizers.join(", ")),
    }
}

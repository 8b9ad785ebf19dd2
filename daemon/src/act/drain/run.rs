//! A drain from its beginning to its end.

mod looking;
mod telling;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use super::evict::{Outcome, evict};
use super::goings::Goings;
use super::newcomers;
use super::plan::{Fate, Plan, Planned};
use super::read::Look;
use super::{NotReady, Options};
use crate::act::actor::{Actor, NotDone};
use crate::act::cordon::{Scheduling, schedule};
use crate::act::eyes::Eyes;
use crate::act::operation::{End, Report, Stage, Step, StepState, Stop, Target};
use crate::clock::Clock;
use crate::kind::Kind;

/// The pods of the node are looked at again no later than that after the last time, while
/// something is awaited of them: the eyes may not see.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);
/// So often pods that came meanwhile are made to go, too.
const ROUNDS: usize = 5;

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
    /// What time it is.
    pub clock: Clock,
}

/// Something that was awaited.
enum Happened {
    /// A pod of that round was asked to go.
    Asked(usize, usize, Outcome),
    /// It was looked for pods that came since the plan was made.
    Came(Result<Option<Plan>, NotDone>),
    /// The node and its pods were looked at.
    Looked(Result<Look, NotDone>),
}

/// Whether pods have come since the plan was made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Newcomers {
    /// That is to be asked then.
    AskAt(Instant),
    Asked,
    Nobody,
}

/// A drain that goes on.
struct Running {
    actor: Actor,
    kinds: Kinds,
    options: Arc<Options>,
    /// Of this round: of the first, or of those who came meanwhile.
    plan: Plan,
    goings: Goings,
    /// The pods that go.
    pods: Vec<Target>,
    /// Which step is the first of them.
    first: usize,
    round: usize,
    /// What is wrong with the node, as far as was seen.
    not_ready: Option<NotReady>,
    newcomers: Newcomers,
    /// All pods that a plan has named, by their UIDs.
    known: HashSet<String>,
    report: Arc<Report>,
    clock: Clock,
    under_way: FuturesUnordered<BoxFuture<'static, Happened>>,
    is_looking: bool,
    looked: Instant,
    look_at: Option<Instant>,
}

impl Drain {
    /// Does it.
    pub async fn run(self, report: Arc<Report>, stop: Stop) -> End {
        let Self { actor, kinds, options, plan, controllers, mut eyes, clock } = self;
        let mut running = Running::new(actor.clone(), kinds.clone(), options.clone(), report, clock);
        let node = (plan.node.clone(), plan.uid.clone());
        running.begin(plan, controllers);
        let mut stopped = pin!(stop.asked());
        let cordon = schedule(&actor, &kinds.nodes, (&node.0, &node.1), Scheduling::Off, options.dry_run);
        let cordoned = tokio::select! {
            biased;
            why = &mut stopped => return running.stopped(why),
            cordoned = cordon => cordoned,
        };
        if let Err(error) = cordoned {
            let message = format!("node {} is not cordoned: {error}; no pod was touched", node.0);
            return End { stage: Stage::Failed, reason: "NotCordoned", message };
        }
        running.say_how_it_stands();
        loop {
            running.ask();
            if running.is_over() && !running.awaits_newcomers() {
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

/// The pods that go, each of which becomes a step; the others are steps, too, that are over.
fn pods(plan: &Plan, kinds: &Kinds, controllers: Vec<Option<Target>>, report: &Report) -> Vec<Target> {
    let target = |pod: &Planned| Target { kind: Arc::clone(&kinds.pods), key: pod.key.clone(), uid: pod.uid.clone() };
    let step = |pod: &Planned, controller, state, reason, message: &str| Step {
        object: target(pod),
        controller,
        state,
        reason,
        message: message.to_owned(),
    };
    // Of those who came meanwhile none are told.
    let controllers = controllers.into_iter().chain(std::iter::repeat(None));
    for (pod, controller) in plan.with(Fate::Goes).zip(controllers) {
        report.add(step(pod, controller, StepState::Waiting, "Waiting", &pod.message));
    }
    for pod in plan.with(Fate::Stays) {
        report.add(step(pod, None, StepState::Skipped, pod.reason, &pod.message));
    }
    for pod in plan.with(Fate::Blocks) {
        report.add(step(pod, None, StepState::Failed, pod.reason, &pod.message));
    }
    plan.with(Fate::Goes).map(target).collect()
}

impl Running {
    fn new(actor: Actor, kinds: Kinds, options: Options, report: Arc<Report>, clock: Clock) -> Self {
        let plan = Plan::default();
        Self {
            actor,
            kinds,
            goings: Goings::of(&plan, !options.disable_eviction),
            options: Arc::new(options),
            plan,
            pods: Vec::new(),
            first: 0,
            round: 0,
            not_ready: None,
            newcomers: Newcomers::AskAt(Instant::now()),
            known: HashSet::new(),
            report,
            clock,
            under_way: FuturesUnordered::new(),
            is_looking: false,
            looked: Instant::now(),
            look_at: None,
        }
    }

    /// Begins a round: of what is planned, none of which was begun before.
    fn begin(&mut self, plan: Plan, controllers: Vec<Option<Target>>) {
        self.round += 1;
        self.first = self.report.now().steps.len();
        self.pods = pods(&plan, &self.kinds, controllers, &self.report);
        self.goings = Goings::of(&plan, !self.options.disable_eviction);
        self.newcomers = Newcomers::AskAt(Instant::now());
        self.known.extend(plan.pods.iter().map(|pod| pod.uid.clone()));
        self.not_ready.clone_from(&plan.not_ready);
        self.plan = plan;
    }

    /// Whether it is yet to be known that no pod has come since the plan was made.
    fn awaits_newcomers(&mut self) -> bool {
        if self.options.dry_run {
            return false;
        }
        if let Newcomers::AskAt(at) = self.newcomers
            && at <= Instant::now()
        {
            self.newcomers = Newcomers::Asked;
            let (actor, options, known) = (self.actor.clone(), Arc::clone(&self.options), self.known.clone());
            let (node, uid) = (self.plan.node.clone(), self.plan.uid.clone());
            let now = self.clock.now();
            let came =
                async move { Happened::Came(newcomers::plan(&actor, (&node, &uid), &options, &known, now).await) };
            self.under_way.push(came.boxed());
        }
        self.newcomers != Newcomers::Nobody
    }

    /// These have come since the plan was made.
    fn came(&mut self, plan: Option<Plan>) {
        match plan.filter(|plan| !plan.pods.is_empty()) {
            None => self.newcomers = Newcomers::Nobody,
            Some(plan) if self.round < ROUNDS => self.begin(plan, Vec::new()),
            Some(mut plan) => {
                for pod in &mut plan.pods {
                    let message = "it arrived while the node was being drained, like others before it".to_owned();
                    (pod.fate, pod.reason, pod.message) = (Fate::Blocks, "PodsKeepComing", message);
                }
                self.begin(plan, Vec::new());
                self.newcomers = Newcomers::Nobody;
            }
        }
    }

    /// Asks those to go whose turn it is.
    fn ask(&mut self) {
        while let Some(number) = self.goings.next(Instant::now()) {
            let Some(pod) = self.pods.get(number).cloned() else { return };
            let (actor, options) = (self.actor.clone(), Arc::clone(&self.options));
            let round = self.round;
            let asked = async move { Happened::Asked(round, number, evict(&actor, &pod, &options).await) };
            self.under_way.push(asked.boxed());
        }
    }

    fn is_over(&self) -> bool {
        self.goings.left().next().is_none()
    }

    /// When there is something to do that nothing else tells.
    fn next_time(&self) -> Instant {
        let look = self.next_look();
        let next = self.goings.due().map_or(look, |due| due.min(look));
        match self.newcomers {
            Newcomers::AskAt(at) if self.is_over() => next.min(at),
            _ => next,
        }
    }

    /// The eyes have seen something: pods, or budgets.
    fn seen(&mut self, place: usize) {
        match place {
            0 => self.look_soon(),
            _ => self.goings.budgets_changed(),
        }
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Asked(round, number, outcome) if round == self.round => self.asked(number, outcome),
            // It went by itself meanwhile.
            Happened::Asked(..) => {}
            Happened::Came(Ok(plan)) => self.came(plan),
            Happened::Came(Err(error)) => {
                self.newcomers = Newcomers::AskAt(Instant::now() + LOOK_ANYWAY);
                self.report.say("NotVisible", format!("whether pods have come meanwhile cannot be read: {error}"));
            }
            Happened::Looked(seen) => self.looked(seen),
        }
    }

    fn asked(&mut self, number: usize, outcome: Outcome) {
        let now = Instant::now();
        match outcome {
            Outcome::Going if self.options.dry_run => {
                self.goings.is_over(number);
                self.tell(number, StepState::Done, "WouldGo", "it would be removed (dry run)");
            }
            Outcome::Going => {
                self.goings.goes(number);
                let reason = if self.options.disable_eviction { "Deleted" } else { "Evicted" };
                self.tell(number, StepState::Running, reason, "it ends");
                self.look_soon();
            }
            Outcome::Gone => {
                self.goings.is_over(number);
                self.tell(number, StepState::Done, "Gone", "it terminated by itself");
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

    /// A budget's refusal, with what is known of the budget from the plan if the API server says
    /// nothing of it.
    fn with_budgets(&self, number: usize, message: &str) -> String {
        let pod = self.plan.with(Fate::Goes).nth(number);
        let budgets = pod.into_iter().flat_map(|pod| &pod.budgets).filter_map(|place| self.plan.budgets.get(*place));
        match (budgets.into_iter().next(), message.is_empty()) {
            (Some(budget), true) => format!("PodDisruptionBudget {} {}", budget.key.name, budget.message()),
            (Some(budget), false) if budget.is_never() => {
                format!("{message}; it never allows a disruption: it requires as many healthy pods as there are")
            }
            (_, _) => message.to_owned(),
        }
    }

    fn tell(&self, number: usize, state: StepState, reason: &'static str, message: impl Into<String>) {
        // Steps are in the pods' order.
        self.report.step(self.first + number, state, reason, message);
    }
}

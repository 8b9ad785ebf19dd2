//! A quarantine from the change of labels until the pod is replaced.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until};

use super::mark::Mark;
use super::plan::{Facts, Plan, Selecting, Unfit};
use super::read::{self, Managing, endpoints, path};
use super::replacement::{Managed, Replacement};
use super::selector::labels_of;
use super::{ANNOTATION, Options};
use crate::act::actor::{Actor, NotDone};
use crate::act::controller::Controller;
use crate::act::eyes::Eyes;
use crate::act::operation::{End, Report, Stage, Step, StepState, Stop, Target, Why};
use crate::act::read::{found, object};
use crate::diagnose::Object;
use crate::diagnose::fields::{counted, text};

/// It is looked again no sooner than that after the last time, and no later.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_ANYWAY: Duration = Duration::from_secs(5);
/// How often a pod is looked at anew that changes just then.
const TRIES: usize = 5;

/// The objects that a quarantine is about.
#[derive(Clone, Debug)]
pub struct Targets {
    /// The pod.
    pub pod: Target,
    /// The plan's Services.
    pub services: Vec<Target>,
    /// The plan's controller.
    pub controller: Option<Target>,
}

/// A quarantine.
#[derive(Debug)]
pub struct Quarantine {
    /// Who does it.
    pub actor: Actor,
    /// How.
    pub options: Options,
    /// What is to be done.
    pub plan: Plan,
    /// By what it was planned.
    pub facts: Facts,
    /// What manages the pod.
    pub managing: Managing,
    /// What it is about.
    pub targets: Targets,
    /// What the pod is to say of it.
    pub mark: Mark,
    /// Whether the pod says so already, and the rest is left to be awaited.
    pub is_marked: bool,
    /// Eyes on the pods and EndpointSlices of the namespace.
    pub eyes: Eyes,
}

/// What was looked at.
struct Looked {
    pod: Option<Object>,
    /// Of each Service, pods by their UIDs, and whether each is ready.
    endpoints: Vec<Vec<(String, bool)>>,
    managed: Option<Managed>,
}

/// Labels that were not changed.
#[derive(Debug, thiserror::Error)]
enum NotRelabelled {
    #[error(transparent)]
    NotDone(#[from] NotDone),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("the plan is outdated, because labels, Services or its controller have changed meanwhile: try again")]
    Changed,
    #[error("it keeps changing: try again")]
    Contended,
}

/// A quarantine that goes on.
struct Running {
    actor: Actor,
    options: Options,
    plan: Plan,
    managing: Managing,
    targets: Targets,
    mark: Mark,
    report: Arc<Report>,
    /// Pods that the controller had before, by their UIDs.
    known: HashSet<String>,
    resource_version: String,
    is_changed: bool,
}

impl Quarantine {
    /// Does it.
    pub async fn run(self, report: Arc<Report>, stop: Stop) -> End {
        let (mut running, mut eyes) = self.begin(report);
        let mut stopped = pin!(stop.asked());
        if !running.is_changed {
            let relabelled = tokio::select! {
                biased;
                why = &mut stopped => return running.stopped(why),
                relabelled = running.relabel() => relabelled,
            };
            match relabelled {
                Err(error) => return running.refused(&error),
                Ok(()) if running.options.dry_run => return running.would(),
                Ok(()) => running.relabelled(),
            }
        }
        loop {
            let not_before = Instant::now() + LOOK;
            let looked = tokio::select! {
                biased;
                why = &mut stopped => return running.stopped(why),
                looked = running.look() => looked,
            };
            match looked {
                Ok(looked) => {
                    if let Some(end) = running.take(&looked) {
                        return end;
                    }
                }
                Err(error) => running.report.say("NotVisible", format!("its progress cannot be read: {error}")),
            }
            let seen = async {
                eyes.changed().await;
                sleep_until(not_before).await;
            };
            tokio::select! {
                biased;
                why = &mut stopped => return running.stopped(why),
                () = seen => {}
                () = sleep_until(not_before + LOOK_ANYWAY) => {}
            }
        }
    }

    /// Its steps are the pod, each Service, and the controller.
    fn begin(self, report: Arc<Report>) -> (Running, Eyes) {
        let Self { actor, options, plan, facts, managing, targets, mark, is_marked, eyes } = self;
        let step = |object: &Target, controller| Step {
            object: object.clone(),
            controller,
            state: StepState::Waiting,
            reason: "Waiting",
            message: String::new(),
        };
        report.add(step(&targets.pod, targets.controller.clone()));
        for object in targets.services.iter().chain(&targets.controller) {
            report.add(step(object, None));
        }
        // Pods that came since may be the replacement.
        let is_known = |pod: &&Object| !is_marked || pod.created().is_none_or(|created| created < mark.at);
        let known = facts.managed.iter().filter(is_known).map(|pod| pod.uid.clone()).collect();
        let resource_version = text(&facts.pod.value, "/metadata/resourceVersion").to_owned();
        let mut running = Running {
            actor,
            options,
            plan,
            managing,
            targets,
            mark,
            report,
            known,
            resource_version,
            is_changed: false,
        };
        if is_marked {
            running.relabelled();
        }
        (running, eyes)
    }
}

impl Running {
    fn name(&self) -> String {
        let key = &self.targets.pod.key;
        format!("pod {}/{}", key.namespace, key.name)
    }

    /// Changes the labels of that pod, as it was planned.
    async fn relabel(&mut self) -> Result<(), NotRelabelled> {
        let labels: Map<_, _> = self.plan.changes.iter().map(|it| (it.key.clone(), json!(it.after))).collect();
        let note = json!(self.mark).to_string();
        let query = if self.options.dry_run { "?dryRun=All" } else { "" };
        let path = format!("{}{query}", path(&self.targets.pod.key));
        for _ in 0..TRIES {
            let metadata = json!({
                "uid": self.targets.pod.uid,
                "resourceVersion": self.resource_version,
                "labels": labels,
                "annotations": { ANNOTATION: note },
            });
            match self.actor.patch(&path, &json!({ "metadata": metadata })).await {
                Ok(_) => return Ok(()),
                Err(NotDone::Refused(refusal)) if refusal.status == Some(409) => self.plan_anew().await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(NotRelabelled::Contended)
    }

    /// The pod has changed: whether the plan is the same.
    async fn plan_anew(&mut self) -> Result<(), NotRelabelled> {
        let pod = read::pod(&self.actor, &self.targets.pod.key, &self.targets.pod.uid).await?;
        let facts = read::facts(&self.actor, pod, &self.managing).await?;
        let plan = Plan::of(&facts, &self.options.set)?;
        let managed_by = self.managing.as_ref().map(|(controller, _)| controller);
        let is_same_controller = Controller::of(&facts.pod).as_ref() == managed_by;
        let is_same = (&plan.changes, &plan.services) == (&self.plan.changes, &self.plan.services);
        if !is_same || !is_same_controller {
            return Err(NotRelabelled::Changed);
        }
        self.resource_version = text(&facts.pod.value, "/metadata/resourceVersion").to_owned();
        Ok(())
    }

    fn relabelled(&mut self) {
        self.is_changed = true;
        self.report.step(0, StepState::Done, "Relabelled", self.plan.spoken());
        self.report.say("Relabelled", format!("{} has other labels: {}", self.name(), self.plan.spoken()));
    }

    /// How far the pod's leaving is, by what the API server says now.
    async fn look(&self) -> Result<Looked, NotDone> {
        let (namespace, uid) = (&*self.targets.pod.key.namespace, &*self.targets.pod.uid);
        let pod = found(self.actor.read::<Value>(&path(&self.targets.pod.key)).await)?;
        let pod = pod.and_then(|pod| object("v1", "Pod", pod)).filter(|pod| pod.uid == uid);
        let mut all = Vec::new();
        for service in &self.plan.services {
            all.push(endpoints(&self.actor, namespace, &service.name).await?);
        }
        let managed = match (&self.plan.controller, &self.managing) {
            (Some(controller), Some((_, kind))) => {
                let (manager, pods) = read::managed(&self.actor, namespace, controller, kind.as_deref()).await?;
                Some(Managed { manager, pods })
            }
            _ => None,
        };
        Ok(Looked { pod, endpoints: all, managed })
    }

    /// What was looked at, in steps; the end, if it has come.
    fn take(&self, looked: &Looked) -> Option<End> {
        let Some(pod) = &looked.pod else {
            let message = format!("{} is gone: nothing is left to inspect", self.name());
            return Some(End { stage: Stage::Failed, reason: "Gone", message });
        };
        if pod.annotation(ANNOTATION).is_empty() {
            let message = format!("{} was released meanwhile", self.name());
            return Some(End { stage: Stage::Failed, reason: "Released", message });
        }
        let replacement = self.plan.controller.as_ref().zip(looked.managed.as_ref());
        let replacement = replacement.map(|(by, managed)| Replacement::of(pod, by, managed, &self.known));
        let mut is_over = true;
        for (place, has) in looked.endpoints.iter().enumerate() {
            is_over &= self.take_service(place, has);
        }
        let replaced = replacement.as_ref().map(|it| self.take_replacement(it, &looked.endpoints));
        is_over &= replaced.as_ref().is_none_or(|(state, _)| *state == StepState::Done);
        is_over.then(|| self.succeeded(replaced.map(|(_, message)| message)))
    }

    /// Whether a Service has dropped the pod.
    fn take_service(&self, place: usize, has: &[(String, bool)]) -> bool {
        let is_there = has.iter().any(|(uid, _)| *uid == *self.targets.pod.uid);
        let ready = counted(has.iter().filter(|(_, is_ready)| *is_ready).count(), "ready endpoint");
        let (state, reason, message) = match is_there {
            true => (StepState::Running, "Serving", format!("it still has the pod; {ready}")),
            false => (StepState::Done, "Dropped", format!("it has dropped the pod; {ready}")),
        };
        self.report.step(place + 1, state, reason, message);
        !is_there
    }

    /// Whether the pod is replaced, also where it served.
    fn take_replacement(&self, replacement: &Replacement, all: &[Vec<(String, bool)>]) -> (StepState, String) {
        let (mut state, mut reason, mut message) = replacement.told();
        if let Replacement::Ready(pod) = replacement {
            let labels = labels_of(pod);
            let lacks = |(service, has): &(&Selecting, &Vec<(String, bool)>)| {
                service.selector.matches(&labels) && !has.iter().any(|(uid, is_ready)| *is_ready && *uid == pod.uid)
            };
            if let Some((service, _)) = self.plan.services.iter().zip(all).find(lacks) {
                (state, reason) = (StepState::Running, "Replacing");
                message = format!("{message}, but Service {} does not have it yet", service.name);
            }
        }
        self.report.step(self.plan.services.len() + 1, state, reason, message.as_str());
        (state, message)
    }

    fn succeeded(&self, replaced: Option<String>) -> End {
        let names: Vec<_> = self.plan.services.iter().map(|it| &*it.name).collect();
        let services = match names.is_empty() {
            true => "no Service had it".to_owned(),
            false => format!("no EndpointSlice of {} has it", names.join(", ")),
        };
        let replaced = replaced.unwrap_or_else(|| "no other replaces it".to_owned());
        let message = format!("{} is in quarantine: {services}; {replaced}", self.name());
        End { stage: Stage::Succeeded, reason: "Quarantined", message }
    }

    fn would(&self) -> End {
        self.report.step(0, StepState::Done, "WouldChange", format!("{} (dry run)", self.plan.spoken()));
        for place in 1..self.report.now().steps.len() {
            self.report.step(place, StepState::Skipped, "DryRun", "");
        }
        let message = format!("{} would be put into quarantine (dry run)", self.name());
        End { stage: Stage::Succeeded, reason: "Quarantined", message }
    }

    fn refused(&self, error: &NotRelabelled) -> End {
        self.report.step(0, StepState::Failed, "NotRelabelled", error.to_string());
        let unknown = match error {
            NotRelabelled::NotDone(NotDone::Refused(refusal)) if refusal.may_pass() => {
                "; whether its labels were changed is not known: check with daymark quarantine list"
            }
            _ => "; nothing was changed",
        };
        let message = format!("{} is not put into quarantine: {error}{unknown}", self.name());
        End { stage: Stage::Failed, reason: "NotRelabelled", message }
    }

    /// It is to end before it is done.
    fn stopped(&self, why: Why) -> End {
        let (stage, reason, because) = match why {
            Why::Cancelled => (Stage::Cancelled, "Cancelled", "it was cancelled".to_owned()),
            Why::Unwatched => (Stage::Cancelled, "Unwatched", "nobody was watching any more".to_owned()),
            Why::Late => {
                (Stage::Failed, "DeadlineExceeded", format!("{} s have passed", self.options.timeout.as_secs()))
            }
        };
        let key = &self.targets.pod.key;
        let rest = match self.is_changed {
            false => "whether its labels were changed is not known: check with daymark quarantine list".to_owned(),
            true => format!(
                "{}. Its labels stay changed: daymark -n {} release pod/{} restores them",
                self.left(),
                key.namespace,
                key.name
            ),
        };
        End { stage, reason, message: format!("{} is not replaced, because {because}: {rest}", self.name()) }
    }

    /// What has not come yet.
    fn left(&self) -> String {
        let progress = self.report.now();
        let left = progress.steps.iter().filter(|step| !step.state.is_over()).map(|step| {
            let (kind, name) = (&step.object.kind.kind, &step.object.key.name);
            match step.message.is_empty() {
                true => format!("{kind} {name}"),
                false => format!("{kind} {name} ({})", step.message),
            }
        });
        format!("left are {}", left.collect::<Vec<_>>().join(", "))
    }
}
